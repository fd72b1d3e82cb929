"""Jobs: start, stop, resume and watch runs; the worker that takes them one after the other.

    jobs = Jobs(memory, systems)          # memory: ledger.Memory over the database; systems: the Catalog
    run = await jobs.start("hr", "READ")  # queued; any worker of any replica takes it
    async for progress in jobs.watch(run): ...

At least once, effect once: a run belongs to one worker under a lease, keeps its checkpoint with each page, and goes on
by itself on another worker when its own has died.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from proxeny.connectors.errors import ConnectorError
from proxeny.database.errors import DatabaseError
from proxeny.errors import Error
from proxeny.provisioning.deliveries.origin import origin
from proxeny.provisioning.errors import UnknownSystemError
from proxeny.provisioning.jobs.ledger import Memory
from proxeny.provisioning.jobs.running import Conduct, Systems, conduct
from proxeny.store.errors import LeaseLostError
from proxeny.store.events import Events
from proxeny.store.outcomes import Statistic
from proxeny.store.runs import LEASE_SECONDS, Kind, Note, Run, Status, Trigger

POLL_SECONDS = 0.5
logger = logging.getLogger("proxeny.job")

OnEnd = Callable[[Run], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. ``targets``: for each target its phase, pages, and counts by action and outcome."""

    run: int
    source: str
    kind: Kind
    status: Status
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    at: float = 0.0
    paused: bool = False


