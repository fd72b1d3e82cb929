"""One entity to one target: create, update, delete, and what the target really did when it did not say.

A create that got no answer is looked for before it is repeated; an update and a deletion may be repeated as they are.
Raises DeliveryError for what ends an entity with a reason, and the connector's own errors for the rest.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from proxeny.connectors.errors import (
    BusyError,
    ConflictError,
    ConnectorError,
    NotFoundError,
    RefusedError,
    TimedOutError,
    UnreachableError,
    UnsupportedError,
)
from proxeny.connectors.spi import Connector, Creator, Deleter, Entity, Patcher, Reader, Replacer, Search, Searcher
from proxeny.connectors.unique import UniqueKey
from proxeny.connectors.updates import member_changes, patch_op
from proxeny.documents import Document
from proxeny.provisioning.deliveries.claims import Claim
from proxeny.provisioning.deliveries.destination import Destination
from proxeny.provisioning.deliveries.updating import Writable, whole
from proxeny.provisioning.errors import DeliveryError

T = TypeVar("T")
_CANNOT_SEARCH = (NotFoundError, RefusedError, UnsupportedError)
_MEMBERS = frozenset({"members"})
SKEW_SECONDS = 300.0
"""How far a target's clock may be behind ours when we ask whether an entity is older than our create."""


@dataclass(slots=True)
class Delivered:
    """``correlated``: the entity was there before, and is to be updated. ``attempts`` counts calls that write."""

    target_id: str
    entity: Entity | None = None
    correlated: bool = False
    existed_before: bool = False
    recovered: bool = False
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Written:
    """An update: how many calls wrote, and the paths of what the target lets nobody take away, and so keeps."""

    calls: int
    kept: tuple[str, ...] = ()

    @property
    def reason(self) -> str | None:
        return "kept-by-target" if self.kept else None

    @property
    def message(self) -> str | None:
        """Names what is kept, since whoever asks why wants to know what somebody still has."""
        if not self.kept:
            return None
        kept = ", ".join(self.kept)
        return f"The target lets nobody take {kept} away, and keeps it; everything else is as it should be."


