"""What an input field is good for, and what may be left out."""

from typing import Any

import pytest
from tests.transform.outcomes import program_of

from proxeny.transform.usage import fields_of, input_fields, leaves_alone

COPIED = {"sourcePath": "$.members", "targetPath": "$.members", "optional": True}


@pytest.mark.parametrize(
    ("mappings", "alone"),
    [
        ([COPIED], True),
        ([{"sourcePath": "$", "targetPath": "$"}], True),
        ([{"sourcePath": "$.members[*].value", "targetPath": "$.members[?(@.value)]", "optional": True}], True),
        ([{"sourcePath": "$.displayName", "targetPath": "$.displayName"}], True),
        ([COPIED, {"type": "remove", "targetPath": "$.members"}], True),
        ([COPIED, {"constant": [], "targetPath": "$.members", "scope": "createEntity"}], True),
        ([COPIED, {"constant": [], "targetPath": "$.members"}], False),
        ([{**COPIED, "defaultValue": []}], False),
        ([{**COPIED, "targetPath": "$.member"}], False),
        ([{**COPIED, "optional": False}], False),
        ([COPIED, {"sourcePath": "$.members.length()", "targetPath": "$.size", "optional": True}], False),
        ([COPIED, {"constant": "x", "targetPath": "$.kind", "condition": "$.members empty false"}], False),
    ],
)
def test_a_field_that_an_update_may_say_nothing_of(mappings: list[dict[str, Any]], alone: bool) -> None:
    document = {"name": "write", "mappings": mappings}
    assert leaves_alone(program_of(document), "members") is alone


LDAP = {"sourcePath": "$.member", "targetPath": "$.members[?(@.value)]", "optional": True}
NAME = {"sourcePath": "$.cn[0]", "targetPath": "$.displayName"}


@pytest.mark.parametrize(
    ("mappings", "fields"),
    [
        ([NAME, LDAP], {"member"}),
        ([LDAP, {**LDAP, "sourcePath": "$.uniqueMember[*]"}], {"member", "uniqueMember"}),
        ([{"sourcePath": "$", "targetPath": "$"}], {"members"}),
        ([{"sourcePath": "$", "targetPath": "$"}, LDAP], {"members"}),
        ([LDAP, {**LDAP, "targetPath": "$.owners[?(@.value)]"}], set()),
        ([{**LDAP, "optional": False}], set()),
        ([LDAP, {**NAME, "condition": "$.member empty false"}], set()),
        ([LDAP, {**LDAP, "targetVariable": "first"}], set()),
        ([{**LDAP, "sourcePath": "$..member"}], set()),
        ([NAME], set()),
    ],
)
def test_the_fields_that_serve_one_output_alone(mappings: list[dict[str, Any]], fields: set[str]) -> None:
    assert fields_of(program_of({"name": "read", "mappings": mappings}), "members") == fields


@pytest.mark.parametrize(
    ("mappings", "fields"),
    [
        ([NAME, LDAP], {"cn", "member"}),
        ([{**NAME, "condition": "$.kind == 'x'"}], {"cn", "kind"}),
        ([{**LDAP, "sourcePath": "$.member[?(@.type == 'user')]"}], {"member"}),
        ([NAME, {"sourcePath": "$..x", "targetPath": "$.y", "optional": True}], None),
        ([{"sourcePath": "$", "targetPath": "$"}], None),
        ([{"sourcePath": "$.*", "targetPath": "$.y", "optional": True}], None),
    ],
)
def test_every_field_that_is_looked_at(mappings: list[dict[str, Any]], fields: set[str] | None) -> None:
    assert input_fields(program_of({"name": "read", "mappings": mappings})) == fields
