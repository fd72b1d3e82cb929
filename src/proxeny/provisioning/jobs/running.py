"""One run from its beginning or its checkpoint to its end: the source, its targets, each in a lane of its own."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from proxeny.connectors.errors import ConnectorError
from proxeny.connectors.outbound import throttle
from proxeny.errors import Error
from proxeny.provisioning.catalog import OpenSystem, at_work
from proxeny.provisioning.deliveries.carrying import Manner
from proxeny.provisioning.deliveries.destination import Destination, destination
from proxeny.provisioning.deliveries.health import Health
from proxeny.provisioning.deliveries.origin import Origin, origin
from proxeny.provisioning.deliveries.tracing import tracing, wishes_of
from proxeny.provisioning.errors import SourceBrokenError
from proxeny.provisioning.jobs.again import again
from proxeny.provisioning.jobs.deleting import delete
from proxeny.provisioning.jobs.lane import Context, Lane
from proxeny.provisioning.jobs.ledger import Ledger, Memory
from proxeny.provisioning.jobs.pausing import (
    Heritage,
    Outages,
    is_down,
    lasting,
    source_is_back,
    source_wait,
    take_over,
    waiting_note,
)
from proxeny.provisioning.jobs.sharing import Share
from proxeny.store.errors import LeaseLostError
from proxeny.store.marks import Mark
from proxeny.store.runs import Mode, Note, Run, Status

logger = logging.getLogger("proxeny.job")


class Systems(Protocol):
    """What a run needs of the catalog."""

    def system(self, system: str) -> OpenSystem: ...

    def systems(self) -> Mapping[str, OpenSystem]: ...


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a run ended, and what influenced it. One that is ``paused`` goes on at ``until`` (Unix time) by ``plan``."""

    status: Status | Literal["paused"]
    notes: tuple[Note, ...] = ()
    until: float = 0.0
    plan: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Decided:
    """What is decided when a run begins, and kept for whoever goes on with it."""

    mode: Mode
    cursors: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    forced: bool = False
    why: str = ""
    contents: frozenset[str] = frozenset()
    targets: tuple[str, ...] = ()

    def stored(self) -> dict[str, Any]:
        """As the plan of the run."""
        return {
            "cursors": self.cursors,
            "marks": self.marks,
            "forced": self.forced,
            "why": self.why,
            "contents": sorted(self.contents),
            "targets": self.targets,
            "decided": True,
        }

    @classmethod
    def of(cls, run: Run) -> "_Decided | None":
        plan = run.plan
        if not plan.get("decided"):
            return None
        contents = frozenset(plan.get("contents", ()))
        cursors, marks, targets = dict(plan["cursors"]), dict(plan["marks"]), tuple(plan.get("targets", ()))
        return cls(run.mode, cursors, marks, plan["forced"], plan["why"], contents, targets)


def targets_of(systems: Systems, source: OpenSystem) -> Iterator[OpenSystem]:
    """Every open target that names the source."""
    names = {source.blueprint.definition.id, source.blueprint.definition.name}
    for system in systems.systems().values():
        if system.blueprint.role == "target" and names & set(system.blueprint.definition.sources):
            yield system


async def conduct(memory: Memory, systems: Systems, run: Run, stopping: asyncio.Event) -> Conduct:
    """Carry out a run that this worker has claimed; LeaseLostError, and whatever keeps a run from beginning."""
    throttle.purpose.set("job")
    throttle.repeats.set(False)
    opened = systems.system(run.source)
    reached = [*targets_of(systems, opened)]
    with at_work(opened, *reached):
        return await _conducted(memory, systems, run, stopping, opened, reached)


