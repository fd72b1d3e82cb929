"""T13: what was accepted is carried out, whoever is killed, and nothing of an entity out of order.

With ``PROXENY_CHAOS`` (``make chaos``) in full size: 10,000 events and twenty kills.
"""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fixtures.fakes import Fake
from tests.provisioning.jobrig import JobRig, scim

from proxeny.database import Database
from proxeny.provisioning.realtime import Realtime
from proxeny.store.events import Events

ROOT = Path(__file__).parents[2]
LONG = "PROXENY_CHAOS" in os.environ
KILLS, EVENTS, PEOPLE = (20, 500, 250) if LONG else (3, 40, 25)
"""So many kills, with so many events before each of them, of so many people."""


@asynccontextmanager
async def worker(url: str, sink: Fake) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.provisioning.event_worker", url, sink.url, "1",
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_accepted_means_done(database_url: str, sink: Fake) -> None:
    database = await Database.open(database_url)
    rig = await JobRig.open(database)
    await rig.systems(scim("src", "READ", "http://127.0.0.1:1"), scim("crm", "WRITE", sink.url))
    live, chance = Realtime(Events(database), rig.memory, rig.catalog, "sender"), random.Random(13)
    sink.control(seconds=0.01)
    newest: dict[str, str] = {}
    sent = 0

    async def send(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            who, sent = f"user{chance.randrange(PEOPLE)}", sent + 1
            document = {"id": who, "userName": who, "name": {"familyName": f"v{sent}"}}
            await live.accept("src", "user", "write", document=document)
            newest[who] = f"v{sent}"

    for _ in range(KILLS):
        async with worker(database_url, sink) as killed:
            await asyncio.gather(send(EVENTS), asyncio.sleep(chance.uniform(0.1, 0.5)))
            killed.kill()
            await killed.wait()
    async with worker(database_url, sink), asyncio.timeout(240 if LONG else 60):
        while await live.events.open():  # noqa: ASYNC110  # what waits is in a database
            await asyncio.sleep(0.05)
    state = sink.state()
    assert {user["userName"]: user["name"]["familyName"] for user in state["Users"].values()} == newest
    assert state["clashes"] == 0
    made = Counter(line[3] for line in state["ledger"] if line[0] == "POST")
    assert made == dict.fromkeys(newest, 1)
    statuses = {event.status for event in await live.events.latest(limit=1000)}
    assert statuses <= {"success", "superseded"}
    await rig.close()
    await database.close()
