"""Applies a PatchOp to a resource, as a whole or not at all (RFC 7644 §3.5.2).

The resource is never changed: the draft copies an object or list when an operation first touches it, and shares the
rest. Choices where the standard leaves one: an object written to ``attribute[filter]`` is merged into the matching
values, so what it does not name stays; a multi-valued attribute whose values were all removed is an empty list, so
that what comes after knows that it was cleared.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from proxeny.documents import Document
from proxeny.scim.elements import Elements
from proxeny.scim.errors import MutabilityError, NoTargetError
from proxeny.scim.filter.ast import And, Comparison, Filter
from proxeny.scim.patch_operations import (
    PATCH_SCHEMA,
    MembershipChanges,
    PatchOperation,
    Target,
    membership_changes,
    patch_document,
    split_memberships,
    touched_paths,
)
from proxeny.scim.patch_parsing import check_operations, parse_patch
from proxeny.scim.schema import Attribute, ResourceType
from proxeny.scim.values import comparable, is_present

__all__ = [
    "PATCH_SCHEMA",
    "MembershipChanges",
    "PatchOperation",
    "Target",
    "apply_patch",
    "check_operations",
    "membership_changes",
    "parse_patch",
    "patch_document",
    "settled",
    "split_memberships",
    "touched_paths",
]


def apply_patch(resource: Document, operations: Iterable[PatchOperation], resource_type: ResourceType) -> Document:
    """The resource after the operations, in order; names in ``resource`` are canonical.

    Raises NoTargetError and MutabilityError; then nothing has happened, for the argument is never changed.
    """
    draft = _Draft(resource, resource_type)
    for operation in operations:
        draft.apply(operation)
    return draft.finish()


def settled(
    resource: Document, operations: Iterable[PatchOperation], resource_type: ResourceType
) -> tuple[PatchOperation, ...]:
    """The operations as the standard has them: a write to ``attribute[filter]`` that would make the value that the
    filter describes, because nothing meets it, is an ``add`` of that value. Raises as ``apply_patch`` does.
    """
    draft, made = _Draft(resource, resource_type), []
    for operation in operations:
        settled = draft.settled(operation)
        draft.apply(settled)
        made.append(settled)
    return tuple(made)


class _Draft:
    """The resource while it changes: what was copied already, and the opened lists."""

    def __init__(self, resource: Document, resource_type: ResourceType) -> None:
        self.resource_type = resource_type
        self.document = dict(resource)
        self.extensions: dict[str, Document] = {}
        self.lists: dict[tuple[str | None, str], Elements] = {}
        self.copied: dict[tuple[str | None, str], Document] = {}

    def apply(self, operation: PatchOperation) -> None:
        target = operation.target
        if target.attribute is None:
            self._remove_extension(cast(str, target.urn))
        elif operation.only_compares:
            self._compare(operation, target.attribute)
        elif target.attribute.multi_valued:
            self._change_many(operation, target.attribute)
        else:
            self._change_one(operation, target.attribute)

    def settled(self, operation: PatchOperation) -> PatchOperation:
        """The operation without ``create_missing``: what it would make is added."""
        target = operation.target
        if not operation.create_missing or operation.op == "remove" or target.attribute is None:
            return operation
        if target.filter is None or self._elements(target, target.attribute).select(target.filter):
            return replace(operation, create_missing=False)
        value = _made_element(operation, target.attribute)
        return PatchOperation("add", Target(target.urn, target.attribute), [value])

    def _remove_extension(self, urn: str) -> None:
        schema, held = self.resource_type.extension(urn), self.document.get(urn) or {}
        for attribute in schema.attributes if schema is not None else ():
            if attribute.mutability in ("readOnly", "immutable") and is_present(held.get(attribute.name)):
                raise MutabilityError(
                    f"'{urn}' cannot be removed as a whole: {attribute.name!r} in it cannot be changed by clients. "
                    "Remove the other attributes by their names."
                )
        self.document.pop(urn, None)
        self.extensions.pop(urn, None)
        for kept in (self.lists, self.copied):
            for place in [place for place in kept if place[0] == urn]:
                del kept[place]

    def _compare(self, operation: PatchOperation, attribute: Attribute) -> None:
        target = operation.target
        held = self.document if target.urn is None else self.document.get(target.urn) or {}
        present = held.get(attribute.name)
        if target.sub is not None:
            present = present.get(target.sub.name) if isinstance(present, dict) else None
        if not _agrees(present, operation.value, adding=operation.op == "add"):
            raise MutabilityError(f"'{target}' cannot be changed by clients; leave it out, or send what it is.")

    def _container(self, urn: str | None) -> Document:
        if urn is None:
            return self.document
        if urn not in self.extensions:
            existing = self.document.get(urn)
            self.extensions[urn] = self.document[urn] = dict(existing) if isinstance(existing, dict) else {}
        return self.extensions[urn]

    def _change_one(self, operation: PatchOperation, attribute: Attribute) -> None:
        target, value = operation.target, operation.value
        container = self._container(target.urn)
        if attribute.type != "complex":
            _set(container, attribute, None if operation.op == "remove" else value)
            return
        if operation.op == "remove" and target.sub is None:
            _set(container, attribute, None)
            self.copied.pop((target.urn, attribute.name), None)
            return
        place = (target.urn, attribute.name)
        if place not in self.copied:
            existing = container.get(attribute.name)
            self.copied[place] = dict(existing) if isinstance(existing, dict) else {}
        inner = container[attribute.name] = self.copied[place]
        _refuse_change(attribute, inner or None, {**inner, **_parts(operation)})
        _merge(inner, attribute, _parts(operation))
        if not inner:
            del container[attribute.name], self.copied[place]

    def _change_many(self, operation: PatchOperation, attribute: Attribute) -> None:
        elements = self._elements(operation.target, attribute)
        before = len(elements)
        if attribute.mutability == "immutable" and before:
            raise MutabilityError(f"'{attribute.name}' cannot be changed once it has a value.")
        written = _write_elements(elements, operation, attribute)
        if written and attribute.sub("primary") is not None:
            _keep_one_primary(elements, written)

    def _elements(self, target: Target, attribute: Attribute) -> Elements:
        place = (target.urn, attribute.name)
        if place not in self.lists:
            value = self._container(target.urn).get(attribute.name)
            values = value if isinstance(value, list) else [] if value is None else [value]
            self.lists[place] = Elements(attribute, values)
        return self.lists[place]

    def finish(self) -> Document:
        for (urn, name), elements in self.lists.items():
            container = self._container(urn)
            if len(elements) or name in container:
                container[name] = elements.to_list()
        for urn, extension in self.extensions.items():
            if not extension:
                self.document.pop(urn, None)
        if "schemas" in self.document:
            self.document["schemas"] = _schemas(self.document, self.resource_type)
        return self.document


def _schemas(document: Document, resource_type: ResourceType) -> list[str]:
    extensions = [extension.schema.id for extension in resource_type.extensions]
    listed = [urn for urn in document["schemas"] if urn not in extensions or urn in document]
    return listed + [urn for urn in extensions if urn in document and urn not in listed]


def _parts(operation: PatchOperation) -> Document:
    """The sub-attributes that an operation sets; null for those that it removes."""
    value: Any = None if operation.op == "remove" else operation.value
    parts: Document = value if operation.target.sub is None else {operation.target.sub.name: value}
    return parts


def _set(container: Document, attribute: Attribute, value: Any) -> None:
    _refuse_change(attribute, container.get(attribute.name), value)
    if value is None:
        container.pop(attribute.name, None)
    else:
        container[attribute.name] = value


def _refuse_change(attribute: Attribute, existing: Any, value: Any) -> None:
    if attribute.mutability == "immutable" and is_present(existing) and existing != value:
        raise MutabilityError(f"'{attribute.name}' cannot be changed once it has a value.")


def _agrees(present: Any, said: Any, *, adding: bool) -> bool:
    """Whether what a client says of a value is so: no more than is there, and all of it unless it is ``adding``. Of an
    object only what is named counts, and of an address (``$ref``) nothing."""
    if not is_present(said):
        return adding or not is_present(present)
    if isinstance(present, list):
        several = said if isinstance(said, list) else [said]
        all_there = all(any(_agrees(each, one, adding=adding) for each in present) for one in several)
        return all_there and (adding or len(several) == len(present))
    if not isinstance(said, dict) or not isinstance(present, dict):
        return bool(present == said)
    return all(_agrees(present.get(name), part, adding=adding) for name, part in said.items() if name != "$ref")


def _merge(inner: Document, attribute: Attribute, parts: Document) -> None:
    """Write sub-attributes into an object that belongs to the draft."""
    for name, part in parts.items():
        sub = attribute.sub(name)
        if sub is not None:
            _refuse_change(sub, inner.get(name), part)
        if part is None:
            inner.pop(name, None)
        else:
            inner[name] = part


def _write_elements(elements: Elements, operation: PatchOperation, attribute: Attribute) -> list[int]:
    """Carry out an operation on the values of an attribute; the numbers of the values that were written."""
    target, value = operation.target, operation.value
    if target.filter is None and target.sub is None:
        if operation.op != "add":
            elements.clear()
        put = elements.add if operation.op == "add" or elements.by_identity else elements.append
        return [] if operation.op == "remove" else [put(each) for each in value]
    chosen = elements.numbers() if target.filter is None else elements.select(target.filter)
    if operation.op == "remove":
        _remove_chosen(elements, chosen, operation, attribute)
        return []
    if not chosen:
        return [elements.append(_made_element(operation, attribute))]
    for number in chosen:
        _write_element(elements, number, operation, attribute)
    return chosen


def _remove_chosen(elements: Elements, chosen: list[int], operation: PatchOperation, attribute: Attribute) -> None:
    for number in chosen:
        if operation.target.sub is None:
            elements.remove(number)
        else:
            _write_element(elements, number, operation, attribute)


def _write_element(elements: Elements, number: int, operation: PatchOperation, attribute: Attribute) -> None:
    value = elements[number]
    if attribute.type != "complex":
        elements.put(number, operation.value)
        return
    made = dict(value) if isinstance(value, dict) else {}
    _merge(made, attribute, _parts(operation))
    if made:
        elements.put(number, made)
    else:
        elements.remove(number)


def _made_element(operation: PatchOperation, attribute: Attribute) -> Any:
    """The value for a path that chooses none: what its filter describes, with what is written."""
    tree = operation.target.filter
    described = {} if tree is None else _described(tree, attribute)
    if tree is not None and (not operation.create_missing or described is None):
        raise NoTargetError(
            f"No value of '{attribute.name}' is chosen by '{operation.target}', so nothing was changed."
        )
    if attribute.type != "complex":
        return operation.value
    made = dict(described or {})
    _merge(made, attribute, _parts(operation))
    return made


def _described(tree: Filter, attribute: Attribute) -> Document | None:
    """The sub-attributes that a filter of equalities describes; None for any other filter."""
    made: Document = {}
    for term in tree.terms if isinstance(tree, And) else (tree,):
        sub = attribute.sub(term.path.name) if isinstance(term, Comparison) and term.operator == "eq" else None
        if sub is None or not isinstance(term, Comparison) or term.value is None:
            return None
        made[sub.name] = comparable(sub)(term.value) if sub.type in ("boolean", "integer", "decimal") else term.value
    return made


def _keep_one_primary(elements: Elements, written: list[int]) -> None:
    """The value that was made primary takes that from the others (RFC 7644 §3.5.2)."""
    primary = [number for number in written if number in elements and _is_primary(elements[number])]
    if not primary:
        return
    for number in elements.numbers():
        if number != primary[-1] and _is_primary(elements[number]):
            elements.put(number, {**elements[number], "primary": False})


def _is_primary(value: Any) -> bool:
    return isinstance(value, dict) and value.get("primary") is True
