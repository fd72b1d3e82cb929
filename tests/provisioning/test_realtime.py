"""Real time: events of single entities to every connected target.

With ``PROXENY_CHAOS`` (``make chaos``) in full size: T11 with 5,000 events, T12 for five minutes over 500 users.
"""

import asyncio
import os
import random
from typing import Any

import pytest
from tests.fixtures.fakes import Fake
from tests.provisioning.jobrig import READ, WRITE, JobRig, scim

from proxeny.database import Database
from proxeny.provisioning.errors import EventError, UnknownSystemError
from proxeny.provisioning.realtime import Realtime
from proxeny.store.events import Event, Events

NOWHERE = "http://127.0.0.1:1"
LONG = "PROXENY_CHAOS" in os.environ
EVENTS, SENT_TO = (5000, 500) if LONG else (300, 25)
PEOPLE, SECONDS, RATE = (500, 300, 20) if LONG else (60, 1, 150)


def user(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"u{number}", "userName": f"user{number}", "name": {"familyName": "F"}, **more}


def realtime(rig: JobRig, owner: str = "w1") -> Realtime:
    return Realtime(Events(rig.database), rig.memory, rig.catalog, owner, first_pause=0.05)


async def told(live: Realtime, document: dict[str, Any], kind: str = "user", **more: Any) -> Event:
    """An event that was carried out."""
    number = await live.accept("src", kind, "write", document=document, **more)
    await live.work_off()
    return await found(live, number)


async def gone(live: Realtime, entity_id: str) -> Event:
    number = await live.accept("src", "user", "delete", entity_id=entity_id)
    await live.work_off()
    return await found(live, number)


async def found(live: Realtime, number: int) -> Event:
    event = await live.events.find(number)
    assert event is not None
    return event


def states(event: Event) -> list[tuple[str, str]]:
    return [(one.system, one.state) for one in event.states]


def names(sink: Fake) -> list[str]:
    return sorted(user["userName"] for user in sink.state()["Users"].values())


async def test_an_entity_is_created_updated_left_alone_and_deleted(jobs: JobRig, sink: Fake) -> None:
    live = realtime(jobs)
    assert states(await told(live, user(1))) == [("src", "Entity Read"), ("crm", "Entity Created")]
    assert states(await told(live, user(1, name={"familyName": "New"})))[1] == ("crm", "Entity Updated")
    (held,) = sink.state()["Users"].values()
    assert held["name"] == {"familyName": "New"}
    assert states(await told(live, user(1, name={"familyName": "New"})))[1] == ("crm", "Entity Already Provisioned")
    event = await gone(live, "u1")
    assert states(event) == [("src", "Entity Deleted"), ("crm", "Entity Deleted")]
    assert (event.status, names(sink)) == ("success", [])
    assert states(await gone(live, "u1"))[1] == ("crm", "Entity Not Provisioned")


async def test_a_run_after_real_time_finds_nothing_to_do(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=3)
    await jobs.run()
    sink.control(forget=True)
    live = realtime(jobs)
    event = await told(live, {"id": "u0000001", "userName": "user0000001", "name": {"familyName": "Real time"}})
    assert states(event)[1] == ("crm", "Entity Updated")
    assert len(sink.state()["ledger"]) == 1
    run = await jobs.run()
    assert await jobs.counts(run) == {"none unchanged": 2, "update done": 1}, "the source never had that name"


async def test_an_entity_is_deprovisioned_when_a_condition_does_not_hold_any_more(jobs: JobRig, sink: Fake) -> None:
    read = {"user": {"condition": "$.active != false", **READ["user"]}}
    write = {"user": {"condition": "$.name.familyName != 'Left'", **WRITE["user"]}}
    await jobs.systems(scim("src", "READ", NOWHERE, read), scim("crm", "WRITE", sink.url, write))
    live = realtime(jobs)
    await told(live, user(1))
    event = await told(live, user(1, active=False))
    assert states(event) == [("src", "Entity Skipped"), ("crm", "Entity Deleted")]
    assert states(await told(live, user(1, active=False)))[1] == ("crm", "Entity Not Provisioned")
    await told(live, user(1))
    event = await told(live, user(1, name={"familyName": "Left"}))
    assert states(event)[1] == ("crm", "Entity Deleted")
    assert event.states[1].reason == "condition"
    assert states(await told(live, user(2, name={"familyName": "Left"})))[1] == ("crm", "Entity Not Provisioned")
    assert names(sink) == []


async def test_filters_are_not_applied_and_what_was_there_before_is_only_unlinked(jobs: JobRig, sink: Fake) -> None:
    await jobs.systems(scim("src", "READ", NOWHERE, scim__user__filter='userName eq "nobody"'))
    sink.control(accounts=["user1"])
    live = realtime(jobs)
    event = await told(live, user(1))
    assert (states(event)[1], event.states[1].reason) == (("crm", "Entity Updated"), "correlated")
    event = await gone(live, "u1")
    assert event.states[1].reason == "existed-before"
    assert names(sink) == ["user1"]


async def test_groups_follow_their_members(jobs: JobRig, sink: Fake) -> None:
    live = realtime(jobs)
    await told(live, user(1))
    members = [{"value": "u1"}, {"value": "u2"}]
    event = await told(live, {"id": "g1", "displayName": "Staff", "members": members}, "group")
    assert (states(event)[1], event.states[1].reason) == (("crm", "Entity Created"), "unresolved")
    await told(live, user(2))
    await told(live, {"id": "g1", "displayName": "Staff", "members": members}, "group")
    (group,) = sink.state()["Groups"].values()
    assert {one["value"] for one in group["members"]} == set(sink.state()["Users"])


