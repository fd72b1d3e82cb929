"""The Identity Directory as a sender: its announced changes become real-time events of the sources over it."""

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

from proxeny.connectors.directory import announcing
from proxeny.database import Database, Request, Row
from proxeny.database.errors import DatabaseError
from proxeny.provisioning.systems.central import Senders
from proxeny.store.events import CENTRAL, Sent, accepting

log = logging.getLogger("proxeny.realtime")

POLL_SECONDS = 0.2
BATCH = 200


@dataclass
class Sending:
    """Every replica has one; an announcement is taken by whoever is first. ``senders`` gives the sources that want to
    send; ``wake`` is called when there are new events."""

    database: Database
    senders: Callable[[], Senders]
    wake: Callable[[], None] = lambda: None

    async def tick(self) -> int:
        """Make events of what was announced, in one transaction; how many announcements."""
        senders = self.senders()
        if not senders or not await announcing.waiting(self.database):
            return 0

        def steps() -> Generator[Request, list[Row], int]:
            taken = yield from announcing.taking(BATCH)
            yield from accepting([*_events(senders, taken)])
            return len(taken)

        count = await self.database.transaction(steps)
        if count:
            self.wake()
        return count

    async def run(self) -> None:
        """For ever; also tells programs beside the gateway whether changes are to be announced."""
        told: bool | None = None
        while True:
            try:
                if told is not bool(self.senders()):
                    told = bool(self.senders())
                    await announcing.listen(self.database, wanted=told)
                while await self.tick() == BATCH:
                    pass
            except DatabaseError as error:
                log.error("changes of the directory cannot be told at the moment: %s", error)
            await asyncio.sleep(POLL_SECONDS)


def _events(senders: Senders, taken: Iterable[announcing.Announcement]) -> Iterator[Sent]:
    for kind, entity in taken:
        for source in senders.everything:
            yield Sent(source, kind, entity, "read", sent_by="directory")
        for source in senders.applications if kind == "group" else ():
            yield Sent(source, kind, entity, "read", sent_by=CENTRAL)
