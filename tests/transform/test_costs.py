"""What a run costs grows with the document, not with its square: counted in calls of functions, never in time."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.transform.outcomes import program_of

from proxeny.transform import EntityProgram, check_transformation

Make = Callable[[int], dict[str, Any]]


def calls(function: Callable[[], object]) -> int:
    """How often functions are called, those of the interpreter included."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def program(mapping: dict[str, Any]) -> EntityProgram:
    mapping = {"targetPath": "$.o", "optional": True, "sourcePath": "$.a", **mapping}
    return program_of({"name": "costs", "mappings": [mapping]})


def objects(count: int) -> dict[str, Any]:
    return {"a": [{"value": str(number), "type": "work"} for number in range(count)]}


def objects_of_lists(count: int) -> dict[str, Any]:
    return {"a": [{"value": [number]} for number in range(count)]}


def texts(count: int) -> dict[str, Any]:
    return {"a": [str(number) for number in range(count)], "b": [f"no {number}" for number in range(count)]}


@pytest.mark.parametrize(
    ("mapping", "make"),
    [
        ({"targetPath": "$.o[?(@.value)]"}, objects_of_lists),
        ({"targetPath": "$.o[?(@.value)]", "sourcePath": "$.a[*].value"}, objects_of_lists),
        ({"sourcePath": "$.a[?(@.value in $.a[*].value)]"}, objects),
        ({"sourcePath": "$.a[?(@.value nin $.a)]"}, objects),
        ({"sourcePath": "$.a[?($..value contains @.value)]"}, objects),
        ({"sourcePath": "$.a[?($.a[*].value.length() > 3)]"}, objects),
        ({"sourcePath": "$.a[?($..value)]"}, objects),
        ({"condition": "$.a subsetof $.a"}, texts),
        ({"condition": "$.a anyof $.b"}, texts),
        ({"condition": "$.a noneof $.b"}, texts),
        ({"functions": [{"function": "concatString", "prefix": "x", "condition": "@ in $.a"}]}, texts),
    ],
    ids=lambda part: str(part) if isinstance(part, dict) else part.__name__,
)
def test_twice_the_document_costs_twice_as_much(mapping: dict[str, Any], make: Make) -> None:
    prepared = program(mapping)
    small, large = make(200), make(400)
    assert prepared.run("create", small).status == "ok"
    once = calls(lambda: prepared.run("create", small))
    assert calls(lambda: prepared.run("create", large)) < 3 * once


def test_twice_the_mappings_cost_twice_as_much_to_check() -> None:
    small, large = (
        f'{{"user": {{"mappings": [{", ".join(mapping_to(number) for number in range(count))}]}}}}'
        for count in (400, 800)
    )
    check_transformation(small)
    once = calls(lambda: check_transformation(small))
    assert calls(lambda: check_transformation(large)) < 2.2 * once


def mapping_to(number: int) -> str:
    return f'{{"sourcePath": "$.a", "targetPath": "$.b{number}"}}'


def test_what_is_kept_for_the_elements_of_a_run_is_not_kept_for_the_next() -> None:
    prepared = program({"sourcePath": "$.a[?(@.value in $.b[*])].value", "preserveArrayWithSingleElement": True})
    document = {"a": [{"value": "1"}, {"value": "2"}]}
    assert prepared.run("create", {**document, "b": ["1"]}).document == {"o": ["1"]}
    assert prepared.run("create", {**document, "b": ["2"]}).document == {"o": ["2"]}


def test_a_path_with_a_variable_is_read_anew_when_the_variable_changes() -> None:
    condition = "$.a[?(@.type == '${kind}')].value contains 'x'"
    mappings = [
        {"constant": "home", "targetVariable": "kind"},
        {"condition": condition, "constant": "at home", "targetPath": "$.first"},
        {"constant": "work", "targetVariable": "kind"},
        {"condition": condition, "constant": "at work", "targetPath": "$.second"},
    ]
    document = {"a": [{"type": "work", "value": "x"}, {"type": "home", "value": "y"}]}
    result = program_of({"name": "variables", "mappings": mappings}).run("create", document)
    assert result.document == {"second": "at work"}
