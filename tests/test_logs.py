"""Logs: one line an event, context, redaction, and text from outside that cannot forge a line (T56)."""

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    captured = io.StringIO()
    logs.configure("debug", "json", captured)
    yield captured
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def written(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_fields(stream: io.StringIO) -> None:
    logging.getLogger("proxeny.test").info("system %s opened", "hr", extra={"milliseconds": 12})
    (event,) = written(stream)
    assert event["message"] == "system hr opened"
    assert (event["level"], event["logger"], event["milliseconds"]) == ("info", "proxeny.test", 12)
    assert str(event["time"]).endswith("Z")


def test_the_request_and_the_run_in_progress_are_named(stream: io.StringIO) -> None:
    with logs.bound(request="r-1", run="run-7"):
        logging.getLogger("proxeny.test").warning("inside")
    logging.getLogger("proxeny.test").warning("outside")
    inside, outside = written(stream)
    assert (inside["request_id"], inside["run_id"]) == ("r-1", "run-7")
    assert "request_id" not in outside


def test_secrets_are_masked_in_fields_messages_and_patch_operations(stream: io.StringIO) -> None:
    secret = "s3cr3t-Value"
    logging.getLogger("proxeny.test").error(
        f"calling https://me:{secret}@host with Authorization: Bearer {secret} and password={secret}",
        extra={
            "clientSecret": secret,
            "document": {"userName": "a", "password": secret, "nested": [{"access_token": secret}]},
            "patch": {"Operations": [{"op": "replace", "path": "password", "value": secret}]},
        },
    )
    assert secret not in stream.getvalue()
    (event,) = written(stream)
    assert event["document"] == {"userName": "a", "password": "***", "nested": [{"access_token": "***"}]}


@pytest.mark.parametrize("unit", ["token-", "a-", "token=", "secret ", "password:'", "basic ", "://a:", "://"])
def test_a_long_text_is_looked_through_as_fast_as_a_short_one(unit: str) -> None:
    started = time.process_time()
    logs.redact_text(unit * 20_000)
    assert time.process_time() - started < 2  # generous: it takes milliseconds, and took hours


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("--client-secret=abc x", "--client-secret=*** x"),
        ("my.token.of : 'a b' x", "my.token.of : *** x"),
        ('note="password=abc" x', 'note="password=*** x'),
        ("a=1 PASSWORD = abc; b=2", "a=1 PASSWORD = ***; b=2"),
        ("token-token-token", "token-token-token"),
    ],
)
def test_what_names_itself_a_secret_is_masked_in_text(text: str, masked: str) -> None:
    assert logs.redact_text(text) == masked


def test_attributes_that_a_schema_never_returns_are_masked_by_name() -> None:
    operation = {"op": "add", "path": "urn:example:2.0:User:pin", "value": "1234"}
    assert logs.redact([operation, {"Pin": "1234"}], frozenset({"pin"})) == [
        {**operation, "value": "***"},
        {"Pin": "***"},
    ]


def test_an_error_is_logged_with_its_trace_on_the_same_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("token=abcdefgh broke")
    except ValueError:
        logging.getLogger("proxeny.test").exception("failed")
    (event,) = written(stream)
    assert "ValueError" in str(event["error"])
    assert "abcdefgh" not in stream.getvalue()


@given(st.text(st.characters()), st.text(st.characters()))
def test_text_from_outside_never_makes_a_second_line_or_steers_the_terminal(message: str, agent: str) -> None:
    for formatter in (logs.JsonLines(), logs.TextLines()):
        record = logging.makeLogRecord({"msg": "%s", "args": (message,), "user_agent": agent})
        line = formatter.format(record)
        assert len(line.splitlines()) == 1
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)
        line.encode()
        if isinstance(formatter, logs.JsonLines):
            assert "message" in json.loads(line)


def test_a_lone_surrogate_is_still_a_line_of_json() -> None:
    line = logs.JsonLines().format(logging.makeLogRecord({"msg": "name \ud800", "name": "proxeny"}))
    assert "\\ud800" in json.loads(line)["message"]


def test_the_text_form_is_readable(stream: io.StringIO) -> None:
    record = logging.makeLogRecord({"msg": "ready", "name": "proxeny.app", "levelname": "INFO", "port": 8080})
    assert logs.TextLines().format(record).endswith("INFO    proxeny.app: ready port=8080")


def test_events_below_the_level_are_not_written(stream: io.StringIO) -> None:
    logs.configure("warning", "json", stream)
    logging.getLogger("proxeny.test").info("quiet")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_vouched_event_is_a_line_like_any_other_and_cannot_be_broken(stream: io.StringIO, form: logs.Form) -> None:
    logs.configure("info", form, stream)
    logs.write_event(logging.getLogger("proxeny.x"), "request", {"path": "/a\n\x1b[31m\u2028{}", "status": 200})
    assert stream.getvalue().count("\n") == 1
    assert not {"\x1b", "\u2028"} & set(stream.getvalue())
    assert "status" in stream.getvalue()
