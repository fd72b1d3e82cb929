"""Deletions that the guard has held back: listed with reasons, approved or rejected by people."""

import time
from collections.abc import AsyncIterator, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from proxeny.database import Database, Request, Row, Statement
from proxeny.store.links import Pair

Status = Literal["held", "approved", "rejected"]
REJECTED_SECONDS = 30 * 86400.0

_COLUMNS = "source, target, entity_type, source_id, target_id, reason, run, status, created, decided_by, decided, until"
LISTED = Statement(
    f"SELECT {_COLUMNS} FROM job_held WHERE (:source = '' OR source = :source) AND (:target = '' OR target = :target) "
    "AND (:status = '' OR status = :status) AND (source, target, entity_type, source_id) > (:after_source, "
    ":after_target, :after_type, :after_id) ORDER BY source, target, entity_type, source_id LIMIT :limit"
)
STANDING = Statement(
    "SELECT source_id, status, until FROM job_held WHERE source = :source AND target = :target "
    "AND entity_type = :entity_type"
)
HOLD = Statement(
    f"INSERT INTO job_held ({_COLUMNS}) VALUES (:source, :target, :entity_type, :source_id, :target_id, :reason, :run, "
    "'held', :now, NULL, NULL, NULL) ON CONFLICT (source, target, entity_type, source_id) DO UPDATE SET "
    "target_id = excluded.target_id, reason = excluded.reason, run = excluded.run, status = 'held'"
)
DECIDE = Statement(
    "UPDATE job_held SET status = :status, decided_by = :by, decided = :now, until = :until WHERE source = :source "
    "AND target = :target AND entity_type = :entity_type AND source_id = :source_id RETURNING source_id"
)
DROP = Statement(
    "DELETE FROM job_held WHERE source = :source AND target = :target AND entity_type = :entity_type "
    "AND source_id = :source_id"
)


@dataclass(frozen=True, slots=True)
class HeldKey:
    source: str
    target: str
    entity_type: str
    source_id: str


@dataclass(frozen=True, slots=True)
class Held:
    """A deletion that waits for a decision, or has one. A rejected one is not asked again before ``until``."""

    source: str
    target: str
    entity_type: str
    source_id: str
    target_id: str | None
    reason: str
    run: int
    status: Status
    created: float
    decided_by: str | None = None
    decided: float | None = None
    until: float | None = None

    @property
    def key(self) -> HeldKey:
        return HeldKey(self.source, self.target, self.entity_type, self.source_id)


BEGINNING = HeldKey("", "", "", "")
PAGE = 1000


class HeldDeletions:
    """See the module. The next run of the source, full or delta, carries out what is approved and still missing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, *, source: str = "", target: str = "", status: str = "", limit: int = 100, after: HeldKey = BEGINNING
    ) -> list[Held]:
        """A page of them in the order of their keys; ``after`` is the last one of the page before. What is decided or
        goes in between moves no other one out of its page."""
        place = {
            "after_source": after.source,
            "after_target": after.target,
            "after_type": after.entity_type,
            "after_id": after.source_id,
        }
        values = {"source": source, "target": target, "status": status, "limit": limit, **place}
        return [Held(*row) for row in await self._database.fetch(LISTED, values)]

    async def each(self, *, target: str = "") -> AsyncIterator[Held]:
        """All of them, in bounded memory."""
        after, found = BEGINNING, await self.list(target=target, limit=PAGE)
        while found:
            for one in found:
                yield one
            after = found[-1].key
            found = await self.list(target=target, limit=PAGE, after=after)

    async def standing(self, pair: Pair, entity_type: str) -> Mapping[str, Status]:
        """The decisions that hold now, by source id."""
        now = time.time()
        rows = await self._database.fetch(STANDING, {**pair.parameters, "entity_type": entity_type}, heavy=True)
        return {row[0]: row[1] for row in rows if not (row[1] == "rejected" and row[2] is not None and row[2] < now)}

    async def approve(self, keys: Sequence[HeldKey], by: str) -> int:
        """How many of them were held."""
        return await self._decide(keys, by, "approved", None)

    async def reject(self, keys: Sequence[HeldKey], by: str, *, seconds: float = REJECTED_SECONDS) -> int:
        """They stay, and are not asked again for so long."""
        return await self._decide(keys, by, "rejected", time.time() + seconds)

    async def _decide(self, keys: Sequence[HeldKey], by: str, status: Status, until: float | None) -> int:
        def steps() -> Generator[Request, list[Row], int]:
            decided = 0
            for key in keys:
                values = {"status": status, "by": by, "now": time.time(), "until": until, **_values(key)}
                decided += len((yield DECIDE, values))
            return decided

        return await self._database.transaction(steps)


def hold(pair: Pair, entity_type: str, run: int, deletions: Iterable[tuple[str, str | None, str]]) -> Request:
    """A step that holds (source id, target id, reason)."""
    same = {**pair.parameters, "entity_type": entity_type, "run": run, "now": time.time()}
    return HOLD, [{**same, "source_id": one, "target_id": other, "reason": why} for one, other, why in deletions]


def drop(pair: Pair, entities: Iterable[tuple[str, str]]) -> Request:
    """A step that forgets the decisions about (entity type, source id)."""
    return DROP, [{**pair.parameters, "entity_type": kind, "source_id": one} for kind, one in entities]


def _values(key: HeldKey) -> dict[str, str]:
    return {
        "source": key.source,
        "target": key.target,
        "entity_type": key.entity_type,
        "source_id": key.source_id,
    }
