"""A constant ``"%key%[]"``: one entity of the source is one entity per value in the target (quirk 46)."""

import csv
from typing import Any

from tests.fixtures.fakes import Fake
from tests.fixtures.oracle import effects
from tests.provisioning.jobrig import WRITE, JobRig, scim

from proxeny.provisioning.jobs.validating import validate
from proxeny.provisioning.jobs.why import Why

ORIGINS = {
    **WRITE,
    "user": {"mappings": [*WRITE["user"]["mappings"], {"constant": "%scim.origin%[]", "targetPath": "$.origin"}]},
}


async def _written_to(jobs: JobRig, sink: Fake, origins: str) -> None:
    sink.control(unique=False)
    await jobs.systems(scim("crm", "WRITE", sink.url, ORIGINS, scim__origin=origins))


def _accounts(state: dict[str, Any]) -> set[tuple[str, str]]:
    return {(user["userName"], user["origin"]) for user in state["Users"].values()}


def _members(state: dict[str, Any]) -> list[tuple[str, str]]:
    (group,) = state["Groups"].values()
    users = state["Users"]
    return sorted((users[one["value"]]["userName"], users[one["value"]]["origin"]) for one in group["members"])


async def test_each_user_is_made_once_for_each_value_and_groups_hold_all_of_them(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await _written_to(jobs, sink, "idp1;idp2")
    source.control(users=3, groups=1)
    run = await jobs.run()
    assert run.status == "success"
    both = {(f"user{number:07d}", origin) for number in range(3) for origin in ("idp1", "idp2")}
    state = sink.state()
    assert (_accounts(state), _members(state)) == (both, sorted(both))
    assert await jobs.counts(run) == {"create done": 6}
    assert sorted(link.source_id for _, link in await jobs.memory.links.of_native("src", "u0000001")) == [
        "u0000001 [idp1]",
        "u0000001 [idp2]",
    ]
    sink.control(forget=True)
    assert await jobs.counts(await jobs.run()) == {"none unchanged": 6}
    assert sink.state()["ledger"] == []


async def test_a_change_reaches_all_of_them_and_who_leaves_leaves_with_all(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await _written_to(jobs, sink, "idp1;idp2")
    source.control(users=3)
    await jobs.run()
    source.control(changes={"1": 1}, missing=[2])
    run = await jobs.run()
    assert await jobs.counts(run) == {"update done": 2, "none unchanged": 2, "delete done": 2}
    state = sink.state()
    assert [one["name"]["familyName"] for one in state["Users"].values()].count("Family1 r1") == 2
    assert effects(state, "DELETE") == ["user0000002", "user0000002"]


async def test_a_value_more_makes_and_a_value_less_deletes_only_its_own(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await _written_to(jobs, sink, "idp1;idp2")
    source.control(users=2, groups=1)
    await jobs.run()
    await _written_to(jobs, sink, "idp2;idp3")
    run = await jobs.run()
    assert await jobs.counts(run) == {"none unchanged": 2, "create done": 2, "delete done": 2}
    assert (await jobs.reasons(run))["value-removed"] == 2
    state = sink.state()
    left = {(f"user{number:07d}", origin) for number in range(2) for origin in ("idp2", "idp3")}
    assert (_accounts(state), _members(state)) == (left, sorted(left))


async def test_a_simulation_foresees_each_of_them(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await _written_to(jobs, sink, "idp1;idp2")
    source.control(users=2, groups=1)
    foreseen = await jobs.run("SIMULATE")
    assert await jobs.counts(foreseen) == {"create done": 4}
    assert sink.state()["ledger"] == []
    run = await jobs.run()
    assert await jobs.counts(run) == await jobs.counts(foreseen)
    assert await jobs.reasons(run) == await jobs.reasons(foreseen)


async def test_why_finds_all_of_them_by_the_plain_id_and_one_by_its_own(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await _written_to(jobs, sink, "idp1;idp2")
    source.control(users=2)
    await jobs.run()
    ask = Why(jobs.memory, jobs.catalog).ask
    account = next(key for key, one in sink.state()["Users"].items() if one["userName"] == "user0000001")
    for entity in ("u0000001", account):
        found = await ask(entity)
        assert [one.entity_id for one in found] == ["u0000001 [idp1]", "u0000001 [idp2]"]
        assert all(one.there and "as the source has it" in one.sentence for one in found)
    (one,) = await ask("u0000001 [idp2]")
    assert (one.entity_id, one.there) == ("u0000001 [idp2]", True)
    await _written_to(jobs, sink, "idp2;idp3")
    said = {one.entity_id: (one.there, one.sentence) for one in await ask("u0000001")}
    assert [there for there, _ in said.values()] == [True, False, True]
    assert "no longer has the value" in said["u0000001 [idp1]"][1]
    assert "the next one would create it" in said["u0000001 [idp3]"][1]
    source.control(missing=[1])
    assert {one.entity_id for one in await ask("u0000001")} == {f"u0000001 [idp{number}]" for number in (1, 2, 3)}


async def test_validate_shows_each_of_them(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await _written_to(jobs, sink, "idp1;idp2")
    records = {"user": b"id,userName\nu1,anna\nu2,ben\n"}
    made = validate(jobs.catalog, jobs.catalog.system("src"), records)
    rows = list(csv.DictReader(made.files["users_CRM.csv"].decode().splitlines()))
    origins = [(row["userName"], row["origin"]) for row in rows]
    assert origins == [("anna", "idp1"), ("anna", "idp2"), ("ben", "idp1"), ("ben", "idp2")]
