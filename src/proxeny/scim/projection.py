"""Which attributes of a resource are returned (RFC 7643 §7 ``returned``, RFC 7644 §3.9).

A projection is made once per search and applied to every resource. It copies only the objects from which something is
left out. Names may be attributes, sub-attributes, URN-qualified names or the URN of an extension; a bare name that
several schemas have means all of them. ``id`` is always returned; ``schemas`` may be left out, as SAP's clients do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from proxeny.documents import Document
from proxeny.scim.query import Query
from proxeny.scim.schema import Attribute, ResourceType, Schema

_Plan = dict[str, "bool | _Parts"]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is kept of an object's members: by name all, nothing or parts; ``rest`` for names that are not listed."""

    plan: _Plan
    rest: bool
    touched: frozenset[str] | None = field(init=False)

    def __post_init__(self) -> None:
        touched = frozenset(name for name, kept in self.plan.items() if kept is not True)
        object.__setattr__(self, "touched", touched if self.rest else None)

    def keeps(self, value: Any) -> bool:
        """Whether ``value`` is kept as it is; False also where only a closer look could tell."""
        if self.touched is None or not value:
            return False
        if value.__class__ is dict:
            return self.touched.isdisjoint(value)
        return value.__class__ is list and all(each.__class__ is dict and self.keeps(each) for each in value)

    def apply(self, container: Document) -> Document:
        made: Document = {}
        for name, value in container.items():
            kept = self.plan.get(name, self.rest)
            if kept is True:
                made[name] = value
            elif kept is not False and (part := kept.of(value)):
                made[name] = part
        return made

    def of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self.apply(value)
        if isinstance(value, list):
            return [part for each in value if (part := self.apply(each) if isinstance(each, dict) else each)]
        return value


@dataclass(frozen=True, slots=True)
class _Choice:
    """Names asked for and names left out, in lower case, without the URN of the container that is looked at."""

    asked: frozenset[str]
    excluded: frozenset[str]
    including: bool

    def within(self, attribute: str) -> "_Choice":
        """The choice among the sub-attributes of ``attribute``."""
        prefix = attribute.lower() + "."
        asked = frozenset(name[len(prefix) :] for name in self.asked if name.startswith(prefix))
        excluded = frozenset(name[len(prefix) :] for name in self.excluded if name.startswith(prefix))
        return _Choice(asked, excluded, including=bool(asked) and attribute.lower() not in self.asked)

    @property
    def is_open(self) -> bool:
        return not self.asked and not self.excluded


class Projection:
    """Applies to resources whose names are canonical."""

    __slots__ = ("_parts",)

    def __init__(self, parts: _Parts) -> None:
        self._parts = parts

    @classmethod
    def of(cls, attributes: Sequence[str], excluded: Sequence[str], resource_type: ResourceType) -> "Projection":
        """The projection for lists of names; both empty: everything that is returned by default.

        With both lists, what is left of ``attributes`` after ``excluded``. Names that no schema has mean nothing.
        Projections are kept, so asking again for the same costs nothing.
        """
        return _projection(tuple(attributes), tuple(excluded), resource_type)

    @classmethod
    def _made(cls, attributes: Iterable[str], excluded: Iterable[str], resource_type: ResourceType) -> "Projection":
        asked, without = frozenset(map(str.lower, attributes)), frozenset(map(str.lower, excluded))
        core = resource_type.schema
        top = _choice_in(asked, without, core.id)
        plan = _plan_attributes(resource_type.common.attributes, replace(top, including=bool(asked)))
        plan |= _plan_attributes(core.attributes, top)
        for extension in resource_type.extensions:
            plan[extension.schema.id] = _plan_extension(extension.schema, asked, without)
        if "schemas" in without:
            plan["schemas"] = False
        return cls(_Parts(plan, rest=not asked))

    @classmethod
    def of_query(cls, query: Query, resource_type: ResourceType) -> "Projection":
        """The projection that a query asks for."""
        return cls.of(query.attributes, query.excluded_attributes, resource_type)

    def apply(self, document: Document) -> Document:
        """The document itself if nothing is left out; else a new object that shares with it what is kept whole."""
        parts = self._parts
        if parts.touched is None:
            return parts.apply(document)
        made = document
        for name in parts.touched:
            if name not in document:
                continue
            kept, value = parts.plan[name], document[name]
            if isinstance(kept, _Parts) and kept.keeps(value):
                continue
            if made is document:
                made = document.copy()
            part = kept.of(value) if isinstance(kept, _Parts) else None
            if part:
                made[name] = part
            else:
                del made[name]
        return made

    def omits(self, name: str) -> bool:
        """Whether the top-level attribute (in the schema's case) is never in the answer, so need not be read."""
        return self._parts.plan.get(name, self._parts.rest) is False

    def omitted(self) -> frozenset[str]:
        """All top-level attributes and extensions that are never in the answer."""
        return frozenset(name for name, kept in self._parts.plan.items() if kept is False)


@lru_cache(maxsize=1024)
def _projection(attributes: tuple[str, ...], excluded: tuple[str, ...], resource_type: ResourceType) -> Projection:
    return Projection._made(attributes, excluded, resource_type)


def _choice_in(asked: frozenset[str], excluded: frozenset[str], urn: str) -> _Choice:
    """The choice in the container of schema ``urn``: names qualified by it, and bare names; all when it is named."""
    return _Choice(_local(asked, urn), _local(excluded, urn), including=bool(asked) and urn.lower() not in asked)


def _local(names: Iterable[str], urn: str) -> frozenset[str]:
    prefix = urn.lower() + ":"
    return frozenset(
        name[len(prefix) :] if name.startswith(prefix) else name
        for name in names
        if name.startswith(prefix) or ":" not in name
    )


def _plan_attributes(attributes: Iterable[Attribute], choice: _Choice) -> _Plan:
    return {attribute.name: _kept(attribute, choice) for attribute in attributes}


def _plan_extension(schema: Schema, asked: frozenset[str], excluded: frozenset[str]) -> "bool | _Parts":
    urn = schema.id.lower()
    if urn in excluded:
        return False
    choice = _choice_in(asked, excluded, urn)
    plan = _plan_attributes(schema.attributes, choice)
    if not any(kept is not False for kept in plan.values()):
        return False
    if all(kept is True for kept in plan.values()) and not choice.including:
        return True
    return _Parts(plan, rest=not choice.including)


def _kept(attribute: Attribute, choice: _Choice) -> "bool | _Parts":
    name = attribute.name.lower()
    inner = choice.within(name)
    asked = name in choice.asked or bool(inner.asked)
    if attribute.returned == "never" or (attribute.returned == "request" and not asked):
        return False
    if attribute.returned != "always" and ((choice.including and not asked) or name in choice.excluded):
        return False
    plan = _plan_attributes(attribute.sub_attributes, inner)
    if all(kept is True for kept in plan.values()) and inner.is_open:
        return True
    return _Parts(plan, rest=not inner.including)
