"""Filters in a backend's own attribute names: pushdown makes them of SCIM filters, a connector's filter.py translates.

A native filter names fields by the keys of the native document (``("name", "familyName")``, ``("uid",)``); list
indexes and wildcards are left out, because a field that is a list matches when any of its elements does.
"""

from dataclasses import dataclass
from typing import Literal

Field = tuple[str, ...]
Value = str | int | float | bool | None
NativeOperator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"]


@dataclass(frozen=True, slots=True)
class Compare:
    """``field operator value``. ``type`` is the SCIM type (``string``, ``dateTime`` …); ``pr`` has no value."""

    field: Field
    operator: NativeOperator
    value: Value = None
    type: str = "string"
    case_exact: bool = False


@dataclass(frozen=True, slots=True)
class AnyElement:
    """One element of the list of objects at ``field`` meets the whole ``filter``, whose fields start at the element."""

    field: Field
    filter: "NativeFilter"


@dataclass(frozen=True, slots=True)
class AllOf:
    terms: tuple["NativeFilter", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    terms: tuple["NativeFilter", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    term: "NativeFilter"


NativeFilter = Compare | AnyElement | AllOf | AnyOf | Negation
