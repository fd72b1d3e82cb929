"""A job worker in a process of its own, to be killed.

``worker.py DATABASE_URL SOURCE_URL SINK_URL [property=value …]``: it prints ``ready`` and works until it is killed.
"""

import asyncio
import os
import sys

from tests.provisioning.jobrig import JobRig, scim

from proxeny.database import Database


async def work(database_url: str, source: str, sink: str, properties: dict[str, str]) -> None:
    database = await Database.open(database_url)
    rig = await JobRig.open(database, lease=float(os.environ["LEASE"]))
    await rig.systems(scim("src", "READ", source, **properties), scim("crm", "WRITE", sink))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await rig.jobs.work()


if __name__ == "__main__":
    given = dict(pair.split("=", 1) for pair in sys.argv[4:])
    asyncio.run(work(*sys.argv[1:4], given))
