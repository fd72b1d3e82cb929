"""What is wrong or suspicious in a transformation is told at load: everything at once, each with its place."""

import json
import sys
from typing import Any

import pytest
from tests.transform.outcomes import PROGRAMS, program_of

from proxeny.transform import (
    EntityProgram,
    Problem,
    TransformationError,
    check_transformation,
    compile_transformation,
    load,
)

WRONG = """{
  "user": {
    "condition": "($.a == 1",
    "mappings": [
      { "sourcePath": "$.a[", "targetPath": "$.a" },
      { "sourcePath": "$.b", "targetPath": "$.b", "condition": "$.b ~ 'x'" },
      { "sourcePath": "$.c", "targetPath": "$.c.length()" },
      { "sourcePath": "$.d", "targetPath": "$.d", "functions": [{ "function": "toUperCaseString" }] },
      { "sourcePath": "$.e", "targetPath": "$.e", "functions": [{ "function": "replaceAllString", "regex": "(x",
      "replacement": "" }] },
      { "sourcePath": "$.f", "targetPath": "$.f", "functions": [{ "function": "elementAt" }] },
      { "sourcePath": "$.g", "targetPath": "$.g", "colour": "red" },
      { "sourcePath": "$.h", "targetPath": 5 }
    ]
  }
}"""


def problems_of(mappings: list[dict[str, Any]], **more: Any) -> list[Problem]:
    return list(check_transformation(json.dumps({"user": {"mappings": mappings}}), **more))


def test_every_problem_is_reported_at_once_with_its_place() -> None:
    problems = check_transformation(WRONG)
    errors = [(problem.mapping, problem.key, problem.line) for problem in problems if problem.severity == "error"]
    assert (None, "condition", 3) in errors
    assert (1, "sourcePath", 5) in errors
    assert (2, "condition", 6) in errors
    assert (3, "targetPath", 7) in errors
    assert (4, "functions[0].function", 8) in errors
    assert (5, "functions[0].regex", 9) in errors
    assert (6, "functions[0].index", 11) in errors
    assert {mapping for mapping, _, _ in errors} == {None, 1, 2, 3, 4, 5, 6, 8}
    assert [problem.mapping for problem in problems if "colour" in problem.message] == [7]
    assert all(problem.entity_type == "user" for problem in problems)


def test_the_place_of_a_mistake_inside_a_string_is_its_column() -> None:
    problem = next(problem for problem in check_transformation(WRONG) if problem.mapping == 2)
    assert problem.excerpt == "$.b ~ 'x'"
    assert problem.caret == 4
    assert problem.column == WRONG.splitlines()[5].index("~") + 1


@pytest.mark.parametrize(
    ("mapping", "key", "says"),
    [
        ({"constant": 1, "targetPath": "$.a", "scope": "always"}, "scope", "there are createEntity"),
        ({"constant": 1, "targetPath": "$[0]"}, "targetPath", "is an object, no list"),
        ({"constant": 1, "targetPath": "$[?(@.value)]"}, "targetPath", "is an object, no list"),
        ({"constant": 1, "targetPath": "$.a[99999999]"}, "targetPath", "above 9999"),
        ({"constant": 1, "targetPath": "$" + ".a" * 65}, "targetPath", "64 are possible"),
        (
            {"constant": 1, "targetPath": "$.a", "functions": {"function": "encode"}},
            "functions[0].algorithm",
            "missing",
        ),
    ],
)
def test_every_mistake_has_a_line_and_a_column(mapping: dict[str, Any], key: str, says: str) -> None:
    (problem,) = problems_of([mapping])
    assert (problem.severity, problem.key, problem.line) == ("error", key, 1)
    assert says in problem.message
    assert problem.column


