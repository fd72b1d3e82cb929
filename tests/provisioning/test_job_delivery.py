"""What is sent: PATCH from updates, removals, members in portions, groups assigned through users, ids written back."""

import asyncio
from typing import Any

import pytest
from tests.fixtures.fakes import Fake
from tests.fixtures.oracle import effects, expected, held
from tests.provisioning.jobrig import READ, WRITE, JobRig, scim

from proxeny.provisioning.deliveries.updating import Writable, whole
from proxeny.provisioning.systems.definition import SystemDefinition

URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NAMES = Writable(
    (("userName",), ("name", "givenName"), ("name", "middleName"), (URN, "department"), (URN, "manager", "value"))
)


def operations(patch: dict[str, Any] | None) -> set[tuple[str, str]]:
    assert patch is not None
    return {(one["op"], one["path"]) for one in patch["Operations"]}


def test_an_update_by_patch_replaces_what_is_there_and_removes_what_has_no_value() -> None:
    patch = NAMES.as_patch(
        {"id": "1", "schemas": [], "userName": "anna", "name": {"givenName": "A"}, URN: {"department": "X"}}
    )
    assert operations(patch) == {
        ("replace", "userName"),
        ("replace", "name"),
        ("replace", f"{URN}:department"),
        ("remove", "name.middleName"),
        ("remove", f"{URN}:manager"),
    }


def test_an_attribute_that_is_gone_altogether_is_removed_once() -> None:
    assert operations(NAMES.as_patch({"userName": "anna"})) == {
        ("replace", "userName"),
        ("remove", "name"),
        ("remove", f"{URN}:department"),
        ("remove", f"{URN}:manager"),
    }


def test_a_full_update_says_that_there_are_no_members() -> None:
    assert whole({"displayName": "x"}, Writable((("members", "value"),))) == {"displayName": "x", "members": []}
    assert whole({"displayName": "x"}, Writable((("displayName",),))) == {"displayName": "x"}


@pytest.mark.parametrize("patching", ["true", "false"])
async def test_the_last_member_and_the_last_mail_are_really_taken_away(
    jobs: JobRig, source: Fake, sink: Fake, patching: str
) -> None:
    await jobs.systems(scim("crm", "WRITE", sink.url, scim__support__patch__operation=patching))
    switches = {"users": 4, "groups": 2}
    source.control(**switches)
    await jobs.run()
    switches["missing"] = [1, 3]
    source.control(**switches)
    await jobs.run()
    state = sink.state()
    assert held(state) == expected(switches)
    assert set(effects(state, "PATCH" if patching == "true" else "PUT", "Groups")) == {"group1"}


