"""What provisioning remembers, on both databases."""

import asyncio
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import pytest

from proxeny.database import Database, Request, Row
from proxeny.store import held, links, marks, outcomes, runs
from proxeny.store.errors import LeaseLostError
from proxeny.store.held import HeldDeletions, HeldKey
from proxeny.store.links import Holder, Link, Links, Pair, Reference
from proxeny.store.marks import Mark, Marks
from proxeny.store.migrations import migrate
from proxeny.store.outcomes import Outcome, Outcomes, Statistic
from proxeny.store.runs import Note, Runs
from proxeny.store.schedules import Schedule, Schedules

PAIR = Pair("hr", "crm")


@pytest.fixture
async def opened(database: Database) -> Database:
    await migrate(database)
    return database


async def store(database: Database, *requests: Request, first: Callable[[], Any] | None = None) -> None:
    def steps() -> Generator[Request, list[Row], None]:
        if first is not None:
            yield from first()
        for request in requests:
            _ = yield request

    await database.transaction(steps)


async def test_a_link_is_found_by_its_source_id_and_by_its_target(opened: Database) -> None:
    known = Links(opened)
    anna = Link("a", "user", "T1", None, "f1", pending=(Reference("user", "boss"),))
    staff = Link("a", "group", "G1", "7", "f2", existed_before=True, since=1.5)
    await store(opened, links.put(PAIR, [anna, staff, Link("b", "user")]))
    assert await known.of(PAIR, ["a", "zzz"]) == {("user", "a"): anna, ("group", "a"): staff}
    assert await known.of(Pair("other", "crm"), ["a"]) == {}
    assert await known.holders(["crm", "x"], "user", ["T1", "T2"]) == {"T1": [Holder("hr", "a", "crm")]}
    assert await known.count(PAIR) == {"user": 1, "group": 1}
    assert [link async for link in known.pending(PAIR, "user")] == [anna]
    assert await known.of_entity("hr", "b") == [(PAIR, Link("b", "user"))]
    assert await known.of_target("crm", "group", "G1") == [(PAIR, staff)]
    await store(opened, links.drop(PAIR, [("user", "a")]))
    assert await known.of(PAIR, ["a"]) == {("group", "a"): staff}


async def test_unseen_are_the_links_without_an_outcome_in_the_target(opened: Database) -> None:
    await store(
        opened,
        links.put(PAIR, [Link(str(number), "user", f"T{number}") for number in range(1200)]),
        outcomes.put(7, [Outcome(str(number), "crm", "user", "none", "unchanged") for number in range(1199)]),
        outcomes.put(6, [Outcome("1199", "crm", "user", "none", "unchanged")]),
        outcomes.put(
            7, [Outcome("1199", "hr", "user", "read", "done"), Outcome("1199", "crm", "group", "none", "done")]
        ),
    )
    assert [link.source_id async for link in Links(opened).unseen(PAIR, "user", 7)] == ["1199"]


async def test_a_reset_forgets_a_system_as_source_and_as_target(opened: Database) -> None:
    other = Pair("crm", "lake")
    await store(opened, links.put(PAIR, [Link("a", "user", "1")]), links.put(other, [Link("b", "user", "2")]))
    await Marks(opened).put("hr", Mark({"user": "5"}, ("crm",)))
    await Links(opened).reset("crm")
    assert await Links(opened).of(PAIR, ["a"]) == {}
    assert await Links(opened).of(other, ["b"]) == {}
    assert await Marks(opened).of("hr") == Mark()


async def test_an_entity_has_one_outcome_in_a_system_and_run_however_often_it_is_repeated(opened: Database) -> None:
    kept = Outcomes(opened)
    await store(opened, outcomes.put(1, [Outcome("a", "crm", "user", "create", "failed", "refused", "no", at=1.0)]))
    await store(
        opened,
        outcomes.put(
            1,
            [
                Outcome("a", "crm", "user", "create", "done", None, None, "T1", ("userName",), 2, "abc", 2.0),
                Outcome("b", "crm", "user", "none", "unchanged"),
                Outcome("a", "crm", "group", "none", "failed", "refused"),
            ],
        ),
    )
    assert await kept.of_entity(1, "crm", "user", "a") == Outcome(
        "a", "crm", "user", "create", "done", None, None, "T1", ("userName",), 2, "abc", 2.0
    )
    assert await kept.statistics(1) == [
        Statistic("crm", "group", "none", "failed", 1),
        Statistic("crm", "user", "create", "done", 1),
        Statistic("crm", "user", "none", "unchanged", 1),
    ]
    assert [row.entity_id async for row in kept.of_run(1, outcome="unchanged")] == ["b"]
    assert [row.entity_type async for row in kept.of_run(1, outcome="failed")] == ["group"]
    assert [row.entity_id async for row in kept.of_run(1, entity_type="user")] == ["a", "b"]
    assert await kept.counted(1, "crm", "failed") == {"group": 1}
    assert await kept.reasons(1) == [("crm", "group", "failed", "refused", 1)]
    await kept.purge(1)
    assert await kept.statistics(1) == []


