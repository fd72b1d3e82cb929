"""Runs that pause: a system is down, so a run is put off instead of failing for every entity, and goes on by itself.

A run is put off until the system is asked again. One call finds out whether it is back; its gaps grow (health.py). A
later run of the same source takes the place of a paused one, so that its other targets are not kept waiting; it
inherits what is known of the targets that are down, so that these are not asked more often for that.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from proxeny.connectors.errors import UnreachableError
from proxeny.connectors.outbound import throttle
from proxeny.connectors.spi import Connector, Search, Searcher
from proxeny.provisioning.deliveries.health import pause_after, refused
from proxeny.store.runs import Note, Run, Runs

Outages = dict[str, Mapping[str, Any]]
_PASSING = frozenset({"source-down", "target-down", "target-back", "full-read"})
_WAITING = ("waits", "ask_at", "why_waiting")


async def probe(connector: Connector, entity_type: str) -> None:
    """One small read, tried once; raises what the system answers if it is not back."""

    async def asked() -> None:
        throttle.budget.set(0.0)
        if isinstance(connector, Searcher):
            await connector.search(entity_type, Search(count=1))

    await asyncio.create_task(asked())  # in a context of its own, which has the budget


def is_down(error: BaseException) -> bool:
    """Whether an error of the source means that it is not there, rather than that it answered something wrong."""
    return refused(error) or (isinstance(error, UnreachableError) and not error.answered)


def source_wait(waits: int, error: BaseException, plan: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
    """Until when to put off a run whose source is down, and its plan with one more question in vain."""
    until = time.time() + pause_after(waits, final=refused(error))
    return until, {**plan, "waits": waits + 1, "ask_at": until, "why_waiting": str(error)}


async def source_is_back(waits: int, connector: Connector, entity_types: Iterable[str]) -> None:
    """Asks a source that was down (``waits`` questions were in vain); ConnectorError if it still is."""
    first = next(iter(entity_types), None)
    if waits and first is not None:
        await probe(connector, first)


@dataclass(frozen=True, slots=True)
class Heritage:
    """What paused runs knew: targets that are down, and of a source that is down, what is to be in the run's plan."""

    outages: Outages
    source: Mapping[str, Any]

    @property
    def ask_at(self) -> float:
        """When the source is to be asked again; 0 if it is not down."""
        return float(self.source.get("ask_at", 0.0))


async def take_over(runs: Runs, run: Run) -> Heritage:
    """End paused runs whose work this one does as well; what they knew."""
    known: Outages = {}
    source: dict[str, Any] = {}
    for paused in await runs.waiting(run.source, run.id):
        source.update({name: paused.plan[name] for name in _WAITING if name in paused.plan})
        lanes = await runs.lanes(paused.id)
        known.update({target: lane["outage"] for target, lane in lanes.items() if lane.get("outage")})
        if paused.kind == run.kind and run.kind != "SIMULATE":
            note = Note("superseded", run.source, f"Run {run.id} began while this one was paused, and does its work.")
            await runs.supersede(paused, [*paused.notes, note])
    return Heritage(known, source)


def lasting(notes: Iterable[Note]) -> Iterator[Note]:
    """What a run noted before it paused, without what is said anew or was only true then."""
    return (note for note in notes if note.code not in _PASSING)


def waiting_note(code: str, system: str, why: str, until: float) -> Note:
    moment = datetime.fromtimestamp(until, UTC).strftime("%H:%M:%S UTC")
    return Note(code, system, f"{why} The run is paused. It is tried again at {moment}, and goes on by itself.")
