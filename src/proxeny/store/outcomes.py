"""Outcomes: what became of each entity in each system in each run, exactly one row, with the reason.

Whoever repeats an entity (after a crash, in a second pass) replaces its row.
"""

from collections.abc import AsyncIterator, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from proxeny.database import Database, Request, Row, Statement

Action = Literal["read", "create", "correlate", "update", "delete", "unlink", "none"]
Result = Literal["done", "unchanged", "skipped", "failed", "held", "planned"]
"""``planned`` is a deletion that the guard has not looked at yet; no finished run has one."""

_COLUMNS = (
    "entity_id, system, entity_type, action, outcome, reason, message, target_id, changed, attempts, versions, at"
)
PUT = Statement(
    f"INSERT INTO job_outcomes (run, {_COLUMNS}) VALUES (:run, :entity_id, :system, :entity_type, :action, :outcome, "
    ":reason, :message, :target_id, :changed, :attempts, :versions, :at) "
    "ON CONFLICT (run, system, entity_type, entity_id) DO UPDATE SET action = excluded.action, "
    "outcome = excluded.outcome, reason = excluded.reason, message = excluded.message, "
    "target_id = excluded.target_id, changed = excluded.changed, attempts = excluded.attempts, "
    "versions = excluded.versions, at = excluded.at"
)
_WHERE = "run = :run AND system = :system AND entity_type = :entity_type AND entity_id > :after"
OF_RUN = Statement(f"SELECT {_COLUMNS} FROM job_outcomes WHERE {_WHERE} ORDER BY entity_id LIMIT :limit")
WITH_RESULT = Statement(
    f"SELECT {_COLUMNS} FROM job_outcomes WHERE {_WHERE} AND outcome = :outcome ORDER BY entity_id LIMIT :limit"
)
OPEN = {
    result: Statement(
        f"SELECT {_COLUMNS} FROM job_outcomes WHERE {_WHERE} AND outcome = '{result}' ORDER BY entity_id LIMIT :limit"
    )
    for result in ("planned", "failed", "held")
}
COUNT_OPEN = {
    result: Statement(
        "SELECT entity_type, COUNT(*) FROM job_outcomes WHERE run = :run AND system = :system "
        f"AND outcome = '{result}' GROUP BY entity_type"
    )
    for result in ("planned", "failed", "held")
}
STATISTICS = Statement(
    "SELECT system, entity_type, action, outcome, COUNT(*) FROM job_outcomes WHERE run = :run "
    "GROUP BY system, entity_type, action, outcome"
)
REASONS = Statement(
    "SELECT system, entity_type, outcome, reason, COUNT(*) FROM job_outcomes WHERE run = :run AND reason IS NOT NULL "
    "GROUP BY system, entity_type, outcome, reason"
)
SYSTEMS = Statement("SELECT DISTINCT system, entity_type FROM job_outcomes WHERE run = :run")
OF_ENTITY = Statement(
    f"SELECT {_COLUMNS} FROM job_outcomes WHERE run = :run AND system = :system AND entity_type = :entity_type "
    "AND entity_id = :entity_id"
)
_OF_TYPE = f"SELECT {_COLUMNS} FROM job_outcomes WHERE run = :run AND system = :system AND entity_type = :entity_type"
OF_ENTITIES = Statement.per_dialect(
    f"{_OF_TYPE} AND entity_id IN (SELECT value FROM json_each(:ids))",
    f"{_OF_TYPE} AND entity_id = ANY(CAST(:ids AS TEXT[]))",
)
PAGE = Statement(
    f"SELECT {_COLUMNS} FROM job_outcomes WHERE run = :run AND (system, entity_type, entity_id) > (:after_system, "
    ":after_type, :after_id) AND (:system = '' OR system = :system) AND (:entity_type = '' OR "
    "entity_type = :entity_type) AND (:outcome = '' OR outcome = :outcome) AND (:action = '' OR action = :action) "
    "AND (:reason = '' OR reason = :reason) AND (:entity_id = '' OR entity_id = :entity_id) "
    "ORDER BY system, entity_type, entity_id LIMIT :limit"
)
PURGE = Statement("DELETE FROM job_outcomes WHERE run = :run")


@dataclass(frozen=True, slots=True)
class Outcome:
    """``entity_id`` is the source's id. ``changed`` names attributes, never values; ``versions`` are those of the
    transformations; ``at`` is Unix time."""

    entity_id: str
    system: str
    entity_type: str
    action: Action
    outcome: Result
    reason: str | None = None
    message: str | None = None
    target_id: str | None = None
    changed: tuple[str, ...] = ()
    attempts: int = 0
    versions: str | None = None
    at: float = 0.0


Place = tuple[str, str, str]
"""System, entity type and entity id: where a page of outcomes ended."""
BEGINNING: Place = ("", "", "")


@dataclass(frozen=True, slots=True)
class Statistic:
    system: str
    entity_type: str
    action: Action
    outcome: Result
    count: int


