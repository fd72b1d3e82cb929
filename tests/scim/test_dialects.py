"""What clients send differently: each payload quirk as a case, with what acted; and that strict means strict."""

import json
from pathlib import Path
from typing import Any

import pytest

from proxeny.documents import Document
from proxeny.scim.dialects import DEFAULT_DIALECT, REWRITES, dialect_of, rewrite_patch, rewrite_resource
from proxeny.scim.errors import BadRequestError, InvalidSyntaxError, UnknownDialectError
from proxeny.scim.patch import PATCH_SCHEMA, apply_patch, parse_patch
from proxeny.scim.schema import ENTERPRISE_USER, GROUP, GROUP_TYPE, SAP_USER, USER, USER_TYPE
from proxeny.scim.validate import validate

CASES = json.loads((Path(__file__).parent / "quirk_patches.json").read_text())
MICROSOFT = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


def message(*ops: Document) -> Document:
    return {"schemas": [PATCH_SCHEMA], "Operations": list(ops)}


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: f"quirk {case['quirk']} {json.dumps(case['op'])}")
def test_a_patch_of_a_known_client_does_what_it_means(case: dict[str, Any]) -> None:
    resource_type = GROUP_TYPE if case.get("of") == "group" else USER_TYPE
    resource = CASES[case.get("of", "user")]
    sent = json.dumps(case["op"])
    rewritten, acted = rewrite_patch(message(case["op"]), DEFAULT_DIALECT, resource_type)
    assert json.dumps(case["op"]) == sent
    if "refused" in case:
        with pytest.raises(BadRequestError) as caught:
            parse_patch(rewritten, resource_type, dialect=DEFAULT_DIALECT, resource_id="u-1")
        assert caught.value.scim_type == case["refused"]
        return
    operations = parse_patch(rewritten, resource_type, dialect=DEFAULT_DIALECT, resource_id="u-1")
    value: Any = apply_patch(resource, operations, resource_type)
    for step in case["read"]:
        value = value[step] if isinstance(step, int) else value.get(step)
    assert value == case["is"]
    assert set(acted) == set(case["acted"])


@pytest.mark.parametrize(
    "case",
    [case for case in CASES["cases"] if case.get("acted")],
    ids=lambda case: f"quirk {case['quirk']} {json.dumps(case['op'])}",
)
def test_the_strict_dialect_rewrites_nothing_and_the_standard_decides(case: dict[str, Any]) -> None:
    resource_type = GROUP_TYPE if case.get("of") == "group" else USER_TYPE
    rewritten, acted = rewrite_patch(message(case["op"]), dialect_of("strict"), resource_type)
    assert (rewritten, acted) == (message(case["op"]), ())
    if "json-role" not in case["acted"] or "capitalised-op" in case["acted"]:
        with pytest.raises(BadRequestError):
            parse_patch(rewritten, resource_type)


@pytest.mark.parametrize("rewrite", [rewrite.name for rewrite in REWRITES])
def test_every_rewrite_can_be_switched_on_by_itself(rewrite: str) -> None:
    assert dialect_of(rewrite) == {rewrite}
    assert dialect_of("strict", rewrite) == {rewrite}


def test_an_unknown_dialect_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownDialectError, match="entra"):
        dialect_of("entre")


def test_messages_that_lack_what_only_the_standard_asks_for() -> None:
    bare = {"operations": [{"op": "add", "path": "title", "value": "T"}]}
    rewritten, acted = rewrite_patch(bare, DEFAULT_DIALECT, USER_TYPE)
    assert rewritten == message({"op": "add", "path": "title", "value": "T"})
    assert acted == ("operations-in-any-case", "missing-schemas")
    with pytest.raises(InvalidSyntaxError):
        parse_patch(bare, USER_TYPE)


def test_empty_operations_change_nothing_where_that_is_tolerated() -> None:
    assert parse_patch(message(), USER_TYPE, dialect=DEFAULT_DIALECT) == ()
    with pytest.raises(InvalidSyntaxError):
        parse_patch(message(), USER_TYPE)


