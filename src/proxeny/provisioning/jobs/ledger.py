"""What a run stores, and how: every transaction under the run's lease, tried again while the storage is away."""

import asyncio
import logging
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from proxeny.database import Database, Request, Row
from proxeny.database.errors import StorageUnavailableError
from proxeny.provisioning.deliveries.claims import Claims
from proxeny.provisioning.deliveries.turns import Turns
from proxeny.store import runs
from proxeny.store.contents import Contents
from proxeny.store.held import HeldDeletions
from proxeny.store.links import Links
from proxeny.store.marks import Marks
from proxeny.store.outcomes import Outcomes
from proxeny.store.runs import Run, Runs

PATIENCE_SECONDS = 120.0
logger = logging.getLogger("proxeny.job")


@dataclass(frozen=True, slots=True)
class Memory:
    """All that provisioning remembers, over one database; whose turn it is with an entity, and who claims one."""

    database: Database
    links: Links
    outcomes: Outcomes
    runs: Runs
    held: HeldDeletions
    marks: Marks
    contents: Contents
    turns: Turns = field(default_factory=Turns)
    claims: Claims = field(default_factory=Claims)

    @classmethod
    def over(cls, database: Database) -> "Memory":
        return cls(
            database,
            Links(database),
            Outcomes(database),
            Runs(database),
            HeldDeletions(database),
            Marks(database),
            Contents(database),
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """The memory as one run writes it."""

    memory: Memory
    run: Run

    async def commit(self, requests: Sequence[Request]) -> None:
        """All or nothing, and only while the run is ours (LeaseLostError). A full or absent database is waited for:
        nothing goes on before what was done is stored."""

        def steps() -> Generator[Request, list[Row], None]:
            yield from runs.guard(self.run)
            for request in requests:
                if request[1]:
                    _ = yield request

        latest = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await self.memory.database.transaction(steps)
            except StorageUnavailableError as error:
                if time.monotonic() > latest:
                    raise
                logger.warning("what a run did cannot be stored yet: %s", error, extra={"run": self.run.id})
                await asyncio.sleep(1.0)
            else:
                return
