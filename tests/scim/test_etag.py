"""Versions and preconditions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.scim.errors import InvalidVersionError, PreconditionFailedError
from proxeny.scim.etag import Preconditions, etag, opaque, versions


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_version_comes_back_from_its_etag_and_the_header_is_plain(version: str) -> None:
    header = etag(version)
    assert header.isascii()
    assert header.isprintable()
    assert versions(header) == {version}
    assert versions(f'"other", {header}') == {"other", version}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        (" ", set()),
        (",,", set()),
        ("*", {"*"}),
        ('W/"1"', {"1"}),
        ('"1"', {"1"}),
        ('W\\/"1"', {"1"}),
        ("1, 2", {"1", "2"}),
        ('W/"a,b", "c"', {"a,b", "c"}),
    ],
)
def test_headers_are_read(header: str | None, expected: set[str] | None) -> None:
    assert versions(header) == expected


@pytest.mark.parametrize(
    ("said", "version"),
    [('W/"1"', "1"), ('"1"', "1"), (r'W\/"3694e05e"', "3694e05e"), ('W/"a%22b"', "a%22b"), ("1", "1"), ('"', '"')],
)
def test_the_version_in_the_etag_of_a_backend_is_shown_plainly_and_comes_back(said: str, version: str) -> None:
    assert opaque(said) == version
    assert versions(etag(opaque(said))) == frozenset((version,))


@pytest.mark.parametrize("header", ['W/"1', '"1" "2"', 'x"1"', '"' * 101])
def test_a_header_that_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(InvalidVersionError):
        versions(header)


@pytest.mark.parametrize(
    ("match", "none_match", "current", "reading", "expected"),
    [
        (None, None, "1", False, "proceed"),
        ('W/"1"', None, "1", False, "proceed"),
        ('W/"1"', None, "2", False, None),
        ("*", None, "1", False, "proceed"),
        ("*", None, None, False, None),
        ("", None, "1", False, None),
        ("", None, "1", True, None),
        (None, "", "1", True, "proceed"),
        (None, 'W/"1"', "1", True, "not-modified"),
        (None, 'W/"1"', "2", True, "proceed"),
        (None, 'W/"1"', "1", False, None),
        (None, "*", "1", False, None),
        (None, "*", None, False, "proceed"),
        ('"1"', '"1"', "1", True, "not-modified"),
        ('"2"', '"1"', "1", True, None),
    ],
)
def test_preconditions(
    match: str | None, none_match: str | None, current: str | None, reading: bool, expected: str | None
) -> None:
    conditions = Preconditions.of(match, none_match)
    assert conditions.is_empty is (match is None and none_match is None)
    if expected is None:
        with pytest.raises(PreconditionFailedError):
            conditions.decide(current, reading=reading)
    else:
        assert conditions.decide(current, reading=reading) == expected
