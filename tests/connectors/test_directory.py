"""Writes of the embedded directory: what it makes, keeps, refuses and remembers (decisions 5 and 20)."""

import re
from typing import Any

import pytest
from tests.connectors.embedded import (
    CUSTOM_GROUP,
    ENTERPRISE_USER,
    SAP_USER,
    group,
    member_ids,
    patch,
    user,
)

from proxeny.connectors.directory import DirectoryConnector
from proxeny.connectors.errors import ConflictError, NotFoundError, RefusedError, VersionConflictError
from proxeny.connectors.spi import Change, Entity, Search
from proxeny.database import Database, Statement
from proxeny.documents import Document
from proxeny.scim.errors import MutabilityError, NoTargetError

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def numbered(document: Document) -> int:
    """The number in a userId; where it begins depends on who used the database before."""
    return int(document[SAP_USER]["userId"].removeprefix("P"))


async def test_a_user_gets_what_the_directory_makes(directory: DirectoryConnector) -> None:
    made = await user(directory, "anna")
    sap = made.document[SAP_USER]
    assert re.fullmatch(r"[0-9a-f-]{36}", made.id)
    assert re.fullmatch(r"[0-9a-f-]{36}", sap["userUuid"])
    assert re.fullmatch(r"P[0-9]{6}", sap["userId"])
    assert numbered((await user(directory, "bert")).document) == numbered(made.document) + 1
    assert made.document["meta"] == {
        "resourceType": "User",
        "created": made.created,
        "lastModified": made.last_modified,
        "version": f'W/"{made.version}"',
    }
    assert MOMENT.fullmatch(made.created or "")
    assert made == await directory.read("user", made.id)


async def test_what_the_client_gives_is_taken(directory: DirectoryConnector) -> None:
    before = numbered((await user(directory, "zoe")).document)
    chosen = f"P{before + 2:06}"
    made = await user(directory, "anna", **{SAP_USER: {"userUuid": "mine", "userId": chosen}})
    assert made.document[SAP_USER] == {"userUuid": "mine", "userId": chosen}
    assert numbered((await user(directory, "bert")).document) == before + 3, "what was chosen is passed over"


async def test_schemas_tell_what_the_content_is_made_of(directory: DirectoryConnector) -> None:
    made = await user(directory, "anna", schemas=["urn:wrong"], **{ENTERPRISE_USER: {"department": "D"}, "urn:x:Y": {}})
    assert made.document["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE_USER, SAP_USER]


async def test_values_come_back_as_they_were_written(directory: DirectoryConnector) -> None:
    values = {"displayName": "ß\u0301 \u202e\U0001f600 \x00\x1f", "title": "Å\u200b", "nickName": " x "}
    made = await user(directory, "Ünïcode", **values)
    read = (await directory.read("user", made.id)).document
    assert {name: read[name] for name in values} == values


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("anna", "ANNA"),
        ("straße", "STRASSE"),
        ("\u00c5sa", "A\u030asa"),
        ("\uff41bc", "abc"),
        ("ab", "a\u200bb"),
        ("x" * 5000, "X" * 5000),
        ("a\0b", "A\0B"),
    ],
)
async def test_names_that_compare_equal_cannot_be_had_twice(
    directory: DirectoryConnector, first: str, second: str
) -> None:
    made = await user(directory, first)
    with pytest.raises(ConflictError) as caught:
        await user(directory, second)
    assert (caught.value.attribute, caught.value.value, caught.value.other_id) == ("userName", second, made.id)
    assert (await directory.search("user", Search())).total == 1


async def test_long_names_that_differ_at_their_end_are_two(directory: DirectoryConnector) -> None:
    await user(directory, "x" * 5000 + "a")
    await user(directory, "x" * 5000 + "b")


@pytest.mark.parametrize("attribute", ["userUuid", "userId"])
async def test_server_made_names_are_unique_too(directory: DirectoryConnector, attribute: str) -> None:
    made = await user(directory, "anna", **{SAP_USER: {attribute: "same"}})
    with pytest.raises(ConflictError) as caught:
        await user(directory, "bert", **{SAP_USER: {attribute: "same"}})
    assert caught.value.attribute == f"{SAP_USER}:{attribute}"
    assert caught.value.other_id == made.id


