"""Turns: jobs and real time work on one entity one after the other, and a job does not put back what real time brought.

Within this process. Among replicas, real-time events of a source whose run is active are carried out by the worker that
has the run (store/events.py).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from proxeny.store.links import Pair

Place = tuple[Pair, str, str]
"""Source and target, entity type, source id."""

REMEMBERED = 100_000


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Turns:
    """See the module."""

    def __init__(self) -> None:
        self._turns: dict[Place, _Turn] = {}
        self._brought: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._forgotten = 0.0

    @asynccontextmanager
    async def of(self, pair: Pair, entity_type: str, ids: Iterable[str]) -> AsyncIterator[None]:
        """Within it, nobody else works on these entities of this target. Taken in order, so that no circle waits."""
        places = [(pair, entity_type, one) for one in sorted(set(ids))]
        turns = [self._turns.setdefault(place, _Turn()) for place in places]
        for turn in turns:
            turn.users += 1
        taken: list[_Turn] = []
        try:
            for turn in turns:
                await turn.lock.acquire()
                taken.append(turn)
            yield
        finally:
            for turn in taken:
                turn.lock.release()
            for place, turn in zip(places, turns, strict=True):
                turn.users -= 1
                if not turn.users:
                    self._turns.pop(place, None)

    def brought(self, source: str, entity_type: str, source_id: str) -> None:
        """Real time has just carried out the newest state of an entity."""
        key = (source, entity_type, source_id)
        self._brought[key] = time.time()
        self._brought.move_to_end(key)
        while len(self._brought) > REMEMBERED:
            self._forgotten = self._brought.popitem(last=False)[1]

    def since(self, moment: float, source: str, entity_type: str, ids: Iterable[str]) -> set[str]:
        """Those of the entities that real time brought after ``moment`` (Unix time): what was read before is old."""
        if self._forgotten > moment:
            return set(ids)
        if not self._brought:
            return set()
        return {one for one in ids if self._brought.get((source, entity_type, one), 0.0) >= moment}
