"""Delta and forced full reads, and simulation."""

import asyncio
from typing import Any

import pytest
from tests.fixtures.fakes import Fake
from tests.fixtures.oracle import effects, expected, held
from tests.provisioning.jobrig import JobRig, scim

from proxeny.database import Statement


async def test_after_a_successful_full_read_only_changes_are_read(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await jobs.systems(scim("src", "READ", source.url, ips__delta__read="enabled"))
    source.control(users=250, groups=1)
    assert (await jobs.run()).mode == "full"
    await asyncio.sleep(1.1)
    source.control(changes={"7": 1}, missing=[8], forget_reads=True)
    run = await jobs.run()
    assert (run.mode, run.status) == ("delta", "success")
    assert await jobs.counts(run) == {"update done": 1}
    assert effects(sink.state(), "DELETE") == []
    assert source.state()["reads"] == {"Users 1": 1, "Groups 1": 1}


async def test_a_failure_keeps_the_mark_so_that_nothing_is_missed(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await jobs.systems(scim("src", "READ", source.url, ips__delta__read="enabled"))
    source.control(users=20)
    await jobs.run()
    await asyncio.sleep(1.1)
    source.control(changes={"7": 1, "8": 1})
    sink.control(faults=[{"method": "PUT", "match": "user0000007", "do": "400"}])
    run = await jobs.run()
    assert (run.mode, run.status) == ("delta", "error")
    sink.control(faults=[])
    run = await jobs.run()
    assert (run.mode, run.status) == ("delta", "success")
    assert held(sink.state()) == expected({"users": 20, "changes": {"7": 1, "8": 1}})


async def test_scheduled_delta_reads_are_followed_by_a_full_one(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await jobs.systems(scim("src", "READ", source.url, ips__delta__read="enabled", ips__full__read__force__count="2"))
    source.control(users=5)
    modes = [(await jobs.run(trigger="REPEAT")).mode for _ in range(3)]
    modes += [(await jobs.run(trigger="IMMEDIATE")).mode]
    assert modes == ["full", "delta", "delta", "delta"]
    source.control(fail={"1": 1000})
    failed = await jobs.run(trigger="REPEAT")
    source.control(fail={})
    assert (failed.mode, failed.status) == ("full", "error")
    assert [(await jobs.run(trigger="REPEAT")).mode for _ in range(2)] == ["full", "delta"]


async def test_a_new_target_gets_everything_although_the_source_reads_deltas(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await jobs.systems(scim("src", "READ", source.url, ips__delta__read="enabled"))
    source.control(users=5)
    await jobs.run()
    await jobs.systems(scim("lake", "WRITE", sink.url))
    run = await jobs.run()
    assert (run.mode, [note.code for note in run.notes]) == ("full", ["full-read"])


async def test_simulation_writes_nothing_and_predicts_the_next_run(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=500, groups=5, managers=True)
    await jobs.run()
    changes = {str(number): 1 for number in range(100, 130)}
    source.control(users=510, missing=list(range(20)), changes=changes)
    sink.control(forget=True)
    before = await _tables(jobs)
    simulated = await jobs.run("SIMULATE")
    assert sink.state()["ledger"] == []
    assert await _tables(jobs) == before
    foreseen = await jobs.outcomes(simulated)
    real = await jobs.outcomes(await jobs.run("READ"))
    predicted = {
        key: ("none", "unchanged") if one.reason == "resync-only" else (one.action, one.outcome)
        for key, one in foreseen.items()
    }
    happened = {key: (one.action, one.outcome) for key, one in real.items()}
    wrong = {key for key in happened.keys() | predicted.keys() if happened.get(key) != predicted.get(key)}
    assert len(happened) == 515
    assert wrong == set()


async def test_simulation_predicts_a_resync(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=40)
    await jobs.run()
    source.control(missing=[3], users=42)
    foreseen = await jobs.counts(await jobs.run("SIMULATE"))
    assert foreseen == {"create done": 2, "update done": 39, "delete done": 1}
    assert await jobs.counts(await jobs.run("RESYNC")) == foreseen


async def _tables(jobs: JobRig) -> list[object]:
    names = ("job_links", "job_held", "job_marks")
    return [await jobs.database.fetch(Statement(f"SELECT * FROM {name} ORDER BY 1, 2, 3")) for name in names]


@pytest.mark.parametrize("kind", ["SIMULATE", "READ"])
async def test_references_cost_no_statement_for_each_entity(
    jobs: JobRig, source: Fake, sink: Fake, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    fetch = type(jobs.database).fetch

    async def counted(self: Any, statement: Any, *given: Any, **named: Any) -> Any:
        asked.append(statement)
        return await fetch(self, statement, *given, **named)

    monkeypatch.setattr(type(jobs.database), "fetch", counted)
    source.control(users=500, groups=5, managers=True)
    run = await jobs.run(kind)
    assert await jobs.counts(run) == {"create done": 500}
    assert len(asked) < 150