async def test_a_group_is_named_by_its_display_name(directory: DirectoryConnector) -> None:
    made = await group(directory, "Admins")
    assert made.document[CUSTOM_GROUP] == {"name": "Admins"}
    with pytest.raises(ConflictError) as caught:
        await group(directory, "ADMINS")
    assert caught.value.attribute == f"{CUSTOM_GROUP}:name"
    assert caught.value.value == "ADMINS"
    await group(directory, "Admins", **{CUSTOM_GROUP: {"name": "others"}})


@pytest.mark.parametrize("document", [{}, {"userName": ""}, {"userName": "  "}, {"userName": None}, {"userName": 7}])
async def test_a_user_without_a_name_is_refused(directory: DirectoryConnector, document: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="userName"):
        await directory.create("user", document)


async def test_what_is_no_json_is_refused(directory: DirectoryConnector) -> None:
    with pytest.raises(RefusedError):
        await user(directory, "anna", title="\ud800")


async def test_put_keeps_what_the_directory_made(directory: DirectoryConnector) -> None:
    sap = {"sourceSystem": 39, "passwordDetails": {"status": "enabled"}, "emails": [{"value": "a@x", "verified": True}]}
    made = await user(directory, "anna", emails=[{"value": "a@x"}], **{SAP_USER: sap})
    changed = await directory.replace("user", made.id, {"userName": "anne", "emails": [{"value": "a@x"}]})
    assert changed.document["userName"] == "anne"
    assert changed.document[SAP_USER] == made.document[SAP_USER]
    assert changed.created == made.created
    assert (changed.last_modified or "") > (made.last_modified or "")
    moved = await directory.replace("user", made.id, {"userName": "anne", "emails": [{"value": "b@x"}]})
    assert "emails" not in moved.document[SAP_USER]


@pytest.mark.parametrize("path", ["emails.verified", 'emails[value eq "a@x"].verified'])
async def test_who_removes_that_an_address_was_verified_is_told_that_it_stays(
    directory: DirectoryConnector, path: str
) -> None:
    emails = [{"value": "a@x", "verified": True}]
    made = await user(directory, "anna", emails=[{"value": "a@x"}], **{SAP_USER: {"emails": emails}})
    operations = [{"op": "remove", "path": f"{SAP_USER}:{path}"}]
    removal = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
    with pytest.raises(RefusedError, match=r"emails\.verified is made by the directory") as refused:
        await directory.patch("user", made.id, removal, accept=lambda entity: None)
    assert refused.value.scim_type == "mutability"
    kept = await directory.patch("user", made.id, removal)
    assert kept.document[SAP_USER]["emails"] == emails
    other = await user(directory, "bert", emails=[{"value": "b@x"}], **{SAP_USER: {"emails": [{"value": "b@x"}]}})
    if "[" not in path:
        assert (await directory.patch("user", other.id, removal, accept=lambda entity: None)).version == other.version


async def test_put_takes_away_what_it_leaves_out(directory: DirectoryConnector) -> None:
    made = await user(directory, "anna", title="x", externalId="e")
    changed = await directory.replace("user", made.id, {"userName": "anna"})
    assert "title" not in changed.document
    assert "externalId" not in changed.document


async def test_the_name_of_a_group_cannot_change(directory: DirectoryConnector) -> None:
    made = await group(directory, "Admins")
    changed = await directory.replace("group", made.id, {"displayName": "Administrators"})
    assert changed.document[CUSTOM_GROUP] == {"name": "Admins"}
    with pytest.raises(RefusedError, match="immutable"):
        await directory.replace("group", made.id, {"displayName": "A", CUSTOM_GROUP: {"name": "other"}})


async def test_a_name_that_was_given_up_is_free(directory: DirectoryConnector) -> None:
    made = await user(directory, "anna")
    await directory.replace("user", made.id, {"userName": "anne"})
    other = await user(directory, "anna")
    with pytest.raises(ConflictError):
        await directory.replace("user", made.id, {"userName": "Anna"})
    await directory.delete("user", other.id)
    await directory.replace("user", made.id, {"userName": "Anna"})


