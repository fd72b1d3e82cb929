"""The functions of the mapping language (spec: transformations §6).

``registry`` says what a function is; ``parameters`` reads its parameters; ``apply`` and ``layers`` make a step of a
declared one; the other modules are the functions, ``table`` lists them.
"""