async def _conducted(
    memory: Memory,
    systems: Systems,
    run: Run,
    stopping: asyncio.Event,
    opened: OpenSystem,
    reached: Sequence[OpenSystem],
) -> Conduct:
    source, ledger = origin(opened), Ledger(memory, run)
    everyone = systems.systems().values()
    targets = [destination(system, everyone) for system in reached]
    heritage = await take_over(memory.runs, run)
    if heritage.ask_at > time.time() and run.kind != "SIMULATE":
        return _still_without_source(source, run, heritage)
    waits = int(run.plan.get("waits", heritage.source.get("waits", 0)))
    try:
        await source_is_back(waits, source.connector, source.entity_types)
        decided = await _decide(memory, source, targets, run)
    except ConnectorError as error:
        if run.kind == "SIMULATE" or not is_down(error):
            raise
        return _without_source(waits, source, error, run.plan, ())
    await memory.contents.spend(source.id, decided.contents, run.id)
    sides: list[Origin | Destination] = [source, *targets]
    kept = tracing(decided.contents, source.values, [(one.values, one.connector) for one in sides])
    source = replace(source, keeps_native=kept.at_source)
    delta = decided.mode == "delta"
    context = Context(
        source=source,
        ledger=ledger,
        manner=Manner(full=not delta, resync=run.kind != "READ", simulated=run.kind == "SIMULATE"),
        share=Share(source, ledger, decided.cursors if delta else None, kept),
        stopping=stopping,
        id_of=lambda name: _id_of(systems, name),
        tracing=kept,
    )
    context.notes += lasting(run.notes)
    if decided.why:
        context.notes.append(Note("full-read", source.id, decided.why))
    try:
        done = await _all_lanes(context, targets, await memory.runs.lanes(run.id), heritage.outages)
    finally:
        await context.share.close()
    if not stopping.is_set() and context.source_down is not None:
        return _without_source(0, source, context.source_down, decided.stored(), context.notes)
    if not stopping.is_set() and context.outages:
        return Conduct("paused", tuple(context.notes), min(context.outages.values()), decided.stored())
    status = await _status(context, targets, done)
    if run.kind != "SIMULATE":
        await _mark(memory, run, decided, source, targets, status)
    return Conduct(status, tuple(context.notes))


def _still_without_source(source: Origin, run: Run, heritage: Heritage) -> Conduct:
    """Another run has found out that the source is down, and it is not yet time to ask again."""
    note = waiting_note("source-down", source.id, str(heritage.source["why_waiting"]), heritage.ask_at)
    return Conduct("paused", (note,), heritage.ask_at, {**run.plan, **heritage.source})


def _without_source(
    waits: int, source: Origin, error: Exception, plan: Mapping[str, Any], notes: Sequence[Note]
) -> Conduct:
    until, plan = source_wait(waits, error, plan)
    return Conduct("paused", (*notes, waiting_note("source-down", source.id, str(error), until)), until, plan)


def _id_of(systems: Systems, name: str) -> str:
    try:
        return systems.system(name).blueprint.definition.id
    except Error:
        return name


# -- full or delta ----------------------------------------------------------------------------------------------------


async def _decide(memory: Memory, source: Origin, targets: Sequence[Destination], run: Run) -> _Decided:
    known = _Decided.of(run)
    if known is not None:
        return known
    decided = await _mode(memory, source, targets, run)
    decided.marks = await source.marks()
    decided.targets = tuple(target.id for target in targets)
    if run.kind != "SIMULATE":
        decided.contents = await memory.contents.fresh(source.id, wishes_of(source.values))
    await memory.runs.decide(run, decided.mode, decided.stored())
    return decided


