"""A job to two targets of which one takes five seconds for each call: the other's throughput, of what it has alone.

``python -m bench.neighbour [USERS]``. Reliability T19: at least 80 %, and the slow one holds no more than its own
connections. Source and targets are fakes in processes of their own (tests/fixtures).
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.fixtures.fakes import Fake, started
from tests.provisioning.jobrig import JobRig, scim

from bench.runner import Goal, report
from proxeny.database import Database

SLOW, QUICK = 5.0, 0.005
"""Seconds for each call."""
CONNECTIONS = 8


async def until_full(sink: Fake, users: int) -> None:
    while True:
        if await asyncio.to_thread(sink.count) >= users:
            return
        await asyncio.sleep(0.05)


async def throughput(folder: Path, users: int, source: Fake, quick: Fake, slow: Fake | None) -> float:
    """Entities a second into the quick target, in a database of its own."""
    database = await Database.open(f"sqlite:///{folder}/{'both' if slow else 'alone'}.db")
    rig = await JobRig.open(database)
    await rig.systems(scim("src", "READ", source.url), scim("quick", "WRITE", quick.url, timeout__total="30"))
    quick.control(seconds=QUICK, forget=True)
    if slow is not None:
        slow.control(seconds=SLOW, forget=True)
        await rig.systems(scim("slow", "WRITE", slow.url, timeout__total="30", connections__max=str(CONNECTIONS)))
    worker = asyncio.create_task(rig.jobs.work())
    began = time.perf_counter()
    await rig.jobs.start("src", "READ")
    await until_full(quick, users)
    spent = time.perf_counter() - began
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    await rig.close()
    await database.close()
    return users / spent


async def compared(folder: Path, users: int) -> tuple[float, float, int]:
    with started("srcgen") as source, started("sink") as slow:
        source.control(users=users)
        with started("sink") as first:
            alone = await throughput(folder, users, source, first, None)
        with started("sink") as second:
            beside = await throughput(folder, users, source, second, slow)
        return alone, beside, int(slow.state()["most_open"])


def main(users: int = 5_000) -> int:
    with tempfile.TemporaryDirectory() as folder:
        alone, beside, held = asyncio.run(compared(Path(folder), users))
    print(f"{users} users: {alone:.0f}/s alone, {beside:.0f}/s beside a target of {SLOW:g} s, which held {held} calls")
    return report(
        [
            Goal("throughput beside a slow target, of that alone (T19)", beside / alone, 0.8, at_least=True),
            Goal("calls that the slow target held at one time", held, CONNECTIONS),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000))
