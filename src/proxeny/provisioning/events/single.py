"""One entity to one target outside of a run, by the same rules and through the same hands as in a run."""

import asyncio
import logging
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from proxeny.database import Request, Row
from proxeny.provisioning.deliveries.carrying import Carrying, Manner
from proxeny.provisioning.deliveries.destination import Destination
from proxeny.provisioning.deliveries.origin import Item, Origin
from proxeny.provisioning.deliveries.resolve import Resolver
from proxeny.provisioning.jobs.deleting import delete_now
from proxeny.provisioning.jobs.lane import Context, Lane
from proxeny.provisioning.jobs.ledger import Ledger, Memory
from proxeny.provisioning.jobs.sharing import Share
from proxeny.store import events, links, outcomes, runs
from proxeny.store.events import Claimed
from proxeny.store.links import Link, Pair, Reference
from proxeny.store.outcomes import Outcome
from proxeny.store.runs import Run
from proxeny.transform import Lookup

log = logging.getLogger("proxeny.realtime")

_MANNER = Manner(full=True, resync=False, simulated=False)
_ELSEWHERE = (outcomes.PUT, runs.LANE)
"""What a run keeps and an event does not: its states are kept with the event itself."""


@dataclass(frozen=True, slots=True)
class EventLedger(Ledger):
    """The memory as one event writes it: under the lease on its entity."""

    claimed: Claimed

    async def commit(self, requests: Sequence[Request]) -> None:
        def steps() -> Generator[Request, list[Row], None]:
            yield from events.holding(self.claimed)
            for request in requests:
                if request[1] and request[0] not in _ELSEWHERE:
                    _ = yield request

        await self.memory.database.transaction(steps)


class Single:
    """One event's entity on its way to one target."""

    def __init__(
        self, memory: Memory, source: Origin, target: Destination, claimed: Claimed, id_of: Callable[[str], str]
    ) -> None:
        self._memory = memory
        self._source = source
        self._target = target
        self._type = claimed.entity_type
        self._pair = Pair(source.id, target.id)
        self._id_of = id_of
        run = Run(claimed.id, source.id, "READ", "full", "IMMEDIATE", "", "running", claimed.received)
        self._ledger = EventLedger(memory, run, claimed)
        share = Share(source, self._ledger, None)
        self._context = Context(source, self._ledger, _MANNER, share, asyncio.Event(), id_of)
        self._lane = Lane(self._context, target, {})

    async def bring(self, item: Item) -> list[Outcome]:
        """The entity as the source has it now; taken away if the target's condition does not hold any more."""
        names = self._lane.names(self._type, [item])
        async with self._memory.turns.of(self._pair, self._type, names):
            try:
                found = await self._brought(item)
                if await self._resolvable(item):  # what it names has come in the meantime
                    found = await self._brought(item)
            finally:
                self._memory.claims.release(self._target.place(self._pair.source, self._type), names)
            self._memory.turns.brought(self._source.id, self._type, item.source_id)
            return [done for one in found for done in await self._ended(one)]

    async def followers(self, source_id: str) -> list[Link]:
        """Entities that name this one, and were sent without it."""
        return await self._memory.links.waiting_for(self._pair, Reference(self._type, source_id))

    async def _brought(self, item: Item) -> list[Outcome]:
        lane, resolver = self._lane, self._resolver()
        memory = self._memory
        carrying = Carrying(self._type, self._source, self._target, memory.links, memory.claims, _MANNER, lane.health)
        items = list(self._target.variants.each(self._type, [item]))
        known = await self._memory.links.of(self._pair, [one.source_id for one in items])
        cases = await carrying.prepare(items, known, resolver)
        begun = carrying.begun(cases)
        if begun:
            await self._ledger.commit([links.put(self._pair, begun)])
        await carrying.carry(cases, resolver, self._context.stopping)
        kept = [case.after for case in cases if case.after is not None]
        gone = [(self._type, case.item.source_id) for case in cases if case.dropped]
        await self._ledger.commit([links.put(self._pair, kept), links.drop(self._pair, gone)])
        return [case.outcome for case in cases if case.outcome is not None]

    async def _resolvable(self, item: Item) -> bool:
        known = await self._memory.links.of(self._pair, self._target.variants.keys(self._type, item.source_id))
        pending = [one for (kind, _), link in known.items() if kind == self._type for one in link.pending]
        lookups = frozenset(Lookup(one.entity_type, one.id) for one in pending)
        return bool(lookups) and any((await self._resolver().ask(lookups)).values())

    def _resolver(self) -> Resolver:
        return Resolver(self._memory.links, self._pair, self._id_of, self._target.variants)

    async def take_away(self, link: Link, reason: str) -> list[Outcome]:
        """The source has it no more, or does not want it to be provisioned."""
        async with self._memory.turns.of(self._pair, self._type, (link.source_id,)):
            row = Outcome(
                link.source_id,
                self._target.id,
                self._type,
                "delete",
                "planned",
                reason,
                target_id=link.target_id,
                versions=f"{self._source.version} {self._target.version}",
                at=time.time(),
            )
            source_id = self._target.variants.base(self._type, link.source_id)
            self._memory.turns.brought(self._source.id, self._type, source_id)
            return await self._ended(row)

    async def _ended(self, outcome: Outcome) -> list[Outcome]:
        if outcome.outcome != "planned":
            return [outcome]
        done = await delete_now(self._lane, self._type, [outcome])
        return [replace(one, reason=one.reason or outcome.reason) for one in done]
