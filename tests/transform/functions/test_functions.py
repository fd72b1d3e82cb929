"""Every function of the language on the cases of cases.json: results, no value, failures; and mistakes found when
loading.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxeny.transform.errors import EntityFailedError
from proxeny.transform.functions.registry import Step
from proxeny.transform.functions.table import FUNCTIONS
from proxeny.transform.values import MISSING, Budget, Run

DATA: dict[str, Any] = json.loads(Path(__file__).with_name("cases.json").read_text())
ABOUT = (
    "name",
    "value",
    "document",
    "variables",
    "properties",
    "result",
    "bytes",
    "missing",
    "fails",
    "at",
    "says",
    "caret",
)
SPECIFIED = (
    "concatString convertCountryCode convertCountryRegion convertLocaleCode convertTimezoneCode compositeId "
    "copyMapEntry "
    "renameMapEntry decode encode elementAt getMatchedRegexGroup manipulateDate matchRegex putIfAbsent putIfPresent "
    "randomPassword replaceString replaceFirstString replaceLastString replaceAllString resolveEntityIds "
    "splitStringToArray substring toString toUpperCaseString toLowerCaseString"
)


def named(kind: str) -> Any:
    return pytest.mark.parametrize("case", DATA[kind], ids=lambda case: case["name"])


def written(case: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in case.items() if key not in ABOUT}


def test_the_table_has_every_function_of_the_specification() -> None:
    assert sorted(FUNCTIONS) == sorted(SPECIFIED.split())


@named("cases")
def test_a_function_gives_the_stated_result(case: dict[str, Any], compiled: Callable[..., Step]) -> None:
    step = compiled(written(case), properties=case.get("properties", {}))
    value = case.get("value", MISSING)
    before = json.dumps(case.get("value"))
    run = Run(case.get("document", {}), case.get("variables", {}), Budget(0.05))
    assert step.makes_value or value is not MISSING
    if "fails" in case:
        with pytest.raises(EntityFailedError) as caught:
            step.apply(value, run)
        assert caught.value.reason == case["fails"]
    else:
        expected = MISSING if case.get("missing") else case["bytes"].encode() if "bytes" in case else case["result"]
        result = step.apply(value, run)
        assert result == expected
        assert type(result) is type(expected)
    assert json.dumps(case.get("value")) == before


@named("mistakes")
def test_a_mistake_is_found_when_loading(case: dict[str, Any], problems_of: Callable[..., Any]) -> None:
    problems = problems_of(written(case))
    assert [problem[0] for problem in problems] == [case["at"]]
    assert case["says"] in problems[0][1]
    assert problems[0][2] == "error"
    assert case.get("caret", problems[0][3]) == problems[0][3]


def test_all_mistakes_of_a_function_are_told_at_once(problems_of: Callable[..., Any]) -> None:
    wrong = {"function": "replaceAllString", "regex": "(", "condition": "@ =="}
    assert {problem[0] for problem in problems_of(wrong)} == {"regex", "replacement", "condition"}


def test_an_unknown_parameter_is_a_warning(problems_of: Callable[..., Any]) -> None:
    assert [problem[::2] for problem in problems_of({"function": "toString", "lcoale": "x"})] == [("lcoale", "warning")]


def test_a_step_that_could_not_be_loaded_never_runs(compiled: Callable[..., Step]) -> None:
    step = compiled({"function": "nonsense"}, mistaken=True)
    with pytest.raises(EntityFailedError):
        step.apply("a", Run({}))


def test_values_of_the_transformation_are_never_shared(compiled: Callable[..., Step]) -> None:
    step = compiled({"function": "putIfAbsent", "key": "k", "defaultValue": [{"a": []}]})
    first, second = step.apply([{}, {}], Run({}))
    first["k"][0]["a"].append(1)
    assert second == {"k": [{"a": []}]} == step.apply({}, Run({}))


def test_a_condition_that_never_holds_is_known_when_loading(compiled: Callable[..., Step]) -> None:
    assert compiled({"function": "concatString", "prefix": "x", "condition": "'null' !== 'null'"}).unchanging
    assert not compiled({"function": "concatString", "prefix": "x", "condition": "@ !== 'null'"}).unchanging
