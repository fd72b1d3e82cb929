"""What is returned."""

from typing import Any

import pytest

from proxeny.scim.projection import Projection
from proxeny.scim.query import Query
from proxeny.scim.schema import ENTERPRISE_USER, GROUP_TYPE, SAP_GROUP, SAP_USER, USER, USER_TYPE

ANN = {
    "schemas": [USER, ENTERPRISE_USER, SAP_USER],
    "id": "1",
    "userName": "ann",
    "password": "secret",
    "name": {"givenName": "Ann", "familyName": "Lee"},
    "emails": [{"type": "work", "value": "a", "primary": True}, {"value": "b"}],
    "addresses": [{"locality": "Oslo"}],
    "custom": 1,
    ENTERPRISE_USER: {"division": "D", "manager": {"value": "m", "displayName": "M"}},
    SAP_USER: {"addresses": [{"streetAddress2": "2"}], "activationUrl": "https://x"},
}
ALWAYS = {"schemas": ANN["schemas"], "id": "1"}


@pytest.mark.parametrize(
    ("attributes", "excluded", "expected"),
    [
        ([], [], {**ANN, "password": None, SAP_USER: {"addresses": [{"streetAddress2": "2"}]}}),
        (["userName"], [], {**ALWAYS, "userName": "ann"}),
        (["USERNAME", "Name.GivenName"], [], {**ALWAYS, "userName": "ann", "name": {"givenName": "Ann"}}),
        (["emails.value"], [], {**ALWAYS, "emails": [{"value": "a"}, {"value": "b"}]}),
        (["emails.type"], [], {**ALWAYS, "emails": [{"type": "work"}]}),
        (["name", "name.givenName"], [], {**ALWAYS, "name": ANN["name"]}),
        (["password", "bogus"], [], ALWAYS),
        (
            ["addresses"],
            [],
            {**ALWAYS, "addresses": [{"locality": "Oslo"}], SAP_USER: {"addresses": [{"streetAddress2": "2"}]}},
        ),
        ([f"{USER}:addresses"], [], {**ALWAYS, "addresses": [{"locality": "Oslo"}]}),
        ([f"{SAP_USER.upper()}:Addresses"], [], {**ALWAYS, SAP_USER: {"addresses": [{"streetAddress2": "2"}]}}),
        ([f"{SAP_USER}:activationUrl"], [], {**ALWAYS, SAP_USER: {"activationUrl": "https://x"}}),
        ([ENTERPRISE_USER], [], {**ALWAYS, ENTERPRISE_USER: ANN[ENTERPRISE_USER]}),
        ([f"{ENTERPRISE_USER}:manager.value"], [], {**ALWAYS, ENTERPRISE_USER: {"manager": {"value": "m"}}}),
        (["manager.value"], [], {**ALWAYS, ENTERPRISE_USER: {"manager": {"value": "m"}}}),
        (
            ["userName", "name"],
            ["name.givenName", "schemas"],
            {"id": "1", "userName": "ann", "name": {"familyName": "Lee"}},
        ),
        (
            [],
            ["id", "schemas", "name", "addresses", SAP_USER, f"{ENTERPRISE_USER}:manager", "emails.value", "custom"],
            {
                "id": "1",
                "userName": "ann",
                "emails": [{"type": "work", "primary": True}],
                "custom": 1,
                ENTERPRISE_USER: {"division": "D"},
            },
        ),
    ],
)
def test_projection(attributes: list[str], excluded: list[str], expected: dict[str, Any]) -> None:
    wanted = {name: value for name, value in expected.items() if value is not None}
    assert Projection.of(attributes, excluded, USER_TYPE).apply(ANN) == wanted


def test_what_is_returned_whole_is_shared() -> None:
    result = Projection.of([], [], USER_TYPE).apply(ANN)
    assert result is not ANN
    assert result["name"] is ANN["name"]
    assert result["emails"] is ANN["emails"]


@pytest.mark.parametrize(
    ("query", "omits"),
    [
        (Query(), False),
        (Query(excluded_attributes=("Members",)), True),
        (Query(excluded_attributes=("members.display",)), False),
        (Query(attributes=("id",)), True),
        (Query(attributes=("members.value",)), False),
        (Query(attributes=("members",), excluded_attributes=("members",)), True),
    ],
)
def test_what_need_not_be_read(query: Query, omits: bool) -> None:
    projection = Projection.of_query(query, GROUP_TYPE)
    assert projection.omits("members") is omits
    assert ("members" in projection.omitted()) is omits
    assert not projection.omits("id")


def test_what_is_returned_on_request_only() -> None:
    group = {SAP_GROUP: {"children": [{"value": "g"}], "type": "userGroup"}}
    assert Projection.of([], [], GROUP_TYPE).apply(group) == {SAP_GROUP: {"type": "userGroup"}}
    assert Projection.of(["children"], [], GROUP_TYPE).apply(group) == {SAP_GROUP: {"children": [{"value": "g"}]}}
