"""A dead channel does not slow a job (T34): the time of a run with a hundred alerts into black holes, and without any.

``python -m bench.notices [USERS]``. Mail and webhook go to a server that takes the connection and never answers. Runs
with and without alerts take turns; the ratio is that of the medians.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fixtures.fakes import Fake, started
from tests.provisioning.jobrig import JobRig, scim

from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.outbound.webhook import Webhooks
from proxeny.database import Database
from proxeny.provisioning.jobs.mail import Mail, MailSettings
from proxeny.provisioning.jobs.notify import Notifier
from proxeny.store.notices import Channel, Notice, Notices

GOAL = 1.05
ALERTS = 100
ROUNDS = 7


@asynccontextmanager
async def black_hole() -> AsyncIterator[int]:
    """The port of a server that never answers."""

    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def timed(rig: JobRig, told: Notifier | None) -> float:
    """Seconds of one resync; with a notifier at work, if there is one."""
    task = asyncio.create_task(told.run()) if told is not None else None
    began = time.perf_counter()
    run = await rig.run("RESYNC")
    seconds = time.perf_counter() - began
    if run.status != "success":
        raise SystemExit(f"The run ended with {run.status}.")
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return seconds


async def alert(notices: Notices, number: int, port: int) -> None:
    """A hundred problems, half of them by mail."""
    made = []
    for each in range(ALERTS):
        channel: Channel = "mail" if each % 2 else "webhook"
        address = "anna@example.org" if each % 2 else f"http://127.0.0.1:{port}/hook"
        made.append(Notice(0, f"problem {number} {each}", channel, address, f"s{each}", "{}"))
    await notices.queue(made)


async def measure(folder: Path, users: int, source: Fake, sink: Fake) -> float:
    database = await Database.open(f"sqlite:///{folder}/jobs.db")
    rig = await JobRig.open(database)
    await rig.systems(scim("src", "READ", source.url), scim("crm", "WRITE", sink.url))
    source.control(users=users)
    await rig.run()
    quiet, alerted = [], []
    async with black_hole() as port:
        mail = Mail(MailSettings("127.0.0.1", port, security="none"))
        hooks = Webhooks(Outbound(OutboundSettings(allow=("127.0.0.1/32",))))

        async def post(address: str, subject: str, body: str) -> None:
            await hooks.post(address, {"subject": subject})

        notices = Notices(database)
        told = Notifier(
            notices, rig.memory.runs, rig.memory.outcomes, lambda known: None, {"mail": mail.send, "webhook": post}
        )
        for number in range(ROUNDS):
            quiet.append(await timed(rig, None))
            await alert(notices, number, port)
            alerted.append(await timed(rig, told))
        waiting = sum(one[2] for one in await notices.waiting())
        mail.close()
        await hooks.close()
    await rig.close()
    await database.close()
    ratio = statistics.median(alerted) / statistics.median(quiet)
    print(
        f"resync of {users} users: {statistics.median(quiet):.2f} s without alerts, {statistics.median(alerted):.2f} s "
        f"with {ALERTS} into a black hole: ratio {ratio:.3f} (goal {GOAL}); {waiting} alerts wait"
    )
    if waiting != ROUNDS * ALERTS:
        raise SystemExit("An alert was lost.")
    return ratio


def main() -> None:
    users = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{users} users, {os.cpu_count()} processors, {ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as folder, started("srcgen") as source, started("sink") as sink:
        ratio = asyncio.run(measure(Path(folder), users, source, sink))
    raise SystemExit(0 if ratio <= GOAL else 1)


if __name__ == "__main__":
    main()
