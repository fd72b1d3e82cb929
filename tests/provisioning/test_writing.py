"""Writing through a proxy: order, kept values, PATCH passed and emulated, atomicity, what is refused and why."""

import asyncio

import pytest
from tests.provisioning.conftest import Rig, user

from proxeny.scim.errors import (
    ForbiddenError,
    InvalidValueError,
    MutabilityError,
    PreconditionFailedError,
    UniquenessError,
)

NO_PATCH = {
    "user": {
        "scimEntityEndpoint": "Users",
        "mappings": [
            {"sourcePath": "$.userName", "targetPath": "$.userName"},
            {"sourcePath": "$.active", "targetPath": "$.active", "optional": True, "defaultValue": True},
            {"sourcePath": "$.title", "targetPath": "$.title", "optional": True},
            {"sourcePath": "$.name", "targetPath": "$.name", "optional": True},
            {"sourcePath": "$.phoneNumbers", "targetPath": "$.phoneNumbers", "optional": True},
        ],
    },
    "group": {
        "scimEntityEndpoint": "Groups",
        "mappings": [
            {"sourcePath": "$.displayName", "targetPath": "$.displayName"},
            {
                "sourcePath": "$.members",
                "targetPath": "$.members",
                "optional": True,
                "preserveArrayWithSingleElement": True,
            },
        ],
    },
}
COPY = {
    kind: {
        "scimEntityEndpoint": endpoint,
        "mappings": [
            {"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"},
            {"sourcePath": "$", "targetPath": "$"},
        ],
    }
    for kind, endpoint in (("user", "Users"), ("group", "Groups"))
}


async def test_a_disabled_user_is_created_disabled(rig: Rig) -> None:
    hr = await rig.proxy()
    created = await hr.create("Users", user("new", active=False))
    assert created["active"] is False
    assert (await rig.directory.read("Users", created["id"]))["active"] is False


async def test_a_put_without_active_keeps_the_state(rig: Rig) -> None:
    hr = await rig.proxy()
    created = await hr.create("Users", user("ann", active=False))
    put = {name: value for name, value in user("ann").items() if name != "active"}
    assert (await hr.replace("Users", created["id"], put))["active"] is False
    loose = await rig.proxy(properties={"put.active": "transformation"}, name="loose")
    assert (await loose.replace("Users", created["id"], put))["active"] is True


async def test_a_put_without_members_keeps_them_and_an_empty_list_clears_them(rig: Rig) -> None:
    hr = await rig.proxy()
    ann = await hr.create("Users", user("ann"))
    group = await hr.create("Groups", {"displayName": "G", "members": [{"value": ann["id"]}]})
    kept = await hr.replace("Groups", group["id"], {"displayName": "G2"})
    assert [member["value"] for member in kept["members"]] == [ann["id"]]
    cleared = await hr.replace("Groups", group["id"], {"displayName": "G2", "members": []})
    assert not cleared.get("members")
    assert not (await rig.directory.read("Groups", group["id"])).get("members")


@pytest.mark.parametrize("value", [False, "False", "FALSE", "false"])
async def test_active_as_text_really_disables(rig: Rig, value: object) -> None:
    hr = await rig.proxy()
    created = await hr.create("Users", user("ann", active=True))
    await hr.patch("Users", created["id"], {"op": "Replace", "path": "active", "value": value})
    assert (await rig.directory.read("Users", created["id"]))["active"] is False


