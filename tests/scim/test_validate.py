"""Payloads against schemas."""

import json
from pathlib import Path
from typing import Any

import pytest

from proxeny.scim.errors import BadRequestError, InvalidSyntaxError, InvalidValueError
from proxeny.scim.schema import ENTERPRISE_USER, GROUP_TYPE, SAP_USER, USER, USER_TYPE, Extension, ResourceType
from proxeny.scim.validate import validate


def checked(document: dict[str, Any], **options: Any) -> dict[str, Any]:
    return validate({"userName": "ann", **document}, USER_TYPE, "create", **options).document


def test_the_full_user_of_the_standard_is_valid(corpus: Path) -> None:
    file = corpus / "vectors/rfc/rfc7643-8.3-enterprise_user.json"
    own = {"schemas": [USER], "userName": "bjensen", "emails": [{"value": "b@x.test", "type": "work", "primary": True}]}
    user = json.loads(file.read_text()) if file.is_file() else own
    result = validate(user, USER_TYPE, "create", unknown="reject", strict=True)
    assert result.warnings == ()
    dropped = {"id", "meta", "groups"} | {"x509Certificates"}
    for name in set(user) - dropped - {ENTERPRISE_USER}:
        assert result.document[name] == user[name]
    assert dropped.isdisjoint(result.document) or "x509Certificates" in result.document


def test_what_the_client_may_not_write_is_dropped() -> None:
    sent = {
        "id": "9",
        "meta": {"version": "1"},
        "groups": [],
        ENTERPRISE_USER: {"manager": {"value": "m", "displayName": "M"}},
    }
    assert checked(sent) == {
        "schemas": [USER, ENTERPRISE_USER],
        "userName": "ann",
        ENTERPRISE_USER: {"manager": {"value": "m"}},
    }


def test_null_is_absent_and_an_empty_list_is_not() -> None:
    sent = {
        "title": None,
        "emails": [],
        "name": {"givenName": None},
        ENTERPRISE_USER: {"division": None},
        "roles": [None],
    }
    assert checked(sent) == {"schemas": [USER], "userName": "ann", "emails": [], "roles": []}


def test_parts_are_shared_where_nothing_is_dropped_and_the_argument_stays() -> None:
    sent = {"userName": "ann", "title": None, "groups": [{"value": "g"}]}
    before = json.dumps(sent)
    validate(sent, USER_TYPE, "replace")
    assert json.dumps(sent) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("userName", 5),
        ("title", {"a": 1}),
        ("title", ["a"]),
        ("title", "a\0b"),
        ("active", "true"),
        ("active", 1),
        ("name", "Ann"),
        ("emails", {"value": "a"}),
        ("emails", ["a"]),
        ("emails", [{"value": 1}]),
        ("emails", [[]]),
        (SAP_USER, []),
        (SAP_USER, {"validFrom": "yesterday"}),
        (SAP_USER, {"validFrom": "2024-01-01"}),
        (SAP_USER, {"sourceSystem": 1.5}),
        (SAP_USER, {"sourceSystem": True}),
        (SAP_USER, {"sourceSystem": 1e300}),
        ("x509Certificates", [{"value": "not base64!"}]),
        ("emails", [{"value": "a", "primary": True}, {"value": "b", "primary": True}]),
        ("userName", ""),
        ("userName", None),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidValueError, match=name.rsplit(":", 1)[-1]):
        checked({name: value})


def test_values_of_every_type_fit() -> None:
    sent = {
        "active": False,
        "x509Certificates": [{"value": "AAEC"}],
        "emails": [{"value": "a", "type": "Strange"}] * 2,
        SAP_USER: {"validFrom": "2024-01-01T00:00:00+02:00", "sourceSystem": 39, "userUuidHistory": ["a"]},
    }
    assert checked(sent) == {"schemas": [USER, SAP_USER], "userName": "ann", **sent}


def test_required_attributes() -> None:
    with pytest.raises(InvalidValueError, match="displayName"):
        validate({"members": []}, GROUP_TYPE, "create")
    required = ResourceType(
        "User", "Users", USER_TYPE.schema, (Extension(USER_TYPE.extensions[0].schema, required=True),)
    )
    with pytest.raises(InvalidValueError, match="enterprise"):
        validate({"userName": "a"}, required, "create")


def test_unknown_attributes_are_dropped_kept_or_refused() -> None:
    sent = {
        "userName": "ann",
        "x-unknown": 1,
        "name": {"bogus": 2, "givenName": "A"},
        "urn:x": {},
        "schemas": [USER, "urn:x"],
    }
    warned = validate(sent, USER_TYPE, "create")
    assert warned.document == {"schemas": [USER], "userName": "ann", "name": {"givenName": "A"}}
    assert len(warned.warnings) == 4
    kept = validate(sent, USER_TYPE, "create", unknown="keep").document
    assert kept == {**sent, "schemas": [USER, "urn:x"]}
    with pytest.raises(InvalidSyntaxError):
        validate(sent, USER_TYPE, "create", unknown="reject")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"schemas": []},
        {"schemas": "x"},
        {"schemas": [USER, "urn:other"]},
        {"schemas": [ENTERPRISE_USER]},
        {"schemas": [USER], ENTERPRISE_USER: {"division": "D"}},
    ],
)
def test_strict_schemas(document: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        checked(document, strict=True)
    if document.get("schemas") != "x":
        assert checked(document)["schemas"][0] == USER
