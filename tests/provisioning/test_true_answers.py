"""A 2xx is true: what no client may change, and what the directory keeps, is refused rather than passed over."""

from typing import Any

import pytest
from tests.fixtures.gateways import COPY, COPY_PATCH, COPY_PUT
from tests.provisioning.conftest import Client, Rig, user

from proxeny.scim.errors import MutabilityError
from proxeny.scim.schema import CUSTOM_GROUP, SAP_USER

PLACES = ("directory", "passing proxy", "emulating proxy")


@pytest.fixture(params=PLACES)
async def place(request: pytest.FixtureRequest, rig: Rig) -> Client:
    if request.param == "directory":
        return rig.directory
    return await rig.proxy(read=COPY, write=COPY_PATCH if request.param == "passing proxy" else COPY_PUT)


async def refused(place: Client, endpoint: str, entity_id: str, *operations: dict[str, Any]) -> None:
    """The operations are a mutability error, and nothing at all is changed."""
    before = await place.read(endpoint, entity_id)
    title = {"op": "replace", "value": {"displayName": "another"}}
    with pytest.raises(MutabilityError):
        await place.patch(endpoint, entity_id, title, *operations)
    assert await place.read(endpoint, entity_id) == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "value": {"id": "another"}},
        {"op": "add", "path": "id", "value": "another"},
        {"op": "remove", "path": "id"},
        {"op": "replace", "value": {"meta": {"created": "2001-01-01T00:00:00Z"}}},
        {"op": "replace", "path": "meta.lastModified", "value": "2001-01-01T00:00:00Z"},
        {"op": "remove", "path": "meta"},
        {"op": "replace", "value": {"groups": []}},
        {"op": "add", "value": {"groups": [{"value": "another"}]}},
        {"op": "remove", "path": "groups"},
        {"op": "remove", "path": 'groups[type eq "direct"]'},
    ],
    ids=str,
)
async def test_what_is_read_only_cannot_be_changed_or_removed(place: Client, rig: Rig, operation: Any) -> None:
    ann = (await rig.directory.create("Users", user("ann")))["id"]
    await rig.directory.create("Groups", {"displayName": "G", "members": [{"value": ann}]})
    await refused(place, "Users", ann, operation)


async def test_what_is_read_only_may_be_repeated(place: Client, rig: Rig) -> None:
    ann = (await rig.directory.create("Users", user("ann")))["id"]
    await rig.directory.create("Groups", {"displayName": "G", "members": [{"value": ann}]})
    held = await place.read("Users", ann)
    same = {name: held[name] for name in ("id", "meta", "groups")}
    await place.patch("Users", ann, {"op": "replace", "value": {**same, "title": "Boss"}})
    assert (await rig.directory.read("Users", ann))["title"] == "Boss"
    held = await place.read("Users", ann)
    await place.patch("Users", ann, {"op": "replace", "path": "meta", "value": held["meta"]})
    assert await place.read("Users", ann) == held


@pytest.mark.parametrize(
    "path", [f"{SAP_USER}:{name}" for name in ("userUuid", "userId", "sourceSystem", "passwordDetails")]
)
async def test_what_the_directory_made_is_replaced_but_never_removed(rig: Rig, path: str) -> None:
    given = {"sourceSystem": 39, "passwordDetails": {"status": "enabled"}}
    passing, emulating = [
        await rig.proxy(read=COPY, write=write, name=name) for name, write in (("a", COPY_PATCH), ("b", COPY_PUT))
    ]
    for place in (rig.directory, passing, emulating):
        made = await place.create("Users", user(f"ann@{place.call.base}", **{SAP_USER: given}))
        await refused(place, "Users", made["id"], {"op": "remove", "path": path})
        await refused(place, "Users", made["id"], {"op": "replace", "path": path, "value": None})
        await refused(place, "Users", made["id"], {"op": "remove", "path": SAP_USER})
        new = {"sourceSystem": 0, "passwordDetails": {"status": "initial"}}.get(path.rsplit(":", 1)[1], "new")
        await place.patch("Users", made["id"], {"op": "replace", "path": path, "value": new})
        assert (await place.read("Users", made["id"]))[SAP_USER][path.rsplit(":", 1)[1]] == new
        await place.delete("Users", made["id"])


async def test_the_last_part_of_what_the_directory_keeps_is_not_removed(rig: Rig) -> None:
    made = await rig.directory.create("Users", user("ann", **{SAP_USER: {"passwordDetails": {"status": "enabled"}}}))
    await refused(rig.directory, "Users", made["id"], {"op": "remove", "path": f"{SAP_USER}:passwordDetails.status"})


async def test_an_extension_that_holds_what_cannot_change_is_not_removed(place: Client, rig: Rig) -> None:
    group = (await rig.directory.create("Groups", {"displayName": "G"}))["id"]
    await refused(place, "Groups", group, {"op": "remove", "path": CUSTOM_GROUP})
    await refused(place, "Groups", group, {"op": "remove", "path": f"{CUSTOM_GROUP}:name"})


async def test_a_put_may_repeat_or_leave_out_what_it_cannot_change(place: Client, rig: Rig) -> None:
    made = await rig.directory.create("Users", user("ann", active=True))
    put = user("ann", title="Boss", id="x", groups=[], meta={"resourceType": "User"})
    held = await place.replace("Users", made["id"], put)
    assert (held["id"], held["title"], held[SAP_USER]) == (made["id"], "Boss", made[SAP_USER])


async def test_a_put_that_would_change_what_cannot_change_is_refused_whoever_keeps_it(rig: Rig) -> None:
    """Also where no mapping writes the attribute, so that the backend never hears of it (RFC 7644 §3.5.1)."""
    for place in (rig.directory, await rig.proxy(), await rig.proxy(read=COPY, write=COPY_PUT, name="copy")):
        group = await place.create("Groups", {"displayName": f"G {place.call.base}"})
        with pytest.raises(MutabilityError, match="name"):
            await place.replace("Groups", group["id"], {**group, "displayName": "H", CUSTOM_GROUP: {"name": "other"}})
        assert (await place.read("Groups", group["id"]))["displayName"] == group["displayName"]
        for said in ({}, {CUSTOM_GROUP: group[CUSTOM_GROUP]}):
            put = {"displayName": group["displayName"] + "2", **said}
            assert (await place.replace("Groups", group["id"], put))[CUSTOM_GROUP] == group[CUSTOM_GROUP]
