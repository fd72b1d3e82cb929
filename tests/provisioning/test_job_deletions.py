"""Deletions: the guard, held ones and their approval, entities that existed before, shared ones, lying sources."""

import asyncio
from typing import Any

import pytest
from tests.fixtures.fakes import Fake, started
from tests.fixtures.oracle import effects, expected, held
from tests.provisioning.jobrig import READ, WRITE, JobRig, scim

from proxeny.database import Database
from proxeny.store.held import BEGINNING, HeldDeletions, HeldKey, hold
from proxeny.store.links import Pair
from proxeny.store.migrations import migrate


async def test_an_empty_source_deletes_nothing_and_the_run_says_why(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=15)
    await jobs.run()
    source.control(empty=True)
    run = await jobs.run()
    assert await jobs.counts(run) == {"delete held": 15}
    assert [note.code for note in run.notes] == ["source-empty"]
    assert effects(sink.state(), "DELETE") == []
    assert len(await jobs.memory.held.list(target="crm", status="held")) == 15


@pytest.mark.parametrize(("gone", "deleted"), [(5, 5), (30, 30), (33, 0), (250, 0)])
async def test_a_shrinking_source_deletes_up_to_a_tenth(
    jobs: JobRig, source: Fake, sink: Fake, gone: int, deleted: int
) -> None:
    source.control(users=300)
    await jobs.run()
    source.control(missing=list(range(gone)))
    run = await jobs.run()
    assert len(effects(sink.state(), "DELETE")) == deleted
    assert await jobs.counts(run) == {
        "none unchanged": 300 - gone,
        "delete done" if deleted else "delete held": gone,
    }
    waiting = await jobs.memory.held.list(target="crm", status="held", limit=1000)
    assert [one.reason for one in waiting] == ["too-many"] * (gone - deleted)
    assert [note.code for note in run.notes] == ([] if deleted else ["too-many"])


async def test_three_of_ten_are_below_the_floor(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=10)
    await jobs.run()
    source.control(missing=[1, 2, 3])
    await jobs.run()
    assert held(sink.state()) == expected({"users": 10, "missing": [1, 2, 3]})


async def test_exactly_the_approved_and_still_missing_ones_go(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=200)
    await jobs.run()
    missing = list(range(60))
    source.control(missing=missing)
    await jobs.run()
    waiting = await jobs.memory.held.list(source="src", limit=1000)
    keys = [HeldKey(one.source, one.target, one.entity_type, one.source_id) for one in waiting]
    assert len(keys) == 60
    assert await jobs.memory.held.approve(keys[:50], "eva") == 50
    assert await jobs.memory.held.reject(keys[50:], "eva") == 10
    source.control(missing=missing[1:])  # number 0 came back in between
    run = await jobs.run()
    assert sorted(effects(sink.state(), "DELETE")) == [f"user{number:07d}" for number in range(1, 50)]
    assert await jobs.counts(run) == {"none unchanged": 141, "delete done": 49, "delete skipped": 10}
    assert {one.source_id for one in await jobs.memory.held.list(status="rejected")} == {
        f"u{number:07d}" for number in range(50, 60)
    }
    again = await jobs.run()
    assert await jobs.counts(again) == {"none unchanged": 141, "delete skipped": 10}
    assert await jobs.memory.held.list(status="approved") == []  # nobody has to decide on number 0 any more


async def test_of_1200_held_exactly_the_1000_approved_go(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=1500)
    await jobs.run()
    source.control(missing=list(range(1200)))
    await jobs.run()
    keys = [
        HeldKey(one.source, one.target, one.entity_type, one.source_id)
        for one in await jobs.memory.held.list(source="src", limit=2000)
    ]
    assert (await jobs.memory.held.approve(keys[:1000], "eva"), await jobs.memory.held.reject(keys[1000:], "eva")) == (
        1000,
        200,
    )
    run = await jobs.run()
    assert sorted(effects(sink.state(), "DELETE")) == [f"user{number:07d}" for number in range(1000)]
    assert await jobs.counts(run) == {"none unchanged": 300, "delete done": 1000, "delete skipped": 200}
    assert await jobs.reasons(run) == {"not-in-source": 1000, "rejected": 200}
    assert await jobs.memory.held.list(status="held") == []


