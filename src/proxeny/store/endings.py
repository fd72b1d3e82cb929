"""Endings: who was told already that something ends soon, so that each is told once at each threshold."""

import time
from collections.abc import Generator, Sequence

from proxeny.database import Database, Request, Row, Statement
from proxeny.store.notices import Notice, queueing

TELL = Statement(
    "INSERT INTO store_endings_told (problem, channel, address, told) VALUES (:problem, :channel, :address, :now) "
    "ON CONFLICT (problem, channel, address) DO NOTHING RETURNING problem"
)
PURGE = Statement("DELETE FROM store_endings_told WHERE told < :before")


class Endings:
    """See the module. The ``problem`` of a notice names what ends, when, and the threshold."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tell(self, notices: Sequence[Notice]) -> int:
        """Queue those that were not told yet to that address, by whichever replica; how many."""

        def steps() -> Generator[Request, list[Row], int]:
            told = 0
            for notice in notices:
                values = {"problem": notice.problem, "channel": notice.channel, "address": notice.address}
                if (yield TELL, {**values, "now": time.time()}):
                    yield from queueing(notice)
                    told += 1
            return told

        return await self._database.transaction(steps) if notices else 0

    async def purge(self, before: float) -> None:
        """Forget what was told before."""

        def steps() -> Generator[Request, list[Row], None]:
            yield PURGE, {"before": before}

        await self._database.transaction(steps)
