"""SCIM 1.1 of UAA servers: updates in its own form, and users of some origins only."""

from typing import Any

import pytest
from tests.connectors.fakescim import FakeUaa
from tests.connectors.farside import FarSide, far_side
from tests.connectors.kit import connection

from proxeny.connectors.errors import NotFoundError, PropertyError, UnsupportedError
from proxeny.connectors.filtering import Compare
from proxeny.connectors.registry import system_type
from proxeny.connectors.scim2 import SPEC
from proxeny.connectors.scim2.uaa import UaaConnector, read_patch
from proxeny.connectors.spi import Search
from proxeny.provisioning.systems.switches import Switches

XSUAA = "SAP_BTP_XS_ADVANCED_UAA_CLOUD_FOUNDRY"


def uaa(side: FarSide, plain: dict[str, str] | None = None, type_name: str = XSUAA) -> UaaConnector:
    connector = SPEC.build(connection(side.url, plain, type_name=type_name))
    assert isinstance(connector, UaaConnector)
    return connector


def town() -> FakeUaa:
    members = [{"value": f"u{one}", "type": "USER", "origin": "ldap"} for one in range(3)]
    return FakeUaa(
        users={
            f"u{one}": {"id": f"u{one}", "userName": f"user{one}", "origin": ("uaa", "ldap", "sap.ids")[one % 3]}
            for one in range(6)
        },
        groups={"g": {"id": "g", "displayName": "old", "description": "d", "members": members}},
    )


def values(fake: FakeUaa) -> list[str]:
    return [member["value"] for member in fake.groups["g"]["members"]]


WANTED = {"displayName": "new", "members": [{"value": "u1"}, {"value": "u4"}]}


async def test_members_are_added_and_removed_one_by_one() -> None:
    fake = town()
    async with far_side(fake) as side:
        connector = uaa(side)
        await connector.replace("group", "g", dict(WANTED))
        await connector.close()
    assert fake.wrong == []
    assert fake.log == [
        "PUT /Groups/g",
        "POST /Groups/g/members",
        "DELETE /Groups/g/members/u0",
        "DELETE /Groups/g/members/u2",
    ]
    assert (values(fake), fake.groups["g"]["displayName"], fake.groups["g"]["description"]) == (
        ["u1", "u4"],
        "new",
        "d",
    )
    assert fake.groups["g"]["members"][0]["origin"] == "ldap", "who stays, stays as they are"


async def test_a_group_that_differs_only_in_members_is_not_put() -> None:
    fake = town()
    async with far_side(fake) as side:
        connector = uaa(side)
        await connector.replace("group", "g", {"displayName": "old", "members": [{"value": f"u{n}"} for n in range(4)]})
        await connector.close()
    assert fake.log == ["POST /Groups/g/members"]


async def test_members_go_out_as_a_patch_of_scim_1_1_where_switched_on() -> None:
    fake = town()
    plain = {"scim.support.patch.operation": "true", "xsuaa.patch.group.members.above.threshold": "2"}
    async with far_side(fake) as side:
        connector = uaa(side, plain)
        wanted = [{"value": f"u{one}"} for one in (1, 3, 4, 5)]
        await connector.replace("group", "g", {"displayName": "new", "description": None, "members": wanted})
        await connector.close()
        headers = [request.headers.get("if-match") for request in side.requests if request.method == "PATCH"]
    assert fake.wrong == []
    assert fake.log == ["PATCH /Groups/g"] * 3
    assert headers == ["*"] * 3
    assert values(fake) == ["u1", "u3", "u4", "u5"]
    assert ("description" in fake.groups["g"], fake.groups["g"]["displayName"]) == (False, "new")


@pytest.mark.parametrize("patches", ["true", "false"])
async def test_a_patch_of_a_client_is_translated(patches: str) -> None:
    fake = town()
    operations = [
        {"op": "add", "path": "members", "value": [{"value": "u5", "type": "USER"}]},
        {"op": "remove", "path": 'members[value eq "u1"]'},
        {"op": "replace", "value": {"displayName": "new"}},
        {"op": "remove", "path": "description"},
    ]
    async with far_side(fake) as side:
        connector = uaa(side, {"scim.support.patch.operation": patches})
        assert await connector.patch("group", "g", {"Operations": operations}) is None
        await connector.close()
    assert fake.wrong == []
    assert values(fake) == ["u0", "u2", "u5"]
    assert (fake.groups["g"]["displayName"], "description" in fake.groups["g"]) == ("new", False)