async def test_one_dead_target_keeps_no_other_from_being_served_and_gets_it_later(jobs: JobRig, sink: Fake) -> None:
    await jobs.systems(scim("lake", "WRITE", NOWHERE))
    live = realtime(jobs)
    number = await live.accept("src", "user", "write", document=user(1))
    await live.work_off()
    event = await found(live, number)
    assert event.status == "queued"
    assert dict(states(event)) == {"src": "Entity Read", "crm": "Entity Created", "lake": "Entity Failed"}
    await jobs.systems(scim("lake", "WRITE", sink.url, {"user": {"mappings": WRITE["user"]["mappings"]}}))
    sink.control(unique=False)
    await asyncio.sleep(0.2)
    await live.work_off()
    event = await found(live, number)
    assert (event.status, event.attempts) == ("success", 2)
    assert dict(states(event))["crm"] == "Entity Already Provisioned"


async def test_an_entity_that_cannot_be_delivered_ends_with_its_reason(jobs: JobRig, sink: Fake) -> None:
    live = realtime(jobs)
    event = await told(live, {"id": "u1"})
    assert (event.status, states(event)) == ("error", [("src", "Entity Failed")])
    sink.control(faults=[{"do": "400"}])
    event = await told(live, user(2))
    assert (event.status, states(event)[1], event.states[1].reason) == ("error", ("crm", "Entity Failed"), "refused")


async def test_what_no_source_can_send_is_refused(jobs: JobRig) -> None:
    live = realtime(jobs)
    for source, kind, document, refusal in (
        ("crm", "user", user(1), UnknownSystemError),
        ("nobody", "user", user(1), UnknownSystemError),
        ("src", "role", user(1), EventError),
        ("src", "user", {"userName": "without id"}, EventError),
    ):
        with pytest.raises(refusal):
            await live.accept(source, kind, "write", document=document)
    assert await live.events.latest() == []


async def test_an_id_of_the_transformations_own_making_is_found_again(jobs: JobRig, sink: Fake) -> None:
    mappings = [{"sourcePath": "$.userName", "targetVariable": "entityIdSourceSystem"}, *READ["user"]["mappings"][1:]]
    read = {"user": {"condition": "$.active != false", "mappings": mappings}}
    await jobs.systems(scim("src", "READ", NOWHERE, read))
    live = realtime(jobs)
    await told(live, user(1))
    await told(live, user(2))
    assert states(await told(live, user(1, active=False)))[1] == ("crm", "Entity Deleted")
    assert states(await gone(live, "u2"))[1] == ("crm", "Entity Deleted")
    assert names(sink) == []


async def test_replayed_and_reordered_events_end_with_the_newest_version(database: Database, sink: Fake) -> None:
    """T11: every event three times, in windows of 50 out of order."""
    rig = await JobRig.open(database)
    await rig.systems(scim("src", "READ", NOWHERE), scim("crm", "WRITE", sink.url))
    live, chance = realtime(rig), random.Random(11)
    every = [(number % SENT_TO, number) for number in range(EVENTS) for _ in range(3)]
    for start in range(0, len(every), 50):
        window = every[start : start + 50]
        chance.shuffle(window)
        every[start : start + 50] = window
    working = [asyncio.create_task(realtime(rig, f"w{number}").work()) for number in range(2)]
    for start in range(0, len(every), 10):
        await asyncio.gather(
            *(
                live.accept("src", "user", "write", document=user(who, name={"familyName": f"v{stamp}"}), stamp=stamp)
                for who, stamp in every[start : start + 10]
            )
        )
    while await live.events.open():  # noqa: ASYNC110  # what waits is in a database
        await asyncio.sleep(0.02)
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    held = {one["userName"]: one["name"]["familyName"] for one in sink.state()["Users"].values()}
    assert held == {f"user{who}": f"v{EVENTS - SENT_TO + who}" for who in range(SENT_TO)}
    await rig.close()


async def test_a_run_and_real_time_take_turns_and_the_newest_state_stays(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    """T12: runs and events on the same users at the same time."""
    source.control(users=PEOPLE)
    sink.control(seconds=0.002)
    live = realtime(jobs, jobs.jobs.owner)
    working = asyncio.create_task(live.work())
    chance = random.Random(12)

    async def run_again(sending: asyncio.Task[None]) -> None:
        while not sending.done():
            await jobs.run("RESYNC")

    async def send() -> None:
        for _ in range(SECONDS * RATE):
            number = f"{chance.randrange(PEOPLE):07d}"
            document = {"id": f"u{number}", "userName": f"user{number}", "name": {"familyName": f"x{chance.random()}"}}
            await live.accept("src", "user", "write", document=document)
            await asyncio.sleep(1 / RATE)

    sending = asyncio.create_task(send())
    await asyncio.gather(run_again(sending), sending)
    while await live.events.open():  # noqa: ASYNC110  # what waits is in a database
        await asyncio.sleep(0.02)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    run = await jobs.run()
    assert run.status == "success"
    state = sink.state()
    assert state["clashes"] == 0, "two writes of one entity at the same time"
    assert len(state["Users"]) == PEOPLE
    assert sum(1 for line in state["ledger"] if line[0] == "POST") == PEOPLE
    assert run.statistics
    assert {user["name"]["familyName"][0] for user in state["Users"].values()} == {"F"}, "the source has the last word"


@pytest.mark.parametrize("moments", range(6))
async def test_a_worker_that_is_woken_while_it_is_cancelled_ends(jobs: JobRig, moments: int) -> None:
    live = realtime(jobs)
    for worker in (live, jobs.jobs):
        working = asyncio.create_task(worker.work())
        await asyncio.sleep(0.1)
        worker.wake()
        for _ in range(moments):
            await asyncio.sleep(0)
        working.cancel()
        done, _ = await asyncio.wait((working,), timeout=5)
        assert done, "the worker lost the cancellation"
