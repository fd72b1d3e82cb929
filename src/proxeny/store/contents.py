"""Contents: what entities of a run were, where its source wants that kept (``ips.trace.*.content``); gone with the run.

Each wish is for one run: it is spent by the first run that fulfils it, until the property is false in between.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from proxeny.database import Database, Request, Row, Statement
from proxeny.store.outcomes import Outcome, Place

PUT = Statement(
    "INSERT INTO job_contents (run, system, entity_type, entity_id, content) "
    "VALUES (:run, :system, :entity_type, :entity_id, :content) "
    "ON CONFLICT (run, system, entity_type, entity_id) DO UPDATE SET content = excluded.content"
)
_OF = (
    "SELECT entity_id, content FROM job_contents WHERE run = :run AND system = :system AND entity_type = :entity_type "
    "AND entity_id {}"
)
OF = Statement.per_dialect(
    _OF.format("IN (SELECT value FROM json_each(:ids))"), _OF.format("= ANY(CAST(:ids AS TEXT[]))")
)
SPENT = Statement("SELECT name, run FROM job_contents_spent WHERE source = :source")
SPEND = Statement(
    "INSERT INTO job_contents_spent (source, name, run) VALUES (:source, :name, :run) "
    "ON CONFLICT (source, name) DO NOTHING"
)
RENEW = Statement("DELETE FROM job_contents_spent WHERE source = :source AND name = :name")


@dataclass(frozen=True, slots=True)
class Content:
    """An entity in a system, as JSON in which nothing secret is left."""

    system: str
    entity_type: str
    entity_id: str
    text: str


class Contents:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, run: int, rows: Sequence[Outcome]) -> dict[Place, str]:
        """What is kept of the entities of these outcomes of a run."""
        groups: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            groups.setdefault((row.system, row.entity_type), []).append(row.entity_id)
        found: dict[Place, str] = {}
        for (system, entity_type), ids in groups.items():
            values = {"run": run, "system": system, "entity_type": entity_type, "ids": self._list(ids)}
            kept = await self._database.fetch(OF, values, heavy=True)
            found.update(((system, entity_type, row[0]), row[1]) for row in kept)
        return found

    async def fresh(self, source: str, wishes: Mapping[str, bool]) -> frozenset[str]:
        """Those of a source's wishes that are true and were not fulfilled yet; one that is false may be fulfilled again
        later."""
        spent = {str(row[0]) for row in await self._database.fetch(SPENT, {"source": source})}
        again = sorted(name for name in spent if not wishes.get(name))
        if again:

            def steps() -> Generator[Request, list[Row], None]:
                yield RENEW, [{"source": source, "name": name} for name in again]

            await self._database.transaction(steps)
        return frozenset(name for name, wanted in wishes.items() if wanted and name not in spent)

    async def spend(self, source: str, names: Iterable[str], run: int) -> None:
        """This run fulfils them."""
        values = [{"source": source, "name": name, "run": run} for name in sorted(names)]

        def steps() -> Generator[Request, list[Row], None]:
            yield SPEND, values

        if values:
            await self._database.transaction(steps)

    def _list(self, ids: Sequence[str]) -> object:
        return orjson.dumps(list(ids)).decode() if self._database.dialect == "sqlite" else list(ids)


def put(run: int, contents: Iterable[Content]) -> Request:
    """A step that keeps contents."""
    return PUT, [
        {
            "run": run,
            "system": one.system,
            "entity_type": one.entity_type,
            "entity_id": one.entity_id,
            "content": one.text,
        }
        for one in contents
    ]
