"""What a function of the mapping language is, and where it is found: the built-in table, then entry points.

A project adds its own function by an entry point of the group ``proxeny.functions`` whose name is the function's name
and
whose object is a ``Function``. Its parameters are checked when a transformation is loaded, exactly as those of the
built-in ones::

    # pyproject.toml of the package that brings it
    [project.entry-points."proxeny.functions"]
    maskString = "acme.functions:MASK"

    # acme/functions.py
    from proxeny.transform.functions.registry import Function, Given, Parameter
    from proxeny.transform.values import to_text

    def mask(given: Given):
        keep = given["keep"]                                  # an int, checked: it is declared as one
        return lambda value, run: "*" * (len(to_text(value)) - keep) + to_text(value)[-keep:]

    MASK = Function("maskString", (Parameter("keep", "integer", default=4),), mask)

``condition``, ``applyOnElements``, ``applyOnAttribute`` and ``assignToAttribute`` work with every function: apply.py
does them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol

from proxeny.transform.errors import ParameterError
from proxeny.transform.regexes import Pattern
from proxeny.transform.values import MISSING, Evaluate, Run, Test

GROUP = "proxeny.functions"

Role = Literal["source", "target", "proxy"]
Core = Callable[[Any, Run], Any]
"""One value (or element) and the run → the result, or MISSING for "no result". It never changes what it is given."""

Kind = Literal["text", "integer", "boolean", "choice", "regex", "replacement", "names", "any"]
"""What a parameter arrives as: ``str``; ``int``; ``bool``; one of ``choices``; ``Pattern``; Java replacement text;
``tuple[str, …]``; as it
was written. A path without value arrives as MISSING, whatever the kind."""


class Environment(Protocol):
    """What a function may know of the system and the transformation around it, when it is loaded."""

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties of the system."""

    @property
    def role(self) -> Role:
        """What the system is."""

    def path(self, text: str) -> Evaluate:
        """Compiles a path; raises PathSyntaxError."""

    def condition(self, text: str) -> Test:
        """Compiles a condition; raises ConditionSyntaxError."""

    def pattern(self, text: str, label: str | None = None) -> Pattern:
        """Compiles a Java regular expression, also at run time; raises PatternSyntaxError. ``label`` is its name in
        an alert.
        """

    def problem(
        self,
        message: str,
        key: str,
        *,
        severity: Literal["error", "warning"] = "error",
        excerpt: str | None = None,
        caret: int | None = None,
    ) -> None:
        """Takes note of a mistake at ``key`` of the function (``regex``, ``condition``), with the faulty text and its
        place.
        """


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its kind and what may stand in its place.

    ``accepts_path``: a text that starts with ``$.`` or ``$[`` is read from the input document; ``accepts_variables``:
    ``${name}`` is replaced when it runs. Any parameter may be written as a string.
    """

    name: str
    kind: Kind = "text"
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    accepts_path: bool = True
    accepts_variables: bool = True
    help: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """The parameters of one use of a function, checked; an absent one has its default."""

    values: Mapping[str, Any]
    environment: Environment

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter in one use of a function: a value known at load, or ``evaluate`` for one that depends on the run."""

    constant: Any = MISSING
    evaluate: Callable[[Run], Any] | None = None

    def at(self, run: Run) -> Any:
        return self.constant if self.evaluate is None else self.evaluate(run)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question to the store: which id has this entity of the source in the target system? Names are None for the
    job's own.
    """

    entity_type: str
    id: str
    source_system: str | None = None
    target_system: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the mapping language.

    ``prepare`` gets the parameters and gives what is done with one value; it raises ParameterError for combinations
    that make no sense. ``on`` is what it works on: given a list, a function of scalars or objects works on each
    element. ``makes_value``: it runs without a value too, and then sees MISSING. ``reverse`` gives the inverse on
    texts (None: this text cannot be a result). ``live``, if there, replaces ``prepare`` where parameters depend on
    the run and speed matters. ``question`` makes it a function that needs answers from outside: value → Lookup or
    None; the answer is the result, and an element without one is dropped. In a proxy nothing is asked.
    ``default_attribute``: given an object, it works on this attribute unless another is named.
    """

    name: str
    parameters: tuple[Parameter, ...]
    prepare: Callable[[Given], Core]
    on: Literal["scalar", "object", "list", "nothing"] = "scalar"
    makes_value: bool = False
    reverse: Callable[[Given], Callable[[str], str | None] | None] | None = None
    live: Callable[[Mapping[str, Argument]], Core] | None = None
    question: Callable[[Given], Callable[[Any], Lookup | None]] | None = None
    default_attribute: str | None = None


@dataclass(frozen=True, slots=True)
class LookupStep:
    """A step that needs answers. ``collect`` names the questions of a value, ``finish`` gives the result from the
    answers.
    """

    collect: Callable[[Any, Run], tuple[Lookup, ...]]
    finish: Callable[[Any, Run, Mapping[Lookup, str | list[str] | None]], Any]


@dataclass(frozen=True, slots=True)
class Reversal:
    """How a value of the output becomes the value it was made of. ``forward`` gives None if no value can have given
    this one.
    """

    forward: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Step:
    """A function in one mapping, ready to run.

    ``apply`` gets MISSING only if ``makes_value``. A step with ``lookup`` is run by that instead of ``apply``.
    ``unchanging``: its condition can never hold, so it gives back what it gets.
    """

    name: str
    apply: Core
    makes_value: bool = False
    lookup: LookupStep | None = None
    reversible: Reversal | None = None
    unchanging: bool = False


def find(name: str) -> Function | None:
    """The function of that name, None if there is none. Raises ParameterError if an extension's cannot be loaded."""
    from proxeny.transform.functions.table import FUNCTIONS  # the table needs this module's types

    return FUNCTIONS.get(name) or _extension(name)


@cache
def _extension(name: str) -> Function | None:
    for entry in entry_points(group=GROUP, name=name):
        try:
            loaded = entry.load()
        except Exception as error:
            raise ParameterError(
                f"the function '{name}' of {entry.value} cannot be loaded: {error}", "function"
            ) from error
        if not isinstance(loaded, Function):
            raise ParameterError(f"{entry.value} is not a Function", "function")
        return loaded
    return None


def extensions() -> tuple[str, ...]:
    """The names of the functions that installed packages bring."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))
