"""Large groups: read to the end, changed in portions, their nested groups left alone."""

from typing import Any

import pytest
from tests.connectors.fakescim import FakeScim
from tests.connectors.farside import far_side
from tests.connectors.kit import connection

from proxeny.connectors.errors import RefusedError
from proxeny.connectors.registry import system_type
from proxeny.connectors.scim2 import SPEC
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.spi import Search

PAGING = {
    "scim.group.members.paging.enabled": "true",
    "scim.group.members.page.size": "5",
    "scim.user.groups.paging.enabled": "true",
    "scim.user.groups.page.size": "5",
}


def crowd(number: int, cut: int = 5) -> FakeScim:
    """A group g1 of that many users and of group g2, whose only user u0 is no member of g1 itself."""
    fake = FakeScim(cut=cut)
    fake.kinds["Users"] = {f"u{one}": {"id": f"u{one}", "userName": f"user{one}"} for one in range(number + 1)}
    members: list[dict[str, Any]] = [{"value": "g2", "type": "Group"}]
    members += [{"value": f"u{one}", "type": "User"} for one in range(1, number + 1)]
    fake.kinds["Groups"] = {
        "g1": {"id": "g1", "displayName": "All", "members": members},
        "g2": {"id": "g2", "displayName": "Few", "members": [{"value": "u0"}]},
    }
    return fake


async def test_a_member_list_that_was_cut_is_read_to_the_end() -> None:
    fake = crowd(230)
    async with far_side(fake) as side:
        connector = ScimConnector(connection(side.url, PAGING))
        one = await connector.read("group", "g1")
        listed = {entity.id: entity async for entity in connector.read_all("group")}
        found = await connector.search("group", Search())
        await connector.close()
    wanted = {"g2"} | {f"u{number}" for number in range(1, 231)}
    for entity in (one, listed["g1"], found.entities[0]):
        values = [member["value"] for member in entity.document["members"]]
        assert set(values) == wanted, "those of a nested group are no members of this one"
        assert len(values) == len(wanted)
    assert one.document["members"][-1] == {"value": "u230", "type": "User", "display": "user230"}
    assert [member["value"] for member in listed["g2"].document["members"]] == ["u0"]


async def test_the_groups_of_a_user_are_read_to_the_end() -> None:
    fake = FakeScim(cut=5)
    fake.kinds["Users"] = {"u": {"id": "u", "userName": "anna"}}
    fake.kinds["Groups"] = {
        f"g{one}": {"id": f"g{one}", "displayName": f"Group {one}", "members": [{"value": "u"}]} for one in range(12)
    }
    async with far_side(fake) as side:
        connector = ScimConnector(connection(side.url, PAGING))
        user = await connector.read("user", "u")
        await connector.close()
    assert {group["value"] for group in user.document["groups"]} == {f"g{one}" for one in range(12)}


async def test_without_the_property_nothing_more_is_asked() -> None:
    fake = crowd(20)
    async with far_side(fake) as side:
        connector = ScimConnector(connection(side.url))
        group = await connector.read("group", "g1")
        await connector.close()
        assert (len(group.document["members"]), len(side.requests)) == (5, 1)


async def test_a_part_of_the_members_never_passes_for_all() -> None:
    fake = crowd(20)
    fake.filters_members = False
    async with far_side(fake) as side:
        connector = ScimConnector(connection(side.url, PAGING))
        with pytest.raises(RefusedError, match=r"scim\.group\.members\.paging\.enabled") as caught:
            await connector.read("group", "g1")
        await connector.close()
    assert caught.value.backend_message == "this attribute cannot be filtered"


async def test_another_gateway_gives_the_rest_too(other_proxeny: str) -> None:
    connector = ScimConnector(connection(other_proxeny, {"User": "near", **PAGING}, {"Password": "far-away-secret-1"}))
    users = [await connector.create("user", {"userName": f"crowd{number}"}) for number in range(7)]
    members = [{"value": user.id} for user in users]
    group = await connector.create("group", {"displayName": "Crowd", "members": members})
    read = await connector.read("group", group.id)
    for entity in users:
        await connector.delete("user", entity.id)
    await connector.delete("group", group.id)
    await connector.close()
    assert sorted(member["value"] for member in read.document["members"]) == sorted(user.id for user in users)


async def test_nested_groups_stay_where_only_users_are_managed() -> None:
    fake = crowd(3, cut=1000)
    async with far_side(fake) as side:
        connector = ScimConnector(connection(side.url, {"scim.patch.group.members.of.nested.groups": "true"}))
        wanted = [{"value": "u2"}, {"value": "u0"}]
        await connector.replace("group", "g1", {"displayName": "All", "members": wanted})
        await connector.close()
        assert {request.method for request in side.requests if request.body} == {"PATCH"}
    assert fake.wrong == []
    assert [member["value"] for member in fake.kinds["Groups"]["g1"]["members"]] == ["g2", "u2", "u0"]


@pytest.mark.parametrize(
    ("type_name", "prefix", "removals"),
    [("IDENTITY_AUTHENTICATION", "ias.", 50), ("SAP_COMMERCE_CLOUD", "cc.", 98), ("SAP_ANALYTICS_CLOUD", "sac.", 98)],
)
async def test_removals_are_portioned_as_each_system_takes_them(type_name: str, prefix: str, removals: int) -> None:
    fake = crowd(200, cut=1000)
    fake.kinds["Groups"]["g1"]["members"] = fake.kinds["Groups"]["g1"]["members"][1:]
    fake.base = str(system_type(type_name).quirks_for({}).get("base_path", ""))
    plain = {f"{prefix}support.patch.operation": "true", f"{prefix}api.csrf.protection": "disabled"}
    async with far_side(fake) as side:
        connector = SPEC.build(connection(side.url, plain, type_name=type_name))
        assert isinstance(connector, ScimConnector)
        await connector.replace("group", "g1", {"members": [{"value": "u1"}]})
        await connector.close()
        sizes = [request.body.count(b'"remove"') for request in side.requests if request.method == "PATCH"]
    assert [member["value"] for member in fake.kinds["Groups"]["g1"]["members"]] == ["u1"]
    assert (max(sizes), sum(sizes)) == (removals, 199)


@pytest.mark.parametrize(
    ("held", "added", "patches"),
    [(700, 1200, [900, 300]), (700, 100, None), (0, 901, [900, 1])],
)
async def test_portions_begin_above_the_threshold(held: int, added: int, patches: list[int] | None) -> None:
    """The documented example: 700 members, 1200 more, threshold 900: two PATCH; 100 more: one PUT."""
    fake = crowd(held, cut=10_000)
    fake.kinds["Groups"]["g1"]["members"] = fake.kinds["Groups"]["g1"]["members"][1:]
    wanted = [*fake.kinds["Groups"]["g1"]["members"], *({"value": f"new{one}"} for one in range(added))]
    async with far_side(fake) as side:
        connector = ScimConnector(connection(side.url, {"scim.patch.group.members.above.threshold": "900"}))
        await connector.replace("group", "g1", {"members": wanted})
        await connector.close()
        sent = [(request.method, request.body.count(b'"value":"new')) for request in side.requests if request.body]
    assert sent == ([("PATCH", number) for number in patches] if patches else [("PUT", added)])
    assert len(fake.kinds["Groups"]["g1"]["members"]) == held + added
