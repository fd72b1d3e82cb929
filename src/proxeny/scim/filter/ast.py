"""The syntax tree of a SCIM filter (RFC 7644 §3.4.2.2): frozen, hashable, comparable by value."""

from dataclasses import dataclass
from typing import Literal

Operator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class AttributePath:
    """``urn:name.sub`` with the names as the client wrote them; compare names case-insensitively."""

    name: str
    sub: str | None = None
    urn: str | None = None

    def __str__(self) -> str:
        head = f"{self.urn}:{self.name}" if self.urn else self.name
        return f"{head}.{self.sub}" if self.sub else head


@dataclass(frozen=True, slots=True)
class Comparison:
    """``path operator value``; a dateTime stays text until the schema says that it is one."""

    path: AttributePath
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Present:
    """``path pr``: the attribute has a non-empty value."""

    path: AttributePath


@dataclass(frozen=True, slots=True)
class ValuePath:
    """``path[filter]``: one element of the multi-valued attribute meets the whole filter.

    Inside, paths name sub-attributes (``AttributePath("type")``). In ``path[filter].sub op value`` the comparison
    is part of ``filter`` as one more term of an ``And``, so that both hold on the same element.
    """

    path: AttributePath
    filter: "Filter"


@dataclass(frozen=True, slots=True)
class Not:
    term: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple["Filter", ...]


Filter = Comparison | Present | ValuePath | Not | And | Or
