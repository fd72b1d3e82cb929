"""Changes of servers other than Active Directory: content synchronisation (RFC 4533), or the time of change."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import ldap
from ldap.syncrepl import SyncDoneControl, SyncInfoMessage, SyncRequestControl, SyncStateControl

from proxeny.connectors.errors import RefusedError
from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.entries import Entries
from proxeny.connectors.ldap.filter import generalized, joined
from proxeny.connectors.ldap.layout import Kind, Layout
from proxeny.connectors.ldap.link import BASE, Link, Raw
from proxeny.connectors.ldap.pool import Pool
from proxeny.connectors.ldap.references import Sight
from proxeny.connectors.ldap.schema import SYNC
from proxeny.connectors.ldap.searching import Far, Searching
from proxeny.connectors.spi import Change, Entity

_BATCH = 200
_OVERLAP = timedelta(seconds=2)
_SKEW = timedelta(minutes=10)
_REFRESH_REQUIRED = 4096
_SYNC_MARK, _TIME_MARK = "sync:", "time:"


@dataclass(slots=True)
class _Told:
    """What a server told in one synchronisation: new state, and UUIDs that are still there or gone."""

    cookie: str | None = None
    present: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)
    by_presence: bool = False


@dataclass(slots=True)
class _Memory:
    """Which entry had which id, as far as this process has seen; ``cursor``: the state at which it was complete."""

    ids: dict[str, str] = field(default_factory=dict)
    cursor: str = ""


class Deltas:
    """The changes of one system.

    The time of change does not tell deletions. Content synchronisation tells them by the entry's UUID: as the id where
    ``entryUUID`` is the id attribute, else as far as this process has seen the entry; a full read finds the others.
    """

    def __init__(self, layout: Layout, pool: Pool, entries: Entries, searching: Searching) -> None:
        self._layout = layout
        self._pool = pool
        self._entries = entries
        self._searching = searching
        self._memories = {name: _Memory() for name in layout.kinds}

    async def mark(self, kind: Kind, far: Far) -> str:
        """The state of the server as it publishes it to its consumers; else the time, some minutes back, since nothing
        tells how late the server's clock is."""
        states = await self._pool.reading(lambda link: link.run(_states, kind)) if self._syncs(far) else []
        if states:
            return f"{_SYNC_MARK}rid=000,csn={';'.join(states)}"
        return f"{_TIME_MARK}{(datetime.now(UTC) - _SKEW).strftime('%Y-%m-%dT%H:%M:%SZ')}"

    def _syncs(self, far: Far) -> bool:
        mode = self._layout.changes
        return mode == "syncrepl" or (mode == "auto" and SYNC in far.server.controls)

    async def read(self, kind: Kind, cursor: str | None, far: Far) -> AsyncIterator[Change]:
        mode, syncs = self._layout.changes, self._syncs(far)
        if cursor and cursor.startswith(_TIME_MARK) and mode == "auto":
            syncs = False
        stream = self._synchronised(kind, cursor, far) if syncs else self._by_time(kind, cursor, far)
        async with aclosing(stream):
            async for change in stream:
                yield change

    # -- by time ----------------------------------------------------------------------------------------------------

    async def _by_time(self, kind: Kind, cursor: str | None, far: Far) -> AsyncGenerator[Change, None]:
        """Everything changed at or shortly before the cursor's second is told again: times have whole seconds."""
        known = cursor.removeprefix(_TIME_MARK) if cursor and cursor.startswith(_TIME_MARK) else ""
        newest, pending = known, None
        since = f"(modifyTimestamp>={_earlier(known)})" if known else None
        async with self._pool.link() as link:
            filter_ = joined(kind.class_filter, kind.own_filter, since)
            async with aclosing(self._searching.pages(link, kind, filter_, far)) as pages:
                async for page in pages:
                    for entity in page:
                        if pending is not None:
                            yield Change(pending.id, pending, cursor or "")
                        pending, newest = entity, max(newest, entity.last_modified or "")
        if pending is not None:
            yield Change(pending.id, pending, f"{_TIME_MARK}{newest}" if newest else "")

    # -- content synchronisation --------------------------------------------------------------------------------------

    async def _synchronised(self, kind: Kind, cursor: str | None, far: Far) -> AsyncGenerator[Change, None]:
        cookie = cursor.removeprefix(_SYNC_MARK) if cursor and cursor.startswith(_SYNC_MARK) else None
        told = _Told()
        memory = self._memories[kind.name]
        complete = cookie is None or memory.cursor == cursor
        if cookie is None:
            memory.ids.clear()
        pending: Change | None = None
        resume = cursor or ""
        try:
            async for entities in self._told(kind, cookie, told, far):
                for entity, uuid in entities:
                    memory.ids[uuid] = entity.id
                    if pending is not None:
                        yield pending
                    pending = Change(entity.id, entity, resume)
        except RefusedError as error:
            if cookie is None or not _refresh_required(error):
                raise
            async for change in self._synchronised(kind, None, far):
                yield change
            return
        for entity_id in self._gone(kind, told, memory, complete):
            if pending is not None:
                yield pending
            pending = Change(entity_id, None, resume)
        newest = f"{_SYNC_MARK}{told.cookie}" if told.cookie else resume
        memory.cursor = newest if complete else ""
        if pending is not None:
            pending.cursor = newest
            yield pending

    def _gone(self, kind: Kind, told: _Told, memory: _Memory, complete: bool) -> Iterator[str]:
        uuids = list(told.gone)
        if told.by_presence and complete:
            uuids += [uuid for uuid in memory.ids if uuid not in told.present]
        for uuid in uuids:
            known = memory.ids.pop(uuid, None)
            if kind.id.lower() == "entryuuid":
                yield uuid
            elif known is not None:
                yield known

    async def _told(
        self, kind: Kind, cookie: str | None, told: _Told, far: Far
    ) -> AsyncIterator[list[tuple[Entity, str]]]:
        """The entries that changed, in batches; what is told beside them goes into ``told``."""
        sight = Sight()
        async with self._pool.link() as link:
            control: Any = SyncRequestControl(1, cookie, "refreshOnly")
            filter_ = joined(kind.class_filter, kind.own_filter)
            messages = link.messages(kind.base, filter_, self._entries.attributes(kind), control)
            try:
                while True:
                    raws, more = await link.run(_batch, messages, cookie is not None, told)
                    found = await link.run(self._shown, kind, raws, far, sight)
                    told.present.update(uuid for _, uuid in found)
                    yield found
                    if not more:
                        break
            except BaseException:
                link.cut()
                raise

    def _shown(self, link: Link, kind: Kind, raws: list[Raw], far: Far, sight: Sight) -> list[tuple[Entity, str]]:
        found = [entity for raw in raws if (entity := self._entries.entity(kind, raw)) is not None]
        far.references.show(link, kind, [entity.document for entity in found], sight)
        return [(entity, str(entity.document.get("entryUUID", [""])[0])) for entity in found]


