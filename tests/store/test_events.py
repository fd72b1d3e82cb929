"""Real-time events, on both databases."""

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxeny.database import Database
from proxeny.store.errors import LeaseLostError
from proxeny.store.events import Events, Sent, State
from proxeny.store.migrations import migrate
from proxeny.store.runs import Runs


@pytest.fixture
async def events(database: Database) -> Events:
    await migrate(database)
    return Events(database)


def write(entity: str, number: int, stamp: int | None = None) -> Sent:
    return Sent("hr", "user", entity, "write", {"number": number}, stamp, "anna")


async def test_an_event_is_carried_out_once_and_remembered_without_its_document(events: Events) -> None:
    (event,) = await events.accept([write("a", 1)])
    assert await events.open() == 1
    (claimed,) = await events.claim("w", 10)
    assert (claimed.id, claimed.document, claimed.tries) == (event, {"number": 1}, 0)
    assert await events.claim("other", 10) == []
    states = [State("crm", "create", "Entity Created", info="T1"), State("lake", "none", "Skipped", "condition")]
    await events.finish(claimed, "success", states)
    assert await events.open() == 0
    found = await events.find(event)
    assert found is not None
    assert (found.status, found.states, found.sent_by, found.attempts) == ("success", tuple(states), "anna", 1)
    assert [one.id for one in await events.latest(source="hr", status="success", entity_id="a")] == [event]
    assert await events.claim("w", 10) == []


async def test_only_the_newest_that_waits_is_carried_out(events: Events) -> None:
    first, second, third = await events.accept([write("a", 1), write("a", 2), write("a", 3)])
    assert first < second < third
    (claimed,) = await events.claim("w", 10)
    assert claimed.id == third
    (later,) = await events.accept([write("a", 4)])
    assert await events.claim("w", 10) == [], "one open event of an entity at any time"
    await events.finish(claimed, "success", [])
    (claimed,) = await events.claim("w", 10)
    assert (claimed.id, claimed.document) == (later, {"number": 4})
    states = {one.id: one.status for one in await events.latest()}
    assert states == {first: "superseded", second: "superseded", third: "success", later: "queued"}


async def test_an_older_version_never_wins(events: Events) -> None:
    await events.accept([write("a", 7, stamp=7)])
    (claimed,) = await events.claim("w", 10)
    await events.finish(claimed, "success", [])
    (old,) = await events.accept([write("a", 6, stamp=6)])
    assert await events.claim("w", 10) == []
    found = await events.find(old)
    assert found is not None
    assert found.status == "superseded"
    await events.accept([write("a", 8, stamp=8), write("a", 7, stamp=7)])
    (claimed,) = await events.claim("w", 10)
    assert claimed.document == {"number": 8}


async def test_who_lost_the_lease_can_end_nothing(events: Events) -> None:
    await events.accept([write("a", 1)])
    (paused,) = await events.claim("w1", 10, seconds=0.02)
    await asyncio.sleep(0.05)
    (taken,) = await events.claim("w2", 10)
    assert taken.fence > paused.fence
    for late in (events.finish(paused, "error", []), events.defer(paused, 1, []), events.renew(paused)):
        with pytest.raises(LeaseLostError):
            await late
    await events.renew(taken)
    await events.finish(taken, "success", [])


async def test_a_deferred_event_comes_again_with_its_document(events: Events) -> None:
    await events.accept([write("a", 1)])
    (claimed,) = await events.claim("w", 10)
    await events.defer(claimed, 0.05, [State("crm", "create", "Failed", "unreachable")])
    assert await events.claim("w", 10) == []
    await asyncio.sleep(0.1)
    (again,) = await events.claim("w", 10)
    assert (again.id, again.tries, again.document) == (claimed.id, 1, {"number": 1})
    found = await events.find(again.id)
    assert found is not None
    assert found.states[0].reason == "unreachable"


async def test_old_events_are_forgotten_and_waiting_ones_are_not(events: Events) -> None:
    await events.accept([write("a", 1)])
    (claimed,) = await events.claim("w", 10)
    await events.finish(claimed, "success", [])
    await events.accept([write("b", 1)])
    assert await events.purge(claimed.received + 3600) == 1
    assert [one.entity_id for one in await events.latest()] == ["b"]
    assert len(await events.claim("w", 10)) == 1


async def test_events_of_a_source_whose_run_is_active_go_to_the_worker_of_the_run(
    database: Database, events: Events
) -> None:
    runs = Runs(database)
    await events.accept([write("a", 1), write("b", 1)])
    (begun,) = await events.claim("other", 1)
    await runs.add("hr", "READ", "IMMEDIATE")
    run = await runs.claim("worker")
    assert run is not None
    assert await events.elsewhere("hr", "worker")
    assert await events.claim("other", 10) == []
    await events.finish(begun, "success", [])
    assert not await events.elsewhere("hr", "worker")
    (claimed,) = await events.claim("worker", 10)
    assert not await events.elsewhere("hr", "worker")
    await events.finish(claimed, "success", [])
    await runs.finish(run, "success", [], [])
    await events.accept([write("a", 2)])
    assert len(await events.claim("other", 10)) == 1


async def test_several_workers_never_have_the_same_entity_and_keep_its_order(events: Events) -> None:
    """Windows of shuffled, tripled events; workers that fail now and then: at the end each has its newest version."""
    chance = random.Random(7)
    sent = [write(f"e{number % 40}", number, stamp=number) for number in range(400) for _ in range(3)]
    for start in range(0, len(sent), 50):
        window = sent[start : start + 50]
        chance.shuffle(window)
        sent[start : start + 50] = window
    held: set[str] = set()
    state: dict[str, int] = {}
    order: list[tuple[str, int]] = []

    async def worker(name: str) -> None:
        while sent or await events.open():
            for claimed in await events.claim(name, 3):
                assert claimed.entity_id not in held
                held.add(claimed.entity_id)
                await asyncio.sleep(0)
                assert claimed.document is not None
                held.remove(claimed.entity_id)
                if chance.random() < 0.1:
                    await events.defer(claimed, 0, [])
                    continue
                state[claimed.entity_id] = claimed.document["number"]
                order.append((claimed.entity_id, claimed.document["number"]))
                await events.finish(claimed, "success", [])
            await asyncio.sleep(0.001)

    async def sender() -> None:
        while sent:
            await events.accept([sent.pop(0) for _ in range(min(5, len(sent)))])

    await asyncio.gather(sender(), worker("w1"), worker("w2"), worker("w3"))
    assert state == {f"e{number}": 360 + number for number in range(40)}
    for entity in state:
        numbers = [number for name, number in order if name == entity]
        assert numbers == sorted(numbers), "an older version was carried out after a newer"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stamps=st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=12))
def test_what_waits_is_what_a_model_says(stamps: list[int | None], tmp_path_factory: pytest.TempPathFactory) -> None:
    async def check() -> None:
        folder = tmp_path_factory.mktemp("model")
        database = await Database.open(f"sqlite:///{folder / 'events.db'}")
        await migrate(database)
        events = Events(database)
        newest, expected = -1, 0
        for number, stamp in enumerate(stamps):
            await events.accept([write("a", number, stamp)])
            if stamp is None or stamp >= newest:
                expected, newest = number, newest if stamp is None else stamp
        (claimed,) = await events.claim("w", 10)
        assert claimed.document == {"number": expected}
        await database.close()

    asyncio.run(check())
