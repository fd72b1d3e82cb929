"""What a Java regular expression says, as a tree: no text, no flags, no engine.

Flags are resolved while parsing: case is folded into the sets, ``.`` and classes are sets, anchors say what they mean.
"""

from dataclasses import dataclass
from typing import Literal

from proxeny.transform.regexes.charset import Ranges


@dataclass(frozen=True, slots=True)
class Characters:
    """One character out of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Sequence:
    """The parts one after the other; none is the empty match."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The first of the alternatives that leads to a match."""

    alternatives: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``low`` to ``high`` times (None: without end)."""

    node: "Node"
    low: int
    high: int | None
    mode: Literal["greedy", "lazy", "possessive"]


@dataclass(frozen=True, slots=True)
class Group:
    """A capturing group, counted from 1."""

    node: "Node"
    number: int


@dataclass(frozen=True, slots=True)
class Atomic:
    """``(?>…)``: what it matched is never given back."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class Look:
    """Look-ahead or look-behind."""

    node: "Node"
    ahead: bool
    negative: bool


@dataclass(frozen=True, slots=True)
class BackReference:
    """The text of a group again; ``fold``: in any case."""

    number: int
    fold: bool


Place = Literal["input-start", "input-end", "final-end", "line-start", "line-end", "match-start"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place between characters. ``final-end``: the end, or before the last line break; ``unix``: ``\\n`` alone is
    one.
    """

    place: Place
    unix: bool = False


@dataclass(frozen=True, slots=True)
class WordBoundary:
    """Between a character of ``word`` and another, or (``negative``) not so."""

    word: Ranges
    negative: bool


@dataclass(frozen=True, slots=True)
class Grapheme:
    """One user-perceived character (``\\X``)."""


Node = (
    Characters | Sequence | Choice | Repeat | Group | Atomic | Look | BackReference | Anchor | WordBoundary | Grapheme
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed pattern: its tree, the number of its groups, and the groups that have names."""

    node: Node
    groups: int
    names: dict[str, int]
