"""A SCIM filter in the backend's own attribute names, as far as the read transformation can be reversed.

What cannot be said natively is left out, so that the native filter admits a superset; the gateway decides again on the
SCIM form. Under ``not`` a superset would become a subset, so there only an exact translation counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from proxeny.connectors.filtering import (
    AllOf,
    AnyElement,
    AnyOf,
    Compare,
    Field,
    NativeFilter,
    Negation,
)
from proxeny.connectors.spi import EntityType, Sort
from proxeny.scim.filter.ast import And, AttributePath, Comparison, Filter, Not, Or, Present, ValuePath
from proxeny.scim.schema import Located, ResourceType


@dataclass(frozen=True, slots=True)
class Pushed:
    """``native`` is None when nothing could be said; ``exact``: it admits the same entities as the SCIM filter."""

    native: NativeFilter | None
    exact: bool


@dataclass(frozen=True, slots=True)
class NativeName:
    """Where a SCIM attribute comes from. ``encode`` turns a SCIM value into the native one (None: the same).

    ``exact``: the SCIM attribute has the native value whenever that exists, and never another.
    ``list_of_objects``: the field is copied as a whole list of objects, so one element's sub-attributes stay together.
    """

    field: Field
    encode: Callable[[str], str] | None = None
    exact: bool = True
    list_of_objects: bool = False


class _Target(NamedTuple):
    """What a SCIM path means here: its native field, if there is one that can be asked for, and its attribute."""

    name: NativeName | None
    located: Located | None


NameOf = Callable[[Located], NativeName | None]

_NOTHING = Pushed(None, exact=False)
_REMEMBERED = 500  # paths as clients spell them; what they spell is theirs, so it is bounded
_ENCODABLE = frozenset({"eq", "ne"})


class Pushdown:
    """The translation for one endpoint: SCIM resource type on one side, the connector's entity type on the other."""

    def __init__(self, resource_type: ResourceType, native: EntityType, name_of: NameOf) -> None:
        self._resource_type = resource_type
        self._native = native
        self._name_of = name_of
        self._targets: dict[AttributePath, _Target] = {}

    def translate(self, filter_: Filter) -> Pushed:
        """The native form of a filter that the resource type admits."""
        match filter_:
            case Comparison():
                return self._compare(filter_)
            case Present(path):
                return self._present(path)
            case ValuePath():
                return self._value_path(filter_)
            case And(terms):
                return _all_of([self.translate(term) for term in terms])
            case Or(terms):
                return _any_of([self.translate(term) for term in terms])
            case Not(term):
                inner = self.translate(term)
                return Pushed(Negation(inner.native), exact=True) if inner.native and inner.exact else _NOTHING

    def name_of(self, path: AttributePath) -> NativeName | None:
        """The native field behind a SCIM path, if the backend can be asked for it. Remembered, as clients ask alike."""
        return self._target(path).name

    def order_by(self, path: AttributePath, *, descending: bool) -> Sort | None:
        """The order by an attribute, if the backend can be asked for it."""
        name, located = self._target(path)
        if name is None or located is None or not name.exact or name.encode is not None:
            return None
        leaf = located.leaf
        return Sort(name.field, descending, leaf.type, leaf.case_exact) if leaf.returned != "never" else None

    def _target(self, path: AttributePath) -> "_Target":
        target = self._targets.get(path)
        if target is None:
            if len(self._targets) >= _REMEMBERED:
                self._targets.clear()
            target = self._targets[path] = self._found(path)
        return target

    def _found(self, path: AttributePath) -> "_Target":
        located = self._resource_type.find(path)
        if located is None:
            return _Target(None, None)
        whole = _with_default_sub(located)
        name = self._declared(path) if _is_ours(whole) else self._name_of(whole)
        return _Target(name if name is not None and self._searchable(name.field) else None, whole)

    def _declared(self, path: AttributePath) -> NativeName | None:
        """``meta.created`` and ``meta.lastModified`` use the fields that the connector declares."""
        if path.urn is None and path.name.lower() == "meta" and path.sub:
            field = {"created": self._native.created, "lastmodified": self._native.last_modified}.get(path.sub.lower())
            return NativeName(field) if field else None
        return None

    def _searchable(self, field: Field) -> bool:
        return self._native.searchable is None or field in self._native.searchable

    def _compare(self, comparison: Comparison) -> Pushed:
        target = self._target(comparison.path)
        if target.name is None or target.located is None:
            return _NOTHING
        return _native_compare(target.name, comparison, target.located)

    def _present(self, path: AttributePath) -> Pushed:
        name = self.name_of(path)
        return Pushed(Compare(name.field, "pr"), exact=name.exact) if name else _NOTHING

    def _value_path(self, filter_: ValuePath) -> Pushed:
        whole = self._resource_type.find(filter_.path)
        name = self._name_of(whole) if whole else None
        if name is not None and name.list_of_objects:
            inner = self.translate(_qualified(filter_.filter, filter_.path))
            element = _relative(inner.native, name.field) if inner.native else None
            if element is not None:
                return Pushed(AnyElement(name.field, element), exact=inner.exact and name.exact)
        flat = self.translate(_qualified(filter_.filter, filter_.path))
        if _has_not(filter_.filter):
            return _NOTHING  # one element that differs is not none that is the same
        return Pushed(flat.native, exact=flat.exact and isinstance(filter_.filter, Comparison | Present))


