"""The shipped schemas say what the standard says, and are complete."""

import json
from pathlib import Path

import pytest

from proxeny.scim.discovery import schema_document
from proxeny.scim.filter.ast import AttributePath
from proxeny.scim.schema import (
    CUSTOM_GROUP,
    CUSTOM_USER,
    ENTERPRISE_USER,
    GROUP,
    GROUP_TYPE,
    SAP_GROUP,
    SAP_USER,
    USER,
    USER_TYPE,
    Attribute,
    builtin_schema,
)

NAMES = (
    "user",
    "group",
    "enterprise-user",
    "sap-user",
    "sap-group",
    "custom-user",
    "custom-group",
    "service-provider-config",
    "resource-type",
    "schema",
)
PUBLISHED = {"user": "user", "group": "group", "enterprise-user": "enterprise_user"}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_read_and_told_without_loss(name: str) -> None:
    schema = builtin_schema(name)
    told = schema_document(schema, "https://x/scim")
    assert type(schema).from_document(told) == schema
    assert json.dumps(told)


def traits(attribute: Attribute) -> dict[str, object]:
    return {
        "type": attribute.type,
        "multi": attribute.multi_valued,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
        "subs": {sub.name for sub in attribute.sub_attributes},
    }


def test_the_core_schemas_agree_with_the_published_ones(corpus: Path) -> None:
    for ours, published in PUBLISHED.items():
        file = corpus / f"vectors/rfc/rfc7643-8.7.1-schema-{published}.json"
        if not file.is_file():
            continue
        theirs = type(USER_TYPE.schema).from_document(json.loads(file.read_text()))
        schema = builtin_schema(ours)
        assert schema.id == theirs.id
        assert {each.name: traits(each) for each in schema.attributes} == {
            each.name: traits(each) for each in theirs.attributes
        }
    assert {each.name for each in builtin_schema("group").attributes} == {"displayName", "members"}


def test_the_resource_types_hold_every_extension() -> None:
    assert [schema.id for schema in USER_TYPE.schemas] == [USER, ENTERPRISE_USER, SAP_USER, CUSTOM_USER]
    assert [schema.id for schema in GROUP_TYPE.schemas] == [GROUP, SAP_GROUP, CUSTOM_GROUP]


def test_attributes_are_found_in_any_case_and_extensions_by_urn_only() -> None:
    located = USER_TYPE.find(AttributePath("MANAGER", "Value", ENTERPRISE_USER.upper()))
    assert located is not None
    assert (located.urn, located.attribute.name, located.leaf.name) == (ENTERPRISE_USER, "manager", "value")
    assert USER_TYPE.find(AttributePath("manager")) is None
    assert USER_TYPE.find(AttributePath("userName", "value")) is None
    assert USER_TYPE.find(AttributePath("userName", None, USER)) is not None


def test_the_user_name_is_unique_whatever_its_case() -> None:
    user_name = USER_TYPE.schema.attribute("username")
    assert user_name is not None
    assert (user_name.uniqueness, user_name.case_exact, user_name.required) == ("server", False, True)
