"""A trace tells what each mapping did and why, for people and as JSON, and shows no secret."""

import json
from typing import Any

from tests.transform.outcomes import program_of

from proxeny.transform import EntityProgram, Trace

MAPPINGS: list[dict[str, Any]] = [
    {"sourcePath": "$.id", "targetPath": "$.id", "targetVariable": "me"},
    {"sourceVariable": "me", "targetPath": "$.ref", "functions": [{"function": "concatString", "prefix": "u/"}]},
    {"sourcePath": "$.none", "targetPath": "$.none", "optional": True},
    {"sourcePath": "$.none", "targetPath": "$.kind", "defaultValue": "person"},
    {"constant": 1, "targetPath": "$.new", "scope": "createEntity"},
    {"constant": 1, "targetPath": "$.off", "condition": "$.active == false"},
    {"sourcePath": "$.id", "targetPath": "$.ignored", "ignore": True},
    {"type": "remove", "targetPath": "$.nothing"},
    {"sourceVariable": "unset", "targetPath": "$.x"},
    {"constant": 1, "targetPath": "$.never", "condition": "'a' == 'b'"},
]


def program(mappings: list[dict[str, Any]], **more: Any) -> EntityProgram:
    return program_of({"name": "traced", "mappings": mappings, **more})


def trace_of(mappings: list[dict[str, Any]], document: dict[str, Any], operation: Any = "update") -> Trace:
    return program(mappings).explain(operation, document)


def test_every_mapping_has_its_outcome() -> None:
    trace = trace_of(MAPPINGS, {"id": "7", "active": True})
    assert [mapping.outcome for mapping in trace.mappings] == [
        "written",
        "written",
        "optional",
        "default",
        "scope",
        "condition",
        "ignored",
        "removed",
        "nothing",
        "condition",
    ]
    assert trace.result.document == {"id": "7", "ref": "u/7", "kind": "person"}


def test_values_before_and_after_functions_and_operands_are_told() -> None:
    mappings = trace_of(MAPPINGS, {"id": "7", "active": True}).to_document()["mappings"]
    assert mappings[1] == {
        "mapping": 2,
        "type": "set",
        "source": "${me}",
        "targetPath": "$.ref",
        "outcome": "written",
        "value": "7",
        "written": "u/7",
        "functions": [{"function": "concatString", "before": "7", "after": "u/7"}],
    }
    assert mappings[5]["operands"] == [{"operand": "$.active", "value": True}]
    assert mappings[3]["written"] == "person"


def test_the_failing_mapping_says_why_and_the_rest_was_not_reached() -> None:
    trace = trace_of([{"sourcePath": "$.a", "targetPath": "$.a"}, *MAPPINGS], {})
    assert trace.mappings[0].outcome == "failed"
    assert "mandatory attribute $.a is missing" in str(trace.mappings[0].message)
    assert trace.mappings[1].outcome == "not reached"
    assert trace.to_document()["reason"] == "missing-attribute"


def test_a_function_that_fails_is_at_its_mapping() -> None:
    trace = trace_of(
        [{"sourcePath": "$.a", "targetPath": "$.a", "functions": [{"function": "toUpperCaseString"}]}], {"a": {}}
    )
    assert trace.mappings[0].outcome == "failed"
    assert trace.result.reason == "function-failed"


def test_a_skipped_entity_shows_the_operands_of_its_condition() -> None:
    trace = program(MAPPINGS, entity={"condition": "$.active == true"}).explain("update", {"id": "7"})
    assert trace.result.status == "skipped"
    assert trace.to_document()["operands"] == [{"operand": "$.active", "value": None}]
    assert "$.active = null" in trace.render()


def test_the_text_has_a_line_for_each_mapping_and_the_output() -> None:
    text = trace_of(MAPPINGS, {"id": "7", "active": True}).render()
    assert text.startswith("user · update · ok\n")
    assert "   1  $.id → $.id, ${me}  [written]" in text
    assert 'concatString: "7" → "u/7"' in text
    assert "[condition false]" in text
    assert '"ref": "u/7"' in text


GENERATE = {
    "type": "randomPassword",
    "passwordLength": 9,
    "minimumNumberOfLowercaseLetters": 1,
    "minimumNumberOfUppercaseLetters": 1,
    "minimumNumberOfDigits": 1,
    "minimumNumberOfSpecialSymbols": 1,
}
SECRETS: list[dict[str, Any]] = [
    {"sourcePath": "$.password", "targetPath": "$.credentials.value", "targetVariable": "pw"},
    {"sourceVariable": "pw", "targetPath": "$.PASSWORD.BAPIPWD"},
    {
        "sourcePath": "$.plain",
        "targetPath": "$.userPassword",
        "functions": [{"function": "concatString", "prefix": "x"}],
    },
    {"constant": "<initial Secret77>", "targetPath": "$.password"},
    {"targetPath": "$.generated", "functions": [GENERATE]},
    {"sourcePath": "$", "targetPath": "$"},
    {"constant": 1, "targetPath": "$.c", "condition": "$.password == 'Secret1' && $.nested.password != 'Secret2'"},
]
SECRET_DOCUMENT = {
    "password": "Secret1",
    "plain": "Secret3",
    "nested": {"password": "Secret2"},
    "Operations": [
        {"op": "replace", "path": "password", "value": "Secret4"},
        {"op": "add", "value": {"password": "Secret5"}},
    ],
}


def test_secrets_are_nowhere_in_a_trace() -> None:
    """The plain source is a secret only because of where it is written; so its own copy elsewhere is left out here."""
    document = {key: value for key, value in SECRET_DOCUMENT.items() if key != "plain"}
    trace = trace_of([*SECRETS[:2], *SECRETS[3:]], document)
    assert trace.result.status == "ok"
    for shown in (trace.render(), json.dumps(trace.to_document())):
        assert "Secret" not in shown
        assert str(trace.result.document["generated"]) not in shown
        assert "***" in shown


def test_a_value_that_becomes_a_secret_is_hidden_on_its_way() -> None:
    trace = trace_of([SECRETS[2]], {"plain": "Secret3"})
    assert trace.result.document == {"userPassword": "xSecret3"}
    assert "Secret3" not in trace.render()


def test_details_about_passwords_are_no_secrets() -> None:
    trace = trace_of([{"constant": "disabled", "targetPath": "$.passwordDetails.status"}], {})
    assert "disabled" in trace.render()
