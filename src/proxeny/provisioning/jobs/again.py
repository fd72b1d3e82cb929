"""Entities that waited for others: written once more when what they refer to has come into the target (decision 22)."""

import asyncio
from collections.abc import Sequence

from proxeny.provisioning.deliveries.origin import Item
from proxeny.provisioning.jobs.feed import Feed
from proxeny.provisioning.jobs.lane import Lane, batches
from proxeny.store.links import Link
from proxeny.transform import Lookup

MANY_PENDING = 2000
READERS = 8
"""So many entities are asked for at the same time."""


async def again(lane: Lane, entity_type: str) -> bool:
    """Entities whose references can be resolved now (decision 22): the second and last time in this run."""
    if await lane.memory.links.has_pending(lane.pair, entity_type, more_than=MANY_PENDING):
        return await _from_stream(lane, entity_type)
    async for pending in batches(lane.memory.links.pending(lane.pair, entity_type)):
        items = await _source_items(lane, entity_type, await _resolvable(lane, pending))
        if not await lane.deliver(entity_type, items, again=True):
            return False
    return True


async def _from_stream(lane: Lane, entity_type: str) -> bool:
    """So many wait that the source is rather read once more than asked for each of them."""
    source = lane.context.source
    feed = Feed(lambda position: source.stretches(entity_type, position), None, interval=source.interval)
    try:
        number = 0
        while (page := await feed.page(number)) is not None:
            known = await lane.memory.links.of(lane.pair, list(lane.names(entity_type, page.items)))
            waiting = [link for (kind, _), link in known.items() if kind == entity_type and link.pending]
            variants = lane.target.variants
            wanted = {variants.base(entity_type, link.source_id) for link in await _resolvable(lane, waiting)}
            items = [item for item in page.items if item.said == "ok" and item.source_id in wanted]
            if not await lane.deliver(entity_type, items, again=True):
                return False
            number += 1
    finally:
        await feed.close()
    return True


async def _resolvable(lane: Lane, pending: Sequence[Link]) -> list[Link]:
    wanted = {link.source_id: [Lookup(one.entity_type, one.id) for one in link.pending] for link in pending}
    answers = await lane.resolver().ask(frozenset(one for lookups in wanted.values() for one in lookups))
    return [link for link in pending if any(answers.get(one) for one in wanted[link.source_id])]


async def _source_items(lane: Lane, entity_type: str, found: Sequence[Link]) -> list[Item]:
    ids = [link.native_id or link.source_id for link in found]
    portions = [ids[start::READERS] for start in range(min(READERS, len(ids)))]
    read = await asyncio.gather(*(lane.context.source.some(entity_type, portion) for portion in portions))
    return [item for items in read for item in items if item.said == "ok"]
