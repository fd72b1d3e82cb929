"""Java's regular expressions on both engines: what matches, what is replaced, what is refused and where."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.transform.errors import PatternSyntaxError
from proxeny.transform.regexes import Patterns, compile_pattern, quote_pattern, quote_replacement
from proxeny.transform.values import Budget

CASES: dict[str, Any] = json.loads(Path(__file__).with_name("cases.json").read_text())
LONG = "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 300
"""Longer than what runs without a clock, so that the other engines are asked."""


def named(kind: str) -> Any:
    return pytest.mark.parametrize(
        "case", CASES[kind], ids=lambda case: f"{case['pattern']!r} {case.get('text', '')!r}"
    )


def tuple_or_none(groups: list[str | None] | None) -> tuple[str | None, ...] | None:
    return None if groups is None else tuple(groups)


@named("match")
def test_the_whole_value_matches_as_in_java(case: dict[str, Any]) -> None:
    pattern = compile_pattern(case["pattern"])
    assert pattern.fullmatch(case["text"], Budget(5)) == tuple_or_none(case["groups"])
    assert pattern.matches(case["text"], Budget(5)) == (case["groups"] is not None)


@named("find")
def test_a_match_is_found_as_in_java(case: dict[str, Any]) -> None:
    assert compile_pattern(case["pattern"]).search(case["text"], Budget(5)) == tuple_or_none(case["groups"])


@named("replace")
def test_matches_are_replaced_as_in_java(case: dict[str, Any]) -> None:
    pattern, text, replacement = compile_pattern(case["pattern"]), case["text"], case["replacement"]
    assert pattern.replace_all(text, replacement, Budget(5)) == case["all"]
    assert pattern.replace_first(text, replacement, Budget(5)) == case["first"]
    assert pattern.replace_last(text, replacement, Budget(5)) == case["last"]


@named("replace")
def test_long_values_are_replaced_alike_by_both_engines(case: dict[str, Any]) -> None:
    linear, backtracking = compile_pattern(case["pattern"]), compile_pattern(f"(?=)(?:{case['pattern']})")
    for text in (case["text"] + LONG, LONG + case["text"]):
        for method in ("replace_all", "replace_first", "replace_last"):
            results = {getattr(one, method)(text, case["replacement"], Budget(5)) for one in (linear, backtracking)}
            assert len(results) == 1


@named("mistakes")
def test_what_java_refuses_is_refused_with_its_place(case: dict[str, Any]) -> None:
    with pytest.raises(PatternSyntaxError) as caught:
        compile_pattern(case["pattern"])
    assert (caught.value.text, caught.value.position) == (case["pattern"], case["position"])


@pytest.mark.parametrize("replacement", CASES["replacement-mistakes"])
def test_a_replacement_that_java_refuses_is_refused(replacement: str) -> None:
    with pytest.raises(PatternSyntaxError):
        compile_pattern("(a)").replacement(replacement)


@pytest.mark.parametrize("pattern", ["(" * 200 + ")" * 200, "[" * 200 + "a" + "]" * 200, "a" * 5000])
def test_a_pattern_beyond_the_limits_is_refused(pattern: str) -> None:
    with pytest.raises(PatternSyntaxError):
        compile_pattern(pattern)


def test_flags_of_a_condition_are_those_inside_the_pattern() -> None:
    assert compile_pattern("a.b", flags="is").matches("A\nB", Budget())
    with pytest.raises(PatternSyntaxError):
        compile_pattern("a", flags="g")


@given(st.text(max_size=400), st.sampled_from(["", "(?x)", "(?i)", "(?=.|)"]))
def test_a_quoted_text_matches_itself_and_nothing_longer(text: str, flags: str) -> None:
    if len(text) * 2 + 10 > 4096 or not text.isprintable():
        text = re.sub(r"[\ud800-\udfff]", "", text)[:300]
    pattern = compile_pattern(flags + quote_pattern(text))
    assert pattern.matches(text, Budget(5))
    assert not pattern.matches(text + "!", Budget(5))


@given(st.text(max_size=50))
def test_a_quoted_replacement_is_put_in_as_it_is(text: str) -> None:
    assert compile_pattern("x").replace_all("axb", quote_replacement(text), Budget(5)) == f"a{text}b"


SIMPLE = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "ä", "^", "$"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"(?:{one}){{1,2}}"),
    ),
    max_leaves=6,
)


@given(SIMPLE, st.text("abä1", max_size=8))
def test_all_engines_agree_with_the_standard_library_where_java_does(pattern: str, text: str) -> None:
    """On values of one line these patterns mean the same in Python; the value is searched short, and as part of a
    long one.
    """
    compiled = compile_pattern(pattern)
    found = re.search(pattern.replace("$", r"\Z"), text, re.ASCII)
    expected = (found[0], *found.groups()) if found else None
    assert compiled.search(text, Budget(5)) == expected
    forced = compile_pattern(f"(?=)(?:{pattern})")
    assert forced.search(text, Budget(5)) == expected
    padded = re.search(pattern.replace("$", r"\Z"), text + LONG, re.ASCII)
    assert compiled.search(text + LONG, Budget(5)) == ((padded[0], *padded.groups()) if padded else None)


def test_patterns_are_compiled_once_and_only_so_many_are_kept() -> None:
    patterns = Patterns(limit=2)
    first = patterns.compile("a")
    assert patterns.compile("a") is first
    patterns.compile("b")
    patterns.compile("c")
    assert patterns.compile("a") is not first