@pytest.mark.parametrize("write", [None, NO_PATCH], ids=["passed", "emulated"])
async def test_a_patch_does_the_same_whether_passed_or_emulated(rig: Rig, write: dict[str, object] | None) -> None:
    proxy = await rig.proxy(read=COPY, write=write)
    names = ("ann", "bob", "cat")
    ann, bob, cat = [(await rig.directory.create("Users", user(name)))["id"] for name in names]
    group = await rig.directory.create("Groups", {"displayName": "G", "members": [{"value": ann}, {"value": bob}]})

    async def members() -> set[str]:
        held = await rig.directory.read("Groups", group["id"])
        return {member["value"] for member in held.get("members", [])}

    await proxy.patch(
        "Groups", group["id"], {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": ann}]}
    )
    assert await members() == {bob}
    await proxy.patch("Groups", group["id"], {"op": "add", "path": "members", "value": [{"value": ann}]})
    assert await members() == {ann, bob}
    await proxy.patch("Groups", group["id"], {"op": "remove", "path": f'members[value eq "{bob}"]'})
    assert await members() == {ann}
    await proxy.patch("Groups", group["id"], {"op": "replace", "value": {"members": [{"value": cat}]}})
    assert await members() == {cat}
    await proxy.patch("Groups", group["id"], {"op": "replace", "path": "members", "value": []})
    assert await members() == set()


@pytest.mark.parametrize("write", [None, NO_PATCH], ids=["passed", "emulated"])
async def test_a_patch_that_fails_changes_nothing(rig: Rig, write: dict[str, object] | None) -> None:
    proxy = await rig.proxy(read=COPY, write=write, properties={"dialect": "strict"})
    created = await rig.directory.create("Users", user("ann", name={"familyName": "Lee"}))
    before = await rig.directory.read("Users", created["id"])
    good = {"op": "replace", "path": "name.familyName", "value": "Moe"}
    bad = {"op": "replace", "path": 'phoneNumbers[type eq "work"].value', "value": "+47 2"}
    with pytest.raises(Exception, match="phoneNumbers"):
        await proxy.patch("Users", created["id"], good, bad)
    assert await rig.directory.read("Users", created["id"]) == before


@pytest.mark.parametrize("write", [None, NO_PATCH], ids=["passed", "emulated"])
async def test_parallel_member_adds_all_survive(rig: Rig, write: dict[str, object] | None) -> None:
    proxy = await rig.proxy(read=COPY, write=write)
    ids = [(await rig.directory.create("Users", user(f"u{number}")))["id"] for number in range(6)]
    group = await rig.directory.create("Groups", {"displayName": "G"})
    await asyncio.gather(
        *(
            proxy.patch("Groups", group["id"], {"op": "add", "path": "members", "value": [{"value": each}]})
            for each in ids
        )
    )
    held = await rig.directory.read("Groups", group["id"])
    assert {member["value"] for member in held["members"]} == set(ids)


async def test_an_operation_that_no_mapping_writes_is_left_out_or_refused(rig: Rig) -> None:
    hr = await rig.proxy(read=COPY, write=NO_PATCH)
    created = await rig.directory.create("Users", user("ann"))
    operations = (
        {"op": "replace", "path": "nickName", "value": "Annie"},
        {"op": "replace", "path": "title", "value": "Boss"},
    )
    await hr.patch("Users", created["id"], *operations)
    held = await rig.directory.read("Users", created["id"])
    assert (held.get("nickName"), held["title"]) == (None, "Boss")
    strict = await rig.proxy(read=COPY, write=NO_PATCH, properties={"unknown.attributes": "reject"}, name="strict")
    with pytest.raises(MutabilityError, match="nickName"):
        await strict.patch("Users", created["id"], *operations)


async def test_an_unknown_member_is_named_and_nothing_is_applied(rig: Rig) -> None:
    hr = await rig.proxy()
    ann = await hr.create("Users", user("ann"))
    group = await hr.create("Groups", {"displayName": "G"})
    with pytest.raises(InvalidValueError, match="ghost"):
        await hr.patch(
            "Groups", group["id"], {"op": "add", "path": "members", "value": [{"value": ann["id"]}, {"value": "ghost"}]}
        )
    assert "members" not in await rig.directory.read("Groups", group["id"])
    lenient = await rig.proxy(properties={"unknown.members": "skip"}, name="lenient")
    await lenient.patch(
        "Groups", group["id"], {"op": "add", "path": "members", "value": [{"value": ann["id"]}, {"value": "ghost"}]}
    )
    held = await rig.directory.read("Groups", group["id"])
    assert [member["value"] for member in held["members"]] == [ann["id"]]


async def test_a_write_that_the_entity_condition_blocks_is_refused_with_the_condition(rig: Rig) -> None:
    write = {"user": {**NO_PATCH["user"], "condition": "$.userName =~ /hr.*/"}}
    proxy = await rig.proxy(read=COPY, write=write)
    with pytest.raises(InvalidValueError, match="userName"):
        await proxy.create("Users", user("ann"))
    created = await proxy.create("Users", user("hr-ann"))
    with pytest.raises(InvalidValueError, match="userName"):
        await proxy.patch("Users", created["id"], {"op": "replace", "path": "userName", "value": "ann"})
    await proxy.delete("Users", created["id"])
    assert await rig.directory.names("Users") == []


async def test_skipped_operations_are_forbidden_with_the_reason(rig: Rig) -> None:
    write = {"user": {**NO_PATCH["user"], "skipOperations": ["delete", "update"]}}
    proxy = await rig.proxy(read=COPY, write=write)
    created = await proxy.create("Users", user("ann"))
    with pytest.raises(ForbiddenError, match="skipOperations"):
        await proxy.delete("Users", created["id"])
    with pytest.raises(ForbiddenError, match="skipOperations"):
        await proxy.patch("Users", created["id"], {"op": "replace", "path": "title", "value": "x"})
    assert await rig.directory.names("Users") == ["ann"]


async def test_a_write_whose_result_cannot_be_read_back_is_taken_back(rig: Rig) -> None:
    write = {
        "user": {"scimEntityEndpoint": "Users", "mappings": [{"sourcePath": "$.userName", "targetPath": "$.userName"}]}
    }
    proxy = await rig.proxy(read="coded.read.json", write=write)
    with pytest.raises(InvalidValueError, match="familyName"):
        await proxy.create("Users", {"userName": "ann", "name": {"familyName": "Lee"}})
    assert await rig.directory.names("Users") == []


async def test_disabling_is_possible_although_the_result_is_hidden(rig: Rig) -> None:
    write = {**NO_PATCH}
    proxy = await rig.proxy(read="active.read.json", write=write)
    created = await proxy.create("Users", user("ann", active=True))
    answer = await proxy.patch("Users", created["id"], {"op": "replace", "path": "active", "value": False})
    assert (answer.status, answer.body) == (204, None)
    assert (await rig.directory.read("Users", created["id"]))["active"] is False


async def test_a_hidden_creation_is_refused_rather_than_lost(rig: Rig) -> None:
    proxy = await rig.proxy(read="active.read.json", write=NO_PATCH)
    with pytest.raises(InvalidValueError, match="hidden"):
        await proxy.create("Users", user("ann", active=False))
    assert await rig.directory.names("Users") == []


@pytest.mark.parametrize("write", [None, NO_PATCH], ids=["passed", "emulated"])
async def test_a_write_on_an_old_version_is_refused(rig: Rig, write: dict[str, object] | None) -> None:
    proxy = await rig.proxy(read=COPY, write=write)
    created = await rig.directory.create("Users", user("ann"))
    old = created["meta"]["version"]
    await rig.directory.patch("Users", created["id"], {"op": "replace", "path": "title", "value": "x"})
    for given in (old, 'W/"nonsense"'):
        proxy.call = type(proxy.call)(proxy.call.base, if_match=given)
        for attempt in (
            proxy.replace("Users", created["id"], user("ann")),
            proxy.patch("Users", created["id"], {"op": "replace", "path": "title", "value": "y"}),
            proxy.delete("Users", created["id"]),
        ):
            with pytest.raises(PreconditionFailedError):
                await attempt
    held = await rig.directory.read("Users", created["id"])
    assert held["title"] == "x"
    proxy.call = type(proxy.call)(proxy.call.base, if_match=held["meta"]["version"])
    await proxy.delete("Users", created["id"])


async def test_a_taken_name_is_a_conflict_that_names_the_attribute(rig: Rig) -> None:
    hr = await rig.proxy()
    await hr.create("Users", user("ann"))
    with pytest.raises(UniquenessError, match="userName"):
        await hr.create("Users", user("ANN"))
    await hr.create("Groups", {"displayName": "Plain"})
    with pytest.raises(UniquenessError, match="name"):
        await hr.create("Groups", {"displayName": "Plain"})


async def test_a_unique_display_name_can_be_demanded(rig: Rig) -> None:
    first = {"displayName": "Plain", "urn:sap:cloud:scim:schemas:extension:custom:2.0:Group": {"name": "one"}}
    second = {"displayName": "plain", "urn:sap:cloud:scim:schemas:extension:custom:2.0:Group": {"name": "two"}}
    proxy = await rig.proxy(properties={"group.displayName.unique": "yes"})
    await proxy.create("Groups", first)
    with pytest.raises(UniquenessError, match="displayName"):
        await proxy.create("Groups", second)
    await (await rig.proxy(name="other")).create("Groups", second)


async def test_a_read_only_system_refuses_every_write(rig: Rig) -> None:
    ann = await rig.directory.create("Users", user("ann"))
    proxy = await rig.proxy(properties={"read.only": "true"})
    for attempt in (
        proxy.create("Users", user("bob")),
        proxy.replace("Users", ann["id"], user("ann")),
        proxy.patch("Users", ann["id"], {"op": "replace", "path": "title", "value": "x"}),
        proxy.delete("Users", ann["id"]),
    ):
        with pytest.raises(ForbiddenError, match="read-only"):
            await attempt


async def test_a_password_is_passed_on_and_never_shown(rig: Rig) -> None:
    created = await rig.directory.create("Users", user("ann", password="S3cret!x"))
    assert "password" not in created
    assert "password" not in await rig.directory.read("Users", created["id"])
