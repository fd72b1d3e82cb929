"""A transformation as declared: what its text says, checked but not yet read as paths, conditions or functions.

Strings are as written, before ``%property%`` is replaced; every declaration can tell where each of them stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from proxeny.transform.errors import Problem
from proxeny.transform.text import Location, Place, Source
from proxeny.transform.values import MISSING

Kind = Literal["set", "remove", "rename", "valueMapping"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a declaration stands: a place in a text, or nowhere if it came as JSON."""

    source: Source | None = field(default=None, repr=False, compare=False)
    place: Place = ()

    def of(self, *keys: str | int, offset: int = 0) -> Location | None:
        """Where the value under the keys starts, or its character ``offset``: ``origin.of("functions", 0, "regex")``"""
        return self.source.locate((*self.place, *keys), offset) if self.source else None

    def at(self, *keys: str | int) -> "Origin":
        return Origin(self.source, (*self.place, *keys))


@dataclass(frozen=True, slots=True)
class FunctionDeclaration:
    """One of ``functions``, ``number`` from 0; ``parameters`` is everything that not every function has."""

    number: int
    name: str
    parameters: Mapping[str, Any]
    condition: str | None = None
    apply_on_elements: bool = False
    apply_on_attribute: str | None = None
    assign_to_attribute: str | None = None
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True)
class ValueMapping:
    """``key`` as texts, one for each source path, and what they are mapped to."""

    key: tuple[str, ...]
    value: Any


@dataclass(frozen=True, slots=True)
class MappingDeclaration:
    """One of ``mappings``; ``number`` counts from 1. ``constant`` and ``default`` are MISSING where they are absent."""

    number: int
    kind: Kind = "set"
    scope: frozenset[str] = frozenset()
    ignore: bool = False
    condition: str | None = None
    source_path: str | None = None
    source_paths: tuple[str, ...] = ()
    source_variable: str | None = None
    variable_path: str | None = None
    constant: Any = MISSING
    value_mappings: tuple[ValueMapping, ...] = ()
    preserve: bool = False
    functions: tuple[FunctionDeclaration, ...] = ()
    default: Any = MISSING
    optional: bool = False
    target_path: str | None = None
    target_variable: str | None = None
    correlation: bool = False
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True)
class EntityDeclaration:
    """One entity type; ``endpoint`` is ``scimEntityEndpoint``. ``ignore`` means: this type does not exist."""

    name: str
    endpoint: str | None
    condition: str | None
    ignore: bool
    skip_operations: frozenset[str]
    mappings: tuple[MappingDeclaration, ...]
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True)
class Declarations:
    """A whole transformation; usable if no problem is an error."""

    name: str
    entities: tuple[EntityDeclaration, ...]
    problems: tuple[Problem, ...]

    @property
    def usable(self) -> bool:
        return all(problem.severity != "error" for problem in self.problems)