async def test_a_write_that_changes_nothing_leaves_version_and_time(directory: DirectoryConnector) -> None:
    made = await user(directory, "anna", title="x")
    again = await directory.replace("user", made.id, {"userName": "anna", "title": "x", "active": True})
    assert again == made


async def test_attributes_in_another_order_change_nothing(directory: DirectoryConnector) -> None:
    made = await user(directory, "anna", title="T", emails=[{"value": "a@x.example", "type": "work"}])
    turned = {"emails": [{"type": "work", "value": "a@x.example"}], "title": "T", "active": True, "userName": "anna"}
    assert await directory.replace("user", made.id, turned) == made
    assert (await directory.replace("user", made.id, {**turned, "title": "U"})).version != made.version


async def test_a_write_with_an_old_version_is_refused(directory: DirectoryConnector) -> None:
    made = await user(directory, "anna")
    await directory.replace("user", made.id, {"userName": "anna", "title": "x"}, version=made.version)
    for write in (
        directory.replace("user", made.id, {"userName": "b"}, version=made.version),
        directory.patch("user", made.id, patch({"op": "remove", "path": "title"}), version=made.version),
        directory.delete("user", made.id, version=made.version),
    ):
        with pytest.raises(VersionConflictError):
            await write
    assert (await directory.read("user", made.id)).document["title"] == "x"


@pytest.mark.parametrize("missing", ["nobody", "", "a\0b", "x' OR 1=1 --", "\ud800"])
async def test_who_is_not_there_is_not_found(directory: DirectoryConnector, missing: str) -> None:
    group_id = (await group(directory, "G")).id
    for call in (
        directory.read("user", missing),
        directory.read("user", group_id),
        directory.replace("user", missing, {"userName": "b"}),
        directory.patch("user", missing, patch({"op": "remove", "path": "title"})),
        directory.delete("user", missing),
    ):
        with pytest.raises(NotFoundError):
            await call


async def test_who_does_not_accept_takes_the_write_back(directory: DirectoryConnector) -> None:
    made = await user(directory, "anna")

    def refuse(entity: Entity) -> None:
        assert entity.document["userName"] == "bert"
        raise LookupError("no")

    with pytest.raises(LookupError):
        await directory.create("user", {"userName": "bert"}, accept=refuse)
    with pytest.raises(LookupError):
        await directory.replace("user", made.id, {"userName": "bert"}, accept=refuse)
    operation = {"op": "replace", "path": "userName", "value": "bert"}
    with pytest.raises(LookupError):
        await directory.patch("user", made.id, patch(operation), accept=refuse)
    assert [entity async for entity in directory.read_all("user")] == [made]


async def test_a_patch_changes_what_it_names(directory: DirectoryConnector) -> None:
    made = await user(directory, "anna", title="x", emails=[{"value": "a@x", "type": "work"}])
    changed = await directory.patch(
        "user",
        made.id,
        patch(
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@x"},
            {"op": "remove", "path": "title"},
            {"op": "add", "path": f"{ENTERPRISE_USER}:department", "value": "D"},
        ),
    )
    assert changed.document["emails"] == [{"value": "b@x", "type": "work"}]
    assert "title" not in changed.document
    assert changed.document[ENTERPRISE_USER] == {"department": "D"}
    assert changed == await directory.read("user", made.id)


async def test_a_patch_that_does_not_fit_says_so_in_scim(directory: DirectoryConnector) -> None:
    made = await group(directory, "G")
    renamed = patch({"op": "replace", "path": f"{CUSTOM_GROUP}:name", "value": "other"})
    with pytest.raises(MutabilityError):
        await directory.patch("group", made.id, renamed)
    person = await user(directory, "anna")
    nowhere = patch({"op": "replace", "path": 'emails[type eq "home"].display', "value": "x"})
    with pytest.raises(NoTargetError):
        await directory.patch("user", person.id, nowhere)
    assert await directory.read("user", person.id) == person


