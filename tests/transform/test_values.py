"""What counts as empty, how values read as text, and which texts are numbers."""

import pickle
from typing import Any

import pytest

from proxeny.transform.values import MISSING, Budget, as_number, is_empty, to_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"), (True, "true"), (False, "false"), (1, "1"), (1.5, "1.5"), (100.0, "100.0"), (1e10, "1.0E10"),
        (1.25e-5, "1.25E-5"), (-12345678.9, "-1.23456789E7"), (0.001, "0.001"), (0.0, "0.0"),
        (float("inf"), "Infinity"),
        (None, ""), (MISSING, ""), (b"\xc3\xa9", "é"), ([1, "a", None], '[1,"a",null]'), ({"a": True}, '{"a":true}'),
    ],
)  # fmt: skip
def test_values_read_as_java_prints_them(value: Any, text: str) -> None:
    assert to_text(value) == text


@pytest.mark.parametrize("value", [MISSING, None, "", [], {}])
def test_nothing_is_empty(value: Any) -> None:
    assert is_empty(value)


@pytest.mark.parametrize("value", [0, 0.0, False, " ", [None], {"a": None}])
def test_values_are_not_empty(value: Any) -> None:
    assert not is_empty(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1), (1.5, 1.5), ("7", 7), ("-1.5e3", -1500.0), (".5", 0.5), ("+2", 2), (" 1", None), ("1x", None),
        ("", None),
        (True, None), (None, None), (MISSING, None), ("1e999", None), ("9" * 5000, None), ("٣", None),
    ],
)  # fmt: skip
def test_some_texts_read_as_numbers(value: Any, number: float | None) -> None:
    assert as_number(value) == number


def test_there_is_one_missing_value_and_it_is_false() -> None:
    assert pickle.loads(pickle.dumps(MISSING)) is MISSING
    assert not MISSING


def test_a_budget_never_goes_below_zero() -> None:
    budget = Budget(0.5)
    budget.spend(0.2)
    assert not budget.spent
    budget.spend(9)
    assert (budget.left, budget.spent) == (0.0, True)