def _is_ours(located: Located) -> bool:
    """Whether the gateway itself writes the attribute, so that what the backend has there is another (decision 1)."""
    return (located.urn is None and located.attribute.name == "meta") or located.leaf.name == "$ref"


def _with_default_sub(located: Located) -> Located:
    """``emails eq "x"`` and ``members eq "x"`` mean the ``value`` sub-attribute (RFC 7644 §3.4.2.2)."""
    if located.sub is None and located.attribute.type == "complex":
        value = located.attribute.sub("value")
        return Located(located.urn, located.attribute, value) if value else located
    return located


def _native_compare(name: NativeName, comparison: Comparison, located: Located) -> Pushed:
    value, leaf = comparison.value, located.leaf
    if name.encode is not None:
        if comparison.operator not in _ENCODABLE or not isinstance(value, str):
            return _NOTHING
        value = name.encode(value)
    native = Compare(name.field, comparison.operator, value, type=leaf.type, case_exact=leaf.case_exact)
    return Pushed(native, exact=name.exact)


def _qualified(filter_: Filter, head: AttributePath) -> Filter:
    """The filter inside ``head[…]`` with full paths, as if each comparison stood alone."""

    def path(inner: AttributePath) -> AttributePath:
        return AttributePath(head.name, inner.name, head.urn)

    match filter_:
        case Comparison(inner, operator, value):
            return Comparison(path(inner), operator, value)
        case Present(inner):
            return Present(path(inner))
        case And(terms):
            return And(tuple(_qualified(term, head) for term in terms))
        case Or(terms):
            return Or(tuple(_qualified(term, head) for term in terms))
        case Not(term):
            return Not(_qualified(term, head))
        case ValuePath():
            return filter_


def _relative(native: NativeFilter, head: Field) -> NativeFilter | None:
    """The native filter with its fields counted from the element at ``head``; None if one lies elsewhere."""
    match native:
        case Compare(field, operator, value, type_, case_exact):
            if field[: len(head)] != head or len(field) == len(head):
                return None
            return Compare(field[len(head) :], operator, value, type_, case_exact)
        case AllOf(terms) | AnyOf(terms):
            inner = [_relative(term, head) for term in terms]
            if any(term is None for term in inner):
                return None
            return type(native)(tuple(term for term in inner if term is not None))
        case Negation(term):
            negated = _relative(term, head)
            return Negation(negated) if negated is not None else None
        case AnyElement():
            return None


def _has_not(filter_: Filter) -> bool:
    match filter_:
        case Not():
            return True
        case Comparison(_, operator, value):
            return operator == ("ne" if value is not None else "eq")
        case And(terms) | Or(terms):
            return any(_has_not(term) for term in terms)
        case _:
            return False


def _all_of(parts: list[Pushed]) -> Pushed:
    """Every term that can be said narrows the superset; exact only if all of them are."""
    said = tuple(part.native for part in parts if part.native is not None)
    if not said:
        return _NOTHING
    native = said[0] if len(said) == 1 else AllOf(said)
    return Pushed(native, exact=all(part.native is not None and part.exact for part in parts))


def _any_of(parts: list[Pushed]) -> Pushed:
    """One term that cannot be said could admit anything."""
    said = tuple(part.native for part in parts if part.native is not None)
    if len(said) < len(parts):
        return _NOTHING
    return Pushed(AnyOf(said), exact=all(part.exact for part in parts))
