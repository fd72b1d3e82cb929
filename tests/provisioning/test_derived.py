"""The schemas that a proxy tells, made of its transformations: true of what clients can send and get."""

from typing import Any

import orjson
from tests.provisioning.conftest import Rig, user

from proxeny.scim.schema import ENTERPRISE_USER, SAP_USER, USER

READ = {
    "scimEntityEndpoint": "Users",
    "mappings": [
        {"sourcePath": "$.id", "targetPath": "$.id", "targetVariable": "entityIdSourceSystem"},
        {"sourcePath": "$.userName", "targetPath": "$.userName"},
        {"sourcePath": "$.name.familyName", "targetPath": "$.name.familyName", "optional": True},
        {"sourcePath": "$.emails[*].value", "targetPath": "$.emails[?(@.value)]", "optional": True},
        {
            "sourcePath": f"$['{ENTERPRISE_USER}']['manager']['value']",
            "targetPath": f"$['{ENTERPRISE_USER}']['manager']['value']",
            "optional": True,
        },
    ],
}
WRITE = {
    "scimEntityEndpoint": "Users",
    "mappings": [
        {"sourceVariable": "entityIdTargetSystem", "targetPath": "$.id"},
        {"sourcePath": "$.userName", "targetPath": "$.userName"},
        {"sourcePath": "$.name", "targetPath": "$.name", "optional": True},
        {"sourcePath": "$.emails[*].value", "targetPath": "$.emails[?(@.value)]"},
        {"sourcePath": "$.title", "targetPath": "$.title", "optional": True},
        {
            "sourcePath": f"$['{SAP_USER}']['validFrom']",
            "targetPath": f"$['{SAP_USER}']['validFrom']",
            "optional": True,
        },
        {
            "sourcePath": f"$['{ENTERPRISE_USER}']['manager']['value']",
            "targetPath": f"$['{ENTERPRISE_USER}']['manager']['value']",
            "optional": True,
        },
    ],
}


async def _told(rig: Rig) -> dict[str, dict[str, Any]]:
    """The attributes by schema and name, sub-attributes behind a dot."""
    proxy = await rig.proxy(read={"user": READ}, write={"user": WRITE})
    document = orjson.loads((await proxy.provider.schemas(proxy.call)).body or b"")
    told: dict[str, dict[str, Any]] = {}
    for schema in document["Resources"]:
        for attribute in schema["attributes"]:
            subs = {f"{attribute['name']}.{sub['name']}": sub for sub in attribute.get("subAttributes", ())}
            told.setdefault(schema["id"], {}).update({attribute["name"]: attribute, **subs})
    return told


def _ways(attribute: dict[str, Any]) -> tuple[str, str]:
    return attribute["mutability"], attribute["returned"]


async def test_what_is_written_and_never_read_is_told_as_such(rig: Rig) -> None:
    told = await _told(rig)
    assert _ways(told[USER]["title"]) == ("writeOnly", "never")
    assert _ways(told[SAP_USER]["validFrom"]) == ("writeOnly", "never")
    assert _ways(told[USER]["name.givenName"]) == ("writeOnly", "never")
    assert _ways(told[USER]["name.familyName"]) == ("readWrite", "default")
    assert _ways(told[USER]["userName"]) == ("readWrite", "default")


async def test_what_is_read_and_never_written_is_told_as_such(rig: Rig) -> None:
    proxy = await rig.proxy()
    document = orjson.loads((await proxy.provider.schemas(proxy.call)).body or b"")
    schemas = {schema["id"]: {each["name"]: each for each in schema["attributes"]} for schema in document["Resources"]}
    ways = {name: _ways(attribute) for name, attribute in schemas[SAP_USER].items()}
    both, reading = ("readWrite", "default"), ("readOnly", "default")
    assert (ways["validFrom"], ways["sourceSystem"], ways["userId"]) == (both, reading, reading)
    assert all(_ways(schemas[USER][name]) == both for name in ("userName", "emails", "active", "title"))
    made = await rig.directory.create("Users", user("ann"))
    await proxy.patch("Users", made["id"], {"op": "add", "path": f"{SAP_USER}:sourceSystem", "value": 5})
    assert "sourceSystem" not in (await proxy.read("Users", made["id"]))[SAP_USER]


async def test_the_references_that_the_gateway_makes_can_be_read(rig: Rig) -> None:
    assert _ways((await _told(rig))[ENTERPRISE_USER]["manager.$ref"]) == ("readWrite", "default")


async def test_a_part_that_a_mapping_cannot_do_without_is_told_as_required(rig: Rig) -> None:
    told = (await _told(rig))[USER]
    assert [name for name in told if name.startswith("emails")] == ["emails", "emails.value"]
    required = [name for name, attribute in told.items() if attribute["required"]]
    assert required == ["userName", "emails", "emails.value"]


async def test_one_element_without_that_part_is_no_reason_to_refuse_the_others(rig: Rig) -> None:
    proxy = await rig.proxy(read={"user": READ}, write={"user": WRITE})
    made = await proxy.create("Users", {"userName": "ann", "emails": [{"value": "a@x.example"}, {"type": "home"}]})
    assert made["emails"] == [{"value": "a@x.example"}]
