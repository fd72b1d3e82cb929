"""Texts are read leniently and checked completely; the published transformations all load."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import corpus_files

from proxeny.transform.conditions.parser import parse_condition
from proxeny.transform.mapping import Declarations, load, load_document
from proxeny.transform.paths.parser import parse_path
from proxeny.transform.properties import names_list, split_list, substitute, substitute_value
from proxeny.transform.text import read_text
from proxeny.transform.values import MISSING

OWN = """// a system of our own
{ 'user': {                     // single quotes
    scimEntityEndpoint: "Users", /* bare keys */
    "condition": "$.active
 == true",
    "mappings": [
      {"sourcePath": "$.a", "targetPath": "$.b", "optional": "true",},
      {"constant": null, "targetPath": "$.c", "scope": ["createEntity", "patchEntity"],
       "functions": [{"type": "concatString", "prefix": "x", "applyOnJsonAttribute": "v", "condition": "@ == 1"}]},
      {"type": "valueMapping", "sourcePaths": ["$.x", "$.y"], "targetPath": "$.z", "defaultValue": [],
       "valueMappings": [{"key": ["a", 1], "mappedValue": true}]},
    ] } }
"""


OWN_FILE = Path(__file__).parent / "data" / "own.transformation.json"
VALUES = {"type": "valueMapping", "targetPath": "$.a", "sourcePaths": ["$.b"]}


def messages(declarations: Declarations, severity: str = "error") -> list[str]:
    return [problem.message for problem in declarations.problems if problem.severity == severity]


def mapping(**keys: Any) -> Declarations:
    return load(orjson.dumps({"user": {"mappings": [keys]}}).decode())


def test_a_text_becomes_declarations() -> None:
    loaded = load(OWN, name="own")
    assert (loaded.name, loaded.problems, loaded.usable) == ("own", (), True)
    (user,) = loaded.entities
    assert (user.name, user.endpoint, user.condition) == ("user", "Users", "$.active\n == true")
    first, second, third = user.mappings
    assert (first.number, first.kind, first.optional, first.constant, first.default) == (
        1,
        "set",
        True,
        MISSING,
        MISSING,
    )
    assert (second.constant, second.scope) == (None, {"createEntity", "patchEntity"})
    (function,) = second.functions
    assert (function.name, function.parameters, function.apply_on_attribute) == ("concatString", {"prefix": "x"}, "v")
    assert (third.source_paths, third.default) == (("$.x", "$.y"), [])
    assert (third.value_mappings[0].key, third.value_mappings[0].value) == (("a", "1"), True)


def test_a_declaration_knows_where_its_strings_stand() -> None:
    user = load(OWN).entities[0]
    place = user.mappings[0].origin.of("sourcePath")
    assert place is not None
    line = OWN.splitlines()[place.line - 1]
    assert line[place.column - 1 :].startswith("$.a")
    inner = user.origin.of("condition", offset=len("$.active\n == "))
    assert inner is not None
    assert OWN.splitlines()[inner.line - 1][inner.column - 1 :].startswith("true")
    prefix = user.mappings[1].functions[0].origin.of("prefix")
    assert prefix is not None
    assert prefix.line == 9


def test_an_escape_is_one_character_of_a_place() -> None:
    source = read_text('{"a": "\\u0041\\"xyz"}')
    place = source.locate(("a",), 2)
    assert place is not None
    assert source.text[place.column - 1 :].startswith("xyz")


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("", "empty", 1, 1),
        ('{"user":\n {"a": 1 "b": 2}}', "expected ',' or '}'", 2, 10),
        ('{"user": {"mappings": [', "ends before ']'", 1, 24),
        ('{"a" 1}', "expected ':'", 1, 6),
        ('{"a": tru}', "expected a value", 1, 7),
        ('{"a": 01}', "expected a value", 1, 7),
        ('{"a": "x}', "not closed", 1, 7),
        ("/* x", "comment is not closed", 1, 1),
        ("{1: 2}", "expected a key", 1, 2),
        ("[1]", "object of entity types", 1, 1),
        ('{"a":' * 10_000, "deep", 1, 501),
        ("[" * 10_000, "deep", 1, 101),
    ],
)
def test_what_is_no_json_is_shown_at_its_place(text: str, message: str, line: int, column: int) -> None:
    (problem,) = load(text).problems
    assert message in problem.message
    assert (problem.severity, problem.line, problem.column) == ("error", line, column)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"user": {"mappings": [], "mappings": []}}', "stands here twice"),
        ('{"user": {"mappings": []}} Powered by', "text behind"),
        ('{"mappings": []}', "taken as those of 'user'"),
        ('{"user": {"mappings": [], "mapings": 1}}', "did you mean 'mappings'?"),
        ('{"user": {"mappings": [], "condition": " "}}', "empty condition"),
    ],
)
def test_what_is_odd_is_a_warning(text: str, message: str) -> None:
    loaded = load(text)
    assert loaded.usable
    assert message in messages(loaded, "warning")[0]


def test_a_byte_order_mark_and_typographic_quotes_are_accepted() -> None:
    assert load('\ufeff{“user”: {"mappings": []}}').problems == ()


def test_of_double_keys_the_last_wins() -> None:
    assert (
        load('{"user": {"mappings": [{"constant": 1, "constant": 2, "targetPath": "$.a"}]}}')
        .entities[0]
        .mappings[0]
        .constant
        == 2
    )


def test_all_problems_come_at_once_each_with_its_place() -> None:
    loaded = load("""{"user": {"mappings": [
      {"sourcePath": 5, "constant": 1, "targetPath": "$.a"},
      {"targetPath": "$.a", "scope": "always", "optional": "perhaps", "constant": 1},
      {"type": "rename", "functions": [{"prefix": 1}, 7]} ] },
    "group": 1}""")
    found = [(problem.entity_type, problem.mapping, problem.key, problem.line) for problem in loaded.problems]
    assert sorted(found, key=repr) == [
        ("group", None, None, 5),
        ("user", 1, "sourcePath", 2),
        ("user", 2, "optional", 3),
        ("user", 2, "scope", 3),
        ("user", 3, "functions[0]", 4),
        ("user", 3, "functions[1]", 4),
        ("user", 3, "type", 4),
        ("user", 3, "type", 4),
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"sourcePath": "$.a"}, "no targetPath, no targetVariable"),
        ({"targetPath": "$.a"}, "has no value"),
        ({"type": "remove"}, "needs a targetPath"),
        ({"type": "rename", "targetPath": "$.a"}, "new name as constant"),
        ({"type": "copy", "targetPath": "$.a", "constant": 1}, "'copy' is unknown"),
        ({"type": "valueMapping", "targetPath": "$.a"}, "needs sourcePaths"),
        ({**VALUES, "valueMappings": [{"key": ["x", "y"], "mappedValue": 1}]}, "2 values for 1"),
        ({**VALUES, "valueMappings": [{"key": "x"}]}, "mappedValue is missing"),
    ],
)  # fmt: skip
def test_keys_that_do_not_go_together_are_errors(keys: dict[str, Any], message: str) -> None:
    assert message in messages(mapping(**keys))[0]


@pytest.mark.parametrize(
    "keys",
    [
        {"sourcePath": "$.a", "correlationAttribute": True},
        {"targetPath": "$.p", "functions": [{"type": "randomPassword"}]},
        {"optional": True, "targetPath": "$.x", "defaultValue": "X"},
    ],
)
def test_mappings_without_a_target_or_source_that_make_sense(keys: dict[str, Any]) -> None:
    assert mapping(**keys).problems == ()


def test_in_an_ignored_part_errors_are_warnings() -> None:
    assert mapping(ignore="true", sourcePath=5).usable
    assert load('{"group": {"ignore": true, "mappings": [{"sourcePath": 5}]}}').usable
    assert not mapping(ignore="false", sourcePath=5).usable


def test_parsed_json_is_checked_the_same_without_places() -> None:
    document = {"user": {"mappings": [{"sourcePath": 5, "targetPath": "$.a"}]}}
    (one, two), (three, four) = load_document(document).problems, load(orjson.dumps(document).decode()).problems
    assert (one.message, two.message) == (three.message, four.message)
    assert (one.line, three.line) == (None, 1)


@given(st.text("{}[]:,\"'/* abtruefalse01.\\\n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    load(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(json_values)
def test_strict_json_is_read_as_a_strict_reader_reads_it(value: Any) -> None:
    text = orjson.dumps(value).decode()
    source = read_text(text)
    assert source.problems == ()
    assert source.value == orjson.loads(text)


def strings(declarations: Declarations) -> list[tuple[str, str]]:
    """Every path and condition of the declarations, with properties that are not set."""
    found: list[tuple[str, str]] = []
    for entity in declarations.entities:
        found.append(("condition", entity.condition or ""))
        for item in entity.mappings:
            found.append(("condition", item.condition or ""))
            found += [("path", path or "") for path in (item.source_path, item.target_path, item.variable_path)]
            found += [("path", path) for path in item.source_paths]
            found += [("condition", function.condition or "") for function in item.functions]
    return [(kind, substitute(text, {})[0]) for kind, text in found if text]


PUBLISHED = [OWN_FILE, *corpus_files("published/*.*.*.json"), *corpus_files("seeds/*.json")]


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.stem)
def test_a_published_transformation_loads_without_a_remark(file: Path) -> None:
    loaded = load(file.read_text(), name=file.stem)
    assert loaded.problems == ()
    assert sum(len(entity.mappings) for entity in loaded.entities) > 0
    for kind, text in strings(loaded):
        parse_condition(text) if kind == "condition" else parse_path(text)


@pytest.mark.parametrize(
    ("text", "expected", "missing"),
    [
        ("no placeholder", "no placeholder", ()),
        ("$.%k%[0]", "$.mail[0]", ()),
        ("/%a%%b%.+/", "/AB_eu.+/", ()),
        ("'%x.y%' === 'null'", "'null' === 'null'", ("x.y",)),
        ("%x% %x% %z%", "null null null", ("x", "z")),
        ("100%%", "100%%", ()),
        ("[._%-]+@[a-z]+%x", "[._nullx", ("-]+@[a-z]+",)),
        ("%flag%", "true", ()),
    ],
)
def test_properties_are_replaced_in_text(text: str, expected: str, missing: tuple[str, ...]) -> None:
    properties = {"k": "mail", "a": "AB_", "b": "eu", "flag": True}
    assert substitute(text, properties) == (expected, missing)


def test_properties_are_replaced_in_values_not_in_keys() -> None:
    value = {"%k%": ["%k%", {"a": "%none%"}], "list": "%many%[]", "none": "%none%[]", "n": 1}
    assert substitute_value(value, {"k": "v", "many": "a; b;;c"}) == (
        {"%k%": ["v", {"a": "null"}], "list": ["a", "b", "c"], "none": [], "n": 1},
        ("none",),
    )


def test_a_constant_of_several_values_is_recognised() -> None:
    assert names_list("%x.origin%[]") == "x.origin"
    assert names_list("a%x%[]") is None
    assert names_list(["%x%[]"]) is None
    assert split_list("idp1;idp2") == ["idp1", "idp2"]


@pytest.mark.parametrize(
    ("written", "read"),
    [(r"\ud83d\ude00", "😀"), (r"a\ud83db", "a\ufffdb"), (r"\u00e4\n\"", 'ä\n"'), (r"\\ud83d", r"\ud83d")],
)
def test_escapes_of_a_text_are_characters(written: str, read: str) -> None:
    text = '{"user": {"mappings": [{"constant": "' + written + '", "targetPath": "$.a"}]}}'
    assert load(text).entities[0].mappings[0].constant == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("9223372036854775807", 9223372036854775807),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775809.0),
        ("1" * 60, float("1" * 60)),
        ("1.5e3", 1500.0),
    ],
)
def test_numbers_of_a_transformation_are_those_that_json_can_be_written_of(written: str, read: float) -> None:
    loaded = load(f'{{"user": {{"mappings": [{{"constant": [{written}], "targetPath": "$.a"}}]}}}}')
    constant = loaded.entities[0].mappings[0].constant
    assert (constant, type(constant[0])) == ([read], type(read))
    orjson.dumps(constant)


@pytest.mark.parametrize("written", ["1e999", "-1e999", "1" * 350])
def test_a_number_that_no_document_can_hold_is_a_mistake_with_its_place(written: str) -> None:
    (problem,) = load(f'{{"user": {{"mappings": [{{"constant": {written}, "targetPath": "$.a"}}]}}}}').problems
    assert (problem.message, problem.line, problem.column) == ("the number is too large", 1, 37)


def test_what_a_second_key_replaced_stands_nowhere() -> None:
    text = '{"user": {"mappings": [{"targetPath": 5, "functions": [{"function": 1}]}],\n"mappings": [{}]}}'
    errors = [problem for problem in load(text).problems if problem.severity == "error"]
    assert errors
    assert {problem.line for problem in errors} == {2}
