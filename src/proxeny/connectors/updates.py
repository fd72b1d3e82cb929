"""Full updates as PATCH: a replace for each attribute, memberships as differences in portions (decision 23)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from proxeny.documents import Document

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_NOT_SENT = frozenset({"id", "meta", "schemas", "members"})


def patch_op(operations: Sequence[Document]) -> Document:
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def replacements(document: Document) -> list[Document]:
    """One operation for each attribute: ``None`` and ``[]`` take it away, everything else replaces it.

    Attributes of an extension are named one by one, so that the others of that extension stay.
    """
    operations: list[Document] = []
    for name, value in document.items():
        if name in _NOT_SENT:
            continue
        if ":" in name and isinstance(value, dict):
            operations += [_operation(f"{name}:{inner}", part) for inner, part in value.items()]
        else:
            operations.append(_operation(name, value))
    return operations


def member_changes(
    before: Iterable[Any], after: Iterable[Any], portion: int, removals: int, *, keep_groups: bool = False
) -> Iterator[list[Document]]:
    """Operations that make the members ``before`` into ``after``, in requests of bounded size; additions first.

    ``keep_groups``: groups among the members stay, whatever ``after`` says.
    """
    old, new = _by_value(before), _by_value(after)
    if keep_groups:
        groups = {value for value, member in old.items() if is_group(member)}
        old = {value: member for value, member in old.items() if value not in groups}
        new = {value: member for value, member in new.items() if value not in groups and not is_group(member)}
    added = [member for value, member in new.items() if value not in old]
    gone = [value for value in old if value not in new]
    for start in range(0, len(added), portion):
        yield [{"op": "add", "path": "members", "value": added[start : start + portion]}]
    for start in range(0, len(gone), removals):
        yield [
            {"op": "remove", "path": f"members[value eq {_quoted(value)}]"} for value in gone[start : start + removals]
        ]


def member_portions(operations: Sequence[Document], portion: int, removals: int) -> Iterator[list[Document]]:
    """The operations of a PatchOp in requests that add at most ``portion`` members and take away ``removals``.

    A replacement of more members becomes one of the first, and additions of the others: the end is the same.
    """
    made: list[Document] = []
    added = gone = 0
    for operation in _of_bounded_size(operations, portion):
        more = len(operation["value"]) if _lists_members(operation) else 0
        less = int(str(operation.get("op")) == "remove" and str(operation.get("path", "")).startswith("members["))
        if made and (added + more > portion or gone + less > removals):
            yield made
            made, added, gone = [], 0, 0
        made.append(operation)
        added, gone = added + more, gone + less
    if made:
        yield made


def _of_bounded_size(operations: Iterable[Document], portion: int) -> Iterator[Document]:
    for operation in operations:
        if not _lists_members(operation) or len(operation["value"]) <= portion:
            yield operation
            continue
        members = operation["value"]
        yield {**operation, "value": members[:portion]}
        for start in range(portion, len(members), portion):
            yield {**operation, "op": "add", "value": members[start : start + portion]}


def is_group(member: Document) -> bool:
    """Whether a member is a group, by its type or its reference."""
    return str(member.get("type", "")).lower() == "group" or "/Groups/" in str(member.get("$ref", ""))


def _lists_members(operation: Document) -> bool:
    adds = operation.get("op") in ("add", "replace") and operation.get("path") == "members"
    return adds and isinstance(operation.get("value"), list)


def _operation(path: str, value: Any) -> Document:
    if value is None or value == []:
        return {"op": "remove", "path": path}
    return {"op": "replace", "path": path, "value": value}


def _by_value(members: Iterable[Any]) -> dict[str, Document]:
    return {str(member["value"]): member for member in members if isinstance(member, dict) and member.get("value")}


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