async def test_a_password_is_kept_as_a_hash_and_never_shown(directory: DirectoryConnector, database: Database) -> None:
    hashes = Statement("SELECT password FROM directory_entities ORDER BY seq")
    made = await user(directory, "anna", password="secret one")
    assert "password" not in made.document
    first = (await database.fetch(hashes))[0][0]
    assert first.startswith("$argon2id$")
    operation = {"op": "replace", "path": "password", "value": "secret two"}
    changed = await directory.patch("user", made.id, patch(operation))
    second = (await database.fetch(hashes))[0][0]
    assert second.startswith("$argon2id$")
    assert second != first
    assert changed.version != made.version
    await directory.replace("user", made.id, {"userName": "anna"})
    assert (await database.fetch(hashes))[0][0] == second
    await directory.patch("user", made.id, patch({"op": "remove", "path": "password"}))
    assert (await database.fetch(hashes))[0][0] is None
    documents = await database.fetch(Statement("SELECT document FROM directory_entities"))
    assert b"secret" not in documents[0][0]


async def test_members_are_users_and_groups_and_groups_are_computed(directory: DirectoryConnector) -> None:
    anna = await user(directory, "anna", displayName="Anna A.")
    inner = await group(directory, "Inner", anna.id)
    outer = await group(directory, "Outer", inner.id)
    assert inner.document["members"] == [{"value": anna.id, "type": "User", "display": "Anna A."}]
    assert outer.document["members"] == [{"value": inner.id, "type": "Group", "display": "Inner"}]
    expected = [
        {"value": inner.id, "display": "Inner", "type": "direct"},
        {"value": outer.id, "display": "Outer", "type": "indirect"},
    ]
    assert (await directory.read("user", anna.id)).document["groups"] == expected
    assert "groups" not in (await directory.read("user", anna.id, omit=frozenset({"groups"}))).document
    await directory.replace("group", inner.id, {"displayName": "Inner", "members": [{"value": outer.id}]})
    assert "groups" not in (await directory.read("user", anna.id)).document


async def test_groups_in_a_circle_end(directory: DirectoryConnector) -> None:
    anna = await user(directory, "anna")
    one = await group(directory, "One", anna.id)
    two = await group(directory, "Two", one.id)
    operation = {"op": "add", "path": "members", "value": [{"value": two.id}]}
    await directory.patch("group", one.id, patch(operation))
    groups = (await directory.read("user", anna.id)).document["groups"]
    assert sorted((each["display"], each["type"]) for each in groups) == [("One", "direct"), ("Two", "indirect")]


async def test_put_without_members_keeps_them_and_an_empty_list_clears_them(directory: DirectoryConnector) -> None:
    anna = await user(directory, "anna")
    made = await group(directory, "G", anna.id)
    kept = await directory.replace("group", made.id, {"displayName": "G2"})
    assert [member["value"] for member in kept.document["members"]] == [anna.id]
    cleared = await directory.replace("group", made.id, {"displayName": "G2", "members": []})
    assert "members" not in cleared.document
    assert await member_ids(directory, made.id) == []


async def test_members_change_by_patch_in_every_form(directory: DirectoryConnector) -> None:
    people = [(await user(directory, f"user{number}")).id for number in range(5)]
    made = await group(directory, "G", people[0])
    path = f'members[value eq "{people[0]}"]'
    steps = [
        ({"op": "add", "path": "members", "value": [{"value": people[1]}, {"value": people[2]}]}, people[:3]),
        ({"op": "add", "path": "members", "value": [{"value": people[1]}]}, people[:3]),
        ({"op": "remove", "path": path}, people[1:3]),
        ({"op": "remove", "path": 'members[type eq "Group"]'}, people[1:3]),
        (
            {"op": "replace", "path": "members", "value": [{"value": people[4]}, {"value": people[2]}]},
            [people[2], people[4]],
        ),
        ({"op": "remove", "path": f'members[value eq "{people[2]}" and type eq "User"]'}, [people[4]]),
        ({"op": "remove", "path": "members"}, []),
    ]
    version = made.version
    for operation, expected in steps:
        before = await member_ids(directory, made.id)
        try:
            changed = await directory.patch("group", made.id, patch(operation))
        except NoTargetError:
            assert before == expected
            continue
        assert await member_ids(directory, made.id) == expected
        assert (changed.version != version) == (before != expected)
        version = changed.version


