"""The syntax tree of a path: frozen, comparable by value, printable as it was written.

The dialect is Jayway JsonPath's. A path is *definite* if it can name one place at most; it then gives that value, an
indefinite path the list of all values.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxeny.transform.conditions.ast import Condition


@dataclass(frozen=True, slots=True)
class Key:
    """``.name`` or ``['name']``."""

    name: str


@dataclass(frozen=True, slots=True)
class Keys:
    """``['a','b']``: at the end of a path the object cut down to these keys, in the middle each of them."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """``[n]``; a negative one counts from the end."""

    index: int


@dataclass(frozen=True, slots=True)
class Indexes:
    """``[0,2]``."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """``[start:stop]``, both optional."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``[*]`` or ``.*``: every element of a list, every value of an object."""


@dataclass(frozen=True, slots=True)
class Descend:
    """``..``: the next segment at every depth."""


@dataclass(frozen=True, slots=True)
class Filter:
    """``[?(condition)]``: the elements for which it holds; ``@`` is the element."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class Call:
    """``.length()``: a function of the value so far. Arguments are paths or JSON values."""

    function: str
    arguments: tuple[Any, ...] = ()


Segment = Key | Keys | Index | Indexes | Slice | Wildcard | Descend | Filter | Call


@dataclass(frozen=True)
class Path:
    """``$…``, or ``@…`` if ``relative``. ``text`` is the path as written; it takes no part in comparisons.

    ``dataclasses.replace(path, relative=True)`` applies a ``$`` path to the current value instead.
    """

    segments: tuple[Segment, ...]
    relative: bool = False
    text: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Path) and (self.relative, self.segments) == (other.relative, other.segments)

    def __hash__(self) -> int:
        return hash((self.relative, self.segments))

    def __str__(self) -> str:
        return self.text

    @property
    def function(self) -> str | None:
        """The name of the function that ends the path (``length`` …)."""
        last = self.segments[-1] if self.segments else None
        return last.function if isinstance(last, Call) else None

    @cached_property
    def definite(self) -> bool:
        """Whether the path gives one value rather than a list. So does ``$..a.sum()``, of all results."""
        return self.collects or all(
            isinstance(segment, Key | Index | Call) or (isinstance(segment, Keys) and place == len(self.segments) - 1)
            for place, segment in enumerate(self.segments)
        )

    @cached_property
    def collects(self) -> bool:
        """Whether the final function takes all results as one list: it does after a ``..`` that starts the path."""
        return self.function is not None and isinstance(self.segments[0], Descend)

    @cached_property
    def keys(self) -> tuple[str, ...] | None:
        """The names, if the path is nothing but names (``$.a.b``): the shape of nearly every mapping."""
        names = tuple(segment.name for segment in self.segments if isinstance(segment, Key))
        return names if len(names) == len(self.segments) else None