def test_of_a_long_text_the_part_around_the_mistake_is_shown() -> None:
    condition = " && ".join(["$.a == 1"] * 100) + " && $.b ~ 'x'" + " && $.c == 1" * 100
    (problem,) = problems_of([{"constant": 1, "targetPath": "$.a", "condition": condition}])
    assert problem.excerpt
    assert problem.caret is not None
    assert len(problem.excerpt) <= 162
    assert problem.excerpt[problem.caret] == "~"


def test_a_path_of_the_greatest_length_runs() -> None:
    path = "$" + ".a" * 64
    document: Any = 1
    for _ in range(64):
        document = {"a": document}
    made = compile_transformation(
        load(
            json.dumps({"user": {"mappings": [{"sourcePath": path, "targetPath": path, "condition": f"{path} == 1"}]}})
        ),
        properties={},
        direction="read",
        role="source",
    )
    assert made.entities["user"].run("read", document).document == document


def test_a_transformation_with_an_error_cannot_be_compiled() -> None:
    with pytest.raises(TransformationError) as raised:
        compile_transformation(load(WRONG, name="wrong"), properties={}, direction="write", role="target")
    assert len([problem for problem in raised.value.problems if problem.severity == "error"]) >= 8
    assert str(raised.value).startswith("wrong: ")


def test_a_mistake_behind_a_placeholder_points_at_the_string() -> None:
    text = '{"user": {"mappings": [{"sourcePath": "$.%k%.a[", "targetPath": "$.a"}]}}'
    (problem,) = check_transformation(text, properties={"k": "long.name"})
    assert problem.excerpt == "$.long.name.a["
    assert problem.column == text.index("$.%k%") + 1


@pytest.mark.parametrize(
    ("mappings", "message"),
    [
        ([{"constant": 1, "targetPath": "$.a", "condition": "'a' == 'b' && $.x == 1"}], "can never be true"),
        (
            [{"constant": 1, "targetPath": "$.a"}, {"constant": 2, "targetPath": "$.a"}],
            "always overwritten by mapping 2",
        ),
        (
            [{"constant": 1, "targetPath": "$.a.b"}, {"sourcePath": "$.a", "targetPath": "$.a"}],
            "always overwritten by mapping 2",
        ),
        (
            [{"constant": n, "targetPath": "$.a"} for n in (1, 2)]
            + [{"constant": 3, "targetPath": "$.a", "scope": "createEntity"}],
            "always overwritten by mapping 2",
        ),
        ([{"constant": "%nope%", "targetPath": "$.a"}], "there is no property 'nope'"),
        ([{"constant": 1, "targetPath": "$.a", "sorce": 1}], "'sorce' is no key of a mapping"),
    ],
)
def test_what_is_suspicious_is_a_warning(mappings: list[dict[str, Any]], message: str) -> None:
    problems = problems_of(mappings, properties={})
    assert [problem.severity for problem in problems] == ["warning"]
    assert message in problems[0].message
    assert problems[0].mapping == 1
    assert problems[0].line == 1


@pytest.mark.parametrize(
    "mappings",
    [
        [{"constant": 1, "targetPath": "$.a"}, {"constant": 2, "targetPath": "$.a", "condition": "$.x == 1"}],
        [{"constant": 1, "targetPath": "$.a"}, {"sourcePath": "$.a", "targetPath": "$.a", "optional": True}],
        [{"constant": 1, "targetPath": "$.a"}, {"constant": 2, "targetPath": "$.a", "scope": "createEntity"}],
        [{"constant": 1, "targetPath": "$.a", "targetVariable": "v"}, {"constant": 2, "targetPath": "$.a"}],
        [{"constant": "x", "targetPath": "$.a[?(@.b)]"}, {"constant": "y", "targetPath": "$.a[?(@.b)]"}],
        [{"sourceVariable": "entityIdTargetSystem", "targetPath": "$.a"}, {"sourceVariable": "v", "targetPath": "$.a"}],
        [{"constant": 1, "targetPath": "$.a"}, {"type": "remove", "targetPath": "$.a"}],
        [{"constant": 1, "targetPath": "$.a[?(@.b in [1])].c"}, {"constant": 1, "targetPath": "$.b"}],
        [
            {"constant": 1, "targetPath": "$.a"},
            {"type": "rename", "targetPath": "$.a", "constant": "b"},
            {"constant": 2, "targetPath": "$.a"},
        ],
    ],
)
def test_what_may_survive_is_no_warning(mappings: list[dict[str, Any]]) -> None:
    assert problems_of(mappings) == []