async def test_a_patch_of_members_and_of_more_does_both(directory: DirectoryConnector) -> None:
    anna, bert = await user(directory, "anna"), await user(directory, "bert")
    made = await group(directory, "G", anna.id)
    changed = await directory.patch(
        "group",
        made.id,
        patch(
            {"op": "replace", "path": "displayName", "value": "H"},
            {"op": "add", "path": "members", "value": [{"value": bert.id}]},
        ),
    )
    assert changed.document["displayName"] == "H"
    assert await member_ids(directory, made.id) == [anna.id, bert.id]
    assert changed.version == "2"


async def test_unknown_members_are_refused_by_name_or_left_out(
    directory: DirectoryConnector, database: Database
) -> None:
    anna = await user(directory, "anna")
    with pytest.raises(RefusedError, match="nobody"):
        await group(directory, "G", anna.id, "nobody")
    assert (await directory.search("group", Search())).total == 0
    lenient = DirectoryConnector(database, unknown_members="skip")
    made = await group(lenient, "G", anna.id, "nobody")
    assert await member_ids(lenient, made.id) == [anna.id]


async def test_a_deleted_user_leaves_its_groups(directory: DirectoryConnector) -> None:
    anna, bert = await user(directory, "anna"), await user(directory, "bert")
    made = await group(directory, "G", anna.id, bert.id)
    await directory.delete("user", anna.id)
    left = await directory.read("group", made.id)
    assert [member["value"] for member in left.document["members"]] == [bert.id]
    assert left.version != made.version
    assert (left.last_modified or "") > (made.last_modified or "")
    await directory.delete("group", made.id)
    assert "groups" not in (await directory.read("user", bert.id)).document


async def test_members_of_large_groups_are_left_out_where_asked(directory: DirectoryConnector) -> None:
    people = [(await user(directory, f"user{number}")).id for number in range(4)]
    made = await group(directory, "G", *people)
    for omit, shown in (("members", 0), ("members:3", 0), ("members:4", 4), ("groups", 4)):
        read = await directory.read("group", made.id, omit=frozenset({omit}))
        assert len(read.document.get("members", [])) == shown


async def test_changes_are_read_from_where_one_stopped(directory: DirectoryConnector) -> None:
    anna, bert = await user(directory, "anna"), await user(directory, "bert")
    first = [change async for change in directory.read_changes("user", None)]
    assert [(change.id, change.entity is None) for change in first] == [(anna.id, False), (bert.id, False)]
    cursor = first[-1].cursor
    assert [change async for change in directory.read_changes("user", cursor)] == []
    await directory.delete("user", bert.id)
    await directory.replace("user", anna.id, {"userName": "anne"})
    await group(directory, "G", anna.id)
    later: list[Change] = [change async for change in directory.read_changes("user", cursor)]
    assert [(change.id, change.entity is None) for change in later] == [(bert.id, True), (anna.id, False)]
    assert [change.id async for change in directory.read_changes("user", later[0].cursor)] == [anna.id]


@pytest.mark.parametrize("attribute", ["userUuid", "userId"])
async def test_a_client_is_told_that_what_was_made_stays_and_a_job_goes_on(
    directory: DirectoryConnector, attribute: str
) -> None:
    made = await user(directory, "anna", title="Boss")
    removals = [{"op": "remove", "path": path} for path in (f"{SAP_USER}:{attribute}", "title")]
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": removals}
    with pytest.raises(RefusedError, match=attribute) as caught:
        await directory.patch("user", made.id, patch, accept=lambda entity: None)
    assert (caught.value.status, caught.value.scim_type) == (400, "mutability")
    assert (await directory.read("user", made.id)).document["title"] == "Boss"
    after = await directory.patch("user", made.id, patch)
    assert (after.document.get("title"), after.document[SAP_USER]) == (None, made.document[SAP_USER])
