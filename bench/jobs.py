"""A job's speed on this machine, the fakes included: first load of many users, second run without changes.

``python -m bench.jobs [USERS]``. Source and target are fakes in processes of their own (tests/fixtures); the gateway's
database is SQLite with every commit on disk.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.fixtures.fakes import Fake, started
from tests.provisioning.jobrig import JobRig, scim

from proxeny.database import Database

FIRST, SECOND = 480, 2_800
"""Entities a second: the goals (reliability.md G10)."""


async def timed(rig: JobRig) -> tuple[float, float, str]:
    """Seconds and processor seconds of one run, and how it ended; if not well, why."""
    wall, cpu = time.perf_counter(), time.process_time()
    run = await rig.run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    why = [] if run.status == "success" else [note.text for note in run.notes] + [str(await rig.reasons(run))]
    return wall, cpu, ": ".join([run.status, *why])


async def measure(folder: Path, users: int, source: Fake, sink: Fake) -> None:
    database = await Database.open(f"sqlite:///{folder}/jobs.db")
    rig = await JobRig.open(database)
    patient = {"timeout__total": "30"}  # the fakes share the processors, and stand still when others are measured
    await rig.systems(scim("src", "READ", source.url, **patient), scim("crm", "WRITE", sink.url, **patient))
    for name, goal in (("first load", FIRST), ("second run", SECOND)):
        source.control(users=users, forget_reads=True)
        sink.control(forget=True)
        wall, cpu, status = await timed(rig)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        writes = sink.count()
        pages = sum(count for key, count in source.state()["reads"].items() if key.startswith("Users"))
        print(
            f"{name}: {users / wall:8.0f}/s (goal {goal}/s), {wall:.1f} s, gateway {cpu / wall:.0%} of a core, "
            f"{writes} writes, {pages} page reads, {peak} MB, {status}"
        )
    size = (folder / "jobs.db").stat().st_size / users
    print(f"database: {size:.0f} bytes for each user after two runs")
    await rig.close()
    await database.close()


def main() -> None:
    users = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"{users} users, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder, started("srcgen") as source, started("sink") as sink:
        asyncio.run(measure(Path(folder), users, source, sink))


if __name__ == "__main__":
    main()