async def test_a_group_is_read_back_where_that_is_wanted() -> None:
    fake = town()
    async with far_side(fake) as side:
        connector = uaa(side, {"xsuaa.patch.response.with.resource": "true"})
        operation: dict[str, Any] = {"op": "remove", "path": "members"}
        held = await connector.patch("group", "g", {"Operations": [operation]})
        await connector.close()
    assert held is not None
    assert held.document["members"] == []


@pytest.mark.parametrize(
    ("prefix", "type_name"), [("xsuaa", XSUAA), ("uaa", "CLOUD_FOUNDRY_UAA_SERVER")], ids=["xsuaa", "uaa"]
)
@pytest.mark.parametrize("value", ["true", "false", None])
async def test_a_patch_gives_the_resource_only_where_the_property_says_so(
    prefix: str, type_name: str, value: str | None
) -> None:
    fake = town()
    name = f"{prefix}.patch.response.with.resource"
    plain = {} if value is None else {name: value}
    async with far_side(fake) as side:
        connector = uaa(side, plain, type_name)
        operation = {"op": "replace", "path": "displayName", "value": "new"}
        held = await connector.patch("group", "g", {"Operations": [operation]})
        switches = Switches.of(connection(side.url, plain, type_name=type_name).properties)
        await connector.close()
    assert fake.groups["g"]["displayName"] == "new"
    assert (held.document["displayName"] if held is not None else None) == ("new" if value == "true" else None)
    assert switches.patch_no_content is (value == "false"), "as whoever sent the PATCH is answered"


async def test_users_are_patched_by_their_parts() -> None:
    fake = town()
    async with far_side(fake) as side:
        connector = uaa(side, {"scim.support.patch.operation": "true"}, "CLOUD_FOUNDRY_UAA_SERVER")
        operations = [{"op": "replace", "path": "name.givenName", "value": "Anna"}, {"op": "remove", "path": "origin"}]
        await connector.patch("user", "u1", {"Operations": operations})
        await connector.close()
    assert fake.users["u1"] == {"id": "u1", "userName": "user1", "name": {"givenName": "Anna"}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "x"},
        {"op": "add", "path": "emails", "value": [{"value": "x"}]},
        {"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division"},
    ],
)
def test_what_scim_1_1_cannot_say_is_left_to_the_gateway(operation: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        read_patch([operation])


async def test_an_id_of_a_member_stays_one_segment() -> None:
    fake = town()
    fake.groups["g"]["members"].append({"value": "a/../b", "type": "USER"})
    async with far_side(fake) as side:
        connector = uaa(side)
        await connector.patch("group", "g", {"Operations": [{"op": "remove", "path": 'members[value eq "a/../b"]'}]})
        await connector.close()
        assert side.requests[-1].path == "/Groups/g/members/a/../b"
        assert len(side.requests) == 3


@pytest.mark.parametrize(
    ("origins", "found", "text"),
    [
        ("ldap", {"u1", "u4"}, 'origin eq "ldap"'),
        ("ldap; sap.ids", {"u1", "u2", "u4", "u5"}, 'origin eq "ldap" or origin eq "sap.ids"'),
    ],
)
async def test_only_users_of_the_origins_are_read(origins: str, found: set[str], text: str) -> None:
    fake = town()
    async with far_side(fake) as side:
        connector = uaa(side, {"xsuaa.origin.filter.enabled": "true", "xsuaa.origin": origins})
        assert {entity.id async for entity in connector.read_all("user")} == found
        ids = [entity.id async for part in connector.read_portions("user") for entity in part.entities]
        assert set(ids) == found
        search = Search(filter=Compare(("userName",), "eq", "user4"), native_filter='userName eq "user4"')
        assert [entity.id for entity in (await connector.search("user", search)).entities] == ["u4"]
        assert [entity.id async for entity in connector.read_all("group")] == ["g"]
        with pytest.raises(NotFoundError, match="origins"):
            await connector.read("user", "u0")
        assert (await connector.read("user", "u1")).id == "u1"
        await connector.close()
    assert fake.filters[0] == text
    grouped = f"({text})" if " or " in text else text
    assert fake.filters[2] == f'((userName eq "user4") and {grouped}) and userName eq "user4"'
    assert fake.wrong == [], "nothing is asked that a UAA does not have, as ServiceProviderConfig"


def test_an_origin_filter_without_origin_would_read_nobody() -> None:
    given = {"URL": "https://x.example", "xsuaa.origin.filter.enabled": "true", "xsuaa.origin": " ; "}
    problems = SPEC.check(given, system_type(XSUAA))
    assert [(problem.name, problem.severity) for problem in problems] == [("xsuaa.origin", "error")]
    with pytest.raises(PropertyError, match=r"xsuaa\.origin names none"):
        SPEC.build(connection("https://x.example", given, type_name=XSUAA))
