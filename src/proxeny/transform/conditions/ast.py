"""The syntax tree of a condition: frozen, comparable by value. ``text`` fields repeat what was written, for people."""

from dataclasses import dataclass, field
from typing import Any
from typing import Literal as Choice

from proxeny.transform.paths.ast import Path

Operator = Choice[
    "==", "!=", "===", "!==", "<", "<=", ">", ">=", "=~",
    "contains", "in", "nin", "subsetof", "anyof", "noneof", "all", "size", "empty",
]  # fmt: skip

Function = Choice[
    "isValidEmail",
    "isRegularGroup",
    "isApplicationSpecificGroup",
    "isAttributeWithOptionalPrefix",
    "isAttributeWithMandatoryPrefix",
]


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, boolean, null, list or object as written."""

    value: Any
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """``${name}`` standing alone: its value, of whatever type; missing while unset."""

    name: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Template:
    """A string with ``${name}`` in it: constant parts as str, the others as Variable; unset ones are empty."""

    parts: "tuple[str | Variable, ...]"
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Items:
    """A list literal with variables in it."""

    items: "tuple[Operand, ...]"
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """``/source/flags``: Java syntax; Variables in it stand for their text, quoted."""

    parts: "tuple[str | Variable, ...]"
    flags: str = ""
    text: str = field(default="", compare=False)


Operand = Literal | Variable | Template | Items | Pattern | Path


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right``. ``position`` is where the operator stands in the text."""

    operator: Operator
    left: Operand
    right: Operand
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Exists:
    """A bare path: there is something, be it ``null``."""

    path: Path


@dataclass(frozen=True, slots=True)
class Check:
    """One of the language's conditional functions; ``key`` is the name of a property."""

    function: Function
    path: Path | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """``true`` or ``false``."""

    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    term: "Condition"


@dataclass(frozen=True, slots=True)
class And:
    terms: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    terms: "tuple[Condition, ...]"


Condition = Comparison | Exists | Check | Constant | Not | And | Or
