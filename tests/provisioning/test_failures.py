"""What a backend's failure becomes for the client: a SCIM server's own words for what is wrong stay what they are."""

import orjson
import pytest

from proxeny.connectors.errors import ConflictError, RefusedError
from proxeny.connectors.outbound.answers import HttpAnswer, error_of
from proxeny.provisioning.endpoints.failures import as_scim_error
from proxeny.scim.errors import ERROR_SCHEMA

BAD_REQUESTS = [
    "invalidFilter",
    "tooMany",
    "invalidSyntax",
    "invalidPath",
    "noTarget",
    "invalidValue",
    "invalidVers",
    "sensitive",
    "mutability",
    "invalidCursor",
    "expiredCursor",
    "invalidCount",
]  # RFC 7644 §3.12, RFC 9865 §2.2


def refused(status: int, body: object) -> tuple[int, str | None, str]:
    error = error_of(HttpAnswer(status, {}, orjson.dumps(body)), "PATCH", "/Users/1")
    assert error is not None
    answer = as_scim_error(error)
    return answer.status, answer.scim_type, answer.detail


@pytest.mark.parametrize("scim_type", BAD_REQUESTS)
def test_what_a_server_says_is_wrong_with_the_request_stays_what_it_is(scim_type: str) -> None:
    body = {"schemas": [ERROR_SCHEMA], "status": "400", "scimType": scim_type, "detail": "Because."}
    assert refused(400, body) == (400, scim_type, "The backend refused the request: Because.")


@pytest.mark.parametrize("status", [400, 409])
def test_a_value_that_is_taken_is_a_conflict_whatever_the_status(status: int) -> None:
    body = {"status": str(status), "scimType": "uniqueness", "detail": "userName"}
    assert isinstance(error_of(HttpAnswer(status, {}, orjson.dumps(body)), "POST", "/Users"), ConflictError)
    assert refused(status, body)[:2] == (409, "uniqueness")


@pytest.mark.parametrize(
    ("body", "said"), [({"detail": "nickName is taken."}, "nickName is taken. Use"), ({}, "taken. Use")]
)
def test_a_conflict_is_told_in_the_words_of_the_server_that_knows_the_attribute(body: object, said: str) -> None:
    assert said in refused(409, body)[2]


@pytest.mark.parametrize("body", [{}, {"scimType": "made-up"}, {"scimType": 5}, ["noTarget"], "noTarget"])
def test_any_other_refusal_is_an_invalid_value(body: object) -> None:
    assert refused(400, body)[:2] == (400, "invalidValue")


def test_what_a_server_forbids_is_forbidden_and_no_invalid_value() -> None:
    status, scim_type, detail = refused(403, {"detail": "Administrators are protected."})
    assert (status, scim_type) == (403, None)
    assert "gateway's user" in detail
    assert "Administrators are protected." in detail


def test_a_failure_of_the_server_is_not_about_the_request_whatever_it_says() -> None:
    assert refused(500, {"scimType": "noTarget"})[:2] == (502, None)
    assert as_scim_error(RefusedError("no", status=500, scim_type="noTarget")).status == 502
