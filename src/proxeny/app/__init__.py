"""The composition root: the one room that knows every other. It opens what the settings name, and closes it.

``serving.serve`` is the gateway; ``remembering`` opens only database and stores, for commands that need no more.
"""
