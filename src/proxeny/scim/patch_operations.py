"""PATCH operations as checked values, and what can be told from them without a resource (RFC 7644 §3.5.2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from proxeny.documents import Document
from proxeny.scim.filter.ast import AttributePath, Comparison, Filter, Or
from proxeny.scim.filter.render import render
from proxeny.scim.schema import Attribute

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, slots=True)
class Target:
    """Where an operation works: ``urn:attribute[filter].sub``; without ``attribute``, the whole extension ``urn``."""

    urn: str | None
    attribute: Attribute | None
    sub: Attribute | None = None
    filter: Filter | None = None

    @property
    def path(self) -> AttributePath:
        """The path without the filter; of a whole extension its URN, split at the last colon as paths are."""
        if self.attribute is None:
            urn, _, name = str(self.urn).rpartition(":")
            return AttributePath(name, None, urn)
        return AttributePath(self.attribute.name, self.sub.name if self.sub else None, self.urn)

    @property
    def read_only(self) -> bool:
        """Whether no client may write what is meant (RFC 7643 §7, mutability)."""
        return any(each is not None and each.mutability == "readOnly" for each in (self.attribute, self.sub))

    def __str__(self) -> str:
        if self.filter is None:
            return str(self.path)
        head = AttributePath(self.path.name, None, self.urn)
        return f"{head}[{render(self.filter)}]" + (f".{self.path.sub}" if self.path.sub else "")


@dataclass(frozen=True, slots=True)
class PatchOperation:
    """One step with one target. ``create_missing``: a filter that nothing meets makes the value that it describes."""

    op: Literal["add", "replace", "remove"]
    target: Target
    value: Any = None
    create_missing: bool = False

    @property
    def only_compares(self) -> bool:
        """Whether it is about what no client may write: then it changes nothing, and may only say what is there."""
        target = self.target
        return target.attribute is not None and target.read_only

    def to_document(self) -> Document:
        """As a client would send it."""
        document: Document = {"op": self.op, "path": str(self.target)}
        if self.op != "remove":
            document["value"] = self.value
        return document


class MembershipChanges(NamedTuple):
    """What becomes of the members: ``replaced`` first when it is not None, then ``removed`` (ids), then ``added``."""

    added: tuple[Document, ...]
    removed: tuple[str, ...]
    replaced: tuple[Document, ...] | None


def patch_document(operations: Iterable[PatchOperation]) -> Document:
    """The PatchOp message with these operations: canonical names, standard forms only."""
    return {"schemas": [PATCH_SCHEMA], "Operations": [operation.to_document() for operation in operations]}


def touched_paths(operations: Iterable[PatchOperation]) -> tuple[AttributePath, ...]:
    """The attributes that the operations may change, in the schema's case, each once, as precise as can be told."""
    paths: dict[AttributePath, None] = {}
    for operation in operations:
        target = operation.target
        whole = target.path
        if isinstance(operation.value, dict) and target.attribute is not None and target.sub is None:
            paths.update((AttributePath(whole.name, name, whole.urn), None) for name in operation.value)
        else:
            paths[whole] = None
    return tuple(paths)


def membership_changes(operations: Iterable[PatchOperation]) -> MembershipChanges | None:
    """The changes of a PatchOp that does nothing but add, remove and replace members by their value; else None."""
    rest, changes = split_memberships(operations)
    return None if rest else changes


def split_memberships(
    operations: Iterable[PatchOperation],
) -> tuple[tuple[PatchOperation, ...], MembershipChanges | None]:
    """The operations on other attributes, and the membership changes.

    None for the changes when no operation is about members, or when one of them is about more than their value; then
    all operations are in the first part.
    """
    operations = tuple(operations)
    rest = tuple(operation for operation in operations if not _is_about_members(operation))
    if len(rest) == len(operations):
        return rest, None
    members = _Members()
    for operation in operations:
        if _is_about_members(operation) and not members.take(operation):
            return operations, None
    return rest, members.changes()


def _is_about_members(operation: PatchOperation) -> bool:
    target = operation.target
    return target.urn is None and target.attribute is not None and target.attribute.name == "members"


class _Members:
    """Follows the operations in order; the last word on a member counts."""

    def __init__(self) -> None:
        self.added: dict[str, Document] = {}
        self.removed: dict[str, None] = {}
        self.replaced: dict[str, Document] | None = None

    def take(self, operation: PatchOperation) -> bool:
        """Whether the operation could be understood by values alone."""
        target, value = operation.target, operation.value
        if target.sub is not None:
            return False
        if operation.op == "remove":
            return self._remove(target.filter)
        if target.filter is not None or not all(isinstance(each.get("value"), str) for each in value):
            return False
        if operation.op == "replace":
            self._reset({each["value"]: each for each in value})
        for each in value if operation.op == "add" else ():
            self.added.setdefault(each["value"], each)
        return True

    def _reset(self, members: dict[str, Document]) -> None:
        self.replaced, self.added, self.removed = members, {}, {}

    def _remove(self, tree: Filter | None) -> bool:
        if tree is None:
            self._reset({})
            return True
        ids = _compared_values(tree)
        for member in ids or ():
            self.added.pop(member, None)
            self.removed[member] = None
        return ids is not None

    def changes(self) -> MembershipChanges:
        replaced = None if self.replaced is None else tuple(self.replaced.values())
        return MembershipChanges(tuple(self.added.values()), tuple(self.removed), replaced)


def _compared_values(tree: Filter) -> list[str] | None:
    """The ids in ``value eq "a" or value eq "b"``; None for any other filter."""
    ids: list[str] = []
    for term in tree.terms if isinstance(tree, Or) else (tree,):
        if not isinstance(term, Comparison) or term.operator != "eq" or term.path.name.lower() != "value":
            return None
        if not isinstance(term.value, str):
            return None
        ids.append(term.value)
    return ids
