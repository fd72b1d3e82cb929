"""Functions that can be undone: encode and decode, constant prefix and suffix."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.transform.functions.registry import Step
from proxeny.transform.values import Run

TEXT = st.text(st.characters(codec="utf-8"))


@given(
    text=TEXT, algorithm=st.sampled_from(["base32", "base64"]), skip=st.booleans(), skip_on_the_way_back=st.booleans()
)
def test_decode_undoes_encode(
    text: str, algorithm: str, skip: bool, skip_on_the_way_back: bool, compiled: Callable[..., Step]
) -> None:
    encode = compiled({"function": "encode", "algorithm": algorithm, "skipPadding": skip})
    decode = compiled({"function": "decode", "algorithm": algorithm, "skipPadding": skip_on_the_way_back})
    encoded = encode.apply(text, Run({}))
    assert compiled({"function": "toString"}).apply(decode.apply(encoded, Run({})), Run({})) == text
    assert encode.reversible is not None
    assert encode.reversible.forward(encoded) == text
    assert decode.reversible is not None
    if skip == skip_on_the_way_back:
        assert decode.reversible.forward(text) == encoded


@given(text=TEXT, prefix=TEXT, suffix=TEXT)
def test_a_constant_prefix_and_suffix_can_be_taken_off(
    text: str, prefix: str, suffix: str, compiled: Callable[..., Step]
) -> None:
    if prefix.startswith(("$.", "$[")) or suffix.startswith(("$.", "$[")) or "${" in prefix + suffix:
        return
    step = compiled({"function": "concatString", "prefix": prefix, "suffix": suffix})
    assert step.reversible is not None
    assert step.reversible.forward(step.apply(text, Run({}))) == text


@given(text=TEXT)
def test_what_can_not_be_a_result_has_no_source(text: str, compiled: Callable[..., Step]) -> None:
    concat = compiled({"function": "concatString", "prefix": "id-", "suffix": "-x"}).reversible
    encode = compiled({"function": "encode", "algorithm": "base32"}).reversible
    assert concat is not None
    assert encode is not None
    source = concat.forward(text)
    assert source is None or f"id-{source}-x" == text
    decoded = encode.forward(text)
    assert decoded is None or compiled({"function": "encode", "algorithm": "base32"}).apply(decoded, Run({})) == text


@pytest.mark.parametrize(
    "extra",
    [
        {"prefix": "${v}"}, {"prefix": "$.a"}, {"prefix": "a", "condition": "@ == 'x'"},
        {"prefix": "a", "applyOnAttribute": "v"}, {"prefix": "a", "assignToAttribute": "v"},
    ],
)  # fmt: skip
def test_what_depends_on_more_than_the_value_cannot_be_undone(
    extra: dict[str, Any], compiled: Callable[..., Step]
) -> None:
    assert compiled({"function": "concatString", **extra}).reversible is None


def test_a_function_whose_condition_never_holds_is_undone_by_nothing(compiled: Callable[..., Step]) -> None:
    step = compiled({"function": "toUpperCaseString", "condition": "'a' == 'b'"})
    assert step.reversible is not None
    assert step.reversible.forward("x") == "x"
