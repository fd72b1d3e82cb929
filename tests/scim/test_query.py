"""Queries from request lines and from search bodies."""

from typing import Any

import pytest

from proxeny.scim.errors import BadRequestError, InvalidCountError, InvalidValueError
from proxeny.scim.filter.ast import AttributePath, Comparison
from proxeny.scim.messages import search_request
from proxeny.scim.query import SEARCH_REQUEST_SCHEMA, Query, parse_query, parse_search_request
from proxeny.scim.schema import USER_TYPE


def query(params: Any, **options: Any) -> Query:
    return parse_query(params, **{"default_count": 25, "max_count": 100, "resource_type": USER_TYPE, **options})


def body(**members: Any) -> Query:
    return parse_search_request(
        {"schemas": [SEARCH_REQUEST_SCHEMA], **members}, default_count=25, max_count=100, resource_type=USER_TYPE
    )


def test_a_query_holds_everything_that_was_asked() -> None:
    asked = query(
        [
            ("filter", 'userName eq "a"'),
            ("sortBy", "name.familyName"),
            ("sortOrder", "Descending"),
            ("startIndex", "11"),
            ("count", "10"),
            ("attributes", "userName, name.familyName"),
            ("excludedAttributes", "groups"),
            ("membersType", "group"),
        ]
    )
    assert asked == Query(
        filter=Comparison(AttributePath("userName"), "eq", "a"),
        filter_text='userName eq "a"',
        sort_by=AttributePath("name", "familyName"),
        sort_order="descending",
        start_index=11,
        count=10,
        asked_count=10,
        attributes=("userName", "name.familyName"),
        excluded_attributes=("groups",),
        members_type="group",
    )
    assert asked.descending


def test_nothing_asked_means_the_first_page_by_index() -> None:
    assert query({}) == Query(count=25)


@pytest.mark.parametrize(
    ("given", "start", "count"),
    [
        ({"startIndex": "0"}, 1, 25),
        ({"startIndex": "-7"}, 1, 25),
        ({"count": "0"}, 1, 0),
        ({"count": "-5"}, 1, 0),
        ({"count": "9999"}, 1, 100),
        ({"startIndex": "999", "count": " 5 "}, 999, 5),
        ({"STARTINDEX": "3"}, 3, 25),
    ],
)
def test_numbers_out_of_range_are_brought_into_range(given: dict[str, str], start: int, count: int) -> None:
    asked = query(given)
    assert (asked.start_index, asked.count) == (start, count)


@pytest.mark.parametrize("name", ["count", "startIndex"])
@pytest.mark.parametrize("value", ["", "x", "1.5", "1e3", "NaN", "9" * 5000, "٣"])
def test_what_is_no_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadRequestError):
        query({name: value})


def test_a_count_that_is_no_number_is_named_as_the_paging_in_use_names_it() -> None:
    with pytest.raises(InvalidCountError):
        query({"count": "x", "cursor": ""})
    with pytest.raises(InvalidValueError):
        query({"count": "x"})


@pytest.mark.parametrize("value", [" ", ",", "", " , "])
def test_blank_attributes_mean_everything(value: str) -> None:
    assert query({"attributes": value, "excludedAttributes": value}) == Query(count=25)


def test_unknown_parameters_are_ignored() -> None:
    assert query([("aadOptscim062020", ""), ("trace", "1"), ("trace", "2")]) == Query(count=25)


@pytest.mark.parametrize(
    "given",
    [
        [("filter", "id pr"), ("filter", "id pr")],
        {"sortBy": "bogus"},
        {"sortBy": "a.b.c"},
        {"sortOrder": "upwards"},
        {"membersType": "role"},
        {"filter": ""},
        {"cursor": "", "startIndex": "1"},
    ],
)
def test_what_cannot_be_meant_is_refused(given: Any) -> None:
    with pytest.raises(BadRequestError):
        query(given)


def test_an_empty_cursor_asks_for_the_first_page_by_cursor() -> None:
    assert query({"cursor": ""}).cursor == ""
    assert query({"cursor": "abc", "count": "5"}).cursor == "abc"
    assert query({}).cursor is None


def test_a_strict_reading_of_filters() -> None:
    assert query({"filter": "externalId eq 00u1"}).filter is not None
    with pytest.raises(BadRequestError):
        query({"filter": "externalId eq 00u1"}, lenient=False)


def test_a_search_body_says_the_same_as_a_request_line() -> None:
    line = query({"filter": 'userName eq "a"', "sortBy": "userName", "count": "10", "attributes": "id,userName"})
    assert parse_search_request(search_request(line), default_count=25, max_count=100) == line
    cursor = query({"cursor": "c", "count": "10", "excludedAttributes": "name"})
    assert parse_search_request(search_request(cursor), default_count=25, max_count=100) == cursor


def test_a_search_body_may_differ_in_case_and_in_the_form_of_lists() -> None:
    asked = body(Attributes="id, userName", COUNT="7", filter=None)
    assert (asked.attributes, asked.count, asked.filter) == (("id", "userName"), 7, None)


@pytest.mark.parametrize(
    "members",
    [
        {"schemas": []},
        {"schemas": "x"},
        {"count": True},
        {"count": [1]},
        {"count": 1.5},
        {"filter": 5},
        {"attributes": [1]},
        {"attributes": {}},
        {"filter": "id pr", "Filter": "id pr"},
        {"sortBy": ["id"]},
    ],
)
def test_a_search_body_of_another_shape_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        body(**members)
