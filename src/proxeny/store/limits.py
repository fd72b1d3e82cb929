"""What replicas tell one another about callers: who is locked out, and how many requests each technical user sent."""

import time
from collections.abc import Generator, Mapping, Sequence

from proxeny.database import Database, Request, Row, Statement

_LOCK = Statement(
    "INSERT INTO lock_outs (address, client, until) VALUES (:address, :client, :until) "
    "ON CONFLICT (address, client) DO UPDATE SET until = excluded.until"
)
_LOCKED = Statement("SELECT address, client, until FROM lock_outs WHERE until > :now")
_UNLOCK = Statement("DELETE FROM lock_outs WHERE until <= :now")
_COUNT = Statement(
    "INSERT INTO request_counts (replica, client, minute, count) VALUES (:replica, :client, :minute, :count) "
    "ON CONFLICT (replica, client, minute) DO UPDATE SET count = excluded.count"
)
_COUNTED = Statement(
    "SELECT client, SUM(count) FROM request_counts WHERE minute = :minute AND replica <> :replica GROUP BY client"
)
_FORGET = Statement("DELETE FROM request_counts WHERE minute < :minute")

Lock = tuple[str, str, float]
"""Address, technical user, and the Unix time until which the pair is locked."""


class Limits:
    def __init__(self, database: Database, replica: str) -> None:
        self._database = database
        self._replica = replica

    async def share_locks(self, new: Sequence[Lock]) -> list[Lock]:
        """Tells of new locks; every lock that holds now, of all replicas. Writes only if there is something to tell."""
        now = time.time()
        if new:
            rows = [{"address": address, "client": client, "until": until} for address, client, until in new]

            def steps() -> Generator[Request, list[Row], None]:
                yield _UNLOCK, {"now": now}
                yield _LOCK, rows

            await self._database.transaction(steps)
        return [(row[0], row[1], row[2]) for row in await self._database.fetch(_LOCKED, {"now": now})]

    async def share_counts(self, minute: int, counts: Mapping[str, int]) -> dict[str, int]:
        """Tells how many requests each technical user sent here in that minute; how many it sent elsewhere."""
        if counts:
            rows = [
                {"replica": self._replica, "client": client, "minute": minute, "count": count}
                for client, count in counts.items()
            ]

            def steps() -> Generator[Request, list[Row], None]:
                yield _FORGET, {"minute": minute - 2}
                yield _COUNT, rows

            await self._database.transaction(steps)
        found = await self._database.fetch(_COUNTED, {"minute": minute, "replica": self._replica})
        return {row[0]: int(row[1]) for row in found}
