"""What filters decide: cases, and agreement with an independent implementation."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import EnterpriseUser, InvalidFilterException, ScimFilter, User

from proxeny.scim.errors import InvalidFilterError
from proxeny.scim.filter.evaluate import compile_filter
from proxeny.scim.filter.parser import parse_filter
from proxeny.scim.schema import ENTERPRISE_USER, GROUP_TYPE, USER, USER_TYPE

CASES = json.loads((Path(__file__).parent / "filter_cases.json").read_text())


@pytest.mark.parametrize(("text", "expected"), CASES["cases"], ids=lambda part: part if isinstance(part, str) else "")
def test_a_filter_chooses_exactly_the_resources_that_meet_it(text: str, expected: list[str]) -> None:
    meets = compile_filter(parse_filter(text), USER_TYPE)
    assert [name for name, resource in CASES["resources"].items() if meets(resource)] == expected


@pytest.mark.parametrize("text", CASES["refused"])
def test_a_filter_that_cannot_be_decided_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilterError):
        compile_filter(parse_filter(text), USER_TYPE)


def test_members_without_sub_attribute_means_their_value() -> None:
    group = {"displayName": "G", "members": [{"value": "u-1", "type": "User"}, {"value": "u-2"}]}
    assert compile_filter(parse_filter('members eq "u-1"'), GROUP_TYPE)(group)
    assert not compile_filter(parse_filter('members eq "u-3"'), GROUP_TYPE)(group)
    assert compile_filter(parse_filter('members.type eq "user"'), GROUP_TYPE)(group)


def test_in_a_search_over_several_types_an_attribute_of_another_type_is_not_assigned() -> None:
    text = 'userName eq "ann" or displayName eq "ann"'
    with pytest.raises(InvalidFilterError):
        compile_filter(parse_filter(text), GROUP_TYPE)
    meets = compile_filter(parse_filter(text), GROUP_TYPE, also=[USER_TYPE])
    assert meets({"displayName": "Ann"})
    assert not meets({"displayName": "Bob", "userName": "ann"})
    assert compile_filter(parse_filter("userName eq null"), GROUP_TYPE, also=[USER_TYPE])({})
    with pytest.raises(InvalidFilterError):
        compile_filter(parse_filter("bogus pr"), GROUP_TYPE, also=[USER_TYPE])


def test_values_of_another_type_in_a_document_do_not_match_and_do_no_harm() -> None:
    for text in ('userName eq "a"', "active eq true", 'meta.created gt "2024-01-01T00:00:00Z"', 'emails[type eq "x"]'):
        meets = compile_filter(parse_filter(text), USER_TYPE)
        for wrong in (None, 1, [], {}, [None, 1, [], {}], "x", {"created": 5}):
            assert not meets({"userName": wrong, "active": wrong, "meta": wrong, "emails": wrong})


texts = st.sampled_from(["a", "A", "ab", "b", "x y", "Strasse", "STRASSE", "10"])
types = st.sampled_from(["work", "Home", "other"])
roles = st.lists(
    st.fixed_dictionaries({"value": texts}, optional={"type": types, "primary": st.booleans()}), max_size=3
)
users = st.fixed_dictionaries(
    {"userName": texts},
    optional={
        "title": texts,
        "active": st.booleans(),
        "externalId": texts,
        "name": st.fixed_dictionaries({"familyName": texts}, optional={"givenName": texts}),
        "roles": roles.filter(lambda values: sum(value.get("primary", False) for value in values) < 2),
        ENTERPRISE_USER: st.fixed_dictionaries({"employeeNumber": texts}),
    },
)
operators = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])
textual = st.sampled_from(
    [
        "userName",
        "title",
        "externalId",
        "name.familyName",
        "NAME.givenname",
        "roles.value",
        "roles.type",
        f"{ENTERPRISE_USER}:employeeNumber",
    ]
)
comparisons = (
    st.builds(lambda name, op, value: f"{name} {op} {json.dumps(value)}", textual, operators, texts)
    | st.builds(
        lambda op, value: f"active {op} {value}", st.sampled_from(["eq", "ne"]), st.sampled_from(["true", "false"])
    )
    | textual.map(lambda name: f"{name} pr")
    | st.builds(
        lambda op, kind, value: f"roles[type eq {json.dumps(kind)} and value {op} {json.dumps(value)}]",
        operators,
        types,
        texts,
    )
)
filters = st.recursive(
    comparisons,
    lambda inner: (
        inner.map(lambda text: f"not ({text})")
        | st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
    ),
    max_leaves=5,
)


@given(filters, users)
def test_an_independent_implementation_decides_the_same(text: str, user: dict[str, Any]) -> None:
    other = User[EnterpriseUser].model_validate({"schemas": [USER, ENTERPRISE_USER], **user})
    try:
        expected = ScimFilter[User[EnterpriseUser]](text).match(other)
    except InvalidFilterException:
        return
    assert compile_filter(parse_filter(text), USER_TYPE)(user) == expected
