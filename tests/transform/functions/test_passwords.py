"""randomPassword: length, minima, and where the characters come from."""

import string
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxeny.transform.functions.passwords import SYMBOLS, random_password
from proxeny.transform.functions.registry import Step
from proxeny.transform.values import MISSING, Run

NAMES = ("LowercaseLetters", "UppercaseLetters", "Digits", "SpecialSymbols")


def password(compiled: Callable[..., Step], length: Any, *minima: Any, **more: Any) -> str:
    numbers = {f"minimumNumberOf{name}": least for name, least in zip(NAMES, minima, strict=True)}
    step = compiled({"function": "randomPassword", "passwordLength": length, **numbers, **more})
    assert step.makes_value
    made: str = step.apply(MISSING, Run({}))
    return made


def test_a_password_has_the_length_and_the_minima(compiled: Callable[..., Step]) -> None:
    made = password(compiled, "16", 4, "4", 4, 4, specialSymbols=",./?")
    counts = [sum(character in kind for character in made) for kind in (string.ascii_lowercase, string.ascii_uppercase)]
    assert counts == [4, 4]
    assert sum(character in string.digits for character in made) == 4
    assert sum(character in ",./?" for character in made) == 4


def test_the_rest_comes_from_all_sets(compiled: Callable[..., Step]) -> None:
    made = password(compiled, 2000, 0, 0, 0, 0)
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, SYMBOLS):
        assert set(made) & set(kind)


def test_two_passwords_differ(compiled: Callable[..., Step]) -> None:
    assert password(compiled, 20, 5, 5, 5, 5) != password(compiled, 20, 5, 5, 5, 5)


@given(st.lists(st.integers(0, 5), min_size=3, max_size=3), st.integers(0, 10))
def test_minima_hold_for_any_numbers(least: list[int], more: int) -> None:
    kinds = ("ab", "CD", "12")
    made = random_password(sum(least) + more, tuple(zip(kinds, least, strict=True)))
    assert len(made) == sum(least) + more
    for kind, wanted in zip(kinds, least, strict=True):
        assert sum(character in kind for character in made) >= wanted