def test_an_entity_condition_that_never_holds_is_a_warning() -> None:
    text = '{"user": {"condition": "1 == 2", "mappings": []}}'
    (problem,) = check_transformation(text)
    assert (problem.severity, problem.mapping, problem.key) == ("warning", None, "condition")


def test_a_read_without_id_is_a_warning_and_where_it_is_needed_an_error() -> None:
    text = '{"user": {"mappings": [{"sourcePath": "$.a", "targetPath": "$.a"}]}}'
    made = compile_transformation(load(text), properties={}, direction="read", role="source")
    assert "entityIdSourceSystem" in made.warnings[0].message
    with pytest.raises(TransformationError, match="entityIdSourceSystem"):
        compile_transformation(load(text), properties={}, direction="read", role="proxy", needs_source_id=True)


def test_an_entity_for_each_value_of_a_property() -> None:
    mappings = [{"sourcePath": "$.a", "targetPath": "$.a"}, {"constant": "%x.origin%[]", "targetPath": "$.origin"}]
    case = {"name": "origins", "mappings": mappings, "properties": {"x.origin": "idp1; idp2"}}
    program = program_of(case)
    assert program.per_value
    found = [variant.run("create", {"a": 1}).document for variant in program.variants]
    assert found == [{"a": 1, "origin": "idp1"}, {"a": 1, "origin": "idp2"}]
    with pytest.raises(TransformationError, match="proxy cannot"):
        program_of({**case, "role": "proxy"})


def test_ignored_types_do_not_exist() -> None:
    text = """{"user": {"scimEntityEndpoint": "Users", "mappings": []}, "group": {"ignore": true,
    "scimEntityEndpoint": "Groups",
               "mappings": [{"sourcePath": "$.["}]}, "role": {"mappings": []}}"""
    made = compile_transformation(load(text), properties={}, direction="write", role="target")
    assert list(made.entities) == ["user", "role"]
    assert made.entity("group") is None


def test_what_a_program_can_do_is_known_without_running_it() -> None:
    program: EntityProgram = compile_transformation(
        load((PROGRAMS / "own.people-write.json").read_text()), properties={}, direction="write", role="target"
    ).entities["user"]
    assert program.has_patch
    assert not program.has_lookups
    assert not program.per_value
    assert program.endpoint == "Users"
    assert program.skip_operations == {"delete"}
    assert program.condition is not None


def test_a_document_that_is_nested_too_deeply_fails_alone() -> None:
    deep: Any = "x"
    for _ in range(sys.getrecursionlimit() * 10):
        deep = {"a": deep}
    program = program_of({"name": "deep", "mappings": [{"sourcePath": "$", "targetPath": "$"}]})
    result = program.run("create", deep)
    assert (result.status, result.reason, result.mapping) == ("failed", "too-deep", 1)
    assert program.run("create", {"a": 1}).document == {"a": 1}


def test_names_from_the_text_never_become_code() -> None:
    name = "a'] or __import__('os').system('false') or root['"
    escaped = name.replace("'", "\\'")
    mapping = {"sourcePath": f"$['{escaped}']", "targetPath": f"$['x\\n{escaped}']", "defaultValue": "'\"\n\\"}
    program = program_of({"name": 'x"""', "mappings": [mapping]})
    (value,) = program.run("create", {name: "v"}).document.values()
    assert value == "v"
    (value,) = program.run("create", {}).document.values()
    assert value == "'\"\n\\"
