"""UAA servers: SCIM 1.1 as Cloud Foundry's UAA and SAP's XSUAA speak it, where it differs from 2.0 in writing.

A PATCH is a part of the resource: what is named is set, ``meta.attributes`` names what is taken away, and members are
added or, with ``"operation": "delete"``, removed. Without ``scim.support.patch.operation`` members of a group are
added and removed one by one, below ``/Groups/{id}/members``. PUT and PATCH want an If-Match.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxeny.connectors.errors import ConflictError, NotFoundError, UnsupportedError
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.spec import Connection
from proxeny.connectors.spi import Accept, Entity
from proxeny.connectors.updates import member_changes
from proxeny.documents import Document

_MEMBER = re.compile(r'members\[value eq "((?:[^"\\]|\\.)*)"\]', re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)?")
_OWN = frozenset({"id", "meta", "schemas", "members"})


@dataclass(slots=True)
class Change:
    """What an update says: attributes to set and to take away; ``members`` is what is to be left, if it is said."""

    values: Document = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    added: dict[str, Document] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    members: list[Any] | None = None


class UaaConnector(ScimConnector):
    """A ScimConnector whose updates are those of SCIM 1.1."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._answers = connection.properties.family_flag("patch.response.with.resource")

    async def replace(
        self,
        entity_type: str,
        entity_id: str,
        document: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity | None:
        if entity_type != "group":
            return await self._put(entity_type, entity_id, document, version)
        members = document.get("members")
        gone = [name for name, value in document.items() if value is None and name not in _OWN]
        values = {name: value for name, value in document.items() if name not in _OWN and value is not None}
        change = Change(values, gone, members=list(members or ()) if "members" in document else None)
        return await self._change(entity_type, entity_id, change, version)

    async def patch(
        self,
        entity_type: str,
        entity_id: str,
        patch: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity | None:
        return await self._change(entity_type, entity_id, read_patch(patch.get("Operations")), version)

    async def _change(self, entity_type: str, entity_id: str, change: Change, version: str | None) -> Entity | None:
        held: Sequence[Document] = ()
        if change.members is not None or (entity_type == "group" and not self._patches):
            held = [one for one in (await self._group(entity_id)).get("members") or () if isinstance(one, dict)]
        if change.members is not None:
            _as_differences(change, held)
        if self._patches or entity_type != "group":
            await self._patch_parts(entity_type, entity_id, change, version)
        else:
            await self._one_by_one(entity_id, change, version)
        return await self.read(entity_type, entity_id) if self._answers else None

    async def _group(self, entity_id: str) -> Document:
        return (await self.read("group", entity_id)).document

    async def _patch_parts(self, entity_type: str, entity_id: str, change: Change, version: str | None) -> None:
        path = self._wire.path(entity_type, entity_id)
        first = dict(change.values)
        if change.gone:
            first["meta"] = {"attributes": change.gone}
        for number, members in enumerate(self._member_parts(change)):
            body = {**(first if number == 0 else {}), **({"members": members} if members else {})}
            if body:
                await self._wire.write("PATCH", path, body, version if number == 0 else None)

    def _member_parts(self, change: Change) -> list[list[Document]]:
        """Members in portions; at least one portion, for the attributes."""
        size = self._portion or 1000
        added = [*change.added.values()]
        gone = [{"value": value, "operation": "delete"} for value in change.removed]
        parts = [added[start : start + size] for start in range(0, len(added), size)]
        parts += [gone[start : start + self._removals] for start in range(0, len(gone), self._removals)]
        return parts or [[]]

    async def _one_by_one(self, entity_id: str, change: Change, version: str | None) -> None:
        """Attributes by PUT, with the members as they are, only if one differs; members each by a request."""
        group = await self._group(entity_id)
        after = {name: value for name, value in {**group, **change.values}.items() if name not in change.gone}
        if after != group:
            await self._wire.write("PUT", self._wire.path("group", entity_id), after, version)
        path = self._wire.path("group", entity_id) + "/members"
        for member in change.added.values():
            try:
                await self._wire.write("POST", path, {"type": "USER", **member})
            except ConflictError:
                continue  # is a member already
        for value in change.removed:
            try:
                await self._wire.write("DELETE", self._wire.path_below(path, value), None)
            except NotFoundError:
                continue  # is no member any more


def read_patch(operations: Any) -> Change:
    """The operations of a SCIM 2.0 PATCH. UnsupportedError for what SCIM 1.1 cannot say; then the gateway emulates."""
    change = Change()
    for operation in operations if isinstance(operations, list) else ():
        kind, path, value = str(operation.get("op", "")).lower(), operation.get("path"), operation.get("value")
        if path is None and isinstance(value, dict):
            for name, part in value.items():
                _take(change, "add" if kind == "add" else "replace", name, part)
        else:
            _take(change, kind, str(path or ""), value)
    return change


def _take(change: Change, kind: str, path: str, value: Any) -> None:
    one = _MEMBER.fullmatch(path)
    if one is not None and kind == "remove":
        _forget(change, [re.sub(r"\\(.)", r"\1", one[1])])
    elif path.lower() == "members":
        _take_members(change, kind, value)
    elif _NAME.fullmatch(path) and kind == "remove" and value is None:
        change.gone.append(path)
    elif _NAME.fullmatch(path) and kind in ("add", "replace") and not (kind == "add" and isinstance(value, list)):
        name, _, sub = path.partition(".")
        change.values[name] = {**change.values.get(name, {}), sub: value} if sub else value
    elif path.lower() not in ("schemas", "id"):
        raise UnsupportedError(f"SCIM 1.1 has no way to say {kind} {path[:80]!r} in a PATCH.")


def _take_members(change: Change, kind: str, value: Any) -> None:
    listed = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
    if kind == "replace" or (kind == "remove" and not listed):
        change.members, change.added, change.removed = listed if kind == "replace" else [], {}, []
    elif kind == "remove":
        _forget(change, [str(one.get("value")) for one in listed])
    elif change.members is not None:
        change.members += listed
    else:
        change.added |= {str(one.get("value")): one for one in listed}
        change.removed = [known for known in change.removed if known not in change.added]


def _forget(change: Change, values: Iterable[str]) -> None:
    for value in values:
        change.added.pop(value, None)
        if change.members is not None:
            change.members = [one for one in change.members if str(one.get("value")) != value]
        else:
            change.removed.append(value)


def _as_differences(change: Change, held: Sequence[Document]) -> None:
    """``members`` as additions to and removals from what the group holds."""
    operations = [one for part in member_changes(held, change.members or (), 1 << 30, 1 << 30) for one in part]
    found = read_patch(operations)
    change.members, change.added, change.removed = None, found.added, found.removed