def _states(link: Link, kind: Kind) -> list[str]:
    """The change numbers that the entry on top of the kind's base publishes (OpenLDAP); runs in a thread."""
    place = kind.base
    while place:
        found = link.find((place, BASE, "(objectClass=*)", ("contextCSN",)))
        states = [value.decode() for _, attributes in found for values in attributes.values() for value in values]
        if states:
            return sorted(states)
        place = names.parent(place)
    return []


def _batch(link: Link, messages: Iterator[tuple[Any, ...]], partly: bool, told: _Told) -> tuple[list[Raw], bool]:
    """The next entries, and whether more may follow; runs in a thread."""
    raws: list[Raw] = []
    until = time.monotonic() + 1
    for kind, found, controls, name, value in messages:
        if kind == ldap.RES_SEARCH_ENTRY:
            for dn, attributes, *more in found:
                if attributes:
                    raws.append((dn, attributes))
                elif partly:
                    _note_state(more[0] if more else (), told)
        elif kind == ldap.RES_INTERMEDIATE:
            _note_information(found, name, value, told)
        elif kind == ldap.RES_SEARCH_RESULT:
            _note_end(controls, partly, told)
            return raws, False
        if len(raws) >= _BATCH or (raws and time.monotonic() > until):
            return raws, True
    return raws, False


def _note_state(controls: Any, told: _Told) -> None:
    """An entry of which only its state is told: still there, or deleted."""
    for control in controls:
        if control.controlType == SyncStateControl.controlType:
            if control.state == "delete":
                told.gone.append(control.entryUUID)
            else:
                told.present.add(control.entryUUID)


def _note_information(found: Any, name: Any, value: Any, told: _Told) -> None:
    pairs = [(each[0], each[1]) for each in found or () if each and each[0] == SyncInfoMessage.responseName]
    pairs += [(name, value)] if name == SyncInfoMessage.responseName else []
    for _, text in pairs:
        message = SyncInfoMessage(text)
        if message.newcookie:
            told.cookie = message.newcookie
        for part in (message.refreshDelete, message.refreshPresent, message.syncIdSet):
            told.cookie = (part or {}).get("cookie", told.cookie)
        told.by_presence = told.by_presence or bool(message.refreshPresent)
        if message.syncIdSet:
            uuids = message.syncIdSet["syncUUIDs"]
            if message.syncIdSet["refreshDeletes"]:
                told.gone += uuids
            else:
                told.present.update(uuids)


def _note_end(controls: Any, partly: bool, told: _Told) -> None:
    for control in controls or ():
        if control.controlType == SyncDoneControl.controlType:
            told.cookie = control.cookie or told.cookie
            if partly and not control.refreshDeletes:
                told.by_presence = True


def _refresh_required(error: RefusedError) -> bool:
    cause = error.__cause__
    said = cause.args[0] if cause is not None and cause.args else {}
    return isinstance(said, dict) and said.get("result") == _REFRESH_REQUIRED


def _earlier(moment: str) -> str:
    """A little before: a change that was under way may have got its time and be seen later."""
    then = datetime.fromisoformat(moment) - _OVERLAP
    return generalized(then.astimezone(UTC).isoformat()) or "19700101000000Z"
