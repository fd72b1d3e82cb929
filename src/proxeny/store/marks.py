"""Marks: from where the next delta read of a source goes on, for which targets, and when a full read is due."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

import orjson

from proxeny.database import Database, Request, Row, Statement

FIND = Statement("SELECT cursors, targets, deltas, force_full FROM job_marks WHERE source = :source")
PUT = Statement(
    "INSERT INTO job_marks (source, cursors, targets, deltas, force_full) "
    "VALUES (:source, :cursors, :targets, :deltas, :force_full) ON CONFLICT (source) DO UPDATE SET "
    "cursors = excluded.cursors, targets = excluded.targets, deltas = excluded.deltas, "
    "force_full = excluded.force_full"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """``cursors`` by entity type; ``targets`` that had everything up to them; ``deltas`` scheduled since the last full
    read; ``force_full``: a forced full read has failed, so full reads follow until one succeeds."""

    cursors: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    deltas: int = 0
    force_full: bool = False


class Marks:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, source: str) -> Mark:
        row = await self._database.fetch_one(FIND, {"source": source})
        if row is None:
            return Mark()
        return Mark(orjson.loads(row[0]), tuple(orjson.loads(row[1])), int(row[2]), bool(row[3]))

    async def put(self, source: str, mark: Mark) -> None:
        def steps() -> Generator[Request, list[Row], None]:
            yield put(source, mark)

        await self._database.transaction(steps)


def put(source: str, mark: Mark) -> Request:
    """A step that moves the mark."""
    values = {
        "source": source,
        "cursors": orjson.dumps(dict(mark.cursors)).decode(),
        "targets": orjson.dumps(mark.targets).decode(),
        "deltas": mark.deltas,
        "force_full": int(mark.force_full),
    }
    return PUT, values
