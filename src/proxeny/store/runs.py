"""Runs of jobs: what is asked for, who works on it under which lease, how far it is, how it ended.

A run belongs to one worker at a time. The lease has a fencing token (``fence``) that grows with each new owner, and
every transaction of a run begins with ``guard``: a worker that was paused and lost its lease can store nothing more.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from proxeny.database import Database, Request, Row, Statement
from proxeny.store.errors import LeaseLostError, UnknownError
from proxeny.store.outcomes import Statistic

Kind = Literal["READ", "RESYNC", "SIMULATE"]
Mode = Literal["full", "delta"]
Trigger = Literal["IMMEDIATE", "REPEAT"]
Status = Literal["queued", "running", "success", "error", "stopped"]
"""``error``: something failed, though all else is done. ``stopped``: by an administrator; it may be resumed. A run that
is ``queued`` with a lease in the future is paused."""

LEASE_SECONDS = 6.0

_COLUMNS = (
    "id, source, kind, mode, trigger_type, triggered_by, status, created, started, ended, plan, notes, statistics, "
    "lease_owner, lease_until, fence, stop"
)
_OPEN = "(status = 'running' OR status = 'queued')"
ADD = Statement(
    f"INSERT INTO job_runs ({_COLUMNS}) VALUES (:id, :source, :kind, :mode, :trigger, :by, 'queued', :now, NULL, NULL, "
    ":plan, '[]', '[]', '', 0, 0, 0) ON CONFLICT (id) DO NOTHING RETURNING id"
)
FIND = Statement(f"SELECT {_COLUMNS} FROM job_runs WHERE id = :id")
LATEST = Statement(
    f"SELECT {_COLUMNS} FROM job_runs WHERE (:source = '' OR source = :source) AND (:kind = '' OR kind = :kind) "
    "AND (:status = '' OR status = :status) AND id < :before ORDER BY id DESC LIMIT :limit"
)
LOCK = Statement.per_dialect("SELECT 1", "SELECT pg_advisory_xact_lock(7426902)")
CLAIMABLE = Statement(
    f"SELECT id FROM job_runs WHERE {_OPEN} AND lease_until < :now AND NOT EXISTS (SELECT 1 FROM job_runs AS other "
    "WHERE other.source = job_runs.source AND other.status = 'running' AND other.id <> job_runs.id) "
    "ORDER BY CASE WHEN status = 'running' THEN 0 ELSE 1 END, id LIMIT 1"
)
CLAIM = Statement(
    "UPDATE job_runs SET status = 'running', lease_owner = :owner, lease_until = :until, fence = fence + 1, "
    f"started = COALESCE(started, :now) WHERE id = :id RETURNING {_COLUMNS}"
)
RENEW = Statement("UPDATE job_runs SET lease_until = :until WHERE id = :id AND fence = :fence RETURNING stop")
GUARD = Statement.per_dialect(
    "SELECT 1 FROM job_runs WHERE id = :id AND fence = :fence AND status = 'running'",
    "SELECT 1 FROM job_runs WHERE id = :id AND fence = :fence AND status = 'running' FOR SHARE",
)
MODE = Statement("UPDATE job_runs SET mode = :mode, plan = :plan WHERE id = :id AND fence = :fence RETURNING id")
STOP = Statement(
    "UPDATE job_runs SET stop = 1, status = CASE WHEN status = 'queued' THEN 'stopped' ELSE status END, "
    f"ended = CASE WHEN status = 'queued' THEN :now ELSE ended END WHERE id = :id AND {_OPEN} RETURNING id"
)
RESUME = Statement(
    "UPDATE job_runs SET stop = 0, status = 'queued', ended = NULL, lease_until = 0 WHERE id = :id "
    "AND (status = 'stopped' OR status = 'error' OR (status = 'queued' AND lease_until > :now)) RETURNING id"
)
PAUSE = Statement(
    "UPDATE job_runs SET status = CASE WHEN stop = 1 THEN 'stopped' ELSE 'queued' END, lease_owner = '', "
    "ended = CASE WHEN stop = 1 THEN :now ELSE ended END, lease_until = :until, plan = :plan, notes = :notes "
    "WHERE id = :id AND fence = :fence RETURNING id"
)
WAITING = Statement(
    f"SELECT {_COLUMNS} FROM job_runs WHERE source = :source AND status = 'queued' AND lease_until > :now AND id < :id"
)
SUPERSEDE = Statement(
    "UPDATE job_runs SET status = 'stopped', ended = :now, lease_until = 0, notes = :notes "
    "WHERE id = :id AND status = 'queued' RETURNING id"
)
RELEASE = Statement("UPDATE job_runs SET lease_until = 0 WHERE id = :id AND fence = :fence RETURNING id")
FINISH = Statement(
    "UPDATE job_runs SET status = :status, ended = :now, notes = :notes, statistics = :statistics, lease_until = 0 "
    "WHERE id = :id AND fence = :fence RETURNING id"
)
LANES = Statement("SELECT target, checkpoint FROM job_lanes WHERE run = :run")
LANE = Statement(
    "INSERT INTO job_lanes (run, target, checkpoint) VALUES (:run, :target, :checkpoint) "
    "ON CONFLICT (run, target) DO UPDATE SET checkpoint = excluded.checkpoint"
)
PURGE = (
    Statement("DELETE FROM job_contents WHERE run = :run"),
    Statement("DELETE FROM job_outcomes WHERE run = :run"),
    Statement("DELETE FROM job_lanes WHERE run = :run"),
    Statement("DELETE FROM job_runs WHERE id = :run"),
)
PURGEABLE = Statement(f"SELECT id FROM job_runs WHERE ended < :before AND NOT {_OPEN} ORDER BY id LIMIT 100")
_EVER = 2**62


@dataclass(frozen=True, slots=True)
class Note:
    """What influenced the run: a stable code, the system it is about, and a sentence."""

    code: str
    system: str
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run. ``plan`` is what was decided when it began (targets, cursors). Times are Unix times."""

    id: int
    source: str
    kind: Kind
    mode: Mode
    trigger: Trigger
    triggered_by: str
    status: Status
    created: float
    started: float | None = None
    ended: float | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    lease_owner: str = ""
    lease_until: float = 0.0
    fence: int = 0
    stop: bool = False

    @property
    def over(self) -> bool:
        return self.status not in ("queued", "running")

    @property
    def paused(self) -> bool:
        """Put off until a system is asked again that is down; it goes on by itself."""
        return self.status == "queued" and self.lease_until > time.time()


