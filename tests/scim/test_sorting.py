"""The order of resources."""

import pytest

from proxeny.scim.errors import InvalidValueError
from proxeny.scim.filter.parser import parse_attribute_path
from proxeny.scim.schema import USER_TYPE
from proxeny.scim.sorting import sort_key

USERS = {
    "ann": {
        "userName": "Ann",
        "name": {"familyName": "b"},
        "active": True,
        "meta": {"created": "2024-01-01T00:00:00+02:00"},
        "emails": [{"value": "z"}, {"value": "a", "primary": True}],
    },
    "bob": {
        "userName": "bob",
        "name": {"familyName": "A"},
        "active": False,
        "meta": {"created": "2023-12-31T23:00:00Z"},
        "emails": [{"value": "m"}],
    },
    "cat": {"userName": "CAT", "emails": [], "active": None},
}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("userName", "ann bob cat"),
        ("NAME.FAMILYNAME", "bob ann cat"),
        ("meta.created", "ann bob cat"),
        ("emails", "ann bob cat"),
        ("emails.value", "ann bob cat"),
        ("active", "bob ann cat"),
        ("title", "ann bob cat"),
    ],
)
def test_values_decide_and_what_has_none_comes_last(by: str, expected: str) -> None:
    order = sort_key(parse_attribute_path(by), USER_TYPE)
    assert " ".join(sorted(USERS, key=lambda name: order(USERS[name]))) == expected


def test_descending_puts_what_has_none_first() -> None:
    order = sort_key(parse_attribute_path("name.familyName"), USER_TYPE)
    assert sorted(USERS, key=lambda name: order(USERS[name]), reverse=True) == ["cat", "ann", "bob"]


@pytest.mark.parametrize("by", ["bogus", "name", "password", "emails.bogus"])
def test_what_has_no_order_is_refused(by: str) -> None:
    with pytest.raises(InvalidValueError):
        sort_key(parse_attribute_path(by), USER_TYPE)
