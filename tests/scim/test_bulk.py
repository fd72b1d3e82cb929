"""Bulk requests: order, references, circles, failures; against a backend of a few lines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxeny.documents import Document
from proxeny.scim.bulk import BulkOutcome, BulkStep, parse_bulk, run_bulk
from proxeny.scim.errors import BadRequestError, NoTargetError, PayloadTooLargeError
from proxeny.scim.messages import BULK_REQUEST_SCHEMA
from proxeny.scim.patch import PATCH_SCHEMA, apply_patch, parse_patch
from proxeny.scim.schema import GROUP_TYPE


def message(*operations: Any, **members: Any) -> Document:
    return {"schemas": [BULK_REQUEST_SCHEMA], "Operations": list(operations), **members}


def post(bulk_id: str, data: Document, path: str = "/Users") -> Document:
    return {"method": "POST", "path": path, "bulkId": bulk_id, "data": data}


def walked(
    document: Document, fails: Callable[[BulkStep], bool] = lambda step: False
) -> tuple[list[Document], list[BulkStep]]:
    """The results and the steps, with a backend that names resources id-1, id-2 …"""
    steps: list[BulkStep] = []
    walk = run_bulk(parse_bulk(document, max_operations=100))
    try:
        step = next(walk)
        while True:
            steps.append(step)
            step = walk.send(
                outcome(step, len(steps)) if not fails(step) else BulkOutcome.of_error(NoTargetError("no"))
            )
    except StopIteration as end:
        return end.value, steps


def outcome(step: BulkStep, number: int) -> BulkOutcome:
    if step.method == "POST":
        made = f"id-{number}"
        return BulkOutcome(201, made, f"https://x{step.path}/{made}", 'W/"1"')
    return BulkOutcome(204 if step.method == "DELETE" else 200, step.resource_id, f"https://x{step.path}", 'W/"2"')


def test_operations_are_done_in_order_and_answered() -> None:
    results, steps = walked(
        message(
            post("a", {"userName": "Alice"}),
            {"method": "put", "path": "Users/7", "version": 'W/"1"', "data": {"userName": "Bob"}},
            {"method": "PATCH", "path": "/Users/8", "data": [{"op": "remove", "path": "title"}]},
            {"method": "DELETE", "path": "/Users/9"},
        )
    )
    assert [(step.method, step.endpoint, step.resource_id) for step in steps] == [
        ("POST", "Users", None),
        ("PUT", "Users", "7"),
        ("PATCH", "Users", "8"),
        ("DELETE", "Users", "9"),
    ]
    assert steps[1].version == 'W/"1"'
    assert steps[2].data == {"schemas": [PATCH_SCHEMA], "Operations": [{"op": "remove", "path": "title"}]}
    assert results[0] == {
        "method": "POST",
        "bulkId": "a",
        "location": "https://x/Users/id-1",
        "version": 'W/"1"',
        "status": "201",
    }
    assert [result["status"] for result in results] == ["201", "200", "200", "204"]


def test_an_operation_waits_for_those_it_refers_to_and_answers_stay_in_place() -> None:
    results, steps = walked(
        message(
            post("g", {"displayName": "G", "members": [{"value": "bulkId:u", "$ref": "../Users/bulkId:u"}]}, "/Groups"),
            {
                "method": "PATCH",
                "path": "/Users/bulkId:u",
                "data": {"Operations": [{"op": "remove", "path": 'roles[value eq "bulkId:g"]'}]},
            },
            post("u", {"userName": "Alice", "title": "see bulkId:u"}),
        )
    )
    assert [step.path for step in steps] == ["/Users", "/Groups", "/Users/id-1"]
    assert steps[1].data == {"displayName": "G", "members": [{"value": "id-1", "$ref": "../Users/id-1"}]}
    assert steps[2].data == {"Operations": [{"op": "remove", "path": 'roles[value eq "id-2"]'}]}
    assert steps[0].data == {"userName": "Alice", "title": "see bulkId:u"}
    assert [result.get("bulkId") for result in results] == ["g", None, "u"]


def test_groups_that_hold_each_other_are_made_and_then_joined(corpus: Path) -> None:
    file = corpus / "vectors/rfc/rfc7644-3.7.1-bulk_request-circular_conflict.json"
    own = message(
        post(
            "qwerty",
            {"displayName": "Group A", "members": [{"value": "x"}, {"type": "Group", "value": "bulkId:ytrewq"}]},
            "/Groups",
        ),
        post("ytrewq", {"displayName": "Group B", "members": [{"type": "Group", "value": "bulkId:qwerty"}]}, "/Groups"),
    )
    for document in [own] + ([json.loads(file.read_text())] if file.is_file() else []):
        results, steps = walked(document)
        assert [step.method for step in steps] == ["POST", "POST", "PATCH"]
        assert steps[1].data is not None
        assert steps[1].data["members"] == [{"type": "Group", "value": "id-1"}]
        assert steps[2].path == "/Groups/id-1"
        first, patch = steps[0].data, steps[2].data
        assert first is not None
        assert patch is not None
        joined = apply_patch(first, parse_patch(patch, GROUP_TYPE), GROUP_TYPE)
        assert joined["members"][-1] == {"type": "Group", "value": "id-2"}
        assert [result["status"] for result in results] == ["201", "201"]


def test_a_circle_through_an_extension_and_through_itself() -> None:
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    _, steps = walked(message(post("a", {"userName": "A", urn: {"manager": {"value": "bulkId:a"}, "division": "D"}})))
    assert steps[0].data == {"userName": "A", urn: {"division": "D"}}
    assert steps[1].data is not None
    assert steps[1].data["Operations"] == [{"op": "add", "path": f"{urn}:manager", "value": {"value": "id-1"}}]


def test_what_depends_on_a_failure_is_not_done() -> None:
    results, steps = walked(
        message(
            post("a", {"userName": "A"}), post("b", {"members": [{"value": "bulkId:a"}]}, "/Groups"), post("c", {})
        ),
        fails=lambda step: step.data == {"userName": "A"},
    )
    assert [step.path for step in steps] == ["/Users", "/Users"]
    assert [result["status"] for result in results] == ["400", "409", "201"]
    assert results[0]["response"]["scimType"] == "noTarget"
    assert "location" not in results[1]


def test_a_circle_with_a_failure_says_so() -> None:
    first = post("a", {"displayName": "A", "members": [{"value": "bulkId:b"}]}, "/Groups")
    second = post("b", {"displayName": "B", "members": [{"value": "bulkId:a"}]}, "/Groups")
    results, _ = walked(message(first, second), fails=lambda step: (step.data or {}).get("displayName") == "B")
    assert [result["status"] for result in results] == ["409", "400"]
    assert results[0]["location"] == "https://x/Groups/id-1"


def test_fail_on_errors_stops_and_what_was_not_done_has_no_result() -> None:
    operations = [post(str(number), {"userName": str(number)}) for number in range(5)]
    results, steps = walked(
        message(*operations, failOnErrors=2), fails=lambda step: (step.data or {})["userName"] in "13"
    )
    assert len(steps) == 4
    assert [result["status"] for result in results] == ["201", "400", "201", "400"]


@pytest.mark.parametrize(
    "operation",
    [
        5,
        {},
        {"method": "GET", "path": "/Users/1"},
        {"method": "POST", "path": "/Users", "data": {}},
        {"method": "POST", "bulkId": "x", "data": {}},
        {"method": "POST", "path": "/Users/1", "bulkId": "x", "data": {}},
        {"method": "POST", "path": "/Users", "bulkId": "x"},
        {"method": "PUT", "path": "/Users", "data": {}},
        {"method": "PUT", "path": "/Users/1/2", "data": {}},
        {"method": "PATCH", "path": "/Users/1", "data": 5},
        {"method": "DELETE", "path": 7},
        {"method": "POST", "path": "/Users", "bulkId": 5, "data": {}},
        {"method": "POST", "path": "/Users", "bulkId": "taken", "data": {}},
        {"method": "DELETE", "path": "/Users/bulkId:nowhere"},
        post("y", {"manager": {"value": "bulkId:nowhere"}}),
    ],
)
def test_a_wrong_operation_fails_alone(operation: Any) -> None:
    results, steps = walked(message(post("taken", {}), operation, {"method": "DELETE", "path": "/Users/bulkId:taken"}))
    assert [step.path for step in steps] == ["/Users", "/Users/id-1"]
    assert [result["status"] for result in results] == ["201", "400", "204"]


def test_what_refers_to_a_wrong_operation_fails_with_it() -> None:
    wrong = post("a", {"manager": {"value": "bulkId:nowhere"}})
    results, _ = walked(message(wrong, {"method": "DELETE", "path": "/Users/bulkId:a"}))
    assert [result["status"] for result in results] == ["400", "409"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"schemas": [BULK_REQUEST_SCHEMA]},
        message(failOnErrors=0),
        message(failOnErrors=True),
        message(failOnErrors="1"),
        {**message(), "schemas": "x"},
    ],
)
def test_what_is_no_bulk_request_is_refused(document: Document) -> None:
    with pytest.raises(BadRequestError):
        parse_bulk(document, max_operations=10)


def test_more_operations_than_the_limit_are_refused_as_a_whole() -> None:
    with pytest.raises(PayloadTooLargeError):
        parse_bulk(message(*[post(str(number), {}) for number in range(11)]), max_operations=10)


def test_a_long_chain_backwards_is_walked() -> None:
    chain = [post(str(number), {"manager": {"value": f"bulkId:{number + 1}"}}) for number in range(99)] + [
        post("99", {})
    ]
    results, steps = walked(message(*chain))
    assert len(steps) == 100
    assert {result["status"] for result in results} == {"201"}