async def test_a_run_is_claimed_once_and_one_source_has_one_run_at_a_time(opened: Database) -> None:
    known = Runs(opened)
    first = await known.add("hr", "READ", "IMMEDIATE", "anna")
    second = await known.add("hr", "READ", "REPEAT")
    other = await known.add("erp", "RESYNC", "IMMEDIATE")
    claimed = [await known.claim("w1"), await known.claim("w2"), await known.claim("w3")]
    assert [run.id if run else None for run in claimed] == [first, other, None]
    run = claimed[0]
    assert run is not None
    assert (run.status, run.triggered_by, run.fence, run.kind) == ("running", "anna", 1, "READ")
    await known.finish(run, "success", [Note("c", "crm", "text")], [Statistic("hr", "user", "read", "done", 3)])
    following = await known.claim("w1")
    assert following is not None
    assert following.id == second
    ended = await known.get(first)
    assert (ended.status, ended.over, ended.notes) == ("success", True, (Note("c", "crm", "text"),))
    assert ended.statistics == (Statistic("hr", "user", "read", "done", 3),)
    assert [run.id for run in await known.latest(source="hr")] == [second, first]
    assert [run.id for run in await known.latest(before=other, limit=1)] == [second]


async def test_who_lost_the_lease_can_store_nothing(opened: Database) -> None:
    known = Runs(opened)
    await known.add("hr", "READ", "IMMEDIATE")
    paused = await known.claim("w1", seconds=0.05)
    assert paused is not None
    assert await known.renew(paused, seconds=0.05) is False
    await asyncio.sleep(0.1)
    taken = await known.claim("w2")
    assert taken is not None
    assert (taken.id, taken.fence) == (paused.id, 2)
    with pytest.raises(LeaseLostError):
        await store(opened, links.put(PAIR, [Link("a", "user", "1")]), first=lambda: runs.guard(paused))
    assert await Links(opened).of(PAIR, ["a"]) == {}
    with pytest.raises(LeaseLostError):
        await known.renew(paused)
    with pytest.raises(LeaseLostError):
        await known.finish(paused, "success", [], [])
    await store(opened, runs.lane(taken, "crm", {"page": 3}), first=lambda: runs.guard(taken))
    assert await known.lanes(taken.id) == {"crm": {"page": 3}}


async def test_a_paused_run_waits_for_its_time_and_gives_way_to_a_later_one(opened: Database) -> None:
    known = Runs(opened)
    first = await known.add("hr", "READ", "REPEAT")
    run = await known.claim("w")
    assert run is not None
    note = Note("target-down", "crm", "It does not answer.")
    await known.pause(run, time.time() + 60, [note], {"waits": 1})
    paused = await known.get(first)
    assert (paused.paused, paused.over, paused.status) == (True, False, "queued")
    assert (paused.notes, paused.plan) == ((note,), {"waits": 1})
    assert await known.claim("w") is None
    with pytest.raises(LeaseLostError):
        await known.pause(replace(run, fence=7), time.time(), [], {})
    assert await known.resume(first), "somebody does not want to wait"
    again = await known.claim("w")
    assert again is not None
    assert (again.id, again.fence, again.started) == (first, 2, run.started)
    await known.pause(again, time.time() + 60, [note], {})
    second = await known.add("hr", "READ", "REPEAT")
    assert [one.id for one in await known.waiting("hr", second)] == [first]
    assert await known.waiting("hr", first) == []
    await known.supersede(again, [note, note])
    ended = await known.get(first)
    assert (ended.status, ended.over, len(ended.notes)) == ("stopped", True, 2)


