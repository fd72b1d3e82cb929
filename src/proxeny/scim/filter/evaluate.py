"""A filter, compiled once against a resource type, decides on documents (RFC 7644 §3.4.2.2).

Documents have their names in the schema's case (resource.py sees to that). The rules:

- texts compare by ``comparison.key``, ``caseExact`` ones code point by code point; times as points in time;
- several values: one that matches is enough; a complex attribute without sub-attribute means its ``value``;
- ``ne`` is the exact negation of ``eq``: no value equals, which a missing attribute satisfies;
- ``eq null`` is the negation of ``pr``; no other comparison matches a missing attribute;
- an attribute that the resource type does not have is InvalidFilterError, never an empty list, and so is a comparison
  that its type cannot have, or one with an attribute that is never returned (a filter could guess it).
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from proxeny.documents import Document
from proxeny.scim.errors import InvalidFilterError
from proxeny.scim.filter.ast import And, AttributePath, Comparison, Filter, Not, Or, Present, ValuePath
from proxeny.scim.schema import Attribute, Located, ResourceType
from proxeny.scim.values import TEXTS, comparable, is_present

Predicate = Callable[[Any], bool]
_Read = Callable[[Any], Any]
_Resolve = Callable[[AttributePath], "tuple[Attribute, _Read] | None"]

_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "co": operator.contains,
    "sw": str.startswith,
    "ew": str.endswith,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_SUBSTRING = frozenset(("co", "sw", "ew"))
_UNORDERED = frozenset(("boolean", "binary"))


def compile_filter(
    tree: Filter, resource_type: ResourceType, *, also: Sequence[ResourceType] = ()
) -> Callable[[Document], bool]:
    """A predicate on documents of ``resource_type``; InvalidFilterError if the filter cannot be decided on them.

    ``also``: other resource types of the same search. An attribute that only they have counts as not assigned here
    (RFC 7644 §3.4.2.1).
    """

    def resolve(path: AttributePath) -> tuple[Attribute, _Read] | None:
        located = resource_type.find(path)
        if located is not None:
            return located.leaf, reader(located)
        whole = resource_type.extension(str(path))
        if whole is not None:
            return Attribute(name=whole.id, type="complex"), operator.methodcaller("get", whole.id)
        found = next((other for each in also if (other := each.find(path))), None)
        return (found.leaf, lambda _document: None) if found else None

    return _compile(tree, resolve)


def compile_element_filter(tree: Filter, attribute: Attribute) -> Predicate:
    """A predicate on one element of a multi-valued attribute, for a filter in brackets."""

    def resolve(path: AttributePath) -> tuple[Attribute, _Read] | None:
        if path.sub is not None or path.urn is not None:
            return None
        if attribute.type != "complex":
            return (replace(attribute, multi_valued=False), _itself) if path.name.lower() == "value" else None
        sub = attribute.sub(path.name)
        return (sub, _sub_reader(sub.name)) if sub else None

    return _compile(tree, resolve)


def reader(located: Located) -> _Read:
    """What reads the attribute from a document: its value, a list of values, or None."""
    whole = _whole_reader(located.attribute.name, located.urn)
    if located.sub is None:
        return whole
    sub = _sub_reader(located.sub.name)

    def part(document: Document) -> Any:
        value = whole(document)
        return [sub(element) for element in value] if isinstance(value, list) else sub(value)

    return part


def _whole_reader(name: str, urn: str | None) -> _Read:
    if urn is None:
        return operator.methodcaller("get", name)

    def in_extension(document: Document) -> Any:
        extension = document.get(urn)
        return extension.get(name) if isinstance(extension, dict) else None

    return in_extension


def _sub_reader(name: str) -> _Read:
    return lambda element: element.get(name) if isinstance(element, dict) else None


def _itself(value: Any) -> Any:
    return value


def _compile(tree: Filter, resolve: _Resolve) -> Predicate:
    match tree:
        case And(terms):
            parts = tuple(_compile(term, resolve) for term in terms)
            return lambda value: all(part(value) for part in parts)
        case Or(terms):
            parts = tuple(_compile(term, resolve) for term in terms)
            return lambda value: any(part(value) for part in parts)
        case Not(term):
            inner = _compile(term, resolve)
            return lambda value: not inner(value)
        case Present(path):
            read = _resolved(path, resolve)[1]
            return lambda value: is_present(read(value))
        case ValuePath(path, inner_tree):
            return _compile_value_path(path, inner_tree, resolve)
        case Comparison():
            return _compile_comparison(tree, resolve)


def _compile_value_path(path: AttributePath, tree: Filter, resolve: _Resolve) -> Predicate:
    attribute, read = _resolved(path, resolve)
    if attribute.type != "complex" and not attribute.multi_valued:
        _refuse(path, "has one plain value, so there is nothing to choose in brackets")
    element = compile_element_filter(tree, attribute)

    def matches(document: Any) -> bool:
        value = read(document)
        if isinstance(value, list):
            return any(element(item) for item in value)
        return value is not None and element(value)

    return matches


def _compile_comparison(tree: Comparison, resolve: _Resolve) -> Predicate:
    attribute, read = _resolved(tree.path, resolve)
    if attribute.type == "complex":
        value = attribute.sub("value")
        if value is None:
            _refuse(tree.path, "is an object; compare one of its sub-attributes")
        attribute, read = value, _value_reader(read, value.name)
    if tree.value is None:
        return _compile_null(tree, read)
    if tree.operator == "ne":
        equal = _compile_relation(replace(tree, operator="eq"), attribute, read)
        return lambda document: not equal(document)
    return _compile_relation(tree, attribute, read)


def _value_reader(read: _Read, name: str) -> _Read:
    sub = _sub_reader(name)

    def values(document: Any) -> Any:
        value = read(document)
        return [sub(element) for element in value] if isinstance(value, list) else sub(value)

    return values


def _compile_null(tree: Comparison, read: _Read) -> Predicate:
    if tree.operator == "eq":
        return lambda document: not is_present(read(document))
    if tree.operator == "ne":
        return lambda document: is_present(read(document))
    return _refuse(tree.path, f"cannot be compared with null by {tree.operator}")


def _compile_relation(tree: Comparison, attribute: Attribute, read: _Read) -> Predicate:
    name, textual = tree.operator, attribute.type in TEXTS
    if attribute.type in _UNORDERED and name not in ("eq", "ne"):
        _refuse(tree.path, f"is {attribute.type}, which has no {name}")
    if name in _SUBSTRING and not textual and attribute.type != "dateTime":
        _refuse(tree.path, f"is {attribute.type}, which has no {name}")
    convert = str if name in _SUBSTRING and not textual else comparable(attribute)
    expected = convert(tree.value)
    if expected is None:
        _refuse(tree.path, f"is {attribute.type}, which {str(tree.value)[:40]!r} is not")
    relation = _RELATIONS[name]

    def holds(value: Any) -> bool:
        if value is None:
            return False
        actual = convert(value)
        return actual is not None and relation(actual, expected)

    def matches(document: Any) -> bool:
        value = read(document)
        return any(holds(item) for item in value) if isinstance(value, list) else holds(value)

    return matches


def _resolved(path: AttributePath, resolve: _Resolve) -> tuple[Attribute, _Read]:
    found = resolve(path)
    if found is None:
        _refuse(path, "is not an attribute of these resources; see /Schemas for those there are")
    if found[0].returned == "never":
        _refuse(path, "is never returned, so it cannot be filtered by either")
    return found


def _refuse(path: AttributePath, why: str) -> NoReturn:
    raise InvalidFilterError(f"The filter cannot be decided: '{path}' {why}.")