class Delivering:
    """Writes to one target."""

    def __init__(self, target: Destination) -> None:
        self._target = target
        self._connector = target.connector

    # -- create ---------------------------------------------------------------------------------------------------

    async def create(
        self, entity_type: str, document: Document, claim: Claim, *, begun: float | None = None
    ) -> Delivered:
        """A new entity, or the one with the same unique attributes. ``begun``: when an earlier create of it began
        whose end is not known (Unix time): it is looked for first, as not every target refuses a second one."""
        connector = self._connector
        if not isinstance(connector, Creator):
            raise DeliveryError("unsupported")
        made = await self._begun(entity_type, document, begun, _CANNOT_SEARCH) if begun is not None else None
        if made is not None:
            return Delivered(made.id, made, recovered=True, attempts=0)
        attempts = 0
        while True:
            attempts += 1
            try:
                async with claim.creating():
                    entity = await connector.create(entity_type, _own(document))
                    claim.take(entity.id)
                return Delivered(entity.id, entity, attempts=attempts)
            except ConflictError as conflict:
                await claim.settled()
                return await self._taken(entity_type, document, conflict, begun, attempts)
            except BusyError as busy:
                await self._pause(busy, attempts)
            except UnreachableError as broken:
                begun = begun or time.time()
                found = await self._begun(entity_type, document, begun, (UnreachableError,))
                if found is not None:
                    return Delivered(found.id, found, recovered=True, attempts=attempts)
                await self._pause(broken, attempts)

    async def correlate(self, entity_type: str, document: Document) -> Delivered:
        """The entity with the unique attributes of the document, which nobody may create; DeliveryError not-found."""
        found = await self._matches(entity_type, document)
        if len(found) != 1:
            raise DeliveryError("conflict-several" if found else "not-found")
        return Delivered(found[0].id, found[0], correlated=True, existed_before=True, attempts=0)

    async def _begun(
        self, entity_type: str, document: Document, begun: float, unless: tuple[type[ConnectorError], ...]
    ) -> Entity | None:
        """The entity that a create without answer has made, if it has, and ``unless`` that cannot be found out."""
        try:
            found = await self._matches(entity_type, document)
        except unless:
            return None
        return found[0] if len(found) == 1 and _since(found[0], begun) else None

    async def _taken(
        self, entity_type: str, document: Document, conflict: ConflictError, begun: float | None, attempts: int
    ) -> Delivered:
        if begun is None and not self._target.resolves_conflicts(entity_type):
            raise DeliveryError("conflict-off", str(conflict)) from conflict
        found = await self._matches(entity_type, document)
        if len(found) != 1:
            raise DeliveryError("conflict-several" if found else "conflict-none", _told(conflict)) from conflict
        entity = found[0]
        if begun is not None and _since(entity, begun):
            return Delivered(entity.id, entity, recovered=True, attempts=attempts)
        return Delivered(entity.id, entity, correlated=True, existed_before=True, attempts=attempts)

    async def _matches(self, entity_type: str, document: Document) -> list[Entity]:
        """Entities with the same unique attributes, by the first key that finds any; at most two."""
        connector = self._connector
        if not isinstance(connector, Searcher):
            return []
        for key in self._target.keys.get(entity_type, ()):
            where = key.where(document)
            if where is None:
                continue
            search = Search(filter=where, count=2, omit=frozenset({"members", "groups"}))
            page = await self._patiently(lambda search=search: connector.search(entity_type, search))  # type: ignore[misc]  # bound at once
            found = [one for one in page.entities if page.exact or _fits(key, document, one.document)]
            if found:
                return found
        return []

    # -- update ---------------------------------------------------------------------------------------------------

    async def update(self, entity_type: str, target_id: str, document: Document) -> Written:
        """Make the entity what the document says. NotFoundError if it is gone."""
        writable = self._target.writable.get(entity_type, Writable())
        members = document.get("members") if entity_type == "group" else None
        many = isinstance(members, list) and (self._target.keeps_groups or self._target.exceeds(len(members)))
        if isinstance(self._connector, Patcher) and (self._target.patches or many):
            return await self._by_patch(entity_type, target_id, document, writable)
        return await self._by_put(entity_type, target_id, document, writable)

    async def _by_put(self, entity_type: str, target_id: str, document: Document, writable: Writable) -> Written:
        connector = self._connector
        if not isinstance(connector, Replacer):
            raise DeliveryError("unsupported")
        sent = whole(document, writable) if entity_type == "group" else document
        await self._patiently(lambda: connector.replace(entity_type, target_id, _own(sent)))
        return Written(1)

    async def _by_patch(self, entity_type: str, target_id: str, document: Document, writable: Writable) -> Written:
        calls, kept = 0, tuple[str, ...]()
        patch = writable.as_patch(document, without=("members",) if entity_type == "group" else ())
        if patch is not None:
            calls, kept = await _patch_what_may(lambda part: self._patch(entity_type, target_id, part), patch)
        if entity_type == "group" and (writable.members or "members" in document):
            calls += await self.set_members(target_id, document.get("members") or ())
        return Written(calls, kept)

    async def set_members(self, target_id: str, members: Iterable[Any], *, keep_groups: bool = False) -> int:
        """Additions and removals in portions; how many calls. ``keep_groups``: groups among them are not touched."""
        connector, target, calls = self._connector, self._target, 0
        if not isinstance(connector, Reader):
            raise DeliveryError("unsupported")
        entity = await self._patiently(lambda: connector.read("group", target_id))
        held = entity.document.get("members") or ()
        kept = keep_groups or target.keeps_groups
        parts = member_changes(held, members, target.portion or 1000, target.removals, keep_groups=kept)
        for part in parts:
            await self._patch("group", target_id, patch_op(part))
            calls += 1
        return calls

    async def _patch(self, entity_type: str, target_id: str, patch: Document) -> None:
        connector = self._connector
        if not isinstance(connector, Patcher):
            raise DeliveryError("unsupported")
        await self._patiently(lambda: connector.patch(entity_type, target_id, _own(patch)))

    # -- delete ---------------------------------------------------------------------------------------------------

    async def delete(self, entity_type: str, target_id: str) -> str | None:
        """Take the entity away; the reason ``gone`` if it already was, else None."""
        connector = self._connector
        if not isinstance(connector, Deleter):
            raise DeliveryError("unsupported")
        try:
            await self._patiently(lambda: connector.delete(entity_type, target_id))
        except NotFoundError:
            await self._patiently(lambda: _really_gone(connector, entity_type, target_id))
            return "gone"
        return None

    async def group(self, target_id: str) -> Document:
        """A group as the target has it, without its members; empty if it has none, or cannot be read by its id."""
        connector = self._connector
        if not isinstance(connector, Reader):
            return {}
        try:
            return (await self._patiently(lambda: connector.read("group", target_id, omit=_MEMBERS))).document
        except (NotFoundError, UnsupportedError):
            return {}

    async def send_instead(self, entity_type: str, target_id: str, document: Document) -> Written:
        """What the deleteEntity mappings made, in place of a deletion: a PatchOp as it is, else an update."""
        if "Operations" not in document:
            return await self.update(entity_type, target_id, document)
        await self._patch(entity_type, target_id, document)
        return Written(1)

    # -- groups by users ------------------------------------------------------------------------------------------

    async def assign(self, user_id: str, groups: Sequence[str], *, member: bool) -> None:
        """Make the user a member of the groups, or no member (operations.md 11)."""
        for group in groups:
            quoted = user_id.replace("\\", "\\\\").replace('"', '\\"')
            operation: Document = (
                {"op": "add", "path": "members", "value": [{"value": user_id}]}
                if member
                else {"op": "remove", "path": f'members[value eq "{quoted}"]'}
            )
            try:
                await self._patch("group", group, patch_op([operation]))
            except (NotFoundError, DeliveryError, UnsupportedError) as error:
                raise DeliveryError("assign-group", f"Group {group!r} cannot be assigned: {error}") from error

    # -- patience -------------------------------------------------------------------------------------------------

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """A call that may be repeated as it is: tried again as often as the system's properties say."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await call()
            except (BusyError, UnreachableError) as error:
                await self._pause(error, attempt)

    async def _pause(self, error: ConnectorError, attempt: int) -> None:
        """Wait before the next try, or raise ``error`` if there is none. After a time-out the next try is at once."""
        if attempt > self._target.attempts:
            raise error
        named = error.retry_after if isinstance(error, BusyError) else None
        if not isinstance(error, TimedOutError):
            await asyncio.sleep(self._target.interval if named is None else named)


async def _really_gone(connector: Connector, entity_type: str, target_id: str) -> None:
    """Make sure that the target lacks the entity, and not that nobody is there who knows: whatever stands in between
    says 404 too. DeliveryError, or what the target answers."""
    if isinstance(connector, Searcher):
        with suppress(RefusedError, UnsupportedError):  # it answers
            await connector.search(entity_type, Search(count=1))
    if isinstance(connector, Reader):
        with suppress(NotFoundError, UnsupportedError):
            await connector.read(entity_type, target_id, omit=_MEMBERS)
            raise DeliveryError("refused", "The target says that it has no such entity to delete, and still has it.")


def reason_of(error: Exception) -> tuple[str, str | None]:
    """The code of reasons.py for what ended an entity, and the words to show."""
    if isinstance(error, DeliveryError):
        return error.reason, error.words
    for kind, code in _REASONS:
        if isinstance(error, kind):
            return code, _told(error)
    return "internal-error", None


_REASONS: tuple[tuple[type[ConnectorError], str], ...] = (
    (ConflictError, "conflict"),
    (NotFoundError, "gone"),
    (UnsupportedError, "unsupported"),
    (BusyError, "busy"),
    (TimedOutError, "timed-out"),
    (UnreachableError, "unreachable"),
    (RefusedError, "refused"),
    (ConnectorError, "refused"),
)


def _told(error: ConnectorError) -> str:
    return f"{error} The target says: {error.backend_message}" if error.backend_message else str(error)


def _own(document: Document) -> Document:
    """A document that the connector may keep or change; what is below the top is not changed by anyone."""
    return dict(document)


def _fits(key: UniqueKey, wanted: Document, found: Document) -> bool:
    """Whether a superset's entity has the values that were asked for, whatever their case."""
    hits = [str(value).casefold() in _texts(found, field) for field, value in key.values(wanted)]
    return any(hits) if key.any_of else all(hits) and bool(hits)


