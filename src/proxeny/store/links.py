"""Links: which entity of a target belongs to which entity of a source, and what was last sent to it.

One row for each source entity and target. A row without ``target_id`` says that a create was begun: whoever finds it
after a crash knows that an account of that name may be our own. Methods read; ``put`` and ``drop`` are steps, because
links change only in the transaction that also keeps outcome and checkpoint.
"""

from collections.abc import AsyncIterator, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from proxeny.database import Database, Request, Row, Statement

_COLUMNS = "source_id, entity_type, target_id, native_id, fingerprint, existed_before, pending, since"
_PAIR = "source = :source AND target = :target"
_IDS = "(SELECT value FROM json_each(:ids))", "ANY(CAST(:ids AS TEXT[]))"


def _by_ids(select: str, column: str, rest: str) -> Statement:
    """A statement with a list of ids: as JSON on SQLite, as an array on PostgreSQL."""
    return Statement.per_dialect(
        f"{select} WHERE {rest} AND {column} IN {_IDS[0]}", f"{select} WHERE {rest} AND {column} = {_IDS[1]}"
    )


LINKS = _by_ids(f"SELECT {_COLUMNS} FROM job_links", "source_id", _PAIR)
NATIVE = _by_ids(f"SELECT {_COLUMNS} FROM job_links", "native_id", f"{_PAIR} AND entity_type = :entity_type")
HOLDERS = _by_ids(
    "SELECT target_id, source, source_id, target FROM job_links",
    "target_id",
    "target = :target AND entity_type = :entity_type",
)
UNSEEN = Statement(
    f"SELECT {_COLUMNS} FROM job_links WHERE {_PAIR} AND entity_type = :entity_type AND source_id > :after "
    "AND NOT EXISTS (SELECT 1 FROM job_outcomes WHERE run = :run AND system = :target "
    "AND job_outcomes.entity_type = :entity_type AND entity_id = job_links.source_id) ORDER BY source_id LIMIT :limit"
)
PENDING = Statement(
    f"SELECT {_COLUMNS} FROM job_links WHERE {_PAIR} AND entity_type = :entity_type AND pending IS NOT NULL "
    "AND source_id > :after ORDER BY source_id LIMIT :limit"
)
WAITING_FOR = Statement(
    f"SELECT {_COLUMNS} FROM job_links WHERE {_PAIR} AND pending IS NOT NULL AND pending LIKE :named ESCAPE '!' "
    "LIMIT 100"
)
COUNT = Statement(
    f"SELECT entity_type, COUNT(*) FROM job_links WHERE {_PAIR} AND target_id IS NOT NULL GROUP BY entity_type"
)
OF_ENTITY = Statement(
    f"SELECT source, target, {_COLUMNS} FROM job_links WHERE source = :source AND source_id = :source_id"
)
OF_NATIVE = Statement(
    f"SELECT source, target, {_COLUMNS} FROM job_links WHERE source = :source AND native_id = :native_id"
)
OF_TARGET = Statement(
    f"SELECT source, target, {_COLUMNS} FROM job_links WHERE target = :target AND entity_type = :entity_type "
    "AND target_id = :target_id"
)
TYPES = Statement(f"SELECT DISTINCT entity_type FROM job_links WHERE {_PAIR}")
PUT = Statement(
    f"INSERT INTO job_links (source, target, {_COLUMNS}) VALUES (:source, :target, :source_id, :entity_type, "
    ":target_id, :native_id, :fingerprint, :existed_before, :pending, :since) "
    "ON CONFLICT (source, target, source_id, entity_type) DO UPDATE SET target_id = excluded.target_id, "
    "native_id = excluded.native_id, fingerprint = excluded.fingerprint, existed_before = excluded.existed_before, "
    "pending = excluded.pending, since = excluded.since"
)
OURS = Statement(
    f"UPDATE job_links SET existed_before = 0 WHERE {_PAIR} AND source_id = :source_id AND entity_type = :entity_type"
)
DROP = Statement(f"DELETE FROM job_links WHERE {_PAIR} AND source_id = :source_id AND entity_type = :entity_type")
RESET = Statement("DELETE FROM job_links WHERE source = :system OR target = :system")
RESET_HELD = Statement("DELETE FROM job_held WHERE source = :system OR target = :system")
RESET_MARKS = Statement("DELETE FROM job_marks WHERE source = :system OR targets LIKE :named")


@dataclass(frozen=True, slots=True)
class Reference:
    """An id of the source that has no counterpart in the target yet."""

    entity_type: str
    id: str


