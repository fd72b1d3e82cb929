"""Claims: who has just made or taken over an entity of a target, until the links that say so are stored.

Entities of a page are written at the same time, and real-time events too. Without claims the second of two users with
one name would find the account that the first has made a moment ago, and take it for one that nobody has.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

Place = tuple[str, str, str]
"""Source, backend (one of the targets with it) and entity type."""


@dataclass(slots=True)
class Claims:
    """Within this process; what is stored is known to the links."""

    _owners: dict[tuple[Place, str], str] = field(default_factory=dict)
    _held: dict[tuple[Place, str], list[str]] = field(default_factory=dict)
    _creating: dict[Place, set[asyncio.Future[None]]] = field(default_factory=dict)

    @asynccontextmanager
    async def creating(self, place: Place) -> AsyncIterator[None]:
        """Around a call that creates."""
        underway = self._creating.setdefault(place, set())
        ended = asyncio.get_running_loop().create_future()
        underway.add(ended)
        try:
            yield
        finally:
            ended.set_result(None)
            underway.discard(ended)
            if not underway:
                self._creating.pop(place, None)

    async def settled(self, place: Place) -> None:
        """When the creates that are under way have ended: one of them may have made what is in the way."""
        underway = [*self._creating.get(place, ())]
        if underway:
            await asyncio.wait(underway)

    def take(self, place: Place, target_id: str, source_id: str) -> str:
        """Claim an entity of the target for one of the source; whose it is, which may be another's."""
        owner = self._owners.setdefault((place, target_id), source_id)
        if owner == source_id:
            self._held.setdefault((place, source_id), []).append(target_id)
        return owner

    def release(self, place: Place, source_ids: Iterable[str]) -> None:
        """The links of these entities of the source are stored, or nothing came of them."""
        for source_id in source_ids:
            for target_id in self._held.pop((place, source_id), ()):
                self._owners.pop((place, target_id), None)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one entity of a source claims."""

    claims: Claims
    place: Place
    source_id: str

    def creating(self) -> AbstractAsyncContextManager[None]:
        """Around a call that creates."""
        return self.claims.creating(self.place)

    async def settled(self) -> None:
        """When the creates of others that are under way have ended."""
        await self.claims.settled(self.place)

    def take(self, target_id: str) -> str:
        """Whose the entity of the target is now: an id of the source."""
        return self.claims.take(self.place, target_id, self.source_id)
