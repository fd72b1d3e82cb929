"""Members of large groups and groups of busy users, read to the end where a server cuts them off.

A list that is as long as the server's limit may have been cut. Then it is read again from the other side, by a standard
request that can be paged: the users with ``groups.value eq`` the group, the groups with ``members.value eq`` the user.
How the servers' makers do it is not documented; groups among the members are those of the first answer.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxeny.connectors.errors import RefusedError, UnsupportedError
from proxeny.connectors.outbound.paging import Batch, by_index
from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.scim2.wire import Wire, to_batch
from proxeny.documents import Document
from proxeny.scim.filter.ast import AttributePath, Comparison
from proxeny.scim.filter.render import render

PAGE = 100


@dataclass(frozen=True, slots=True)
class LongList:
    """A list of references on one side, and where the same is found on the other: ``of`` the entities of ``other``
    whose ``back`` holds this one. ``limit``: how many the server gives in one answer; ``switch``: the property."""

    name: str
    other: str
    back: str
    limit: int
    switch: str


_SIDES = {"group": ("members", "user", "groups"), "user": ("groups", "group", "members")}


class LongLists:
    """Completes entities as they are read, for the types of entities for which the system's properties say so."""

    def __init__(self, wire: Wire, values: PropertyValues, quirks: Mapping[str, Any]) -> None:
        self._wire = wire
        self._lists = {kind: found for kind in _SIDES if (found := _long_list(kind, values, quirks)) is not None}

    def cut(self, entity_type: str, document: Document) -> bool:
        """Whether the list of this entity may go on."""
        known = self._lists.get(entity_type)
        held = document.get(known.name) if known is not None else None
        return known is not None and isinstance(held, list) and len(held) >= known.limit

    async def complete(self, entity_type: str, document: Document) -> None:
        """Add what is missing. RefusedError if the server does not say: a part must not pass for the whole."""
        if not self.cut(entity_type, document):
            return
        known = self._lists[entity_type]
        held: list[Any] = document[known.name]
        seen = {str(item.get("value")) for item in held if isinstance(item, dict)}
        try:
            async for reference in self._found(known, str(document.get("id", ""))):
                if reference["value"] not in seen:
                    seen.add(reference["value"])
                    held.append(reference)
        except (RefusedError, UnsupportedError) as error:
            raise RefusedError(
                f"The {entity_type} {document.get('id')!r} has {len(held)} {known.name} or more, and the backend does "
                f"not give the rest. Nothing was taken for complete. Set {known.switch} to false to do with a part.",
                backend_message=error.backend_message or str(error),
            ) from error

    async def _found(self, known: LongList, entity_id: str) -> AsyncIterator[Document]:
        where = render(Comparison(AttributePath(known.back, "value"), "eq", entity_id))
        asked = f"userName,displayName,{known.back}" if known.other == "user" else "displayName"
        query = [("filter", where), ("attributes", asked)]

        async def at(start: int, size: int) -> Batch:
            place = [("startIndex", str(start)), ("count", str(size))]
            return to_batch(await self._wire.get(self._wire.path(known.other), [*place, *query]))

        async for items, _ in by_index(at, PAGE):
            for item in items:
                if not _indirect(item.get(known.back), entity_id):
                    yield _reference(known, item)


def _long_list(kind: str, values: PropertyValues, quirks: Mapping[str, Any]) -> LongList | None:
    name, other, back = _SIDES[kind]
    switch = f"{kind}.{name}.paging.enabled"
    if not values.family_flag(switch):
        return None
    limit = values.family_integer(f"{kind}.{name}.page.size") or int(quirks.get(f"{name}_limit", 0))
    return LongList(name, other, back, limit, values.family_names(switch)[0]) if limit else None


def _reference(known: LongList, item: Document) -> Document:
    made: Document = {"value": str(item.get("id")), "type": "User" if known.other == "user" else "direct"}
    display = item.get("displayName") or item.get("userName")
    return {**made, "display": display} if display else made


def _indirect(references: Any, entity_id: str) -> bool:
    """Whether the one who was found says that it belongs here only by another group."""
    kinds = [
        str(reference.get("type", "")).lower()
        for reference in (references if isinstance(references, list) else ())
        if isinstance(reference, dict) and str(reference.get("value")) == entity_id
    ]
    return bool(kinds) and all(kind == "indirect" for kind in kinds)
