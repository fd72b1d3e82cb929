"""The one rule of comparison, and that it holds wherever texts are compared."""

import json
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.scim.comparison import key
from proxeny.scim.filter.ast import AttributePath, Comparison
from proxeny.scim.filter.evaluate import compile_filter
from proxeny.scim.filter.parser import parse_filter
from proxeny.scim.filter.render import render
from proxeny.scim.patch import PATCH_SCHEMA, apply_patch, parse_patch
from proxeny.scim.schema import USER_TYPE
from proxeny.scim.sorting import sort_key

PAIRS = json.loads((Path(__file__).parent / "unicode_pairs.json").read_text())


@pytest.mark.parametrize(("one", "other"), PAIRS["same"])
def test_texts_that_differ_only_in_writing_are_the_same_everywhere(one: str, other: str) -> None:
    assert key(one) == key(other)
    text = render(Comparison(AttributePath("userName"), "eq", one))
    assert compile_filter(parse_filter(text), USER_TYPE)({"userName": other})
    order = sort_key(AttributePath("userName"), USER_TYPE)
    assert order({"userName": one}) == order({"userName": other})
    removal = {"op": "remove", "path": f"emails[value eq {json.dumps(one, ensure_ascii=False)}]"}
    operations = parse_patch({"schemas": [PATCH_SCHEMA], "Operations": [removal]}, USER_TYPE)
    assert apply_patch({"emails": [{"value": other}]}, operations, USER_TYPE)["emails"] == []


@pytest.mark.parametrize(("one", "other"), PAIRS["different"])
def test_other_texts_are_not(one: str, other: str) -> None:
    assert key(one) != key(other)
    text = render(Comparison(AttributePath("userName"), "eq", one))
    assert not compile_filter(parse_filter(text), USER_TYPE)({"userName": other})


def test_an_exact_attribute_compares_code_point_by_code_point() -> None:
    assert not compile_filter(parse_filter('externalId eq "Stra\u00dfe"'), USER_TYPE)({"externalId": "STRASSE"})
    assert not compile_filter(parse_filter('externalId eq "\u00e9"'), USER_TYPE)({"externalId": "e\u0301"})


@given(st.text())
def test_a_key_is_its_own_key_whatever_the_normal_form(text: str) -> None:
    assert key(key(text)) == key(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert key(unicodedata.normalize(form, text)) == key(text)
    assert key(text.casefold()) == key(text)


MARKS = "\u0323\u0301\u0327\u0345\u0344\u0f73\u0f75\uff9e\u034f\u200d"
"""Letters' marks of several classes, what falls apart into them, and what is dropped from between them."""


@given(st.text("aß\u0130\ufb01" + MARKS, min_size=250, max_size=400), st.text(MARKS, min_size=40, max_size=80))
def test_a_long_text_has_the_key_that_its_parts_make(text: str, marks: str) -> None:
    long = text + marks
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", long).casefold())
    folded = unicodedata.normalize("NFKC", folded.casefold())
    seen = "".join(char for char in folded if char not in "\u034f\u200d")
    assert key(long) == unicodedata.normalize("NFKC", seen)


@pytest.mark.parametrize("marks", ["\u0323\u0301", "\uff9e\u0323", "\u0301\u034f\u0323\u034f", "\u0f73"])
def test_marks_without_end_keep_nobody_waiting(marks: str) -> None:
    """Put in order one by one they take the square of their number: minutes, for a name of a few hundred KB."""
    started = time.perf_counter()
    assert key("x" + marks * 100_000).startswith("x")
    assert time.perf_counter() - started < 10  # generous: a hundred times what it takes, and a hundredth of the square
