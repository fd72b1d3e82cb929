"""Generated programs against the interpreter, on generated mappings and documents; and what holds for every run."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.transform.interpreter import interpret
from tests.transform.outcomes import data, program_of

from proxeny.transform import OPERATIONS, EntityProgram, Operation

NAMES = ("a", "b", "c")
SOURCES = (
    "$.a",
    "$.b",
    "$.a.b",
    "$.a.b.c",
    "$.b[0]",
    "$.b[0].c",
    "$.b[1].a",
    "$.b[-1]",
    "$.a[*]",
    "$.b[*].c",
    "$.c[*].a",
    "$",
    "$.b[?(@.a == true)].c",
    "$.b[?(@.c == 'x')]",
    "$.b[?(@.c != 'x')].a",
    "$.b[?(@.c empty false)].a",
    "$..c",
    "$.b[*].['a','c']",
    "$.b.length()",
    "$.b[0:1]",
    "$['a']['b']",
)
TARGETS = (
    "$.a",
    "$.b",
    "$.a.b",
    "$.a.c",
    "$.a.b.c",
    "$.a.b.a",
    "$.b[0]",
    "$.b[0].c",
    "$.b[0].a",
    "$.b[1].c",
    "$.b[2]",
    "$.c[?(@.a)]",
    "$.b[?(@.c)]",
    "$.b[*].a",
    "$.c[*].b",
    "$.b[?(@.c == 'x')].a",
    "$",
    "$.a[0].b[1].c",
    "$.b[-1]",
    "$.a.b[0].c",
)
CONDITIONS = (
    "$.a empty true",
    "$.a.b EMPTY false",
    "$.b[0].c == 'x'",
    "$.a == true",
    "$.a != null",
    "!($.c === 'x') && $.b empty false",
    "$.a.b == '7' || $.c == false",
    "$.b[?(@.a == true)].c != []",
    "$.b.length() > 0",
    "'1' == '2'",
    "${v} == 'x'",
    "$.a",
)

leaves = st.sampled_from(["x", "7", "", True, False, None, 0, 7, 1.5])
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from(NAMES), values, max_size=3)
extras = st.fixed_dictionaries(
    {},
    optional={
        "condition": st.sampled_from(CONDITIONS),
        "optional": st.just(True),
        "defaultValue": st.sampled_from([None, [], "d", {"z": 1}, [1]]),
        "preserveArrayWithSingleElement": st.just(True),
        "targetVariable": st.just("v"),
        "correlationAttribute": st.just(True),
        "scope": st.sampled_from(["createEntity", "patchEntity", "deleteEntity"]),
        "functions": st.sampled_from(
            [
                [{"function": "concatString", "prefix": "${v}-", "condition": "@ != 'x'"}],
                [{"function": "elementAt", "index": 0}],
                [{"function": "putIfAbsent", "key": "c", "defaultValue": [1]}],
                [{"function": "convertTimezoneCode", "outputFormat": "iana"}],
                [{"function": "resolveEntityIds"}],
            ]
        ),
    },
)
copies = st.builds(
    lambda source, target, extra: {**source, "targetPath": target, **extra},
    st.sampled_from(
        [{"sourcePath": path} for path in SOURCES]
        + [{"sourceVariable": "v"}, {"sourceVariable": "v", "variablePath": "$[*].c"}]
        + [{"constant": constant} for constant in ("x", "${v}", ["${v}", 1], {"c": []}, None, False)]
        + [{"type": "valueMapping", "sourcePaths": ["$.a"], "valueMappings": [{"key": ["7"], "mappedValue": [1]}]}]
    ),
    st.sampled_from(TARGETS),
    extras,
)
changes = st.builds(
    lambda kind, target, extra: {**kind, "targetPath": target, **extra},
    st.sampled_from([{"type": "remove"}, {"type": "rename", "constant": "c"}]),
    st.sampled_from(["$.a", "$.b", "$.a.b", "$.b[*].c", "$.b[0].c", "$.c[*].a", "$.a.c"]),
    st.fixed_dictionaries({}, optional={"condition": st.sampled_from(CONDITIONS)}),
)
any_mappings = st.lists(st.one_of(copies, copies, copies, changes), min_size=1, max_size=7)
mappings = any_mappings | any_mappings.map(lambda listed: [{**one, "optional": True} for one in listed])
variables = st.sampled_from([{}, {"v": "x"}, {"v": [{"c": 1}, {"c": {"a": 2}}]}])


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@settings(max_examples=400, deadline=None)
@given(mappings, documents, variables, st.sampled_from(OPERATIONS))
def test_generated_programs_do_what_the_interpreter_does(
    declared: list[dict[str, Any]], document: dict[str, Any], given_variables: dict[str, Any], operation: Operation
) -> None:
    program = program_of({"name": "generated", "mappings": declared})
    result = program.run(operation, document, given_variables, after_patch=document)
    expected = interpret(program, operation, document, given_variables, document)
    assert (result.status, result.reason, result.mapping) == (expected.status, expected.reason, expected.mapping)
    if result.status == "ok":
        assert same(result.document, expected.document)
        assert same(result.variables, expected.variables)
        assert same(result.correlation_keys, expected.correlation_keys)


@settings(max_examples=150, deadline=None)
@given(mappings, documents, variables, st.sampled_from(OPERATIONS))
def test_a_run_shares_nothing_changes_nothing_and_repeats(
    declared: list[dict[str, Any]], document: dict[str, Any], given_variables: dict[str, Any], operation: Operation
) -> None:
    program = program_of({"name": "generated", "mappings": declared})
    before = json.dumps([document, given_variables])
    first = program.run(operation, document, given_variables)
    assert json.dumps([document, given_variables]) == before
    kept = json.dumps([first.document, first.variables])
    parts = containers([document, declared, list(given_variables.values())])
    assert not parts & containers(first.document)
    spoil(first.document)
    second = program.run(operation, document, given_variables)
    assert json.dumps([second.document, second.variables]) == kept
    assert program.explain(operation, document, given_variables).result == second


@pytest.mark.parametrize("case", data("cases.json"), ids=lambda case: str(case["name"]))
def test_the_interpreter_agrees_with_the_expected_outcomes(case: dict[str, Any]) -> None:
    """So the oracle itself is checked against what was written by hand."""
    if isinstance(case["document"], dict) and "answers" not in case:
        program: EntityProgram = program_of(case)
        result = interpret(
            program, case["operation"], case["document"], case.get("variables", {}), case.get("after_patch")
        )
        assert result.status == case["expected"]["status"]
        assert result.document == case["expected"].get("document", {})


def containers(value: Any) -> set[int]:
    """The identities of all lists and objects in the value."""
    if isinstance(value, dict):
        return {id(value)}.union(*(containers(item) for item in value.values()))
    return {id(value)}.union(*(containers(item) for item in value)) if isinstance(value, list) else set()


def spoil(value: Any) -> None:
    """Change everything in the output; no later run may notice."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        spoil(item)
    if isinstance(value, dict):
        value["spoilt"] = True
    elif isinstance(value, list):
        value.append("spoilt")
