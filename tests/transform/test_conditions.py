"""Conditions hold or not as the specification says; what is decided at load is decided the same way."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.transform.conditions.ast import Comparison, Constant, Literal
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.conditions.equality import Members, hashed, same
from proxeny.transform.conditions.evaluate import compile_condition, fold
from proxeny.transform.conditions.explain import explain_condition
from proxeny.transform.conditions.operators import RELATIONS
from proxeny.transform.conditions.parser import parse_condition
from proxeny.transform.errors import ConditionSyntaxError, PatternSyntaxError
from proxeny.transform.values import MISSING, Run

DATA = Path(__file__).parent / "data"


def cases(name: str) -> list[Any]:
    found = json.loads((DATA / name).read_text())
    return [pytest.param(case, id=case.get("name", case["condition"])) for case in found]


def holds(condition: str, document: Any, **more: Any) -> bool:
    test = compile_condition(parse_condition(condition), Environment(more.get("properties", {})))
    return test(more.get("current"), Run(document, more.get("variables", {})))


@pytest.mark.parametrize("case", cases("conditions.json"))
def test_a_condition_holds_or_not(case: dict[str, Any]) -> None:
    more = {key: case[key] for key in ("properties", "current", "variables") if key in case}
    assert holds(case["condition"], case.get("document", {}), **more) is case["holds"]


@pytest.mark.parametrize("case", cases("conditions_wrong.json"))
def test_a_mistake_is_shown_at_its_place(case: dict[str, Any]) -> None:
    with pytest.raises(ConditionSyntaxError) as caught:
        parse_condition(case["condition"])
    assert case["message"] in caught.value.message
    assert (caught.value.text, caught.value.position) == (case["condition"], case["position"])


def test_a_pattern_that_is_wrong_is_an_error_when_compiled() -> None:
    with pytest.raises(PatternSyntaxError):
        compile_condition(parse_condition("$.a =~ /(/"))


def test_ten_thousand_brackets_are_an_error_not_a_crash() -> None:
    with pytest.raises(ConditionSyntaxError, match="deep"):
        parse_condition("(" * 10_000 + "$.a" + ")" * 10_000)


@pytest.mark.parametrize(
    ("condition", "properties", "never"),
    [
        ("'null' !== 'null'", {}, True),
        ("'AB_' !== 'null'", {}, False),
        ("$.a == 1 && 'x' == 'y'", {}, True),
        ("$.a == 1 || 'x' == 'y'", {}, False),
        ("!('x' == 'x' || $.a)", {}, True),
        ("'abc' =~ /x.*/", {}, True),
        ("isAttributeWithMandatoryPrefix($.n, p)", {}, True),
        ("isAttributeWithMandatoryPrefix($.n, p)", {"p": "x"}, False),
        ("!isAttributeWithOptionalPrefix($.n, p)", {}, True),
        ("isApplicationSpecificGroup()", {}, True),
        ("isRegularGroup()", {}, False),
    ],
)
def test_what_can_never_hold_is_known_at_load(condition: str, properties: dict[str, str], never: bool) -> None:
    assert (fold(parse_condition(condition), Environment(properties)) == Constant(False)) is never


def test_what_constants_decide_is_left_out() -> None:
    folded = fold(parse_condition("'a' == 'a' && ($.x == 1 || 'b' == 'c')"))
    assert isinstance(folded, Comparison)
    assert folded.right == Literal(1)
    assert fold(parse_condition("'${v}' == 'x'")) != Constant(False)


def test_the_operands_are_told_with_their_values() -> None:
    condition = parse_condition("($.a == 'x' || $.b.length() > 0) && '${v}' != $.a && isValidEmail($.m) && @")
    run = Run({"a": 1, "m": "x@y.z"}, {"v": "w"})
    assert explain_condition(condition)("now", run) == [
        ("$.a", 1), ("$.b.length()", 0), ("'${v}'", "w"), ("$.m", "x@y.z"), ("@", "now"),
    ]  # fmt: skip


def test_the_attributes_that_a_group_function_looks_at_are_told() -> None:
    told = explain_condition(parse_condition("isRegularGroup()"))(None, Run({}))
    assert [text.split("'")[3] for text, _ in told] == ["supportedOperations", "applicationId"]
    assert {value for _, value in told} == {MISSING}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.5, 1.0])
    | st.sampled_from(["", "1", "0.5", "a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@given(values, values)
def test_negations_are_exact_and_equality_has_no_direction(left: Any, right: Any) -> None:
    for operator, negated in (("==", "!="), ("===", "!=="), ("in", "nin"), ("anyof", "noneof")):
        assert RELATIONS[operator](left, right) is not RELATIONS[negated](left, right)
    for operator in ("==", "==="):
        assert RELATIONS[operator](left, right) is RELATIONS[operator](right, left)
    assert not (RELATIONS["<"](left, right) and RELATIONS["<"](right, left))


@given(values, values, st.sampled_from(["==", "!=", "===", "!==", "<", ">=", "in", "nin", "contains"]))
def test_a_constant_is_compared_as_a_path_to_the_same_value_is(left: Any, right: Any, operator: str) -> None:
    comparison = parse_condition(f"$.left {operator} {json.dumps(right)}")
    general = parse_condition(f"$.left {operator} $.right")
    run = Run({"left": left, "right": right})
    assert compile_condition(comparison)(None, run) is compile_condition(general)(None, run)


@given(st.text("$@.[]()'\"=!<>&|~/ a1{}*?,:-", max_size=25))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConditionSyntaxError, PatternSyntaxError):
        compile_condition(parse_condition(text))(None, Run({}))


@given(values, values)
def test_what_stands_for_values_in_a_set_is_equal_if_the_values_are_the_same(one: Any, other: Any) -> None:
    assert (hashed(one) == hashed(other)) is same(one, other)


@given(st.lists(values, max_size=5), values)
def test_looking_members_up_finds_what_comparing_finds(items: list[Any], value: Any) -> None:
    assert Members(items).holds(value) is any(RELATIONS["=="](value, item) for item in items)
