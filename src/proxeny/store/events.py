"""Real-time events: accepted when durable, worked on in order for each entity, an older one never after a newer.

An entity's head holds which event is the newest, which waits, and who works on it. Every event tells the whole state of
its entity, so only the newest that waits is carried out; those before it are superseded. Who works on an entity has a
lease with a fencing token, as with runs: whoever lost it can store nothing.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from proxeny.database import Database, Request, Row, Statement
from proxeny.documents import Document
from proxeny.store import runs
from proxeny.store.errors import LeaseLostError

Operation = Literal["write", "delete", "read"]
"""``read``: the sender names only the entity; its state is read when the event is carried out."""
EventStatus = Literal["queued", "success", "error", "superseded"]

CENTRAL = "central-store"
"""``sent_by`` of a change of a group that only the targets of its application are to get."""
LEASE_SECONDS = 6.0
_EVER = 2**62

_ENTITY = "source = :source AND entity_type = :entity_type AND entity_id = :entity_id"
_COLUMNS = "id, source, entity_type, entity_id, operation, sent_by, received, status, ended, attempts, states"
HEAD = Statement(
    "INSERT INTO job_event_heads (source, entity_type, entity_id, newest, stamp, pending, due, tries, lease_owner, "
    "lease_until, fence) VALUES (:source, :entity_type, :entity_id, 0, NULL, NULL, 0, 0, '', 0, 0) "
    "ON CONFLICT (source, entity_type, entity_id) DO UPDATE SET newest = job_event_heads.newest "
    "RETURNING newest, stamp"
)
ADD = Statement(
    "INSERT INTO job_events (id, source, entity_type, entity_id, operation, document, stamp, sent_by, received, "
    "status, ended, attempts, states) VALUES (:id, :source, :entity_type, :entity_id, :operation, :document, :stamp, "
    ":sent_by, :now, :status, :ended, 0, :states) ON CONFLICT (id) DO NOTHING RETURNING id"
)
ADVANCE = Statement(
    "UPDATE job_event_heads SET newest = :id, pending = :id, due = :now, tries = 0, "
    f"stamp = COALESCE(:stamp, stamp) WHERE {_ENTITY}"
)
_DUE = (
    "pending IS NOT NULL AND due <= :now AND lease_until < :now AND NOT EXISTS (SELECT 1 FROM job_runs "
    "WHERE job_runs.source = job_event_heads.source AND status = 'running' AND job_runs.lease_until > :now "
    "AND job_runs.lease_owner <> :owner)"
)
"""A source whose run is active has its events carried out by the worker of the run, so that they take turns."""
WAITING = Statement(f"SELECT 1 FROM job_event_heads WHERE {_DUE} LIMIT 1")
_KEY = "source, entity_type, entity_id"
_CLAIM = (
    "UPDATE job_event_heads SET lease_owner = :owner, lease_until = :until, fence = fence + 1 "
    f"WHERE ({_KEY}) IN (SELECT {_KEY} FROM job_event_heads WHERE {_DUE} ORDER BY due LIMIT :limit{{}}) "
    f"RETURNING {_KEY}, pending, fence, tries"
)
CLAIM = Statement.per_dialect(_CLAIM.format(""), _CLAIM.format(" FOR UPDATE SKIP LOCKED"))
CONTENT = Statement("SELECT operation, document, received FROM job_events WHERE id = :id")
WIDER = Statement(
    f"SELECT 1 FROM job_events WHERE {_ENTITY} AND status = 'queued' AND id <= :id AND sent_by <> :central LIMIT 1"
)
"""An event of the entity that is for every target; the newest one of all stands for it too."""
RENEW = Statement(f"UPDATE job_event_heads SET lease_until = :until WHERE {_ENTITY} AND fence = :fence RETURNING fence")
SETTLE = Statement(
    "UPDATE job_event_heads SET lease_until = 0, lease_owner = '', tries = 0, "
    f"pending = CASE WHEN pending = :id THEN NULL ELSE pending END WHERE {_ENTITY} AND fence = :fence RETURNING fence"
)
DEFER = Statement(
    f"UPDATE job_event_heads SET lease_until = 0, lease_owner = '', tries = tries + 1, due = :due WHERE {_ENTITY} "
    "AND fence = :fence RETURNING fence"
)
RELEASE = Statement(
    f"UPDATE job_event_heads SET lease_until = 0, lease_owner = '' WHERE {_ENTITY} AND fence = :fence RETURNING fence"
)
TRIED = Statement("UPDATE job_events SET attempts = attempts + 1, states = :states WHERE id = :id")
END = Statement(
    "UPDATE job_events SET status = :status, ended = :now, attempts = attempts + 1, states = :states, document = NULL "
    "WHERE id = :id"
)
SUPERSEDE = Statement(
    f"UPDATE job_events SET status = 'superseded', ended = :now, document = NULL WHERE {_ENTITY} "
    "AND status = 'queued' AND id < :id"
)
FIND = Statement(f"SELECT {_COLUMNS} FROM job_events WHERE id = :id")
LATEST = Statement(
    f"SELECT {_COLUMNS} FROM job_events WHERE (:source = '' OR source = :source) "
    "AND (:status = '' OR status = :status) AND (:entity_id = '' OR entity_id = :entity_id) AND id < :before "
    "ORDER BY id DESC LIMIT :limit"
)
ELSEWHERE = Statement(
    "SELECT 1 FROM job_event_heads WHERE source = :source AND lease_until > :now AND lease_owner <> :owner LIMIT 1"
)
OPEN = Statement("SELECT COUNT(*) FROM job_event_heads WHERE pending IS NOT NULL")
PURGE = Statement("DELETE FROM job_events WHERE ended < :before AND status <> 'queued' RETURNING id")
PURGE_HEADS = Statement("DELETE FROM job_event_heads WHERE pending IS NULL AND due < :before")


@dataclass(frozen=True, slots=True)
class State:
    """What became of an event in one system: ``state`` as SAP's log names it (Entity Created, Already Provisioned …),
    ``reason`` a stable code with a sentence, ``info`` what else there is to say."""

    system: str
    operation: str
    state: str
    reason: str = ""
    info: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the log shows it, without its document. Times are Unix times."""

    id: int
    source: str
    entity_type: str
    entity_id: str
    operation: Operation
    sent_by: str
    received: float
    status: EventStatus
    ended: float | None = None
    attempts: int = 0
    states: tuple[State, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """An event to be accepted. ``stamp`` orders the versions of an entity; without one they are in order of arrival."""

    source: str
    entity_type: str
    entity_id: str
    operation: Operation
    document: Document | None = None
    stamp: int | None = None
    sent_by: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that this worker carries out while it has the lease. ``tries`` counts those before this one.
    ``central``: it is only for the targets of the group's application."""

    id: int
    source: str
    entity_type: str
    entity_id: str
    operation: Operation
    document: Document | None
    received: float
    fence: int
    tries: int
    lease: float = LEASE_SECONDS
    central: bool = False

    @property
    def entity(self) -> dict[str, str]:
        return {"source": self.source, "entity_type": self.entity_type, "entity_id": self.entity_id}


class Events:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accept(self, sent: Sequence[Sent]) -> list[int]:
        """Keep events; their ids. They are durable when this returns. What is older than another event of the same
        entity is kept as superseded, and never carried out."""
        return await self._database.transaction(lambda: accepting(sent))

    async def claim(self, owner: str, limit: int, *, seconds: float = LEASE_SECONDS) -> list[Claimed]:
        """What is due now, one event of an entity at a time."""
        now = time.time()
        if not await self._database.fetch(WAITING, {"now": now, "owner": owner}):
            return []

        def steps() -> Generator[Request, list[Row], list[Claimed]]:
            yield runs.LOCK, {}
            values = {"owner": owner, "until": now + seconds, "now": now, "limit": limit}
            found = []
            for source, entity_type, entity_id, event, fence, tries in (yield CLAIM, values):
                content = yield CONTENT, {"id": event}
                operation, document, received = content[0]
                opened = orjson.loads(document) if document is not None else None
                entity = {"source": source, "entity_type": entity_type, "entity_id": entity_id}
                central = not (yield WIDER, {**entity, "id": event, "central": CENTRAL})
                found.append(
                    Claimed(
                        event,
                        source,
                        entity_type,
                        entity_id,
                        operation,
                        opened,
                        received,
                        fence,
                        tries,
                        seconds,
                        central=central,
                    )
                )
            return found

        return await self._database.transaction(steps)

    async def renew(self, claimed: Claimed) -> None:
        """Keep the lease; LeaseLostError."""

        def steps() -> Generator[Request, list[Row], None]:
            until = time.time() + claimed.lease
            _require(claimed, (yield RENEW, {**claimed.entity, "fence": claimed.fence, "until": until}))

        await self._database.transaction(steps)

    async def finish(self, claimed: Claimed, status: EventStatus, states: Sequence[State]) -> None:
        """The end of an event, and of all before it; LeaseLostError."""

        def steps() -> Generator[Request, list[Row], None]:
            yield from settling(claimed, status, states)

        await self._database.transaction(steps)

    async def defer(self, claimed: Claimed, seconds: float, states: Sequence[State]) -> None:
        """Try again later; LeaseLostError."""

        def steps() -> Generator[Request, list[Row], None]:
            due = time.time() + seconds
            _require(claimed, (yield DEFER, {**claimed.entity, "fence": claimed.fence, "due": due}))
            yield TRIED, {"id": claimed.id, "states": _text(states)}

        await self._database.transaction(steps)

    async def release(self, claimed: Claimed) -> None:
        """Give it back without an end, so that another worker takes it at once."""

        def steps() -> Generator[Request, list[Row], None]:
            yield RELEASE, {**claimed.entity, "fence": claimed.fence}

        await self._database.transaction(steps)

    async def find(self, event: int) -> Event | None:
        row = await self._database.fetch_one(FIND, {"id": event})
        return _event(row) if row else None

    async def latest(
        self, *, source: str = "", status: str = "", entity_id: str = "", before: int = _EVER, limit: int = 20
    ) -> list[Event]:
        """Events, newest first; ``before`` is the id of the last one of the page before."""
        values = {"source": source, "status": status, "entity_id": entity_id, "before": before, "limit": limit}
        return [_event(row) for row in await self._database.fetch(LATEST, values, heavy=True)]

    async def elsewhere(self, source: str, owner: str) -> bool:
        """Whether another worker is carrying out an event of this source."""
        values = {"source": source, "owner": owner, "now": time.time()}
        return bool(await self._database.fetch(ELSEWHERE, values))

    async def open(self) -> int:
        """How many entities have an event that waits or is being carried out."""
        row = await self._database.fetch_one(OPEN)
        return int(row[0]) if row else 0

    async def purge(self, before: float) -> int:
        """Forget events that ended before; how many. What orders the versions of an entity is forgotten as late."""

        def steps() -> Generator[Request, list[Row], int]:
            gone = yield PURGE, {"before": before}
            yield PURGE_HEADS, {"before": before}
            return len(gone)

        return await self._database.transaction(steps)


def accepting(sent: Sequence[Sent]) -> Generator[Request, list[Row], list[int]]:
    """The steps of ``accept``, for whoever has a transaction already."""
    accepted = []
    for each in sent:
        accepted.append((yield from _accept(each)))
    return accepted


def _accept(sent: Sent) -> Generator[Request, list[Row], int]:
    entity = {"source": sent.source, "entity_type": sent.entity_type, "entity_id": sent.entity_id}
    newest, stamp = (yield HEAD, entity)[0]
    old = stamp is not None and sent.stamp is not None and sent.stamp < stamp
    now = time.time()
    values = {
        **entity,
        "operation": sent.operation,
        "document": None if old or sent.document is None else orjson.dumps(sent.document),
        "stamp": sent.stamp,
        "sent_by": sent.sent_by,
        "now": now,
        "status": "superseded" if old else "queued",
        "ended": now if old else None,
        "states": "[]",
    }
    event = max(time.time_ns() // 1000, int(newest) + 1)
    while not (yield ADD, {**values, "id": event}):
        event += 1
    if not old:
        yield ADVANCE, {**entity, "id": event, "now": now, "stamp": sent.stamp}
    return event


def settling(claimed: Claimed, status: EventStatus, states: Sequence[State]) -> Generator[Request, list[Row], None]:
    """The steps of ``finish``, for whoever has a transaction already."""
    _require(claimed, (yield SETTLE, {**claimed.entity, "fence": claimed.fence, "id": claimed.id}))
    now = time.time()
    yield END, {"id": claimed.id, "status": status, "now": now, "states": _text(states)}
    yield SUPERSEDE, {**claimed.entity, "id": claimed.id, "now": now}


def holding(claimed: Claimed) -> Generator[Request, list[Row], None]:
    """The first step of every transaction of an event: LeaseLostError takes it back if another worker has it."""
    until = time.time() + claimed.lease
    _require(claimed, (yield RENEW, {**claimed.entity, "fence": claimed.fence, "until": until}))


def _require(claimed: Claimed, rows: list[Row]) -> None:
    if not rows:
        raise LeaseLostError(f"Event {claimed.id} has another worker now. Nothing was stored; that worker goes on.")


def _text(states: Sequence[State]) -> str:
    return orjson.dumps([[one.system, one.operation, one.state, one.reason, one.info] for one in states]).decode()


def _event(row: Row) -> Event:
    values = list(row)
    values[10] = tuple(State(*each) for each in orjson.loads(values[10]))
    return Event(*values)
