"""The history of transformations: each save is a version with a description; version 1 is what was there before."""

import time
from collections.abc import Generator
from dataclasses import dataclass

from proxeny.database import Database, Request, Row, Statement
from proxeny.store.errors import UnknownError

_COLUMNS = "system, direction, version, text, description, changed_by, changed"
ALL = Statement(
    f"SELECT {_COLUMNS} FROM store_transformations WHERE system = :system AND direction = :direction "
    "ORDER BY version DESC"
)
FIND = Statement(
    f"SELECT {_COLUMNS} FROM store_transformations WHERE system = :system AND direction = :direction "
    "AND version = :version"
)
NEWEST = Statement(
    "SELECT COALESCE(MAX(version), 0) FROM store_transformations WHERE system = :system AND direction = :direction"
)
ADD = Statement(
    f"INSERT INTO store_transformations ({_COLUMNS}) VALUES (:system, :direction, :version, :text, :description, :by, "
    ":now) ON CONFLICT (system, direction, version) DO NOTHING RETURNING version"
)
FORGET = Statement("DELETE FROM store_transformations WHERE system = :system")


@dataclass(frozen=True, slots=True)
class TransformationVersion:
    """One version; ``changed`` is Unix time, ``text`` empty for the default of the system's type."""

    system: str
    direction: str
    version: int
    text: str
    description: str
    changed_by: str
    changed: float


class Transformations:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, system: str, direction: str) -> list[TransformationVersion]:
        """Newest first."""
        rows = await self._database.fetch(ALL, {"system": system, "direction": direction})
        return [TransformationVersion(*row) for row in rows]

    async def get(self, system: str, direction: str, version: int) -> TransformationVersion:
        """UnknownError if there is none."""
        values = {"system": system, "direction": direction, "version": version}
        row = await self._database.fetch_one(FIND, values)
        if row is None:
            raise UnknownError(f"The {direction} transformation of {system} has no version {version}.")
        return TransformationVersion(*row)

    async def add(
        self, system: str, direction: str, text: str, description: str, by: str, *, initial: str
    ) -> TransformationVersion:
        """The next version. Before the first, ``initial`` is kept as version 1."""

        def steps() -> Generator[Request, list[Row], int]:
            which = {"system": system, "direction": direction}
            now = time.time()
            newest = int((yield NEWEST, which)[0][0])
            if not newest:
                first = {"text": initial, "description": "Initial", "by": "", "now": now, "version": 1}
                yield ADD, {**which, **first}
                newest = 1
            values = {**which, "text": text, "description": description, "by": by, "now": now}
            while not (yield ADD, {**values, "version": newest + 1}):
                newest += 1
            return newest + 1

        return await self.get(system, direction, await self._database.transaction(steps))

    async def forget(self, system: str) -> None:
        """The history ends with the system."""

        def steps() -> Generator[Request, list[Row], None]:
            yield FORGET, {"system": system}

        await self._database.transaction(steps)
