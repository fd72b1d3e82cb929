"""Systems that are down for a while: the run pauses, asks seldom, is told of once, and goes on where it was."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.fixtures.fakes import Fake
from tests.fixtures.oracle import effects, expected, held
from tests.provisioning.jobrig import JobRig, scim
from tests.provisioning.test_job_faults import filled

from proxeny.connectors.outbound import throttle
from proxeny.connectors.outbound.guard import Guard
from proxeny.provisioning import job
from proxeny.provisioning.deliveries import health
from proxeny.provisioning.jobs.notify import Notifier, Source
from proxeny.provisioning.report import described
from proxeny.store.notices import Notices, Subscription
from proxeny.store.runs import Run

SPEED = 720.0
"""An hour is five seconds."""


@dataclass(slots=True)
class Gate:
    """A TCP proxy that can be shut: then connections to it are refused."""

    far: str
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(self.far)
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        self._open |= {writer, back}
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        self._open -= {writer, back}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def gate(far: str) -> AsyncIterator[Gate]:
    made = Gate(far)
    await made.open()
    try:
        yield made
    finally:
        made.shut()


@pytest.fixture
def knocks(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """Connections that the gateway has begun, by port."""
    found: Counter[int] = Counter()
    opened = Guard.open_socket

    def counted(self: Guard, info: Any) -> Any:
        found[info[4][1]] += 1
        return opened(self, info)

    monkeypatch.setattr(Guard, "open_socket", counted)
    return found


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WAITS", tuple(seconds / SPEED for seconds in health.WAITS))
    monkeypatch.setattr(health, "SIGN_IN_WAITS", tuple(seconds / SPEED for seconds in health.SIGN_IN_WAITS))
    monkeypatch.setattr(throttle, "OPEN_SECONDS", throttle.OPEN_SECONDS / SPEED)
    monkeypatch.setattr(job, "POLL_SECONDS", 0.02)


@contextmanager
def told(jobs: JobRig) -> Iterator[list[str]]:
    """The subjects that a subscriber of the source gets."""
    got: list[str] = []

    async def mail(address: str, subject: str, body: str) -> None:
        got.append(subject)

    async def looking() -> None:
        notices = Notices(jobs.database)
        await notices.subscribe(Subscription("src", "mail", "anna@example.org"))
        known = Source("SRC", targets={"crm": "CRM"})
        notifier = Notifier(
            notices, jobs.memory.runs, jobs.memory.outcomes, lambda source: known, {"mail": mail}, first_pause=0.05
        )
        while True:
            await notifier.look()
            await notifier.send_due()
            await asyncio.sleep(0.05)

    task = asyncio.create_task(looking())
    try:
        yield got
    finally:
        task.cancel()


@asynccontextmanager
async def working(jobs: JobRig) -> AsyncIterator[None]:
    task = asyncio.create_task(jobs.jobs.work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_paused(jobs: JobRig, run: int) -> Run:
    async with asyncio.timeout(20):
        while not (found := await jobs.memory.runs.get(run)).paused:
            assert not found.over, found
            await asyncio.sleep(0.01)
    return found


async def cycles(jobs: JobRig, seconds: float) -> None:
    """A schedule of every five minutes, for so long."""
    async with asyncio.timeout(seconds * 4):
        for _ in range(int(seconds * SPEED / 300)):
            await jobs.jobs.start("src", "READ", "REPEAT")
            await asyncio.sleep(300 / SPEED)


async def settled(jobs: JobRig) -> None:
    await ended(jobs, await jobs.jobs.start("src", "READ", "REPEAT"))


async def ended(jobs: JobRig, run: int) -> Run:
    async with asyncio.timeout(30):
        while True:
            found = await jobs.memory.runs.get(run)
            if found.over:
                return found
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("side", ["target", "source"])
async def test_a_system_that_is_down_for_an_hour_is_asked_seldom_and_missed_once(
    jobs: JobRig, source: Fake, sink: Fake, side: str, knocks: Counter[int]
) -> None:
    """Reliability T17, an hour as five seconds: nothing is deleted, no entity is given up, one alert each way."""
    source.control(users=200)
    async with gate(source.url) as before, gate(sink.url) as behind:
        await jobs.systems(scim("src", "READ", before.url), scim("crm", "WRITE", behind.url))
        with told(jobs) as alerts:
            await asyncio.sleep(0.1)
            async with working(jobs):
                await settled(jobs)
                broken = behind if side == "target" else before
                broken.shut()
                knocks.clear()
                switches = {"users": 1000, "changes": {str(number): 1 for number in range(200)}}
                source.control(**switches)
                await cycles(jobs, 5)
                assert 8 <= knocks[broken.port] <= 25
                assert len(sink.state()["Users"]) == 200
                await broken.open()
                await settled(jobs)
                async with asyncio.timeout(10):
                    while len(alerts) < 2:  # noqa: ASYNC110  # a list that others fill
                        await asyncio.sleep(0.02)
        state = sink.state()
        assert held(state) == expected(switches)
        assert effects(state, "DELETE") == []
        assert [subject.partition(".")[0] for subject in alerts] == ["Provisioning Paused", "Provisioning Success"]
        runs = await jobs.memory.runs.latest(source="src", limit=100)
        assert {run.status for run in runs} == {"success", "stopped"}
        assert {described(run, (), str)["statusText"] for run in runs} == {"Success", "Superseded"}


async def test_a_paused_run_goes_on_by_itself_where_it_was(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=500)
    async with gate(sink.url) as behind:
        await jobs.systems(scim("crm", "WRITE", behind.url))
        sink.control(seconds=0.01)
        async with working(jobs):
            run = await jobs.jobs.start("src", "READ")
            await filled(sink, 150)
            behind.shut()
            paused = await until_paused(jobs, run)
            assert paused.notes[-1].code == "target-down"
            assert "goes on by itself" in paused.notes[-1].text
            await behind.open()
            done = await ended(jobs, run)
    assert done.status == "success"
    assert "target-back" in [note.code for note in done.notes]
    state = sink.state()
    assert held(state) == expected({"users": 500})
    assert (await jobs.counts(done))["create done"] == 500
    assert len(effects(state, "POST")) == len(set(effects(state, "POST")))


async def test_credentials_that_are_refused_in_a_run_pause_it_instead_of_failing_everybody(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    """Reliability T28, second half: told at once, and asked so seldom that no account is locked."""
    source.control(users=300)
    sink.control(faults=[{"do": "401", "method": "POST"}])
    with told(jobs) as alerts:
        await asyncio.sleep(0.1)
        async with working(jobs):
            run = await jobs.jobs.start("src", "READ")
            paused = await until_paused(jobs, run)
            assert (paused.lease_until - (paused.started or 0)) * SPEED >= 300
            assert await jobs.counts(paused) == {}, "no entity failed"
            await asyncio.sleep(0.2)
            assert [subject.partition(".")[0] for subject in alerts] == ["Provisioning Paused"]
            sink.control(faults=[])
            assert await jobs.jobs.resume(run), "somebody has corrected it, and does not want to wait"
            done = await ended(jobs, run)
    assert done.status == "success"
    assert await jobs.counts(done) == {"create done": 300}


async def test_a_paused_run_can_be_stopped(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=20)
    sink.control(faults=[{"do": "401", "method": "POST"}])
    run = await jobs.run()
    assert run.paused
    assert await jobs.jobs.stop(run.id)
    assert (await jobs.memory.runs.get(run.id)).status == "stopped"


async def test_who_moved_in_the_source_during_a_pause_is_not_missed(jobs: JobRig, source: Fake, sink: Fake) -> None:
    """Pages are found by number: ninety who leave move as many of the others in front of where the run was."""
    source.control(users=300)
    async with gate(sink.url) as behind:
        await jobs.systems(scim("crm", "WRITE", behind.url))
        sink.control(seconds=0.01)
        async with working(jobs):
            run = await jobs.jobs.start("src", "READ")
            await filled(sink, 150)
            behind.shut()
            await until_paused(jobs, run)
            source.control(missing=[*range(90)])
            await behind.open()
            done = await ended(jobs, run)
    assert done.status == "success"
    assert sorted(effects(sink.state(), "POST")) == sorted(set(effects(sink.state(), "POST")))
    assert len(sink.state()["Users"]) == 300
    assert (await jobs.counts(done))["create done"] == 300


async def test_a_target_that_comes_while_a_delta_run_is_paused_gets_everything_afterwards(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await jobs.systems(scim("src", "READ", source.url, ips__delta__read="enabled"))
    source.control(users=20)
    assert (await jobs.run()).mode == "full"
    await asyncio.sleep(1.1)
    source.control(changes={"7": 1})
    sink.control(faults=[{"do": "401", "method": "PUT"}])
    paused = await jobs.run()
    assert (paused.paused, paused.mode) == (True, "delta")
    sink.control(faults=[])
    await jobs.systems(scim("lake", "WRITE", sink.url))
    assert await jobs.jobs.resume(paused.id)
    await jobs.jobs.work_off()
    assert (await jobs.memory.runs.get(paused.id)).status == "success"
    run = await jobs.run()
    assert run.mode == "full", "the delta was not all that the new target is to get"
    assert len(await jobs.outcomes(run, "lake")) == 20


async def test_a_create_whose_end_is_not_known_is_looked_for_after_a_pause(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    """Also where the target would take the same one again."""
    source.control(users=0, groups=12)
    async with gate(sink.url) as behind:
        await jobs.systems(scim("crm", "WRITE", behind.url))
        sink.control(unique=False, seconds=0.3)
        async with working(jobs):
            run = await jobs.jobs.start("src", "READ")
            async with asyncio.timeout(20):
                while not sink.state()["most_open"]:  # noqa: ASYNC110  # another process
                    await asyncio.sleep(0.01)
            behind.shut()
            await until_paused(jobs, run)
            await asyncio.sleep(0.4)
            assert sink.state()["Groups"], "made, and nobody was told"
            await behind.open()
            done = await ended(jobs, run)
    made = effects(sink.state(), "POST", "Groups")
    assert len(made) == len(set(made)) == 12
    assert done.status == "success"


async def test_what_a_run_noted_before_it_paused_stays(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=50)
    await jobs.systems(scim("lake", "WRITE", sink.url))
    await jobs.run()
    source.control(users=51, missing=[*range(40)])
    sink.control(faults=[{"do": "401", "method": "POST", "match": "user0000050", "first": 1}])
    paused = await jobs.run()
    assert {note.code for note in paused.notes} == {"too-many", "target-down"}
    assert await jobs.jobs.resume(paused.id)
    await jobs.jobs.work_off()
    done = await jobs.memory.runs.get(paused.id)
    assert {note.system for note in done.notes if note.code == "too-many"} == {"crm", "lake"}
