"""Schedules of jobs: when the next run of a source is due. One for each source and kind of job."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from proxeny.database import Database, Request, Row, Statement
from proxeny.store import runs

Kind = Literal["READ", "RESYNC"]

_COLUMNS = "source, kind, enabled, minutes, weekdays, at, zone, anchor, next"
ALL = Statement(f"SELECT {_COLUMNS} FROM job_schedules ORDER BY source, kind")
FIND = Statement(f"SELECT {_COLUMNS} FROM job_schedules WHERE source = :source AND kind = :kind")
DUE = Statement(f"SELECT {_COLUMNS} FROM job_schedules WHERE enabled = 1 AND next <= :now ORDER BY next")
PUT = Statement(
    f"INSERT INTO job_schedules ({_COLUMNS}) VALUES (:source, :kind, :enabled, :minutes, :weekdays, :at, :zone, "
    ":anchor, :next) ON CONFLICT (source, kind) DO UPDATE SET enabled = excluded.enabled, minutes = excluded.minutes, "
    "weekdays = excluded.weekdays, at = excluded.at, zone = excluded.zone, anchor = excluded.anchor, "
    "next = excluded.next"
)
REMOVE = Statement("DELETE FROM job_schedules WHERE source = :source AND kind = :kind RETURNING source")
MOVE = Statement(
    "UPDATE job_schedules SET next = :next WHERE source = :source AND kind = :kind AND enabled = 1 AND next = :seen "
    "RETURNING source"
)
ACTIVE = Statement(
    "SELECT 1 FROM job_runs WHERE source = :source AND kind = :kind AND (status = 'running' OR "
    "(status = 'queued' AND trigger_type = 'REPEAT' AND lease_until <= :now)) LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every so many ``minutes`` counted from ``anchor``, or on ``weekdays`` (0 = Monday) ``at`` a time (``HH:MM``) in
    ``zone``. ``next`` is the point that comes next. Times are Unix times."""

    source: str
    kind: Kind
    enabled: bool
    minutes: int | None = None
    weekdays: tuple[int, ...] = ()
    at: str = ""
    zone: str = "UTC"
    anchor: float = 0.0
    next: float | None = None


class Schedules:
    """See the module. ``provisioning/schedule.py`` knows when the next point is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Schedule]:
        return [_schedule(row) for row in await self._database.fetch(ALL)]

    async def find(self, source: str, kind: str) -> Schedule | None:
        row = await self._database.fetch_one(FIND, {"source": source, "kind": kind})
        return _schedule(row) if row else None

    async def due(self, now: float) -> list[Schedule]:
        """Those whose point has come."""
        return [_schedule(row) for row in await self._database.fetch(DUE, {"now": now})]

    async def put(self, schedule: Schedule) -> None:
        def steps() -> Generator[Request, list[Row], None]:
            values = {
                "source": schedule.source,
                "kind": schedule.kind,
                "enabled": int(schedule.enabled),
                "minutes": schedule.minutes,
                "weekdays": ",".join(map(str, schedule.weekdays)),
                "at": schedule.at,
                "zone": schedule.zone,
                "anchor": schedule.anchor,
                "next": schedule.next,
            }
            yield PUT, values

        await self._database.transaction(steps)

    async def remove(self, source: str, kind: str) -> bool:
        def steps() -> Generator[Request, list[Row], bool]:
            return bool((yield REMOVE, {"source": source, "kind": kind}))

        return await self._database.transaction(steps)

    async def fire(self, schedule: Schedule, following: float) -> int | None:
        """Queue the run of a point that has come, and move on to the following one; the run's id.

        None if another replica did it, or if a run of the same kind is active: then the point is passed over. A paused
        one is not: its place is taken.
        """

        def steps() -> Generator[Request, list[Row], int | None]:
            which = {"source": schedule.source, "kind": schedule.kind}
            if not (yield MOVE, {**which, "next": following, "seen": schedule.next}):
                return None
            if (yield ACTIVE, {**which, "now": time.time()}):
                return None
            return (yield from _queued(schedule))

        return await self._database.transaction(steps)


def _queued(schedule: Schedule) -> Generator[Request, list[Row], int]:
    values = {"source": schedule.source, "kind": schedule.kind, "mode": "full", "trigger": "REPEAT", "by": ""}
    run = time.time_ns() // 1000
    while not (yield runs.ADD, {**values, "id": run, "plan": "{}", "now": time.time()}):
        run += 1
    return run


def _schedule(row: Row) -> Schedule:
    source, kind, enabled, minutes, weekdays, at, zone, anchor, following = row
    days = tuple(int(day) for day in weekdays.split(",") if day)
    return Schedule(source, kind, bool(enabled), minutes, days, at, zone, anchor, following)
