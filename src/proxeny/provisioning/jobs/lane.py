"""One target in one run: page after page, then what had to wait, then the deletions; at its own speed.

The checkpoint is stored in the same transaction as what the page brought about.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from proxeny.connectors.errors import ConnectorError
from proxeny.database import Request
from proxeny.provisioning.deliveries.carrying import Carrying, Manner
from proxeny.provisioning.deliveries.case import Case
from proxeny.provisioning.deliveries.destination import Destination
from proxeny.provisioning.deliveries.health import Health
from proxeny.provisioning.deliveries.origin import Item, Origin
from proxeny.provisioning.deliveries.resolve import Resolver
from proxeny.provisioning.deliveries.tracing import NOTHING, Tracing
from proxeny.provisioning.errors import BehindError
from proxeny.provisioning.jobs.guard import Verdict
from proxeny.provisioning.jobs.ledger import Ledger, Memory
from proxeny.provisioning.jobs.pausing import probe
from proxeny.provisioning.jobs.sharing import Share
from proxeny.store import contents, links, outcomes, runs
from proxeny.store.links import Pair
from proxeny.store.outcomes import Outcome
from proxeny.store.runs import Note

Kind = Literal["read", "again", "delete", "late"]
LATE_LIMIT = 10_000
BATCH = 100


@dataclass(slots=True)
class Context:
    """What the lanes of a run have in common. ``id_of``: the id of the system with that name. ``outages``: targets that
    are down, and when they are asked again."""

    source: Origin
    ledger: Ledger
    manner: Manner
    share: Share
    stopping: asyncio.Event
    id_of: Callable[[str], str]
    notes: list[Note] = field(default_factory=list)
    outages: dict[str, float] = field(default_factory=dict)
    source_down: Exception | None = None
    tracing: Tracing = NOTHING


class Lane:
    """See the module. ``checkpoint`` is what an earlier worker of the same run has stored, or empty. ``judged``: what
    the guard said of the deletions that are being carried out; of those that are left it might say otherwise."""

    def __init__(
        self, context: Context, target: Destination, checkpoint: dict[str, Any], health: Health | None = None
    ) -> None:
        self.context = context
        self.target = target
        self.pair = Pair(context.source.id, target.id)
        self.types = [name for name in context.source.entity_types if target.takes(name)]
        self.health = health or Health()
        self._at: int = checkpoint.get("step", 0)
        self._position: str | None = checkpoint.get("position")
        self._pages: int = checkpoint.get("pages", 0)
        self._counts: dict[str, int] = dict(checkpoint.get("counts", {}))
        judged = checkpoint.get("judged")
        self.judged: Verdict | None = Verdict(*judged) if judged else None
        self._late: dict[str, list[Item]] = {}
        self._repeats = bool(checkpoint)  # the first page may have been done in part
        self._afresh: bool = checkpoint.get("afresh", False)  # all of this step may have been
        memory = self.memory
        self._carrying = {
            name: Carrying(name, context.source, target, memory.links, memory.claims, context.manner, self.health)
            for name in self.types
        }

    @property
    def memory(self) -> Memory:
        return self.context.ledger.memory

    @property
    def run(self) -> int:
        return self.context.ledger.run.id

    @property
    def steps(self) -> list[tuple[Kind, str]]:
        """Users before groups, then what waited for others; deletions last, groups before users."""
        found: list[tuple[Kind, str]] = [("read", name) for name in self.types]
        found += [("again", name) for name in self.types]
        found += [("delete", name) for name in reversed(self.types)]
        if self.context.manner.full:
            found += [("late", name) for name in self.types]
        return found

    async def work(self, again: "Act", delete: "Act") -> bool:
        """Everything from the checkpoint on; False if it was stopped. ``again`` and ``delete`` do those steps."""
        if self.health.down is not None and not await self._is_back():
            return False
        steps = self.steps
        while self._at < len(steps):
            kind, entity_type = steps[self._at]
            if kind == "read":
                done = await self._read(entity_type)
            elif kind == "again":
                done = await again(self, entity_type)
            elif kind == "delete":
                done = await delete(self, entity_type)
            else:
                done = await self.deliver(entity_type, self._late.pop(entity_type, []), again=True)
            if not done or self.context.stopping.is_set():
                return False
            self._at, self._position, self._afresh, self.judged = self._at + 1, None, False, None
            await self.commit([])
        return True

    async def put_off(self) -> None:
        """The run pauses: what is being read is read from its beginning when it goes on. In between, a source that
        pages by number may have moved those who follow into what was read, and who was given up may be tried again."""
        steps = self.steps
        if self._at < len(steps) and steps[self._at][0] == "read":
            self._position, self._afresh = None, True
            read = f"{steps[self._at][1]} "
            self._counts = {key: count for key, count in self._counts.items() if not key.startswith(read)}
        await self.commit([])

    async def _is_back(self) -> bool:
        """One question to a target that was down, if it is time for it."""
        if not self.health.due() or not self.types:
            return False
        try:
            await probe(self.target.connector, self.types[0])
        except ConnectorError as error:
            self.health.unanswered(error)
            return False
        self.context.notes.append(Note("target-back", self.target.id, "The target answers again; the run goes on."))
        self.health.returned()
        return True

    # -- pages ----------------------------------------------------------------------------------------------------

    async def _read(self, entity_type: str) -> bool:
        feed, number = self.context.share.feed(entity_type, self._position), 0
        while not self.context.stopping.is_set():
            try:
                page = await feed.page(number)
            except BehindError:
                feed, number = self.context.share.own(entity_type, self._position), 0
                continue
            if page is None:
                return True
            if not await self.deliver(entity_type, page.items, position=page.position):
                return False
            number += 1
        return False

    async def deliver(
        self, entity_type: str, items: Sequence[Item], *, position: str | None = None, again: bool = False
    ) -> bool:
        """Entities to the target, and into the store, while nobody else works on them; False if not all could be begun
        before the stop."""
        names = self.names(entity_type, items)
        async with self.memory.turns.of(self.pair, entity_type, names):
            try:
                fresh = await _fresh(self, entity_type, items)
                return await self._in_turn(entity_type, fresh, position=position, again=again)
            finally:
                self.memory.claims.release(self.target.place(self.pair.source, entity_type), names)

    def names(self, entity_type: str, items: Iterable[Item]) -> set[str]:
        """The ids of the entities, and of their links."""
        variants = self.target.variants
        return {name for item in items for name in (item.source_id, *variants.keys(entity_type, item.source_id))}

    async def _in_turn(self, entity_type: str, items: Sequence[Item], *, position: str | None, again: bool) -> bool:
        if not items:
            return True
        carrying, resolver = self._carrying[entity_type], self.resolver()
        items = list(self.target.variants.each(entity_type, await _named(self, entity_type, items)))
        known = await self.memory.links.of(self.pair, [item.source_id for item in items])
        cases = await carrying.prepare(items, known, resolver)
        begun = carrying.begun(cases)
        if begun and not self.context.manner.simulated:
            await self.context.ledger.commit([links.put(self.pair, begun)])
        await carrying.carry(cases, resolver, self.context.stopping)
        complete = all(case.outcome is not None for case in cases)
        if again or self._repeats or self._afresh:
            await _merge(self, cases)
            self._repeats = False
        if not again:
            self._defer(entity_type, cases)
            if complete:
                self._position, self._pages = position, self._pages + 1
        await self.commit(self._requests(cases), cases)
        return complete

    def _requests(self, cases: Sequence[Case]) -> list[Request]:
        rows = [case.outcome for case in cases if case.outcome is not None]
        if self.context.manner.simulated:
            return [outcomes.put(self.run, rows)]
        kept = [case.after for case in cases if case.after is not None]
        gone = [(case.entity_type, case.item.source_id) for case in cases if case.dropped]
        traced = contents.put(self.run, self.context.tracing.of_cases(cases))
        return [links.put(self.pair, kept), links.drop(self.pair, gone), outcomes.put(self.run, rows), traced]

    def _defer(self, entity_type: str, cases: Iterable[Case]) -> None:
        """Entities whose name another one still has: that one may be gone after the deletions."""
        late = self._late.setdefault(entity_type, [])
        for case in cases:
            if case.outcome is not None and case.outcome.reason == "conflict-linked" and len(late) < LATE_LIMIT:
                late.append(case.item)

    # -- what is stored -------------------------------------------------------------------------------------------

    async def commit(self, requests: Sequence[Request], cases: Iterable[Case] = ()) -> None:
        """Store what was done, with the checkpoint."""
        self.count(case.outcome for case in cases if case.outcome is not None)
        await self.context.ledger.commit([*requests, runs.lane(self.context.ledger.run, self.target.id, self._state())])

    def count(self, rows: Iterable[Outcome]) -> None:
        for row in rows:
            key = f"{row.entity_type} {row.action} {row.outcome}"
            self._counts[key] = self._counts.get(key, 0) + 1

    def _state(self) -> dict[str, Any]:
        steps = self.steps
        phase = " ".join(steps[self._at]) if self._at < len(steps) else "done"
        return {
            "step": self._at,
            "phase": phase,
            "position": self._position,
            "afresh": self._afresh,
            "pages": self._pages,
            "counts": self._counts,
            "judged": [self.judged.says, self.judged.reason] if self.judged is not None else None,
            "down": self.health.down,
            "outage": self.health.outage(),
        }

    def resolver(self) -> Resolver:
        """Answers the look-ups of one page."""
        foreseen = self._foreseen if self.context.manner.simulated else None
        return Resolver(self.memory.links, self.pair, self.context.id_of, self.target.variants, foreseen=foreseen)

    async def _foreseen(self, entity_type: str, ids: Collection[str]) -> dict[str, str]:
        """In a simulation, what the run would create has its id among the links as a stand-in."""
        found = await self.memory.outcomes.of_entities(self.run, self.target.id, entity_type, ids)
        return {key: f"new:{key}" for key, one in found.items() if (one.action, one.outcome) == ("create", "done")}


async def _named(lane: Lane, entity_type: str, items: Sequence[Item]) -> list[Item]:
    """Those that do not cross under the ids of their links: of them only the source's own id is known, which may be
    the entityIdSourceSystem of somebody else."""
    unnamed = [item.native_id for item in items if item.said != "ok"]
    if not unnamed:
        return [*items]
    known = await lane.memory.links.by_native(lane.pair, entity_type, unnamed)
    taken = {item.source_id for item in items if item.said == "ok"}
    taken |= {link.source_id for link in known if link.native_id is not None}
    names = {link.native_id: lane.target.variants.base(entity_type, link.source_id) for link in known}
    found = [
        item if item.said == "ok" else replace(item, source_id=names.get(item.native_id, item.source_id))
        for item in items
    ]
    return [item for item in found if item.said == "ok" or item.native_id in names or item.source_id not in taken]


async def _fresh(lane: Lane, entity_type: str, items: Sequence[Item]) -> Sequence[Item]:
    """What real time brought while this run was reading is read again: the page is older."""
    source, run = lane.context.source, lane.context.ledger.run
    ids = [item.source_id for item in items]
    old = lane.memory.turns.since(run.started or run.created, source.id, entity_type, ids)
    if not old:
        return items
    again = await source.some(entity_type, [item.native_id for item in items if item.source_id in old])
    return [*(item for item in items if item.source_id not in old), *again]


async def _merge(lane: Lane, cases: Sequence[Case]) -> None:
    """An entity that this run has created stays created, whatever was done to it later in the run."""
    ended = [(case, case.outcome) for case in cases if case.outcome is not None]
    ended = [(case, now) for case, now in ended if now.outcome in ("done", "unchanged")]
    for entity_type in {now.entity_type for _, now in ended}:
        ids = [now.entity_id for _, now in ended if now.entity_type == entity_type]
        earlier = await lane.memory.outcomes.of_entities(lane.run, lane.target.id, entity_type, ids)
        for case, now in ended:
            before = earlier.get(now.entity_id) if now.entity_type == entity_type else None
            if before is not None and before.outcome == "done" and before.action in ("create", "correlate", "update"):
                attempts = before.attempts + now.attempts
                case.outcome = replace(now, action=before.action, outcome="done", attempts=attempts)


Act = Callable[[Lane, str], Awaitable[bool]]
"""One step for one entity type; False if it was stopped."""


def batches(stream: AsyncIterator[Any], size: int = BATCH) -> AsyncIterator[list[Any]]:
    """The elements of a stream, several at a time."""

    async def grouped() -> AsyncIterator[list[Any]]:
        part: list[Any] = []
        async for one in stream:
            part.append(one)
            if len(part) == size:
                yield part
                part = []
        if part:
            yield part

    return grouped()