async def test_a_run_that_was_to_stop_is_not_paused(opened: Database) -> None:
    known = Runs(opened)
    number = await known.add("hr", "READ", "REPEAT")
    run = await known.claim("w")
    assert run is not None
    await known.stop(number)
    await known.pause(run, time.time() + 60, [], {})
    assert (await known.get(number)).status == "stopped"


async def test_a_point_of_a_schedule_is_not_passed_over_for_a_paused_run(opened: Database) -> None:
    known, schedules = Runs(opened), Schedules(opened)
    schedule = Schedule("hr", "READ", True, 60, anchor=0.0, next=100.0)
    await schedules.put(schedule)
    await known.add("hr", "READ", "REPEAT")
    run = await known.claim("w")
    assert run is not None
    assert await schedules.fire(schedule, 200.0) is None, "it is running"
    await known.pause(run, time.time() + 60, [], {})
    assert await schedules.fire(replace(schedule, next=200.0), 300.0) is not None


async def test_a_stopped_run_goes_on_when_it_is_resumed(opened: Database) -> None:
    known = Runs(opened)
    run_id = await known.add("hr", "READ", "IMMEDIATE")
    assert await known.stop(run_id)
    assert (await known.get(run_id)).status == "stopped"
    assert not await known.stop(run_id)
    assert await known.resume(run_id)
    run = await known.claim("w")
    assert run is not None
    assert await known.stop(run_id)
    assert await known.renew(run) is True
    await known.finish(run, "stopped", [], [])
    assert not await known.stop(run_id)
    assert await known.claim("w") is None


async def test_finished_runs_are_purged_with_their_outcomes(opened: Database) -> None:
    known = Runs(opened)
    old, fresh = await known.add("hr", "READ", "IMMEDIATE"), await known.add("erp", "READ", "IMMEDIATE")
    run = await known.claim("w")
    assert run is not None
    await store(opened, outcomes.put(old, [Outcome("a", "hr", "user", "read", "done")]), runs.lane(run, "crm", {}))
    await known.finish(run, "success", [], [])
    assert await known.purge(time.time() + 1) == 1
    assert await known.find(old) is None
    assert await known.lanes(old) == {}
    assert await Outcomes(opened).statistics(old) == []
    assert (await known.get(fresh)).status == "queued"


async def test_held_deletions_wait_for_a_decision(opened: Database) -> None:
    waiting = HeldDeletions(opened)
    await store(
        opened, held.hold(PAIR, "user", 9, [("a", "T1", "too-many"), ("b", "T2", "too-many"), ("c", None, "x")])
    )
    assert [one.source_id for one in await waiting.list(source="hr", status="held")] == ["a", "b", "c"]
    assert await waiting.approve([HeldKey("hr", "crm", "user", "a"), HeldKey("hr", "crm", "user", "zzz")], "eva") == 1
    assert await waiting.reject([HeldKey("hr", "crm", "user", "b")], "eva") == 1
    assert await waiting.standing(PAIR, "user") == {"a": "approved", "b": "rejected", "c": "held"}
    assert await waiting.reject([HeldKey("hr", "crm", "user", "b")], "eva", seconds=-1) == 1
    assert await waiting.standing(PAIR, "user") == {"a": "approved", "c": "held"}
    await store(opened, held.drop(PAIR, [("user", "a")]))
    assert [(one.source_id, one.decided_by) for one in await waiting.list()] == [("b", "eva"), ("c", None)]


async def test_a_mark_says_from_where_a_delta_goes_on(opened: Database) -> None:
    known = Marks(opened)
    assert await known.of("hr") == Mark()
    mark = Mark({"user": "17", "group": "18"}, ("crm", "lake"), 3, True)
    await store(opened, marks.put("hr", mark))
    assert await known.of("hr") == mark


async def test_the_outcomes_of_some_entities_are_found_at_once(opened: Database) -> None:
    anna, staff = Outcome("a", "crm", "user", "create", "done"), Outcome("a", "crm", "group", "none", "skipped")
    await store(
        opened, outcomes.put(1, [anna, staff]), outcomes.put(2, [Outcome("b", "crm", "user", "none", "skipped")])
    )
    assert await Outcomes(opened).of_entities(1, "crm", "user", ["a", "b"]) == {"a": anna}
    assert await Outcomes(opened).of_entities(1, "crm", "user", []) == {}