async def test_a_patch_touches_nothing_that_no_mapping_writes(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await jobs.systems(scim("crm", "WRITE", sink.url, scim__support__patch__operation="true"))
    source.control(users=1)
    await jobs.run()
    (key,) = sink.state()["Users"]
    sink.change("Users", key, {"title": "set by hand"})
    source.control(changes={"0": 1})
    await jobs.run()
    user = sink.state()["Users"][key]
    assert (user["title"], user["name"]["familyName"]) == ("set by hand", "Family0 r1")


async def test_patch_to_a_target_without_patch_fails_the_entity_with_that_reason(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await jobs.systems(scim("crm", "WRITE", sink.url, scim__support__patch__operation="true"))
    sink.control(patch=False)
    source.control(users=1)
    await jobs.run()
    source.control(changes={"0": 1})
    outcome = (await jobs.outcomes(await jobs.run()))["u0000000"]
    assert (outcome.action, outcome.outcome, outcome.reason) == ("update", "failed", "unsupported")


async def test_a_large_group_is_changed_by_its_differences(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await jobs.systems(scim("crm", "WRITE", sink.url, scim__patch__group__members__above__threshold="500"))
    switches = {"users": 1200, "groups": 1}
    source.control(**switches)
    await jobs.run()
    sink.control(forget=True)
    switches |= {"users": 1300, "missing": list(range(90))}
    source.control(**switches)
    await jobs.run()
    state = sink.state()
    assert held(state) == expected(switches)
    writes = [line for line in state["ledger"] if line[1] == "Groups"]
    assert len(writes) <= 5
    assert sum(line[4] for line in writes) < 20_000


async def test_users_are_put_into_groups_by_a_variable(jobs: JobRig, source: Fake, sink: Fake) -> None:
    group = sink.put("Groups", {"displayName": "staff", "members": []})
    other = sink.put("Groups", {"displayName": "guests", "members": []})
    assigning = [
        *WRITE["user"]["mappings"],
        {"constant": [{"id": group}, {"id": other}], "targetVariable": "assignGroup"},
    ]
    await jobs.systems(scim("crm", "WRITE", sink.url, {"user": {"mappings": assigning}}))
    source.control(users=3)
    run = await jobs.run()
    assert run.status == "success"
    state = sink.state()
    assert {one["value"] for one in state["Groups"][group]["members"]} == set(state["Users"])
    leaving = [
        *WRITE["user"]["mappings"],
        {"constant": [{"id": group}], "targetVariable": "unassignGroup"},
    ]
    await jobs.systems(scim("crm", "WRITE", sink.url, {"user": {"mappings": leaving}}))
    run = await jobs.run()
    assert await jobs.counts(run) == {"update done": 3}
    state = sink.state()
    assert state["Groups"][group]["members"] == []
    assert len(state["Groups"][other]["members"]) == 3


async def test_a_missing_group_fails_the_user_and_the_account_is_remembered(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    assigning = [*WRITE["user"]["mappings"], {"constant": [{"id": "nowhere"}], "targetVariable": "assignGroup"}]
    await jobs.systems(scim("crm", "WRITE", sink.url, {"user": {"mappings": assigning}}))
    source.control(users=1)
    run = await jobs.run()
    outcome = (await jobs.outcomes(run))["u0000000"]
    assert (outcome.action, outcome.outcome, outcome.reason) == ("create", "failed", "assign-group")
    await jobs.systems(scim("crm", "WRITE", sink.url))
    run = await jobs.run()
    outcome = (await jobs.outcomes(run))["u0000000"]
    assert (outcome.action, outcome.outcome) == ("update", "done")
    assert effects(sink.state(), "POST") == ["user0000000"]


async def test_the_directory_is_a_target_and_a_source(jobs: JobRig, source: Fake, sink: Fake) -> None:
    """People from a source into the directory by its default transformation, and on to a target."""
    kind = "LOCAL_IDENTITY_DIRECTORY"
    await jobs.systems(
        SystemDefinition("store", "Store", kind, "WRITE", sources=("src",)),
        SystemDefinition("people", "People", kind, "READ"),
        scim("crm", "WRITE", sink.url, sources=("people",)),
    )
    switches = {"users": 120, "groups": 3}
    source.control(**switches)
    run = await jobs.run()
    assert (run.status, await jobs.counts(run, "store")) == ("success", {"create done": 120})
    run = await jobs.run(source="people")
    assert run.status == "success"
    assert held(sink.state()) == expected(switches)
    sink.control(forget=True)
    await jobs.run()
    await jobs.run(source="people")
    assert sink.state()["ledger"] == []


async def test_a_global_user_id_is_written_back_to_a_source_that_takes_it(jobs: JobRig, source: Fake) -> None:
    taken: dict[str, str] = {}

    async def take(entity_type: str, entity_id: str, global_id: str) -> None:
        taken[entity_id] = global_id

    await jobs.systems(SystemDefinition("store", "Store", "LOCAL_IDENTITY_DIRECTORY", "WRITE", sources=("src",)))
    connector: Any = jobs.catalog.system("src").connector
    connector.take_global_id = take
    source.control(users=2)
    await jobs.run()
    assert set(taken) == {"u0000000", "u0000001"}
    assert all(len(one) == 36 for one in taken.values())


async def test_a_worker_that_is_asked_to_end_finishes_its_calls_and_gives_the_run_back(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    source.control(users=300)
    sink.control(seconds=0.1)
    run = await jobs.jobs.start("src", "READ")
    worker = asyncio.create_task(jobs.jobs.work())
    await asyncio.sleep(1.0)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    found = await jobs.memory.runs.get(run)
    assert (found.status, found.lease_until) == ("running", 0)
    sink.control(seconds=0)
    await jobs.jobs.work_off()
    ended = await jobs.memory.runs.get(run)
    state = sink.state()
    assert (ended.status, held(state)) == ("success", expected({"users": 300}))
    assert len(state["ledger"]) == 300
    assert await jobs.counts(ended) == {"create done": 300}


GROUP = "urn:ietf:params:scim:schemas:extension:sap:2.0:Group"


@pytest.mark.parametrize(
    ("may", "updated", "left"),
    [
        ("readOnly", ["t4"], ["t4"]),
        ("userOnlyMembership", ["t1", "t2", "t3", "t4"], ["t4"]),
        ("membership", ["t1", "t2", "t3", "t5"], []),
        ("readWrite", ["t1", "t2", "t3", "t5"], None),
    ],
)
async def test_an_application_specific_group_says_what_becomes_of_its_members(
    jobs: JobRig, source: Fake, sink: Fake, may: str, updated: list[str], left: list[str] | None
) -> None:
    """Group 0 exists before, with a nested group; the source has a nested one too (operations.md 11)."""
    kind = {"type": "group", "value": "t4"}
    limited = {"condition": "$.displayName == 'group0'", **_constant(may, f"$['{GROUP}'].supportedOperations")}
    read = {**READ, "group": {"mappings": [*READ["group"]["mappings"], limited]}}
    deleting = {"ips__delete__existedbefore__entities": "true"}
    await jobs.systems(scim("src", "READ", source.url, read), scim("crm", "WRITE", sink.url, **deleting))
    source.control(users=3)
    await jobs.run()
    assert sorted(sink.state()["Users"]) == ["t1", "t2", "t3"]
    assert sink.put("Groups", {"displayName": "other"}) == "t4"
    nested = sink.put("Groups", {"displayName": "group1"})
    extension = {GROUP: {"supportedOperations": may}}
    group = sink.put("Groups", {"displayName": "group0", "members": [kind], **extension})
    assert nested == "t5"
    source.control(groups=2, extra_members={"0": ["u0000001", "g0000001"]})
    await jobs.run()
    await jobs.run()  # group 1 came after group 0
    assert sorted(one["value"] for one in sink.state()["Groups"][group].get("members", ())) == updated
    unwanted = {**read, "group": {**read["group"], "condition": "$.displayName != 'group0'"}}
    await jobs.systems(scim("src", "READ", source.url, unwanted))
    run = await jobs.run()
    found = sink.state()["Groups"].get(group)
    assert (found is None) if left is None else ([one["value"] for one in found.get("members", ())] == left)
    if may in ("membership", "userOnlyMembership"):
        outcome = (await jobs.outcomes(run))["g0000000"]
        assert (outcome.action, outcome.outcome, outcome.reason) == ("delete", "done", "members-removed")


@pytest.mark.parametrize(("may", "written"), [("readOnly", set()), ("membership", {"PATCH"}), ("readWrite", {"PUT"})])
async def test_an_application_specific_group_says_what_may_be_written(
    jobs: JobRig, source: Fake, sink: Fake, may: str, written: set[str]
) -> None:
    urn = "urn:ietf:params:scim:schemas:extension:sap:2.0:Group"
    read = {
        **READ,
        "group": {"mappings": [*READ["group"]["mappings"], _constant(may, f"$['{urn}'].supportedOperations")]},
    }
    await jobs.systems(scim("src", "READ", source.url, read))
    group = sink.put("Groups", {"displayName": "group0", "members": [], "note": "by hand"})
    sink.control(forget=True)
    source.control(users=3, groups=1)
    run = await jobs.run()
    assert run.status == "success"
    state = sink.state()
    assert {line[0] for line in state["ledger"] if line[1] == "Groups"} == written
    assert len(state["Groups"][group]["members"]) == (3 if written else 0)
    if may == "readOnly":
        assert (await jobs.outcomes(run))["g0000000"].reason == "read-only-group"


def _constant(value: str, path: str) -> dict[str, str]:
    return {"constant": value, "targetPath": path}


@pytest.mark.parametrize("may", ["readOnly", "userOnlyMembership", "membership", "readWrite"])
async def test_a_simulation_foresees_what_a_group_of_the_target_allows_when_it_is_to_go(
    jobs: JobRig, source: Fake, sink: Fake, may: str
) -> None:
    source.control(users=2, groups=2)
    await jobs.run()
    group = next(key for key, one in sink.state()["Groups"].items() if one["displayName"] == "group0")
    sink.change("Groups", group, {GROUP: {"supportedOperations": may}})
    unwanted = {**READ, "group": {**READ["group"], "condition": "$.displayName != 'group0'"}}
    await jobs.systems(scim("src", "READ", source.url, unwanted))
    sink.control(forget=True)
    foreseen = await jobs.run("SIMULATE")
    assert sink.state()["ledger"] == []
    run = await jobs.run()
    told = [(await jobs.outcomes(one))["g0000000"] for one in (foreseen, run)]
    assert len({(one.action, one.outcome, one.reason) for one in told}) == 1
    assert (group in sink.state()["Groups"]) is (may != "readWrite")
