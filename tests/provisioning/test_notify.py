"""Who is told what about jobs: the rules, and channels that are dead."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.outbound.webhook import Webhooks
from proxeny.database import Database
from proxeny.errors import Error
from proxeny.provisioning.errors import MailError
from proxeny.provisioning.jobs.mail import Mail, MailSettings
from proxeny.provisioning.jobs.notify import Notifier, Source, Wishes, judged
from proxeny.store import outcomes
from proxeny.store.migrations import migrate
from proxeny.store.notices import Notice, Notices, NoticeState, Subscription
from proxeny.store.outcomes import Outcome, Outcomes
from proxeny.store.runs import Note, Run, Runs, Status

DONE: dict[str, Status] = {"+": "success", "-": "error", "x": "stopped"}
RULES = [
    (Wishes(), "+++", ["", "", ""]),
    (Wishes(), "---+-", ["failed", "", "", "success", "failed"]),
    (Wishes(repeat=True), "--++", ["failed", "failed", "success", ""]),
    (Wishes(ignored=2), "----+", ["", "", "failed", "", "success"]),
    (Wishes(ignored=2), "--+-", ["", "", "", ""]),
    (Wishes(repeat=True, ignored=2), "--", ["failed", "failed"]),
    (Wishes(), "-x-+", ["failed", "", "", "success"]),
]
WORDS = {"failed": "Provisioning Finished with Error", "success": "Provisioning Success"}


def run(number: int, status: Status) -> Run:
    return Run(number, "hr", "READ", "full", "REPEAT", "", status, 0.0)


@pytest.mark.parametrize(("wishes", "runs", "told"), RULES)
def test_a_failure_is_told_once_and_the_success_after_it(wishes: Wishes, runs: str, told: list[str]) -> None:
    state, found = NoticeState(), []
    for number, sign in enumerate(runs, 1):
        state, subject = judged(state, run(number, DONE[sign]), wishes, failing=False)
        found.append(subject)
        assert state.last_run == number
    assert found == [WORDS.get(word) for word in told]


def test_errors_while_running_are_told_once_until_a_success() -> None:
    state, found = NoticeState(), []
    seen: list[tuple[int, Status]] = [(1, "running"), (1, "running"), (1, "error"), (2, "running"), (3, "success")]
    for number, status in [*seen, (4, "running")]:
        state, subject = judged(state, run(number, status), Wishes(), failing=status == "running")
        found.append(subject)
    running = "Provisioning Running with Error"
    assert found == [running, None, WORDS["failed"], None, WORDS["success"], running]
    assert judged(NoticeState(), run(1, "running"), Wishes(skip_running=True), failing=True)[1] is None
    assert judged(NoticeState(), run(1, "running"), Wishes(), failing=False)[1] is None


class Inbox:
    """A channel that keeps what it gets, or, while ``dead``, never answers before its time limit."""

    def __init__(self) -> None:
        self.dead = False
        self.got: list[tuple[str, str, str]] = []
        self.waiting = 0
        self.most_waiting = 0

    async def send(self, address: str, subject: str, body: str) -> None:
        if self.dead:
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            await asyncio.sleep(0.3)
            self.waiting -= 1
            raise MailError("black hole")
        self.got.append((address, subject, body))


@pytest.fixture
async def notices(database: Database) -> Notices:
    await migrate(database)
    return Notices(database)


def notifier(database: Database, inbox: Inbox, wishes: Wishes | None = None) -> Notifier:
    source = Source("HR", wishes or Wishes(), mails=("always@example.org",), targets={"crm": "CRM"})
    return Notifier(
        Notices(database),
        Runs(database),
        Outcomes(database),
        lambda known: source if known == "hr" else None,
        {"mail": inbox.send, "webhook": inbox.send},
        base="https://id.example",
        first_pause=0.05,
    )


def test_a_pause_is_told_once_until_the_success_that_ends_it() -> None:
    later, state, found = time.time() + 60, NoticeState(), []
    paused = replace(run(1, "queued"), lease_until=later)
    for seen in (paused, paused, run(1, "stopped"), replace(paused, id=2), run(2, "running"), run(2, "success")):
        state, subject = judged(state, seen, Wishes(), failing=False)
        found.append(subject)
    assert found == ["Provisioning Paused", None, None, None, None, WORDS["success"]]


async def finish(database: Database, status: Status) -> int:
    runs = Runs(database)
    number = await runs.add("hr", "READ", "REPEAT")
    claimed = await runs.claim("w")
    assert claimed is not None
    await runs.finish(claimed, status, [Note("held", "crm", "12 deletions are held.")], [])
    return number


async def send(told: Notifier) -> None:
    await told.look()
    await told.send_due()
    await told.settled()


async def test_subscribers_of_a_source_are_told_of_its_runs_and_what_influenced_them(
    database: Database, notices: Notices
) -> None:
    await finish(database, "error")
    await notices.subscribe(Subscription("hr", "mail", "anna@example.org"))
    await notices.subscribe(Subscription("gone", "mail", "anna@example.org"))
    await notices.subscribe(Subscription("hr", "webhook", "https://chat.example/hook"))
    inbox = Inbox()
    told = notifier(database, inbox)
    await send(told)
    assert inbox.got == [], "what was before the subscription is not told"
    number = await finish(database, "error")
    await send(told)
    await send(told)
    assert sorted(address for address, _, _ in inbox.got) == [
        "always@example.org",
        "anna@example.org",
        "https://chat.example/hook",
    ]
    subjects = {subject for _, subject, _ in inbox.got}
    assert subjects == {"Provisioning Finished with Error. Source System: HR"}
    letter = next(body for address, _, body in inbox.got if address == "anna@example.org")
    for words in ("HR", "CRM", "READ", "Full Read", "12 deletions are held.", f"/ui/runs/{number}", "logType=failed"):
        assert words in letter
    assert await notices.unsubscribe(Subscription("hr", "mail", "anna@example.org"))
    assert len(await notices.subscriptions("hr")) == 1


async def test_those_whom_the_source_itself_names_are_told_without_a_subscription(
    database: Database, notices: Notices
) -> None:
    inbox = Inbox()
    told = replace(notifier(database, inbox), naming=lambda: ["hr"])
    await send(told)
    await finish(database, "error")
    await send(told)
    assert [address for address, _, _ in inbox.got] == ["always@example.org"]


async def test_a_run_with_errors_is_told_of_while_it_runs(database: Database, notices: Notices) -> None:
    await notices.subscribe(Subscription("hr", "mail", "anna@example.org"))
    inbox = Inbox()
    told = notifier(database, inbox)
    await send(told)
    runs = Runs(database)
    number = await runs.add("hr", "READ", "IMMEDIATE")
    assert await runs.claim("w") is not None
    await send(told)
    assert inbox.got == []

    def steps():  # type: ignore[no-untyped-def]
        yield outcomes.put(number, [Outcome("a", "crm", "user", "create", "failed", "refused")])

    await database.transaction(steps)
    await send(told)
    await send(told)
    assert {subject for _, subject, _ in inbox.got} == {"Provisioning Running with Error. Source System: HR"}
    assert len(inbox.got) == 2


async def test_a_dead_channel_keeps_nobody_waiting_and_gets_everything_once_when_it_is_back(
    database: Database, notices: Notices
) -> None:
    """T34: a hundred alerts into a black hole."""
    inbox = Inbox()
    inbox.dead = True
    told = notifier(database, inbox)
    began = time.monotonic()
    for number in range(100):
        await notices.queue([Notice(0, f"problem {number}", "mail", "anna@example.org", f"s{number}", "")])
        await notices.queue([Notice(0, f"problem {number}", "mail", "anna@example.org", f"s{number}", "")])
        await told.send_due()
    assert time.monotonic() - began < 30
    assert 0 < inbox.most_waiting <= 16, "what waits for the channel is bounded"
    await told.settled()
    (waiting,) = await notices.waiting()
    assert waiting[2] == 100
    inbox.dead = False
    for _ in range(200):
        await told.send_due()
        await told.settled()
        await asyncio.sleep(0.02)
        if not await notices.waiting():
            break
    assert sorted(subject for _, subject, _ in inbox.got) == sorted(f"s{number}" for number in range(100))
    await notices.queue([Notice(0, "problem 1", "mail", "anna@example.org", "again within the hour", "")])
    await told.send_due()
    await told.settled()
    assert len(inbox.got) == 100
    assert await notices.purge(time.time() + 1) == 100


async def test_of_many_replicas_one_tells(database: Database, notices: Notices) -> None:
    await notices.subscribe(Subscription("hr", "mail", "anna@example.org"))
    inbox = Inbox()
    several = [notifier(database, inbox, Wishes(repeat=True)) for _ in range(5)]
    await several[0].look()
    await finish(database, "error")
    await asyncio.gather(*(told.look() for told in several))
    await asyncio.gather(*(told.send_due() for told in several))
    await asyncio.gather(*(told.settled() for told in several))
    assert len(inbox.got) == 2


@asynccontextmanager
async def smtp(received: list[str]) -> AsyncIterator[int]:
    """A server that speaks as much SMTP as a message needs (RFC 5321)."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                lines = []
                while (part := await reader.readline()) != b".\r\n":
                    lines.append(part.decode())
                received.append("".join(lines))
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            await writer.drain()
            if verb == b"QUIT":
                break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_mail_goes_out_by_smtp_and_a_silent_server_is_given_up() -> None:
    received: list[str] = []
    async with smtp(received) as port:
        mail = Mail(MailSettings("127.0.0.1", port, security="none", sender="gateway@example.org"))
        await mail.send("anna@example.org", "Hello\r\nBcc: eve@example.org", "Line of text, ünicode.")
        mail.close()
    assert "To: anna@example.org" in received[0]
    assert "\nBcc:" not in received[0].replace("\r", ""), "a subject cannot bring a header of its own"

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mail = Mail(MailSettings("127.0.0.1", port, security="none", seconds=0.2))
    with pytest.raises(MailError):
        await mail.send("anna@example.org", "Hello", "")
    mail.close()
    server.close()


async def test_webhooks_go_out_as_json_and_a_refusal_is_an_error() -> None:
    got: list[object] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response(status=204 if len(got) == 1 else 500)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    hooks = Webhooks(Outbound(OutboundSettings(allow=("127.0.0.1/32",))), seconds=1.0)
    url = f"http://127.0.0.1:{port}/hook"
    await hooks.post(url, {"subject": "Hello"})
    assert got == [{"subject": "Hello"}]
    for address in (url, "http://169.254.169.254/latest", "http://127.0.0.1:1/"):
        with pytest.raises(Error):
            await hooks.post(address, {})
    await hooks.close()
    await runner.cleanup()