class Runs:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, source: str, kind: Kind, trigger: Trigger, by: str = "", *, mode: Mode = "full") -> int:
        """Queue a run; its id."""

        def steps() -> Generator[Request, list[Row], int]:
            values = {"source": source, "kind": kind, "mode": mode, "trigger": trigger, "by": by, "plan": "{}"}
            while True:
                run = time.time_ns() // 1000
                if (yield ADD, {**values, "id": run, "now": time.time()}):
                    return run

        return await self._database.transaction(steps)

    async def find(self, run: int) -> Run | None:
        row = await self._database.fetch_one(FIND, {"id": run})
        return _run(row) if row else None

    async def get(self, run: int) -> Run:
        """As ``find``; UnknownError if there is none."""
        found = await self.find(run)
        if found is None:
            raise UnknownError(f"There is no run {run}.")
        return found

    async def latest(
        self, *, source: str = "", kind: str = "", status: str = "", before: int = _EVER, limit: int = 20
    ) -> list[Run]:
        """Runs, newest first; ``before`` is the id of the last one of the page before."""
        values = {"source": source, "kind": kind, "status": status, "before": before, "limit": limit}
        return [_run(row) for row in await self._database.fetch(LATEST, values)]

    async def claim(self, owner: str, *, seconds: float = LEASE_SECONDS) -> Run | None:
        """The next run to work on: one whose worker is gone, else the oldest that waits, one per source at a time."""

        def steps() -> Generator[Request, list[Row], Row | None]:
            yield LOCK, {}
            now = time.time()
            found = yield CLAIMABLE, {"now": now}
            if not found:
                return None
            claimed = yield CLAIM, {"id": found[0][0], "owner": owner, "until": now + seconds, "now": now}
            return claimed[0]

        if not await self._database.fetch(CLAIMABLE, {"now": time.time()}):
            return None
        row = await self._database.transaction(steps)
        return _run(row) if row else None

    async def renew(self, run: Run, *, seconds: float = LEASE_SECONDS) -> bool:
        """Keep the lease; the result says whether somebody wants the run to stop. LeaseLostError."""
        rows = await self._run(RENEW, {"id": run.id, "fence": run.fence, "until": time.time() + seconds})
        if not rows:
            raise _lost(run)
        return bool(rows[0][0])

    async def decide(self, run: Run, mode: Mode, plan: Mapping[str, Any]) -> None:
        """Keep what was decided when the run began; LeaseLostError."""
        values = {"id": run.id, "fence": run.fence, "mode": mode, "plan": orjson.dumps(dict(plan)).decode()}
        if not await self._run(MODE, values):
            raise _lost(run)

    async def stop(self, run: int) -> bool:
        """Ask a run to stop; False if it is over. One that waits is stopped at once."""
        return bool(await self._run(STOP, {"id": run, "now": time.time()}))

    async def resume(self, run: int) -> bool:
        """Queue a stopped, failed or paused run again, from where it was; False if it is none of these."""
        return bool(await self._run(RESUME, {"id": run, "now": time.time()}))

    async def pause(self, run: Run, until: float, notes: Sequence[Note], plan: Mapping[str, Any]) -> None:
        """Put a run off until a Unix time; a wish to stop ends it instead. LeaseLostError."""
        values = {"id": run.id, "fence": run.fence, "until": until, "now": time.time(), "notes": _noted(notes)}
        if not await self._run(PAUSE, {**values, "plan": orjson.dumps(dict(plan)).decode()}):
            raise _lost(run)

    async def waiting(self, source: str, before: int) -> list[Run]:
        """Paused runs of a source that are older than the run ``before``."""
        values = {"source": source, "id": before, "now": time.time()}
        return [_run(row) for row in await self._database.fetch(WAITING, values)]

    async def supersede(self, run: Run, notes: Sequence[Note]) -> None:
        """End a paused run whose work another one does."""
        await self._run(SUPERSEDE, {"id": run.id, "now": time.time(), "notes": _noted(notes)})

    async def release(self, run: Run) -> None:
        """Give the lease back without an end, so that another worker goes on at once."""
        await self._run(RELEASE, {"id": run.id, "fence": run.fence})

    async def finish(self, run: Run, status: Status, notes: Sequence[Note], statistics: Sequence[Statistic]) -> None:
        """The end; LeaseLostError if another worker has the run."""
        values = {
            "id": run.id,
            "fence": run.fence,
            "status": status,
            "now": time.time(),
            "notes": _noted(notes),
            "statistics": orjson.dumps([_flat(statistic) for statistic in statistics]).decode(),
        }
        if not await self._run(FINISH, values):
            raise _lost(run)

    async def lanes(self, run: int) -> dict[str, dict[str, Any]]:
        """The checkpoint of each target."""
        rows = await self._database.fetch(LANES, {"run": run})
        return {str(target): orjson.loads(checkpoint) for target, checkpoint in rows}

    async def purge(self, before: float) -> int:
        """Remove finished runs that ended before, with their outcomes; how many."""
        gone = 0
        while found := await self._database.fetch(PURGEABLE, {"before": before}):
            for (run,) in found:
                await self._database.transaction(lambda run=run: _removed(run))  # type: ignore[misc]  # bound at once
            gone += len(found)
        return gone

    async def remove(self, run: int) -> None:
        """Forget one run that is over, with its outcomes."""
        await self._database.transaction(lambda: _removed(run))

    async def _run(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        def steps() -> Generator[Request, list[Row], list[Row]]:
            return (yield statement, values)

        return await self._database.transaction(steps)


def guard(run: Run) -> Generator[Request, list[Row], None]:
    """The first step of every transaction of a run: LeaseLostError takes it back if the run has another owner."""
    if not (yield GUARD, {"id": run.id, "fence": run.fence}):
        raise _lost(run)


def lane(run: Run, target: str, checkpoint: Mapping[str, Any]) -> Request:
    """A step that keeps how far a target is."""
    return LANE, {"run": run.id, "target": target, "checkpoint": orjson.dumps(dict(checkpoint)).decode()}


def _removed(run: int) -> Generator[Request, list[Row], None]:
    for statement in PURGE:
        yield statement, {"run": run}


def _lost(run: Run) -> LeaseLostError:
    return LeaseLostError(f"Run {run.id} has another worker now. Nothing was stored; that worker goes on.")


def _noted(notes: Sequence[Note]) -> str:
    return orjson.dumps([[note.code, note.system, note.text] for note in notes]).decode()


def _flat(statistic: Statistic) -> list[object]:
    return [statistic.system, statistic.entity_type, statistic.action, statistic.outcome, statistic.count]


def _run(row: Row) -> Run:
    values = list(row)
    values[10] = orjson.loads(values[10])
    values[11] = tuple(Note(*each) for each in orjson.loads(values[11]))
    values[12] = tuple(Statistic(*each) for each in orjson.loads(values[12]))
    values[16] = bool(values[16])
    return Run(*values)