async def _mode(memory: Memory, source: Origin, targets: Sequence[Destination], run: Run) -> _Decided:
    """Delta where it is asked for, possible, and nothing speaks for reading everything (operations.md 3)."""
    problem = source.delta_problem()
    if run.kind != "READ" or not source.values.flag("ips.delta.read"):
        return _Decided("full")
    if problem is not None:
        return _Decided("full", why=f"Everything was read, because {problem}.")
    mark = await memory.marks.of(source.id)
    if not set(source.crossings) <= set(mark.cursors):
        return _Decided("full", why="Everything was read, because no full read has set a mark for each entity type.")
    if not {target.id for target in targets} <= set(mark.targets):
        return _Decided("full", why="Everything was read, because a target is new.")
    limit = source.values.integer("ips.full.read.force.count", 0)
    if run.trigger == "REPEAT" and (mark.force_full or (limit and mark.deltas >= limit)):
        return _Decided("full", forced=True, why="Everything was read, as ips.full.read.force.count wants it.")
    return _Decided("delta", cursors=dict(mark.cursors))


async def _mark(
    memory: Memory, run: Run, decided: _Decided, source: Origin, targets: Sequence[Destination], status: Status
) -> None:
    """Move the mark after a success only: what a failed run has read is read again."""
    before = await memory.marks.of(source.id)
    if status != "success":
        if decided.forced and not before.force_full:
            await memory.marks.put(source.id, Mark(before.cursors, before.targets, before.deltas, force_full=True))
        return
    scheduled = before.deltas + (run.trigger == "REPEAT") if decided.mode == "delta" else 0
    if decided.marks:
        covered = tuple(target.id for target in targets if target.id in decided.targets)
        await memory.marks.put(source.id, Mark(decided.marks, covered, scheduled))


# -- lanes ------------------------------------------------------------------------------------------------------------


async def _all_lanes(
    context: Context, targets: Sequence[Destination], checkpoints: Mapping[str, Any], outages: Outages
) -> bool:
    """Every target at its own speed; True if all came to their end. ``outages``: what an earlier run knew."""
    if not targets:
        await _read_only(context)
        return not context.stopping.is_set()
    lanes = [_opened(context, target, checkpoints.get(target.id, {}), outages) for target in targets]
    tasks = [asyncio.create_task(_lane(context, lane)) for lane in lanes]
    try:
        return all(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _opened(context: Context, target: Destination, checkpoint: dict[str, Any], outages: Outages) -> Lane:
    """What this run itself has left is asked at once: it was put off until now, or somebody resumed it."""
    own = checkpoint.get("outage")
    outage = {**own, "next": 0.0} if own else outages.get(target.id)
    return Lane(context, target, checkpoint, Health.of(outage, pauses=not context.manner.simulated))


async def _lane(context: Context, lane: Lane) -> bool:
    """One target. What breaks it does not break the others; a lost lease ends all."""
    try:
        done = await lane.work(again, delete)
    except LeaseLostError:
        raise
    except SourceBrokenError as error:
        if error.cause is not None and not context.manner.simulated:
            context.source_down = error.cause
            await lane.put_off()
        else:
            context.notes.append(Note("source-broken", context.source.id, str(error)))
        return False
    except (Error, ConnectorError) as error:
        logger.error("a target cannot be provisioned: %s", error, extra={"target": lane.target.id})
        context.notes.append(Note("target-broken", lane.target.id, str(error)))
        return False
    health = lane.health
    if health.down is not None and health.pauses:
        await lane.put_off()
        context.outages[lane.target.id] = health.next_probe
        context.notes.append(waiting_note("target-down", lane.target.id, health.down, health.next_probe))
    elif health.down is not None:
        context.notes.append(Note("target-down", lane.target.id, health.down))
    return done


async def _read_only(context: Context) -> None:
    """A source without targets is read for its statistics."""
    for entity_type in context.source.entity_types:
        feed, number = context.share.feed(entity_type, None), 0
        while not context.stopping.is_set() and await feed.page(number) is not None:
            number += 1


async def _status(context: Context, targets: Sequence[Destination], done: bool) -> Status:
    if context.stopping.is_set() and not done:
        return "stopped"
    if not done:
        return "error"
    run = context.ledger.run.id
    for system in (context.source.id, *(target.id for target in targets)):
        if await context.ledger.memory.outcomes.counted(run, system, "failed"):
            return "error"
    return "success"
