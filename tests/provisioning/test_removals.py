"""What a PATCH took away and the backend still has: the client is told."""

from typing import Any

import pytest

from proxeny.provisioning.writes.removals import Removals, vanished
from proxeny.scim.errors import MutabilityError

BEFORE = {"title": "Boss", "active": True, "name": {"givenName": "Ann", "middleName": "B"}}
REMOVALS = Removals((("title",), ("name", "middleName")), BEFORE)


def test_what_is_gone_as_a_whole_is_said_as_null() -> None:
    assert REMOVALS.names == vanished(BEFORE, {"active": True, "name": {"givenName": "Ann"}})
    assert REMOVALS.said({"name": {"givenName": "Ann"}}) == {"name": {"givenName": "Ann"}, "title": None}


@pytest.mark.parametrize("held", [{}, {"title": None}, {"title": ""}, {"title": "Chief"}, {"name": {}}])
def test_what_is_gone_or_another_is_as_it_should_be(held: dict[str, Any]) -> None:
    REMOVALS.require(held, "")


@pytest.mark.parametrize(
    "held", [{"title": "Boss"}, {"name": {"middleName": "B"}}, {"title": "null"}, {"title": "None"}]
)
def test_what_is_kept_or_has_become_the_word_null_is_told(held: dict[str, Any]) -> None:
    with pytest.raises(MutabilityError, match="Nothing was changed"):
        REMOVALS.require(held, "Nothing was changed.")


def test_of_an_object_that_was_taken_away_the_part_that_is_kept_is_told() -> None:
    removals = Removals((("name",),), BEFORE)
    with pytest.raises(MutabilityError, match=r"'name\.middleName' as 'B'"):
        removals.require({"name": {"givenName": "Bea", "middleName": "B"}}, "")
    removals.require({"name": {"givenName": "Bea", "familyName": "New"}}, "")
