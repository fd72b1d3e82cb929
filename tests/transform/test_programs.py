"""Small transformations, each for one rule of the language, and what they must give: data in programs/cases.json, and
in programs/quirks.json with the numbers of the edge cases and decisions of the specification."""

import json
from typing import Any

import pytest
from tests.transform.outcomes import answered, assert_outcome, data, program_of

CASES = [*data("cases.json"), *data("quirks.json")]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_program_gives_exactly_the_expected_outcome(case: dict[str, Any]) -> None:
    before = json.dumps(case["document"])
    steps = program_of(case).steps(
        case["operation"], case["document"], case.get("variables"), after_patch=case.get("after_patch")
    )
    assert_outcome(answered(steps, case.get("answers", [])), case["expected"])
    assert json.dumps(case["document"]) == before


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_explaining_a_program_gives_the_same_outcome(case: dict[str, Any]) -> None:
    steps = program_of(case).explain_steps(
        case["operation"], case["document"], case.get("variables"), after_patch=case.get("after_patch")
    )
    trace = answered(steps, case.get("answers", []))
    assert_outcome(trace.result, case["expected"])
    assert trace.render()


@pytest.mark.parametrize("case", [case for case in CASES if "answers" not in case], ids=lambda case: str(case["name"]))
def test_running_a_program_without_lookups_gives_the_same_outcome_each_time(case: dict[str, Any]) -> None:
    program = program_of(case)
    assert not program.has_lookups
    for _ in range(2):
        result = program.run(
            case["operation"], case["document"], case.get("variables"), after_patch=case.get("after_patch")
        )
        assert_outcome(result, case["expected"])