def test_roles_can_be_a_full_set() -> None:
    op = {"op": "Add", "path": "roles", "value": [{"value": "B"}]}
    rewritten, acted = rewrite_patch(message(op), DEFAULT_DIALECT | {"roles-full-set"}, USER_TYPE)
    user = apply_patch(CASES["user"], parse_patch(rewritten, USER_TYPE), USER_TYPE)
    assert user["roles"] == [{"value": "B"}]
    assert "roles-full-set" in acted
    assert "roles-full-set" not in DEFAULT_DIALECT


def test_a_resource_of_a_known_client_becomes_a_standard_one() -> None:
    sent = {
        "schemas": [USER, MICROSOFT],
        "userName": "ann",
        "active": "True",
        "name.givenName": "Ann",
        "name": {"familyName": "Lee"},
        f"{SAP_USER}:sourceSystem": "39",
        "title": [{"$ref": None, "value": "Eng"}],
        "emails": {"value": "ann@x.test", "primary": "true"},
        "phoneNumbers": ["+47 1"],
        ENTERPRISE_USER: {"manager": "u-2", "employeeNumber": 7},
    }
    before = json.dumps(sent)
    made, acted = rewrite_resource(sent, DEFAULT_DIALECT, USER_TYPE)
    assert json.dumps(sent) == before
    assert validate(made, USER_TYPE, "create", unknown="reject").document == {
        "schemas": [USER, ENTERPRISE_USER, SAP_USER],
        "userName": "ann",
        "active": True,
        "name": {"familyName": "Lee", "givenName": "Ann"},
        SAP_USER: {"sourceSystem": 39},
        "title": "Eng",
        "emails": [{"value": "ann@x.test", "primary": True}],
        "phoneNumbers": [{"value": "+47 1"}],
        ENTERPRISE_USER: {"manager": {"value": "u-2"}, "employeeNumber": "7"},
    }
    assert set(acted) == {
        "unknown-schemas",
        "string-boolean",
        "dotted-names",
        "text-for-number",
        "single-in-list",
        "single-for-list",
        "text-for-object",
        "number-for-text",
    }


def test_a_standard_resource_comes_back_itself() -> None:
    user = CASES["user"]
    assert rewrite_resource(user, DEFAULT_DIALECT, USER_TYPE) == (user, ())
    assert rewrite_resource(user, DEFAULT_DIALECT, USER_TYPE)[0] is user
    strange = {"userName": "a", "active": "True"}
    assert rewrite_resource(strange, dialect_of("strict"), USER_TYPE) == (strange, ())


def test_the_legacy_schema_of_a_group_is_dropped() -> None:
    sent = {"schemas": [GROUP, MICROSOFT], "externalId": "e", "displayName": "N", "meta": {"resourceType": "Group"}}
    made, acted = rewrite_resource(sent, DEFAULT_DIALECT, GROUP_TYPE)
    assert acted == ("unknown-schemas",)
    checked = validate(made, GROUP_TYPE, "create", strict=True)
    assert checked.document == {"schemas": [GROUP], "externalId": "e", "displayName": "N"}


@pytest.mark.parametrize(
    "op",
    [
        {},
        {"op": 1},
        {"op": "Add", "path": 5, "value": 1},
        {"op": "Add", "path": "a[", "value": 1},
        {"op": "Add", "value": [1]},
        {"op": "add", "path": "emails", "value": [[1], None, 5]},
        {"value": None, "path": "x"},
    ],
)
def test_what_is_no_message_is_left_to_the_checks(op: Document) -> None:
    rewritten, _ = rewrite_patch(message(op), DEFAULT_DIALECT, USER_TYPE)
    with pytest.raises(BadRequestError):
        parse_patch(rewritten, USER_TYPE, dialect=DEFAULT_DIALECT)
