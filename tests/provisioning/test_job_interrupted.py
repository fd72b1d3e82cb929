"""Deletions that are interrupted: whoever goes on keeps to what was judged and decided before."""

import asyncio

from tests.fixtures.fakes import Fake
from tests.fixtures.oracle import effects
from tests.provisioning.jobrig import JobRig

from proxeny.provisioning.job import Jobs
from proxeny.store.runs import Run


async def _stopped_among_the_deletions(jobs: JobRig) -> Run:
    """A run that is stopped while the first hundred deletions are carried out."""
    worker = Jobs(jobs.memory, jobs.catalog, lease=1.2)  # it looks five times a second whether it is to stop
    working = asyncio.create_task(worker.work())
    try:
        run = await worker.start("src", "READ")
        async with asyncio.timeout(30):
            async for progress in worker.watch(run, seconds=0.01):
                if progress.targets.get("crm", {}).get("phase") == "delete user":
                    break
        await jobs.jobs.stop(run)
        found = await jobs.jobs.wait(run)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert found.status == "stopped"
    return found


async def _held(jobs: JobRig, source: Fake, users: int, gone: int) -> None:
    source.control(users=users)
    await jobs.run()
    source.control(missing=list(range(gone)))
    await jobs.run()


async def test_what_the_guard_held_stays_held_when_a_stopped_run_goes_on(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await _held(jobs, source, 1000, 150)
    first = (await jobs.memory.held.list(source="src", limit=1))[0]
    await jobs.memory.held.approve([first.key], "eva")
    sink.control(seconds=0.8)
    run = await _stopped_among_the_deletions(jobs)
    sink.control(seconds=0)
    await jobs.jobs.resume(run.id)
    await jobs.jobs.work_off()
    assert effects(sink.state(), "DELETE") == ["user0000000"]
    assert await jobs.counts(run) == {"none unchanged": 850, "delete done": 1, "delete held": 149}
    assert len(await jobs.memory.held.list(source="src", status="held", limit=1000)) == 149


async def test_what_was_rejected_stays_rejected_when_a_stopped_run_goes_on(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await _held(jobs, source, 1000, 110)
    waiting = [one.key for one in await jobs.memory.held.list(source="src", limit=1000)]
    await jobs.memory.held.reject(waiting[:10], "eva")
    await jobs.memory.held.approve(waiting[10:], "eva")
    sink.control(seconds=0.8)
    run = await _stopped_among_the_deletions(jobs)
    sink.control(seconds=0)
    await jobs.jobs.resume(run.id)
    await jobs.jobs.work_off()
    await jobs.run()
    assert sorted(effects(sink.state(), "DELETE")) == [f"user{number:07d}" for number in range(10, 110)]
    assert len(await jobs.memory.held.list(source="src", status="rejected", limit=1000)) == 10