class Outcomes:
    """See the module. ``only``: pages and statistics show these systems alone, for whoever may see no others."""

    def __init__(self, database: Database, only: Collection[str] | None = None) -> None:
        self._database = database
        self._only = only

    def of_systems(self, systems: Collection[str] | None) -> "Outcomes":
        """What somebody sees who may see these systems; None: all of them."""
        return self if systems is None else Outcomes(self._database, systems)

    async def of_run(
        self, run: int, *, system: str | None = None, entity_type: str | None = None, outcome: Result | None = None
    ) -> AsyncIterator[Outcome]:
        """The rows of a run, by system, type and entity; in bounded memory."""
        for one, kind in sorted(await self._database.fetch(SYSTEMS, {"run": run}, heavy=True)):
            if one == (system or one) and kind == (entity_type or kind):
                async for found in self.among(run, one, kind, outcome):
                    yield found

    async def page(self, run: int, after: Place, limit: int, **wanted: str) -> list[Outcome]:
        """Rows of a run behind a place, in its order. ``wanted``: ``system``, ``entity_type``, ``entity_id``,
        ``action``, ``outcome`` and ``reason`` that they must have."""
        if self._only is not None:
            return await self._page_of_some(run, after, limit, self._only, wanted)
        values = dict.fromkeys(("system", "entity_type", "entity_id", "action", "outcome", "reason"), "")
        place = {"after_system": after[0], "after_type": after[1], "after_id": after[2]}
        rows = await self._database.fetch(PAGE, {**values, **wanted, **place, "run": run, "limit": limit}, heavy=True)
        return [_outcome(row) for row in rows]

    async def _page_of_some(
        self, run: int, after: Place, limit: int, only: Collection[str], wanted: Mapping[str, str]
    ) -> list[Outcome]:
        """As ``page``, system by system."""
        whole, rows = Outcomes(self._database), list[Outcome]()
        for system in sorted(only):
            if system >= after[0] and wanted.get("system", system) == system and len(rows) < limit:
                rows += await whole.page(run, after, limit - len(rows), **{**wanted, "system": system})
        return rows

    async def among(
        self, run: int, system: str, entity_type: str, outcome: Result | None = None
    ) -> AsyncIterator[Outcome]:
        """The rows of one system and type."""
        values = {"run": run, "system": system, "entity_type": entity_type, "outcome": outcome}
        statement = OF_RUN if outcome is None else OPEN.get(outcome, WITH_RESULT)
        async for row in self._database.stream(statement, values, after=""):
            yield _outcome(row)

    async def counted(self, run: int, system: str, outcome: Literal["planned", "failed", "held"]) -> dict[str, int]:
        """How many of each entity type have this outcome."""
        rows = await self._database.fetch(COUNT_OPEN[outcome], {"run": run, "system": system}, heavy=True)
        return {str(row[0]): int(row[1]) for row in rows}

    async def statistics(self, run: int) -> list[Statistic]:
        rows = await self._database.fetch(STATISTICS, {"run": run}, heavy=True)
        return [Statistic(*row) for row in sorted(rows) if self._only is None or row[0] in self._only]

    async def reasons(self, run: int) -> list[tuple[str, str, str, str, int]]:
        """(system, entity type, outcome, reason, count) of everything that has a reason."""
        return sorted(await self._database.fetch(REASONS, {"run": run}, heavy=True))

    async def of_entity(self, run: int, system: str, entity_type: str, entity_id: str) -> Outcome | None:
        values = {"run": run, "system": system, "entity_type": entity_type, "entity_id": entity_id}
        row = await self._database.fetch_one(OF_ENTITY, values)
        return _outcome(row) if row else None

    async def of_entities(self, run: int, system: str, entity_type: str, ids: Collection[str]) -> dict[str, Outcome]:
        """The rows of these entities, by their ids: one statement."""
        if not ids:
            return {}
        listed = orjson.dumps([*ids]).decode() if self._database.dialect == "sqlite" else [*ids]
        values = {"run": run, "system": system, "entity_type": entity_type, "ids": listed}
        rows = await self._database.fetch(OF_ENTITIES, values)
        return {one.entity_id: one for one in map(_outcome, rows)}

    async def purge(self, run: int) -> None:
        def steps() -> Generator[Request, list[Row], None]:
            yield PURGE, {"run": run}

        await self._database.transaction(steps)


def put(run: int, outcomes: Iterable[Outcome]) -> Request:
    """A step that keeps outcomes."""
    return PUT, [_values(run, outcome) for outcome in outcomes]


def _values(run: int, outcome: Outcome) -> dict[str, object]:
    return {
        "run": run,
        "entity_id": outcome.entity_id,
        "system": outcome.system,
        "entity_type": outcome.entity_type,
        "action": outcome.action,
        "outcome": outcome.outcome,
        "reason": outcome.reason,
        "message": outcome.message,
        "target_id": outcome.target_id,
        "changed": orjson.dumps(outcome.changed).decode() if outcome.changed else None,
        "attempts": outcome.attempts,
        "versions": outcome.versions,
        "at": outcome.at,
    }


def _outcome(row: Sequence[object]) -> Outcome:
    values = list(row)
    values[8] = tuple(orjson.loads(str(values[8]))) if values[8] else ()
    return Outcome(*values)  # type: ignore[arg-type]  # the columns of the statement