async def test_a_delta_read_carries_out_what_was_approved(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await jobs.systems(scim("src", "READ", source.url, ips__delta__read="disabled"))
    source.control(users=60)
    await jobs.run()
    source.control(missing=list(range(30)))
    await jobs.run()
    waiting = await jobs.memory.held.list(source="src", limit=1000)
    keys = [HeldKey(one.source, one.target, one.entity_type, one.source_id) for one in waiting]
    await jobs.systems(scim("src", "READ", source.url, ips__delta__read="enabled"))
    source.control(missing=[])
    assert (await jobs.run()).mode == "full"  # it sets the mark from which the delta goes on
    await asyncio.sleep(1.1)  # the source's times are compared by the second
    source.control(missing=list(range(30)))
    assert (await jobs.run(trigger="IMMEDIATE")).mode == "delta"
    assert effects(sink.state(), "DELETE") == []
    await jobs.run("RESYNC")
    await jobs.memory.held.approve(keys[:20], "eva")
    source.control(missing=list(range(1, 30)))
    run = await jobs.run()
    assert run.mode == "delta"
    assert sorted(effects(sink.state(), "DELETE")) == [f"user{number:07d}" for number in range(1, 20)]
    assert await jobs.reasons(run) == {"not-in-source": 19, "still-in-source": 1}
    assert len(await jobs.memory.held.list(status="held")) == 10


BY_NAME = {"sourcePath": "$.userName", "targetVariable": "entityIdSourceSystem"}


def _read_by_name(**more: Any) -> dict[str, Any]:
    """A read transformation with another source id than the source's own."""
    return {**READ, "user": {**more, "mappings": [BY_NAME, *READ["user"]["mappings"][1:]]}}


async def test_who_no_longer_fulfils_the_read_condition_is_deleted_by_whatever_id(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    wanted = _read_by_name(condition="$.name.familyName =~ /.* r0/")
    await jobs.systems(scim("src", "READ", source.url, wanted))
    source.control(users=6)
    await jobs.run()
    source.control(changes={"2": 1})
    run = await jobs.run()
    outcome = (await jobs.outcomes(run))["user0000002"]
    assert (outcome.action, outcome.outcome, outcome.reason) == ("delete", "done", "source-condition")
    assert effects(sink.state(), "DELETE") == ["user0000002"]
    assert await jobs.memory.links.of_entity("src", "user0000002") == []


async def test_who_has_another_source_id_now_is_deleted_under_the_old_one(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await jobs.systems(scim("src", "READ", source.url, _read_by_name()))
    source.control(users=6)
    await jobs.run()
    source.control(names={"2": "renamed"})
    run = await jobs.run()
    found = await jobs.outcomes(run)
    assert (found["user0000002"].action, found["user0000002"].reason) == ("delete", "other-id")
    assert found["renamed"].action == "create"
    assert held(sink.state()) == expected({"users": 6, "names": {"2": "renamed"}})


async def test_above_the_threshold_none_is_deleted_and_all_count_as_failed(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await jobs.systems(scim("crm", "WRITE", sink.url, ips__delete__threshold__users="2"))
    source.control(users=30)
    await jobs.run()
    source.control(missing=[1, 2, 3])
    run = await jobs.run()
    assert (run.status, [note.code for note in run.notes]) == ("error", ["threshold"])
    assert await jobs.counts(run) == {"none unchanged": 27, "delete failed": 3}
    source.control(missing=[1, 2])
    run = await jobs.run()
    assert (await jobs.counts(run))["delete done"] == 2


async def test_what_was_in_the_target_before_is_kept_and_forgotten(jobs: JobRig, source: Fake, sink: Fake) -> None:
    sink.control(accounts=["user0000001"])
    source.control(users=3)
    first = await jobs.run()
    outcome = (await jobs.outcomes(first))["u0000001"]
    assert (outcome.action, outcome.reason) == ("correlate", "correlated")
    source.control(missing=[1, 2])
    run = await jobs.run()
    found = {key: (one.action, one.reason) for key, one in (await jobs.outcomes(run)).items()}
    assert found["u0000001"] == ("unlink", "existed-before")
    assert found["u0000002"] == ("delete", "not-in-source")
    assert await jobs.memory.links.of_entity("src", "u0000001") == []
    assert effects(sink.state(), "DELETE") == ["user0000002"]


async def test_what_was_there_before_is_deleted_where_the_property_says_so(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await jobs.systems(scim("crm", "WRITE", sink.url, ips__delete__existedbefore__entities="true"))
    sink.control(accounts=["user0000001"])
    source.control(users=2)
    await jobs.run()
    source.control(missing=[1])
    await jobs.run()
    assert effects(sink.state(), "DELETE") == ["user0000001"]


async def test_what_another_source_has_too_is_only_unlinked(jobs: JobRig, source: Fake, sink: Fake) -> None:
    with started("srcgen") as other:
        await jobs.systems(scim("two", "READ", other.url), scim("crm", "WRITE", sink.url, sources=("src", "TWO")))
        source.control(users=3)
        other.control(users=3)
        await jobs.run()
        await jobs.run(source="two")
        source.control(missing=[1])
        run = await jobs.run()
        outcome = (await jobs.outcomes(run))["u0000001"]
        assert (outcome.action, outcome.reason) == ("unlink", "shared")
        other.control(missing=[1])
        await jobs.run(source="two")
        assert effects(sink.state(), "DELETE") == []  # it existed before, for the second source


async def test_an_entity_that_fails_at_the_source_keeps_everybody(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=20)
    await jobs.run()
    source.control(missing=[1], invalid=[2])
    run = await jobs.run()
    assert (run.status, [note.code for note in run.notes]) == ("error", ["source-read-failed"])
    found = {key: (one.outcome, one.reason) for key, one in (await jobs.outcomes(run)).items()}
    assert found["u0000001"] == ("skipped", "source-read-failed")
    assert found["u0000002"] == ("skipped", "source-failed")
    assert effects(sink.state(), "DELETE") == []


async def test_a_list_that_leaves_someone_out_deletes_nobody(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=120)
    await jobs.run()
    source.control(total=100)  # the list ends early, and says so with a straight face
    run = await jobs.run()
    assert await jobs.counts(run) == {"none unchanged": 100, "delete skipped": 20}
    assert await jobs.reasons(run) == {"still-in-source": 20}
    assert effects(sink.state(), "DELETE") == []


async def test_delete_entity_mappings_are_sent_in_place_of_a_deletion(jobs: JobRig, source: Fake, sink: Fake) -> None:
    leaving = [*WRITE["user"]["mappings"]]
    leaving += [
        {"sourceVariable": "entityIdTargetSystem", "targetPath": "$.id", "scope": "deleteEntity"},
        {"constant": False, "targetPath": "$.active", "scope": "deleteEntity"},
        {"constant": "gone", "targetPath": "$.userName", "scope": "deleteEntity"},
    ]
    await jobs.systems(scim("crm", "WRITE", sink.url, {**WRITE, "user": {"mappings": leaving}}))
    source.control(users=3)
    await jobs.run()
    source.control(missing=[1])
    run = await jobs.run()
    outcome = (await jobs.outcomes(run))["u0000001"]
    assert (outcome.action, outcome.outcome, outcome.reason) == ("delete", "done", "deleted-by-update")
    state = sink.state()
    assert effects(state, "DELETE") == []
    assert [user["active"] for user in state["Users"].values() if user["userName"] == "gone"] == [False]
    assert await jobs.memory.links.of_entity("src", "u0000001") == []


async def test_a_name_is_not_handed_over_silently(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=10, names={"1": "anna"})
    await jobs.run()
    before = {user["userName"]: key for key, user in sink.state()["Users"].items()}["anna"]
    source.control(users=11, missing=[1], names={"1": "anna", "10": "anna"})
    run = await jobs.run()
    state = sink.state()
    after = {user["userName"]: key for key, user in state["Users"].items()}["anna"]
    assert after != before
    assert (await jobs.outcomes(run))["u0000001"].action == "delete"
    assert (await jobs.outcomes(run))["u0000010"].action == "create"
    assert held(state) == expected({"users": 11, "missing": [1], "names": {"10": "anna"}})


async def test_pages_of_held_deletions_lose_none_while_others_are_decided(database: Database) -> None:
    await migrate(database)
    deletions = HeldDeletions(database)

    def steps():  # type: ignore[no-untyped-def]  # as Database.transaction takes it
        for target in ("crm", "lake"):
            yield hold(Pair("src", target), "user", 1, [(f"u{n:02d}", f"t{n}", "too-many") for n in range(10)])

    await database.transaction(steps)
    seen: list[HeldKey] = []
    after = BEGINNING
    while page := await deletions.list(status="held", limit=3, after=after):
        seen += [one.key for one in page]
        after = seen[-1]
        await deletions.approve([one.key for one in page], "anna")
    assert len(seen) == len(set(seen)) == 20
    assert [one.key async for one in deletions.each()] == seen
    assert len([one async for one in deletions.each(target="lake")]) == 10


async def test_a_target_that_knows_nothing_has_not_lost_whom_it_is_to_delete(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    source.control(users=5)
    await jobs.run()
    source.control(missing=[1])
    await jobs.systems(scim("crm", "WRITE", f"{sink.url}/moved"))  # 404 for everything
    run = await jobs.run()
    assert run.status == "error"
    assert (await jobs.counts(run))["delete failed"] == 1
    await jobs.systems(scim("crm", "WRITE", sink.url))
    sink.control(faults=[{"method": "DELETE", "do": "404"}])
    run = await jobs.run()
    assert await jobs.reasons(run) == {"refused": 1}
    sink.control(faults=[])
    await jobs.run()
    assert effects(sink.state(), "DELETE") == ["user0000001"]


async def test_whom_somebody_else_has_deleted_is_gone(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=5)
    await jobs.run()
    source.control(missing=[1])
    sink.lose("Users", next(key for key, one in sink.state()["Users"].items() if one["userName"] == "user0000001"))
    run = await jobs.run()
    assert (run.status, await jobs.reasons(run)) == ("success", {"gone": 1})
