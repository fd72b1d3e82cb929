"""Groups whose ids are names of any kind: a proxy of SAP BTP account members shows them in base32, both ways."""

from base64 import b32decode, b32encode
from typing import Any

from tests.connectors.fakescim import FakeScim
from tests.connectors.farside import far_side
from tests.provisioning.conftest import PATCH, Client, Rig

from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.systems.definition import SystemDefinition

ROLE = "Cloud Admin? (Süd) 100 %"


def encoded(text: str) -> str:
    return b32encode(text.encode()).decode()


async def test_role_names_become_ids_that_fit_into_an_address(rig: Rig) -> None:
    fake = FakeScim()
    person: dict[str, Any] = {"id": "p1", "userName": "p1", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}
    fake.kinds["Users"] = {"p1": {**person, "roles": [{"value": ROLE}]}}
    fake.kinds["Groups"] = {ROLE: {"id": ROLE, "displayName": ROLE, "members": [{"value": "p1"}]}}
    async with far_side(fake) as side:
        name = "roles"
        rig.definitions[name] = SystemDefinition(
            id=name, name=name, type="SAP_BTP_ACCOUNT_MEMBERS_NEO", access_mode="PROXY", properties={"URL": side.url}
        )
        await rig.catalog.replace(rig.definitions.values())
        client = Client(rig.catalog.provider(name), Call(f"https://gw.example/proxy/{name}"))
        group = (await client.search("Groups"))["Resources"][0]
        assert b32decode(group["id"]).decode() == ROLE
        user = (await client.search("Users"))["Resources"][0]
        assert [one["value"] for one in user["groups"]] == [encoded(ROLE)]

        operation = {"op": "add", "path": "members", "value": [{"value": "p2"}]}
        document = {"schemas": [PATCH], "Operations": [operation]}
        await client.provider.patch("Groups", group["id"], document, (), client.call)
        del rig.definitions[name]
        await rig.catalog.replace(rig.definitions.values())
    assert [one["value"] for one in fake.kinds["Groups"][ROLE]["members"]] == ["p1", "p2"]
    assert fake.wrong == []