class Jobs:
    """See the module. Every replica has one; ``work`` runs until it is cancelled. ``lease``: seconds after which the
    run of a worker that has died is taken by another one."""

    def __init__(
        self,
        memory: Memory,
        systems: Systems,
        *,
        owner: str | None = None,
        at_once: int = 4,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self.memory = memory
        self._systems = systems
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}:{time.time_ns() % 1_000_000_000}"
        self._at_once = at_once
        self._lease = lease
        self._ended: list[OnEnd] = []
        self._woken = asyncio.Event()

    # -- for people -----------------------------------------------------------------------------------------------

    async def start(self, source: str, kind: Kind, trigger: Trigger = "IMMEDIATE", by: str = "") -> int:
        """Queue a run of a source (id or name) to all its enabled targets; its id.

        While another run of the source is active it waits, and starts right after it. UnknownSystemError,
        SystemNotReadyError.
        """
        found = self._systems.system(source)
        if found.blueprint.role != "source":
            raise UnknownSystemError(f"System {source!r} is no source.")
        run = await self.memory.runs.add(found.blueprint.definition.id, kind, trigger, by)
        logger.info("a run is queued", extra={"run": run, "source": source, "kind": kind, "trigger": trigger, "by": by})
        self._woken.set()
        return run

    async def stop(self, run: int) -> bool:
        """Ask a run to stop: it finishes the calls under way and starts no more. False if it is over already."""
        return await self.memory.runs.stop(run)

    async def resume(self, run: int) -> bool:
        """Go on with a stopped or failed run from where it was; False if it is neither."""
        done = await self.memory.runs.resume(run)
        self._woken.set()
        return done

    async def progress(self, run: int) -> Progress:
        """How far a run is; UnknownError."""
        found = await self.memory.runs.get(run)
        lanes = await self.memory.runs.lanes(run)
        return Progress(found.id, found.source, found.kind, found.status, lanes, time.time(), found.paused)

    async def watch(self, run: int, *, seconds: float = 0.5) -> AsyncIterator[Progress]:
        """The progress whenever it has changed, whoever works on it; ends with the run, or when it is paused."""
        before: tuple[object, ...] = ()
        while True:
            now = await self.progress(run)
            if (now.status, now.targets) != before:
                before = (now.status, now.targets)
                yield now
            if now.status not in ("queued", "running") or now.paused:
                return
            await asyncio.sleep(seconds)

    async def wait(self, run: int, *, seconds: float = 0.05) -> Run:
        """The run, when it is over or paused."""
        async for _ in self.watch(run, seconds=seconds):
            pass
        return await self.memory.runs.get(run)

    def wake(self) -> None:
        """There may be a run to take."""
        self._woken.set()

    def when_ended(self, call: OnEnd) -> None:
        """``call`` is awaited after each run that this worker has finished (notifications)."""
        self._ended.append(call)

    # -- the worker -----------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Take runs and carry them out, several sources at once, until cancelled; then give the leases back."""
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                run = await self._next() if len(tasks) < self._at_once else None
                if run is not None:
                    task = asyncio.create_task(self._carry_out(run))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    continue
                self._woken.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._woken.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def work_off(self) -> None:
        """Carry out what is queued now, one run after the other, and return."""
        while (run := await self._next()) is not None:
            await self._carry_out(run)

    async def _next(self) -> Run | None:
        try:
            return await self.memory.runs.claim(self.owner, seconds=self._lease)
        except DatabaseError as error:
            logger.error("no run can be taken: %s", error)
            return None

    async def _carry_out(self, run: Run) -> None:
        """One run under its lease, up to its end, its stop, or the loss of the lease."""
        stopping = asyncio.Event()
        main = asyncio.create_task(self._conducted(run, stopping))
        heart = asyncio.create_task(self._keep_alive(run, stopping))
        try:
            await asyncio.wait((main, heart), return_when=asyncio.FIRST_COMPLETED)
            if not main.done():
                main.cancel()
            await asyncio.gather(main, return_exceptions=True)
        except asyncio.CancelledError:
            stopping.set()
            done, _ = await asyncio.wait((main,), timeout=self._lease)
            if not done:
                main.cancel()
            await asyncio.gather(main, return_exceptions=True)
            with suppress(DatabaseError):
                await self.memory.runs.release(run)
            raise
        finally:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
        await self._tell(run)

    async def _conducted(self, run: Run, stopping: asyncio.Event) -> None:
        self._woken.set()
        told = {"run": run.id, "source": run.source}
        logger.info("a run has started", extra={**told, "kind": run.kind, "trigger": run.trigger})
        try:
            await self._alone(run)
            ended = await conduct(self.memory, self._systems, run, stopping)
        except LeaseLostError as lost:
            logger.warning("%s", lost, extra={"run": run.id})
            return
        except (Error, ConnectorError) as error:
            logger.error("a run failed: %s", error, extra={"run": run.id})
            ended = Conduct("error", (Note("run-failed", run.source, str(error)),))
        except Exception:
            logger.exception("a run failed", extra={"run": run.id})
            ended = Conduct("error", (Note("internal-error", run.source, "An error in the gateway; see the log."),))
        if ended.status == "paused":
            logger.info("a run is paused", extra={**told, "until": ended.until})
            with suppress(LeaseLostError):
                await self.memory.runs.pause(run, ended.until, ended.notes, ended.plan)
            return
        if ended.status == "stopped" and not (await self.memory.runs.get(run.id)).stop:
            return  # this worker ends, not the run
        statistics = await self.memory.outcomes.statistics(run.id)
        statistics += _read_nothing(self._systems, run, statistics)
        with suppress(LeaseLostError):
            await self.memory.runs.finish(run, ended.status, ended.notes, statistics)
            counts = {f"{one.system} {one.entity_type} {one.action} {one.outcome}": one.count for one in statistics}
            logger.info("a run has ended", extra={**told, "status": ended.status, "counts": counts})
        self._woken.set()

    async def _alone(self, run: Run) -> None:
        """Other workers end the real-time events of the source that they have begun; later ones come to this one."""
        events = Events(self.memory.database)
        while await events.elsewhere(run.source, self.owner):  # noqa: ASYNC110  # another process, seen only in the database
            await asyncio.sleep(POLL_SECONDS / 5)

    async def _keep_alive(self, run: Run, stopping: asyncio.Event) -> None:
        """Renew the lease until somebody else has it; a wish to stop is passed on."""
        while True:
            await asyncio.sleep(self._lease / 6)
            try:
                if await self.memory.runs.renew(run, seconds=self._lease):
                    stopping.set()
            except LeaseLostError as lost:
                logger.warning("%s", lost, extra={"run": run.id})
                return
            except DatabaseError as error:
                logger.error("the lease of a run cannot be renewed: %s", error, extra={"run": run.id})

    async def _tell(self, run: Run) -> None:
        found = await self.memory.runs.find(run.id)
        if found is None or not found.over:
            return
        for call in self._ended:
            try:
                await call(found)
            except Exception:
                logger.exception("what follows a run failed", extra={"run": run.id})


def _read_nothing(systems: Systems, run: Run, statistics: Sequence[Statistic]) -> list[Statistic]:
    """A row for each entity type of the source of which nothing was read, so that the statistics say so."""
    try:
        kinds = origin(systems.system(run.source)).entity_types
    except Error:
        return []
    told = {one.entity_type for one in statistics if one.system == run.source}
    return [Statistic(run.source, kind, "read", "done", 0) for kind in kinds if kind not in told]
