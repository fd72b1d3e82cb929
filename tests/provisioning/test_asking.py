"""What is asked beside filters and pages: /Me, membersType, all types at once, custom types, and large groups."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson
import pytest
from tests.provisioning.conftest import Client, Rig, user

from proxeny.connectors.filtering import NativeFilter
from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.spi import Accept, Entity, EntityType, TestStep
from proxeny.documents import Document
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.endpoints.rendering import Renderings
from proxeny.provisioning.proxies.assembling import proxy_provider
from proxeny.provisioning.system import blueprint
from proxeny.scim.errors import (
    InvalidFilterError,
    InvalidValueError,
    NotImplementedByBackendError,
    ResourceNotFoundError,
)

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


async def test_me_is_the_user_of_the_directory_whose_name_is_the_callers(rig: Rig) -> None:
    ann = await rig.directory.create("Users", user("Ann"))
    call = Call("https://gw.example/scim", caller="ann")
    answer = await rig.directory.provider.me((("attributes", "userName"),), call)
    assert orjson.loads(answer.body or b"")["userName"] == "Ann"
    assert (answer.location, answer.etag) == (ann["meta"]["location"], ann["meta"]["version"])
    with pytest.raises(ResourceNotFoundError, match="bob"):
        await rig.directory.provider.me((), Call("https://gw.example/scim", caller="bob"))
    hr = await rig.proxy()
    with pytest.raises(NotImplementedByBackendError):
        await hr.provider.me((), hr.call)


@pytest.mark.parametrize(("kind", "expected"), [("user", 1), ("group", 1), (None, 2)])
async def test_members_can_be_limited_to_a_type(rig: Rig, kind: str | None, expected: int) -> None:
    hr = await rig.proxy()
    ann = await hr.create("Users", user("ann"))
    inner = await hr.create("Groups", {"displayName": "Inner"})
    outer = await hr.create(
        "Groups", {"displayName": "Outer", "members": [{"value": ann["id"]}, {"value": inner["id"]}]}
    )
    asked = {"membersType": kind} if kind else {}
    read = await hr.read("Groups", outer["id"], attributes="members.value", **asked)
    assert len(read["members"]) == expected
    listed = await hr.search("Groups", filter='displayName eq "Outer"', **asked)
    assert len(listed["Resources"][0]["members"]) == expected


async def _everywhere(client: Client, **asked: Any) -> Document:
    answer = await client.provider.search_document(None, {"schemas": [SEARCH], **asked}, client.call)
    found: Document = orjson.loads(answer.body or b"")
    return found


async def test_a_search_over_all_types_has_users_and_groups_in_one_list(rig: Rig) -> None:
    for name in ("ann", "bob", "cat"):
        await rig.directory.create("Users", user(name, displayName=name.title(), active=name != "bob"))
    for name in ("Ann's friends", "Staff"):
        await rig.directory.create("Groups", {"displayName": name})
    found = await _everywhere(rig.directory, filter='displayName sw "ann"')
    assert [each["displayName"] for each in found["Resources"]] == ["Ann", "Ann's friends"]
    only_users = await _everywhere(rig.directory, filter='userName pr or displayName eq "Staff"')
    assert [each["displayName"] for each in only_users["Resources"]] == ["Ann", "Bob", "Cat", "Staff"]
    negated = await _everywhere(rig.directory, filter='not (userName eq "ann")')
    assert [each["displayName"] for each in negated["Resources"]] == ["Bob", "Cat", "Ann's friends", "Staff"]
    with pytest.raises(InvalidFilterError):
        await _everywhere(rig.directory, filter='bogus eq "x"')
    with pytest.raises(InvalidValueError):
        await _everywhere(rig.directory, sortBy="displayName")
    hidden = await rig.proxy(read="active.read.json", write="coded.write.json")
    for client, total in ((rig.directory, 5), (hidden, 2)):
        seen, start = [], 1
        while True:
            page = await _everywhere(client, startIndex=start, count=2)
            assert page["totalResults"] == total
            if not page["Resources"]:
                break
            seen += [each["id"] for each in page["Resources"]]
            start += page["itemsPerPage"]
        assert len(seen) == len(set(seen)) == total


async def test_references_lead_to_the_endpoints_of_the_system(rig: Rig) -> None:
    everything = {"sourcePath": "$", "targetPath": "$"}
    identity = {"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"}
    read = {
        "user": {"scimEntityEndpoint": "Employees", "mappings": [everything, identity]},
        "group": {"scimEntityEndpoint": "Teams", "mappings": [everything, identity]},
    }
    ann = await rig.directory.create("Users", user("ann"))
    team = await rig.directory.create("Groups", {"displayName": "T", "members": [{"value": ann["id"]}]})
    proxy = await rig.proxy(read=read, write={})
    base = proxy.call.base
    shown = await proxy.read("Teams", team["id"])
    assert shown["members"][0]["$ref"] == f"{base}/Employees/{ann['id']}"
    assert shown["meta"]["location"] == f"{base}/Teams/{team['id']}"
    assert (await proxy.read("Employees", ann["id"]))["groups"][0]["$ref"] == f"{base}/Teams/{team['id']}"
    with pytest.raises(ResourceNotFoundError, match="/Employees, /Teams"):
        await proxy.search("Users")


class Roles:
    """A backend with a kind of entity that SCIM does not know."""

    def __init__(self) -> None:
        self.held: dict[str, Document] = {"1": {"key": "1", "title": "Buyer", "level": 3}}

    @property
    def entity_types(self) -> Mapping[str, EntityType]:
        return {"role": EntityType("role", ("key",))}

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def test(self) -> Sequence[TestStep]:
        return ()

    async def read(self, entity_type: str, entity_id: str, *, omit: frozenset[str] = frozenset()) -> Entity:
        return Entity(entity_id, dict(self.held[entity_id]))

    async def read_all(
        self, entity_type: str, where: NativeFilter | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Entity]:
        for key, document in self.held.items():
            yield Entity(key, dict(document))

    async def create(self, entity_type: str, document: Document, *, accept: Accept | None = None) -> Entity:
        key = str(len(self.held) + 1)
        self.held[key] = {**document, "key": key}
        return await self.read(entity_type, key)


async def test_a_custom_resource_type_is_described_read_filtered_and_created(rig: Rig) -> None:
    await rig.proxy()
    read = {
        "role": {
            "scimEntityEndpoint": "Roles",
            "mappings": [
                {"sourcePath": "$.key", "targetPath": "$.id", "targetVariable": "entityIdSourceSystem"},
                {"sourcePath": "$.title", "targetPath": "$.displayName"},
                {"sourcePath": "$.level", "targetPath": "$.level", "optional": True},
            ],
        }
    }
    write = {
        "role": {"scimEntityEndpoint": "Roles", "mappings": [{"sourcePath": "$.displayName", "targetPath": "$.title"}]}
    }
    proxy = await rig.proxy(read=read, write=write, name="roles")
    plan = blueprint(rig.definitions["roles"])
    assert isinstance(plan.values, PropertyValues)
    roles = Client(proxy_provider(plan, Roles(), Cursors(b"k" * 32), Renderings()), proxy.call)
    types = orjson.loads((await roles.provider.resource_types(roles.call)).body or b"")["Resources"]
    assert [(each["name"], each["endpoint"]) for each in types] == [("Role", "/Roles")]
    schema = orjson.loads((await roles.provider.schema(types[0]["schema"], roles.call)).body or b"")
    assert {each["name"] for each in schema["attributes"]} == {"displayName", "level"}
    made = await roles.create("Roles", {"displayName": "Seller"})
    assert (made["id"], made["meta"]["resourceType"], made["schemas"]) == ("2", "Role", [types[0]["schema"]])
    found = await roles.search("Roles", filter='displayName eq "seller"')
    assert [each["id"] for each in found["Resources"]] == ["2"]
    with pytest.raises(NotImplementedByBackendError):
        await roles.delete("Roles", "2")


async def test_the_answer_to_a_write_has_the_members_of_a_large_group_only_if_asked(rig: Rig) -> None:
    hr = await rig.proxy(properties={"members.limit": "2"})
    ids = [(await hr.create("Users", user(f"u{number}")))["id"] for number in range(4)]
    members = [{"value": each} for each in ids]
    group = await hr.create("Groups", {"displayName": "G", "members": members[:3]})
    assert "members" not in group
    assert len((await hr.read("Groups", group["id"]))["members"]) == 3
    assert len((await hr.search("Groups"))["Resources"][0]["members"]) == 3
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "members", "value": members[3:]}],
    }
    answer = await hr.provider.patch("Groups", group["id"], body, (("attributes", "members"),), hr.call)
    assert len(orjson.loads(answer.body or b"")["members"]) == 4
    renamed = await hr.patch("Groups", group["id"], {"op": "replace", "path": "displayName", "value": "H"})
    assert "members" not in orjson.loads(renamed.body or b"")
    assert len((await hr.read("Groups", group["id"]))["members"]) == 4


async def test_renaming_a_group_does_not_look_at_its_members(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from proxeny.connectors.directory import members  # counted where the rows are asked for

    ann = await rig.directory.create("Users", user("ann"))
    group = await rig.directory.create("Groups", {"displayName": "G", "members": [{"value": ann["id"]}]})
    limits: list[int | None] = []
    plain = members.shown

    def counting(holder: int, limit: int | None = None) -> Any:
        limits.append(limit)
        return plain(holder, limit)

    monkeypatch.setattr(members, "shown", counting)
    hr = await rig.proxy(properties={"members.limit": "0"})
    await hr.patch("Groups", group["id"], {"op": "replace", "path": "displayName", "value": "H"})
    assert limits == []
    held = await rig.directory.read("Groups", group["id"])
    assert (held["displayName"], len(held["members"])) == ("H", 1)
