"""Targets and sources that misbehave: time-outs after the effect, conflicts, limits, flapping, broken pages."""

import asyncio

import pytest
from tests.fixtures.fakes import Fake, started
from tests.fixtures.oracle import effects, expected, held
from tests.provisioning.jobrig import JobRig, scim


async def filled(sink: Fake, number: int) -> None:
    """Until the sink has so many users."""
    while True:
        await asyncio.sleep(0.1)
        if len(sink.state()["Users"]) >= number:
            return


async def test_what_was_done_without_an_answer_is_found_again_not_repeated(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    switches = {"users": 100, "groups": 3}
    source.control(**switches)
    sink.control(faults=[{"every": 20, "do": "drop-after"}])
    run = await jobs.run()
    state = sink.state()
    assert held(state) == expected(switches)
    created = effects(state, "POST")
    assert len(created) == len(set(created)) == 100
    assert run.status == "success"
    assert (await jobs.reasons(run))["recovered"] >= 4
    switches["changes"] = {str(number): 1 for number in range(50)}
    switches["missing"] = [60, 61]
    source.control(**switches)
    await jobs.run()
    assert held(sink.state()) == expected(switches)


async def test_an_account_made_without_an_answer_is_ours_and_may_be_deleted(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    source.control(users=2)
    sink.control(faults=[{"method": "POST", "first": 1, "do": "drop-after"}])
    await jobs.run()
    source.control(missing=[0, 1], users=3)
    await jobs.run()
    assert held(sink.state()) == expected({"users": 3, "missing": [0, 1]})


async def test_a_conflict_is_resolved_by_exactly_one_hit(jobs: JobRig, source: Fake, sink: Fake) -> None:
    sink.control(accounts=["user0000001"], twins=["user0000002"])
    source.control(users=5)
    sink.control(faults=[{"method": "POST", "match": "user0000003", "do": "409"}])
    run = await jobs.run()
    found = {key: (one.action, one.outcome, one.reason) for key, one in (await jobs.outcomes(run)).items()}
    assert found == {
        "u0000000": ("create", "done", None),
        "u0000001": ("correlate", "done", "correlated"),
        "u0000002": ("create", "failed", "conflict-several"),
        "u0000003": ("create", "failed", "conflict-none"),
        "u0000004": ("create", "done", None),
    }
    user = next(user for user in sink.state()["Users"].values() if user["userName"] == "user0000001")
    assert user["name"]["givenName"] == "Given1"


async def test_a_limit_is_kept_and_everybody_gets_through(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=60)
    sink.control(rate=25)
    run = await jobs.run()
    assert run.status == "success"
    assert held(sink.state()) == expected({"users": 60})


async def test_a_flapping_target_gets_everything_in_the_end(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=60)
    sink.control(faults=[{"method": "POST", "first": 5, "do": "503"}])
    run = await jobs.run()
    assert run.status == "success"
    assert held(sink.state()) == expected({"users": 60})


async def test_poison_is_reported_and_everybody_else_is_done(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=150)
    sink.control(faults=[{"method": "POST", "match": "user0000077", "do": "400"}])
    run = await jobs.run()
    assert run.status == "error"
    assert await jobs.counts(run) == {"create done": 149, "create failed": 1}
    outcome = (await jobs.outcomes(run))["u0000077"]
    assert (outcome.reason, outcome.message is not None) == ("refused", True)
    sink.control(faults=[], forget=True)
    run = await jobs.run()
    assert effects(sink.state(), "POST") == ["user0000077"]
    assert run.status == "success"


async def test_a_page_that_fails_is_tried_again_and_the_others_are_not_read_twice(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    source.control(users=500, fail={"301": 5})
    run = await jobs.run()
    assert run.status == "success"
    reads = source.state()["reads"]
    assert {start: count for start, count in reads.items() if count > 1} == {"Users 301": 6}
    assert held(sink.state()) == expected({"users": 500})


async def test_a_page_that_never_comes_ends_the_run_without_deletions_and_it_can_go_on_from_there(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    source.control(users=300)
    await jobs.run()
    source.control(missing=[1], fail={"201": 1000})
    run = await jobs.run()
    assert (run.status, [note.code for note in run.notes]) == ("error", ["source-broken"])
    assert effects(sink.state(), "DELETE") == []
    source.control(fail={}, forget_reads=True)
    assert await jobs.jobs.resume(run.id)
    await jobs.jobs.work_off()
    assert "Users 1" not in source.state()["reads"]
    assert (await jobs.memory.runs.get(run.id)).status == "success"
    assert held(sink.state()) == expected({"users": 300, "missing": [1]})


@pytest.mark.parametrize(
    "switches", [{"short": {"101": 99}}, {"short": {"101": 1}}, {"short": {"101": 0}}, {"cap": 20}]
)
async def test_short_pages_are_never_the_end(
    jobs: JobRig, source: Fake, sink: Fake, switches: dict[str, object]
) -> None:
    source.control(users=400)
    await jobs.run()
    source.control(**switches)
    run = await jobs.run()
    assert await jobs.counts(run) == {"none unchanged": 400}


async def test_a_slow_target_does_not_hold_the_others(jobs: JobRig, source: Fake, sink: Fake) -> None:
    with started("sink") as slow:
        slow.control(seconds=1.5)
        await jobs.systems(scim("lake", "WRITE", slow.url, timeout__total="10"))
        source.control(users=2000)
        run = await jobs.jobs.start("src", "READ")
        worker = asyncio.create_task(jobs.jobs.work())
        try:
            async with asyncio.timeout(40):
                await filled(sink, 2000)
            state = slow.state()
            assert len(state["Users"]) < 400
            assert state["most_open"] <= 8
        finally:
            await jobs.jobs.stop(run)
            await jobs.jobs.wait(run)
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


async def test_a_broken_target_does_not_hold_the_others(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await jobs.systems(scim("lake", "WRITE", "http://127.0.0.1:9", ips__failed__request__retry__attempts="0"))
    source.control(users=150)
    run = await jobs.run()
    assert run.paused, "it goes on with the broken one when that is back"
    assert held(sink.state()) == expected({"users": 150})
    assert sum((await jobs.counts(run, "lake")).values()) < 10
    assert [(note.code, note.system) for note in run.notes] == [("target-down", "lake")]
    assert (await jobs.jobs.progress(run.id)).targets["crm"]["phase"] == "done"


async def test_a_stopped_run_writes_no_more_and_goes_on_where_it_was(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=600)
    sink.control(seconds=0.02)
    run = await jobs.jobs.start("src", "READ")
    worker = asyncio.create_task(jobs.jobs.work())
    await filled(sink, 150)
    await jobs.jobs.stop(run)
    assert (await jobs.jobs.wait(run)).status == "stopped"
    done = len(sink.state()["Users"])
    await asyncio.sleep(0.3)
    assert len(sink.state()["Users"]) == done < 600
    assert await jobs.jobs.resume(run)
    ended = await jobs.jobs.wait(run)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert ended.status == "success"
    state = sink.state()
    assert held(state) == expected({"users": 600})
    assert len(state["ledger"]) == 600
    assert await jobs.counts(ended) == {"create done": 600}