@dataclass(frozen=True, slots=True)
class Link:
    """``target_id`` is None while the entity is being created, ``since`` when (Unix time). ``native_id`` is the id by
    which the source reads it, if another than ``source_id``. ``pending``: references that could not be resolved."""

    source_id: str
    entity_type: str
    target_id: str | None = None
    native_id: str | None = None
    fingerprint: str | None = None
    existed_before: bool = False
    pending: tuple[Reference, ...] = ()
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """An entity of a source, linked in a target."""

    source: str
    source_id: str
    target: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A source and a target, by their ids."""

    source: str
    target: str

    @property
    def parameters(self) -> dict[str, str]:
        return {"source": self.source, "target": self.target}


class Links:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, pair: Pair, ids: Sequence[str], *, heavy: bool = False) -> dict[tuple[str, str], Link]:
        """The links of these source ids, by entity type and source id: one statement."""
        if not ids:
            return {}
        rows = await self._database.fetch(LINKS, {**pair.parameters, "ids": self._list(ids)}, heavy=heavy)
        return {(row[1], row[0]): _link(row) for row in rows}

    async def by_native(self, pair: Pair, entity_type: str, ids: Sequence[str]) -> list[Link]:
        """The links of the entities that the source itself knows by these ids, and those that are kept under one of
        them though it is another's (``native_id`` says so)."""
        values = {**pair.parameters, "entity_type": entity_type, "ids": self._list(ids)}
        rows = [*await self._database.fetch(NATIVE, values), *await self._database.fetch(LINKS, values)]
        return [link for link in map(_link, rows) if link.entity_type == entity_type]

    async def holders(
        self, targets: Iterable[str], entity_type: str, target_ids: Sequence[str]
    ) -> dict[str, list[Holder]]:
        """Who is linked to these entities of one backend, which may be behind several targets: by target id."""
        found: dict[str, list[Holder]] = {}
        for target in targets:
            values = {"target": target, "entity_type": entity_type, "ids": self._list(target_ids)}
            for target_id, *holder in await self._database.fetch(HOLDERS, values):
                found.setdefault(target_id, []).append(Holder(*holder))
        return found

    async def unseen(self, pair: Pair, entity_type: str, run: int) -> AsyncIterator[Link]:
        """Links of which the run has said nothing in the target, in the order of source ids: their entity was not
        read."""
        values = {**pair.parameters, "entity_type": entity_type, "run": run}
        async for row in self._database.stream(UNSEEN, values, after=""):
            yield _link(row)

    async def pending(self, pair: Pair, entity_type: str) -> AsyncIterator[Link]:
        """Links with references that were not resolved."""
        values = {**pair.parameters, "entity_type": entity_type}
        async for row in self._database.stream(PENDING, values, after=""):
            yield _link(row)

    async def waiting_for(self, pair: Pair, reference: Reference) -> list[Link]:
        """Links, up to a hundred, with this reference among those that were not resolved."""
        written = orjson.dumps([reference.entity_type, reference.id]).decode()
        named = f"%{written.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
        return [_link(row) for row in await self._database.fetch(WAITING_FOR, {**pair.parameters, "named": named})]

    async def has_pending(self, pair: Pair, entity_type: str, *, more_than: int = 0) -> bool:
        """Whether more than so many links have references that were not resolved."""
        values = {**pair.parameters, "entity_type": entity_type, "after": "", "limit": more_than + 1}
        return len(await self._database.fetch(PENDING, values)) > more_than

    async def count(self, pair: Pair) -> Mapping[str, int]:
        """How many entities of each type are linked."""
        return dict(await self._database.fetch(COUNT, pair.parameters, heavy=True))

    async def of_entity(self, source: str, source_id: str) -> list[tuple[Pair, Link]]:
        """Every link of one entity of a source."""
        rows = await self._database.fetch(OF_ENTITY, {"source": source, "source_id": source_id})
        return [(Pair(row[0], row[1]), _link(row[2:])) for row in rows]

    async def of_native(self, source: str, native_id: str) -> list[tuple[Pair, Link]]:
        """As ``of_entity``, by the id under which the source itself knows the entity."""
        own = await self.of_entity(source, native_id)
        rows = await self._database.fetch(OF_NATIVE, {"source": source, "native_id": native_id})
        return [
            *((pair, link) for pair, link in own if link.native_id in (None, native_id)),
            *((Pair(row[0], row[1]), _link(row[2:])) for row in rows if row[2] != native_id),
        ]

    async def of_target(self, target: str, entity_type: str, target_id: str) -> list[tuple[Pair, Link]]:
        """Every link to one entity of a target."""
        values = {"target": target, "entity_type": entity_type, "target_id": target_id}
        rows = await self._database.fetch(OF_TARGET, values)
        return [(Pair(row[0], row[1]), _link(row[2:])) for row in rows]

    async def reset(self, system: str) -> None:
        """Forget all that is known of a system as source and as target (its operational data)."""

        def steps() -> Generator[Request, list[Row], None]:
            yield RESET, {"system": system}
            yield RESET_HELD, {"system": system}
            yield RESET_MARKS, {"system": system, "named": f"%{orjson.dumps(system).decode()}%"}

        await self._database.transaction(steps)

    def _list(self, ids: Sequence[str]) -> object:
        return orjson.dumps(list(ids)).decode() if self._database.dialect == "sqlite" else list(ids)


def put(pair: Pair, links: Iterable[Link]) -> Request:
    """A step that keeps links, new or changed."""
    return PUT, [{**pair.parameters, **_values(link)} for link in links]


def drop(pair: Pair, entities: Iterable[tuple[str, str]]) -> Request:
    """A step that forgets the links of (entity type, source id)."""
    return DROP, [{**pair.parameters, "entity_type": kind, "source_id": source_id} for kind, source_id in entities]


def inherit(entity_type: str, holders: Iterable[Holder]) -> Request:
    """A step that makes what the gateway has made their own, so that the last of them takes it away."""
    return OURS, [
        {"source": one.source, "target": one.target, "source_id": one.source_id, "entity_type": entity_type}
        for one in holders
    ]


def _values(link: Link) -> dict[str, object]:
    pending = [[reference.entity_type, reference.id] for reference in link.pending]
    return {
        "source_id": link.source_id,
        "entity_type": link.entity_type,
        "target_id": link.target_id,
        "native_id": link.native_id,
        "fingerprint": link.fingerprint,
        "existed_before": int(link.existed_before),
        "pending": orjson.dumps(pending).decode() if pending else None,
        "since": link.since,
    }


def _link(row: Row) -> Link:
    source_id, entity_type, target_id, native_id, fingerprint, existed_before, pending, since = row
    references = tuple(Reference(*pair) for pair in orjson.loads(pending)) if pending else ()
    return Link(source_id, entity_type, target_id, native_id, fingerprint, bool(existed_before), references, since)
