"""Paths are read and written as the specification's dialect says; every mistake is shown at its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.transform.conditions.equality import same
from proxeny.transform.errors import EntityFailedError, PathSyntaxError
from proxeny.transform.paths.assign import compile_assign, compile_remove, compile_rename, finish, may_leave_holes
from proxeny.transform.paths.evaluate import compile_path
from proxeny.transform.paths.parser import parse_path
from proxeny.transform.values import MISSING, Run

DATA = Path(__file__).parent / "data"


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case.get("name", case["path"])) for case in json.loads((DATA / name).read_text())]


def read(path: str, document: Any, variables: dict[str, Any] | None = None) -> Any:
    return compile_path(parse_path(path))(None, Run(document, variables or {}))


@pytest.mark.parametrize("case", cases("paths_read.json"))
def test_a_path_reads(case: dict[str, Any]) -> None:
    value = read(case["path"], case["document"])
    assert value is MISSING if case.get("missing") else same(value, case["value"])


@pytest.mark.parametrize("case", cases("paths_write.json"))
def test_a_path_writes(case: dict[str, Any]) -> None:
    document, path = case["document"], parse_path(case["path"])
    match case.get("do", "set"):
        case "set":
            compile_assign(path)(document, case["value"], Run({}))
        case "remove":
            compile_remove(path)(document, Run({}))
        case "rename":
            compile_rename(path, case["value"])(document, Run({}))
    finish(document)
    assert same(document, case["after"])


@pytest.mark.parametrize("case", cases("paths_wrong.json"))
def test_a_mistake_is_shown_at_its_place(case: dict[str, Any]) -> None:
    with pytest.raises(PathSyntaxError) as caught:
        parse_path(case["path"])
    assert case["message"] in caught.value.message
    assert (caught.value.text, caught.value.position) == (case["path"], case["position"])
    assert str(caught.value).splitlines()[-1] == "  " + " " * case["position"] + "^"


def test_a_later_write_lands_in_a_hole() -> None:
    document: dict[str, Any] = {}
    for index, value in ((2, "c"), (0, "a")):
        compile_assign(parse_path(f"$.schemas[{index}]"))(document, value, Run({}))
    finish(document)
    assert document == {"schemas": ["a", "c"]}


def test_only_an_index_beyond_the_first_may_leave_a_hole() -> None:
    assert may_leave_holes(parse_path("$.emails[1].value"))
    assert not may_leave_holes(parse_path("$.emails[0].value"))


def test_values_written_to_several_places_are_not_shared() -> None:
    document: dict[str, Any] = {"m": [{}, {}]}
    compile_assign(parse_path("$.m[*].list"))(document, [], Run({}))
    document["m"][0]["list"].append(1)
    assert document["m"][1]["list"] == []


def test_a_value_that_is_no_object_cannot_be_merged_into_the_document() -> None:
    with pytest.raises(EntityFailedError) as caught:
        compile_assign(parse_path("$"))({}, ["x"], Run({}))
    assert caught.value.reason == "bad-value"


@pytest.mark.parametrize("path", ["$.a.length()", "$.a.."])
def test_what_cannot_be_a_target_is_refused(path: str) -> None:
    with pytest.raises(PathSyntaxError):
        compile_assign(parse_path(path))


def test_only_a_name_can_be_renamed() -> None:
    with pytest.raises(PathSyntaxError, match="must end with a name"):
        compile_rename(parse_path("$.a[0]"), "b")


def test_a_filter_in_a_target_takes_variables_for_what_it_makes() -> None:
    document: dict[str, Any] = {}
    compile_assign(parse_path("$.a[?(@.t == ${kind})].v"))(document, 1, Run({}, {"kind": "work"}))
    assert document == {"a": [{"t": "work", "v": 1}]}


def test_a_path_may_be_applied_to_the_current_value() -> None:
    assert compile_path(parse_path("@.a"))({"a": 1}, Run({"a": 2})) == 1


@pytest.mark.parametrize(
    ("path", "definite"),
    [("$.a[0].b", True), ("$['a','b']", True), ("$['a','b'].c", False), ("$.a[*]", False), ("$..a", False),
     ("$..a.sum()", True), ("$.a[*].length()", False), ("$.a[0:1]", False), ("$", True)],
)  # fmt: skip
def test_a_path_knows_whether_it_is_definite(path: str, definite: bool) -> None:
    assert parse_path(path).definite is definite


def test_deeply_nested_text_is_an_error_not_a_crash() -> None:
    with pytest.raises(PathSyntaxError, match="deep"):
        parse_path("$.a" + "[?(@.a" * 10_000)


def test_a_deep_document_is_read_to_its_end() -> None:
    document: dict[str, Any] = {"v": 1}
    for _ in range(5_000):
        document = {"a": [document]}
    assert read("$..v", document) == [1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab1", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
definite_paths = st.lists(
    st.sampled_from([".a", ".b", "['c']", "[0]", "[1]", "[2]"]), min_size=1, max_size=5
).map(lambda parts: "$" + "".join(parts)).filter(lambda text: not text.startswith("$["))  # fmt: skip


@given(st.dictionaries(st.sampled_from("abc"), json_values, max_size=3), definite_paths, json_values)
def test_what_is_written_on_a_definite_path_is_read_there(document: dict[str, Any], path: str, value: Any) -> None:
    compile_assign(parse_path(path))(document, value, Run({}))
    assert same(read(path, document), value)
    finish(document)
    assert b"HOLE" not in repr(document).encode()


@given(st.dictionaries(st.sampled_from("abc"), json_values, max_size=3), definite_paths)
def test_what_is_removed_is_gone_or_its_list_is_shorter(document: dict[str, Any], path: str) -> None:
    before = json.dumps(document)
    compile_remove(parse_path(path))(document, Run({}))
    was_there = read(path, json.loads(before)) is not MISSING
    assert (json.dumps(document) != before) is was_there