def _texts(document: Any, field: Sequence[str]) -> set[str]:
    if isinstance(document, list):
        return {text for element in document for text in _texts(element, field)}
    if not field:
        return set() if document is None else {str(document).casefold()}
    return _texts(document.get(field[0]), field[1:]) if isinstance(document, dict) else set()


def _since(entity: Entity, moment: float) -> bool:
    """Whether the entity was made after ``moment``; one that does not say was."""
    if entity.created is None:
        return True
    try:
        made = datetime.fromisoformat(entity.created)
    except ValueError:
        return True
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    return made.timestamp() >= moment - SKEW_SECONDS


async def _patch_what_may(send: Callable[[Document], Awaitable[None]], patch: Document) -> tuple[int, tuple[str, ...]]:
    """A PATCH whose removals the target may refuse (RFC 7644 §3.5.2, mutability): everything else is done.

    How many calls it took, and the paths of what the target keeps.
    """
    try:
        await send(patch)
        return 1, ()
    except RefusedError as refused:
        removals = [one for one in patch["Operations"] if one["op"] == "remove"]
        if refused.scim_type != "mutability" or not removals:
            raise
    others = [one for one in patch["Operations"] if one["op"] != "remove"]
    if others:
        await send(patch_op(others))
    kept = []
    for removal in removals:
        try:
            await send(patch_op([removal]))
        except RefusedError as refused:
            if refused.scim_type != "mutability":
                raise
            kept.append(str(removal["path"]))
    return 1 + bool(others) + len(removals), tuple(kept)
