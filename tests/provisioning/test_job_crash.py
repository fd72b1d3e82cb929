"""Kill −9, at seeded moments: nothing lost, nothing made twice, resumed by itself (T01, T02, T05, T07).

``PROXENY_CHAOS`` is the number of seeds for each story (5 in CI; ``make chaos`` takes the full numbers).
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.fixtures.fakes import Fake
from tests.fixtures.oracle import effects, expected, held
from tests.provisioning.jobrig import JobRig, scim

from proxeny.database import Database
from proxeny.store.runs import Run

SEEDS = range(int(os.environ.get("PROXENY_CHAOS", "5")))
LEASE = "6" if "PROXENY_CHAOS" in os.environ else "2"
ROOT = Path(__file__).parents[2]
DELTA = {"ips__delta__read": "enabled"}
CALM = {"ips__delta__read": "disabled"}


@asynccontextmanager
async def worker(
    url: str, source: Fake, sink: Fake, properties: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process; killed at the end, if it still lives."""
    given = [f"{name}={value}" for name, value in properties.items()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.provisioning.worker", url, source.url, sink.url, *given,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "LEASE": LEASE}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def rig(url: str, source: Fake, sink: Fake, properties: dict[str, str]) -> AsyncIterator[JobRig]:
    """The same gateway's memory, looked at from here; it starts runs and works on none."""
    database = await Database.open(url)
    opened = await JobRig.open(database)
    await opened.systems(scim("src", "READ", source.url, **properties), scim("crm", "WRITE", sink.url))
    yield opened
    await opened.close()
    await database.close()


async def over(jobs: JobRig, run: int, seconds: float = 60) -> Run:
    async with asyncio.timeout(seconds):
        return await jobs.jobs.wait(run, seconds=0.1)


async def resumed(jobs: JobRig, run: int, fence: int) -> float:
    """Seconds until another worker has the run, or its end."""
    began = time.monotonic()
    while True:
        found = await jobs.memory.runs.get(run)
        if found.fence > fence or found.over:
            return time.monotonic() - began
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_killed_full_job_loses_nothing_and_makes_nothing_twice(
    tmp_path: Path, source: Fake, sink: Fake, seed: int
) -> None:
    await killed_in_a_full_job(f"sqlite:///{tmp_path}/jobs.db", source, sink, seed)


async def test_two_workers_share_a_database_and_one_is_killed(database_url: str, source: Fake, sink: Fake) -> None:
    await killed_in_a_full_job(database_url, source, sink, 1000)


async def killed_in_a_full_job(database_url: str, source: Fake, sink: Fake, seed: int) -> None:
    chance = random.Random(seed)
    switches = {"users": 250, "groups": 5}
    source.control(**switches)
    sink.control(seconds=0.02)
    async with rig(database_url, source, sink, CALM) as jobs:
        run = await jobs.jobs.start("src", "READ")
        async with worker(database_url, source, sink, CALM) as first:
            await asyncio.sleep(chance.uniform(0.05, 1.0))
            first.kill()
            await first.wait()
        fence = (await jobs.memory.runs.get(run)).fence
        async with worker(database_url, source, sink, CALM):
            assert await resumed(jobs, run, fence) <= 10
            ended = await over(jobs, run)
        assert ended.status == "success"
        state = sink.state()
        assert held(state) == expected(switches)
        assert Counter(effects(state, "POST")).most_common(1)[0][1] == 1
        assert len(state["ledger"]) <= 255 + 100
        assert sum((await jobs.counts(ended)).values()) == 250
        assert sum((await jobs.counts(ended, "src")).values()) == 250


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_killed_delta_job_misses_no_change(tmp_path: Path, source: Fake, sink: Fake, seed: int) -> None:
    chance = random.Random(seed)
    url = f"sqlite:///{tmp_path}/jobs.db"
    switches = {"users": 200, "groups": 2}
    source.control(**switches)
    async with rig(url, source, sink, DELTA) as jobs:
        async with worker(url, source, sink, DELTA):
            assert (await over(jobs, await jobs.jobs.start("src", "READ"))).status == "success"
        await asyncio.sleep(1.1)  # the source's times are compared by the second
        switches["changes"] = {str(one): 1 for one in chance.sample(range(200), 120)}
        source.control(**switches)
        sink.control(seconds=0.02)
        run = await jobs.jobs.start("src", "READ")
        async with worker(url, source, sink, DELTA) as first:
            await asyncio.sleep(chance.uniform(0.05, 0.5))
            first.kill()
            await first.wait()
        async with worker(url, source, sink, DELTA):
            ended = await over(jobs, run)
        assert (ended.status, ended.mode) == ("success", "delta")
        assert held(sink.state()) == expected(switches)


async def test_a_paused_worker_that_lost_its_lease_stores_nothing(database_url: str, source: Fake, sink: Fake) -> None:
    switches = {"users": 300, "groups": 2}
    source.control(**switches)
    sink.control(seconds=0.05)
    async with rig(database_url, source, sink, CALM) as jobs:
        run = await jobs.jobs.start("src", "READ")
        async with worker(database_url, source, sink, CALM) as paused:
            await asyncio.sleep(1.0)
            paused.send_signal(signal.SIGSTOP)
            async with worker(database_url, source, sink, CALM):
                await resumed(jobs, run, 1)
                paused.send_signal(signal.SIGCONT)
                ended = await over(jobs, run)
        assert (ended.status, ended.fence) == ("success", 2)
        state = sink.state()
        assert held(state) == expected(switches)
        assert Counter(effects(state, "POST")).most_common(1)[0][1] == 1
