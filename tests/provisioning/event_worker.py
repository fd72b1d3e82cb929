"""A worker of real-time events in a process of its own, to be killed.

``event_worker.py DATABASE_URL SINK_URL LEASE``: it prints ``ready`` and works until it is killed.
"""

import asyncio
import sys

from tests.provisioning.jobrig import JobRig, scim

from proxeny.database import Database
from proxeny.provisioning.realtime import Realtime
from proxeny.store.events import Events


async def work(database_url: str, sink: str, lease: str) -> None:
    database = await Database.open(database_url)
    rig = await JobRig.open(database)
    await rig.systems(scim("src", "READ", "http://127.0.0.1:1"), scim("crm", "WRITE", sink))
    live = Realtime(Events(database), rig.memory, rig.catalog, rig.jobs.owner, lease=float(lease), first_pause=0.1)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await live.work()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:4]))
