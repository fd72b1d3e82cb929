"""Names in any case."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.scim.errors import InvalidSyntaxError
from proxeny.scim.filter.ast import AttributePath
from proxeny.scim.resource import canonical_names, read, write
from proxeny.scim.schema import ENTERPRISE_USER, USER_TYPE

USER = {
    "userName": "ann",
    "emails": [{"value": "a", "type": "work"}, {"value": "b"}],
    "meta": {"resourceType": "User"},
    ENTERPRISE_USER: {"manager": {"value": "m", "$ref": "r"}},
}


def recased(value: Any, upper: bool) -> Any:
    if isinstance(value, dict):
        return {name.upper() if upper else name.lower(): recased(part, not upper) for name, part in value.items()}
    return [recased(part, upper) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("upper", [True, False])
def test_names_are_brought_into_the_case_of_the_schema(upper: bool) -> None:
    sent = recased(USER, upper)
    before = json.dumps(sent)
    made, unknown = canonical_names(sent, USER_TYPE)
    assert made == USER
    assert list(made) == list(USER)
    assert unknown == ()
    assert json.dumps(sent) == before


def test_a_canonical_document_comes_back_itself_and_so_do_its_canonical_parts() -> None:
    assert canonical_names(USER, USER_TYPE)[0] is USER
    sent = {"USERNAME": "ann", "emails": [{"value": "a"}, {"VALUE": "b"}]}
    made, _ = canonical_names(sent, USER_TYPE)
    assert made["emails"][0] is sent["emails"][0]
    assert made["emails"][1] == {"value": "b"}


def test_names_that_no_schema_has_are_told_with_their_place() -> None:
    sent = {"bogus": 1, "name": {"Bogus": 2}, "emails": [{"x": 3}], ENTERPRISE_USER.lower(): {"y": 4}}
    made, unknown = canonical_names(sent, USER_TYPE)
    assert unknown == ("bogus", "name.Bogus", "emails.x", f"{ENTERPRISE_USER}.y")
    assert made["name"] == {"Bogus": 2}


@pytest.mark.parametrize(
    "sent",
    [
        {"userName": "a", "USERNAME": "b"},
        {"UserName": "a", "USERNAME": "b"},
        {"name": {"givenName": "a", "GIVENNAME": "b"}},
        {"emails": [{"value": "a", "Value": "b"}]},
        {ENTERPRISE_USER: {}, ENTERPRISE_USER.upper(): {}},
    ],
)
def test_a_name_given_twice_in_different_case_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(InvalidSyntaxError):
        canonical_names(sent, USER_TYPE)


def test_reading_by_a_path_in_any_case() -> None:
    assert read(USER, AttributePath("USERNAME")) == "ann"
    assert read(USER, AttributePath("Emails", "VALUE")) == ["a", "b"]
    assert read(USER, AttributePath("manager", "VALUE", ENTERPRISE_USER.upper())) == "m"
    assert read(USER, AttributePath("title")) is None
    assert read(USER, AttributePath("userName", "x")) is None


@given(
    st.sampled_from(["userName", "USERNAME", "title"]), st.sampled_from([None, "a"]), st.sampled_from([None, "urn:x"])
)
def test_what_was_written_is_read_and_the_argument_stays(name: str, sub: str | None, urn: str | None) -> None:
    path, before = AttributePath(name, sub, urn), json.dumps(USER)
    made = write(USER, path, "new")
    assert read(made, path) == "new"
    assert json.dumps(USER) == before
    assert made["emails"] is USER["emails"]
