"""Read and resync from a SCIM source to a SCIM target."""

import asyncio
import logging
from dataclasses import replace

import pytest
from tests.fixtures.fakes import Fake
from tests.fixtures.oracle import effects, expected, held
from tests.provisioning.jobrig import WRITE, JobRig, scim


async def test_a_first_run_makes_the_target_what_the_source_is(jobs: JobRig, source: Fake, sink: Fake) -> None:
    switches = {"users": 250, "groups": 7}
    source.control(**switches)
    run = await jobs.run()
    assert (run.status, run.mode, run.notes) == ("success", "full", ())
    assert held(sink.state()) == expected(switches)
    assert await jobs.counts(run) == {"create done": 250}
    assert await jobs.counts(run, "src") == {"read done": 250}
    assert await jobs.counts(run, entity_type="group") == {"create done": 7}


async def test_a_second_run_is_silent_and_reads_each_page_once(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=250, groups=3)
    await jobs.run()
    sink.control(forget=True)
    source.control(forget_reads=True)
    run = await jobs.run()
    assert sink.state()["ledger"] == []
    assert source.state()["reads"] == {"Users 1": 1, "Users 101": 1, "Users 201": 1, "Groups 1": 1}
    assert await jobs.counts(run) == {"none unchanged": 250}


async def test_only_what_changed_is_written_and_what_vanished_is_deleted(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    switches = {"users": 100, "groups": 2}
    source.control(**switches)
    await jobs.run()
    sink.control(forget=True)
    switches |= {"users": 101, "changes": {"5": 1, "6": 1}, "missing": [9]}
    source.control(**switches)
    run = await jobs.run()
    state = sink.state()
    assert held(state) == expected(switches)
    assert await jobs.counts(run) == {"create done": 1, "update done": 2, "none unchanged": 97, "delete done": 1}
    assert sorted(effects(state, "PUT")) == ["user0000005", "user0000006"]
    assert effects(state, "DELETE") == ["user0000009"]
    changed = (await jobs.outcomes(run))["u0000005"]
    assert (changed.changed, changed.attempts) == (("name",), 1)


async def test_a_resync_writes_every_entity_again(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=30)
    await jobs.run()
    sink.control(forget=True)
    run = await jobs.run("RESYNC")
    assert await jobs.counts(run) == {"update done": 30}
    assert len(effects(sink.state(), "PUT")) == 30


async def test_what_the_target_lost_is_made_again_when_it_changes(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=3)
    first = await jobs.run()
    lost = (await jobs.outcomes(first))["u0000001"].target_id
    sink.lose("Users", str(lost))
    source.control(changes={"1": 1})
    again = await jobs.run()
    outcome = (await jobs.outcomes(again))["u0000001"]
    assert (outcome.action, outcome.outcome, outcome.reason) == ("create", "done", "gone")
    assert held(sink.state()) == expected({"users": 3, "changes": {"1": 1}})


async def test_managers_in_a_cycle_are_resolved_in_two_passes(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=25, managers=True)
    run = await jobs.run()
    assert run.status == "success"
    users = sink.state()["Users"]
    names = {key: user["userName"] for key, user in users.items()}
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    bosses = {user["userName"]: names[user[enterprise]["manager"]["value"]] for user in users.values()}
    assert bosses == {f"user{one:07d}": f"user{(one + 1) % 25:07d}" for one in range(25)}
    assert await jobs.counts(run) == {"create done": 25}
    sink.control(forget=True)
    await jobs.run()
    assert sink.state()["ledger"] == []


async def test_when_many_wait_for_others_the_source_is_read_once_more_not_asked_for_each(
    jobs: JobRig, source: Fake, sink: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxeny.provisioning.jobs.again.MANY_PENDING", 20)
    source.control(users=250, managers=True)
    assert (await jobs.run()).status == "success"
    assert source.state()["reads"] == {"Users 1": 2, "Users 101": 2, "Users 201": 2, "Groups 1": 1}
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    assert all(user[enterprise]["manager"]["value"] for user in sink.state()["Users"].values())


async def test_a_source_that_is_faster_than_its_target_waits(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=5000)
    sink.control(seconds=0.05)
    run = await jobs.jobs.start("src", "READ")
    worker = asyncio.create_task(jobs.jobs.work())
    await asyncio.sleep(2.5)
    read, written = sum(source.state()["reads"].values()), len(sink.state()["Users"])
    await jobs.jobs.stop(run)
    await jobs.jobs.wait(run)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert 0 < read * 100 <= written + 300


async def test_a_member_that_was_never_provisioned_is_reported_and_added_later(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    source.control(users=5, groups=1, extra_members={"0": ["u0000005", "g0000001"]})
    run = await jobs.run()
    outcome = (await jobs.outcomes(run))["g0000000"]
    assert (outcome.outcome, outcome.reason) == ("done", "unresolved")
    link = (await jobs.memory.links.of_entity("src", "g0000000"))[0][1]
    assert {(one.entity_type, one.id) for one in link.pending} >= {("user", "u0000005"), ("group", "g0000001")}
    source.control(users=6, groups=2, extra_members={"0": ["g0000001"]})
    await jobs.run()
    state = sink.state()
    nested = {group["displayName"]: key for key, group in state["Groups"].items()}["group1"]
    members = {group["displayName"]: group["members"] for group in state["Groups"].values()}
    assert {"value": nested} in members["group0"]


async def test_an_entity_that_the_target_does_not_want_is_skipped_and_later_deleted(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    wanted = {**WRITE, "user": {**WRITE["user"], "condition": "$.name.familyName == 'Family1 r0'"}}
    await jobs.systems(scim("crm", "WRITE", sink.url, wanted))
    source.control(users=3)
    run = await jobs.run()
    assert await jobs.counts(run) == {"create done": 1, "none skipped": 2}
    assert (await jobs.outcomes(run))["u0000000"].reason == "condition"
    source.control(changes={"1": 1})
    run = await jobs.run()
    assert await jobs.counts(run) == {"delete done": 1, "none skipped": 2}
    assert sink.state()["Users"] == {}


async def test_skipped_operations_are_outcomes_with_a_reason(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=2)
    await jobs.run()
    skipping = {**WRITE, "user": {**WRITE["user"], "skipOperations": ["create", "update", "delete"]}}
    await jobs.systems(scim("crm", "WRITE", sink.url, skipping))
    sink.control(accounts=["user0000002"], forget=True)
    source.control(users=4, missing=[0], changes={"1": 1})
    run = await jobs.run()
    found = {key: (one.action, one.outcome, one.reason) for key, one in (await jobs.outcomes(run)).items()}
    assert found == {
        "u0000000": ("delete", "skipped", "skip-operation"),
        "u0000001": ("none", "skipped", "skip-operation"),
        "u0000002": ("correlate", "done", "correlated"),
        "u0000003": ("create", "failed", "not-found"),
    }
    assert sink.state()["ledger"] == []


async def test_a_source_without_targets_is_read_for_its_statistics(jobs: JobRig, source: Fake) -> None:
    del jobs.definitions["crm"]
    await jobs.systems()
    source.control(users=120, invalid=[3])
    run = await jobs.run()
    assert await jobs.counts(run, "src") == {"read done": 119, "read failed": 1}
    assert run.status == "error"


async def test_a_run_leaves_a_line_when_it_is_queued_started_and_ended(
    jobs: JobRig, source: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "proxeny.job")
    source.control(users=2)
    run = await jobs.run()
    lines = [(one.getMessage(), one.levelname) for one in caplog.records if getattr(one, "run", None) == run.id]
    assert lines == [(f"a run {what}", "INFO") for what in ("is queued", "has started", "has ended")]
    (ended,) = (vars(one) for one in caplog.records if one.getMessage() == "a run has ended")
    assert (ended["source"], ended["status"], ended["counts"]["src user read done"]) == ("src", "success", 2)


async def test_a_run_under_way_ends_on_the_systems_that_were_replaced(
    jobs: JobRig, source: Fake, sink: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    source.control(users=300, delay=0.3)
    before = [jobs.catalog.system(name) for name in ("src", "crm")]
    run = await jobs.jobs.start("src", "READ")
    working = asyncio.create_task(jobs.jobs.work_off())
    async with asyncio.timeout(10):
        while not all(one.use.at_work for one in before):  # noqa: ASYNC110  # it begins beside us
            await asyncio.sleep(0.01)
    await jobs.systems(*(replace(one.blueprint.definition, description="changed") for one in before))
    assert (jobs.catalog.system("src") is not before[0], jobs.catalog.leaving) == (True, 2)
    await working
    assert (await jobs.memory.runs.get(run)).status == "success"
    assert await jobs.counts(await jobs.memory.runs.get(run)) == {"create done": 300}
    assert not any(one.use.at_work for one in before)
