"""LDAP filters without a server: injection, widening and honesty, against what a plain comparison of texts says."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.connectors.directories import PATHS
from tests.connectors.kit import connection

from proxeny.connectors.filtering import AllOf, AnyElement, AnyOf, Compare, NativeFilter, Negation
from proxeny.connectors.ldap import layout, names
from proxeny.connectors.ldap.filter import NOBODY, Speech, generalized, joined, references
from proxeny.connectors.ldap.schema import Rule, Server, rules
from proxeny.scim.comparison import key

LAYOUT = layout.of(connection("", {"ldap.url": "ldap://x.example", **PATHS}))
ATTRIBUTES = rules(
    [
        "( 2.5.4.41 NAME 'name' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch )",
        "( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name )",
        "( 1.1 NAME 'labeledURI' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )",
        "( 1.2 NAME 'uidNumber' EQUALITY integerMatch ORDERING integerOrderingMatch )",
        "( 1.3 NAME 'jpegPhoto' SYNTAX 1.3.6.1.4.1.1466.115.121.1.28 )",
        "( 1.4 NAME 'modifyTimestamp' EQUALITY generalizedTimeMatch )",
        "( 1.5 NAME 'entryUUID' EQUALITY UUIDMatch )",
        "( 1.6 NAME 'member' SUP distinguishedName )",
        "( 1.7 NAME 'distinguishedName' EQUALITY distinguishedNameMatch )",
    ],
    active_directory=False,
)
SPEECH = Speech(LAYOUT, Server(attributes=ATTRIBUTES), {(None, "ann"): ["uid=ann,ou=people,dc=x"]})


def said(where: NativeFilter) -> tuple[str, bool] | None:
    found = SPEECH.say(where)
    return (found.text, found.exact) if found else None


def test_rules_are_inherited() -> None:
    assert ATTRIBUTES["commonname"] == Rule("ignore", substrings=True)
    assert ATTRIBUTES["member"] == Rule("dn")
    assert ATTRIBUTES["jpegphoto"] == Rule("none")


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (Compare(("cn",), "eq", "a*b"), r"(cn=a\2ab)"),
        (Compare(("cn",), "eq", "Fuß"), r"(|(cn=Fuss)(cn=Fu\c3\9f)(cn=fuss))"),
        (Compare(("cn",), "eq", "ss" * 9), "(cn=*)"),
        (Compare(("cn",), "eq", " "), "(cn=*)"),
        (Compare(("cn",), "co", "a b"), "(cn=*a*b*)"),
        (Compare(("cn",), "sw", "ab "), "(cn=ab*)"),
        (Compare(("cn",), "sw", " ab"), "(cn=*ab*)"),
        (Compare(("cn",), "ew", "ab"), "(cn=*ab)"),
        (Compare(("cn",), "co", "ä"), "(cn=*)"),
        (Compare(("cn",), "gt", "a"), "(cn=*)"),
        (Compare(("labeledURI",), "eq", "a"), "(labeledURI=*)"),
        (Compare(("labeledURI",), "eq", "a", case_exact=True), "(labeledURI=a)"),
        (Compare(("labeledURI",), "eq", "12"), "(labeledURI=12)"),
        (Compare(("labeledURI",), "co", "12"), "(labeledURI=*)"),
        (Compare(("uidNumber",), "eq", 7, type="integer"), "(uidNumber=7)"),
        (Compare(("uidNumber",), "gt", 7, type="integer"), "(uidNumber>=7)"),
        (Compare(("uidNumber",), "gt", "7"), "(uidNumber=*)"),
        (Compare(("jpegPhoto",), "eq", "x"), "(jpegPhoto=*)"),
        (Compare(("entryUUID",), "eq", "x)(uid=*"), NOBODY),
        (Compare(("modifyTimestamp",), "gt", "2026-01-31T13:00:00.7+01:00"), "(modifyTimestamp>=20260131120000.0Z)"),
        (Compare(("member", "value"), "eq", "ann"), "(member=uid=ann,ou=people,dc=x)"),
        (Compare(("member",), "eq", "nobody"), NOBODY),
        (AnyElement(("member",), Compare(("value",), "eq", "ann")), "(member=uid=ann,ou=people,dc=x)"),
        (Compare(("unknown",), "eq", "x"), NOBODY),
    ],
)
def test_a_comparison_admits_at_least_what_it_means(where: NativeFilter, text: str) -> None:
    assert said(where) == (text, False)


@pytest.mark.parametrize(
    "where",
    [
        Compare(("cn",), "ne", "a"),
        Compare(("unknown",), "co", "a"),
        Compare(("cn", "sub"), "eq", "a"),
        Compare(("cn)(uid=*",), "eq", "a"),
        Negation(Compare(("cn",), "eq", "a")),
        AnyOf((Compare(("cn",), "eq", "a"), Compare(("cn",), "ne", "b"))),
        AnyElement(("member",), Compare(("display",), "eq", "ann")),
        Compare(("memberOf",), "pr"),
    ],
)
def test_what_cannot_be_said_safely_is_not_said(where: NativeFilter) -> None:
    assert said(where) is None


def test_presence_is_exact_and_may_be_negated() -> None:
    assert said(Negation(Compare(("cn",), "pr"))) == ("(!(cn=*))", True)
    both = AllOf((Compare(("cn",), "pr"), Compare(("cn",), "ne", "a")))
    assert said(both) == ("(cn=*)", False)


def test_the_ids_in_a_filter_are_found() -> None:
    where = AnyOf(
        (Compare(("memberOf",), "eq", "g"), Negation(AnyElement(("member",), Compare(("value",), "eq", "a"))))
    )
    assert list(references(where, LAYOUT)) == [("group", "g"), (None, "a")]


def test_filters_are_put_together_in_parentheses() -> None:
    assert joined("(a=1)(b=2)", " uid=x ", None, "(c=3)") == "(&(a=1)(b=2)(uid=x)(c=3))"


_ASSERTION = re.compile(r"\((?:cn)=((?:[^()\\*\x00]|\\[0-9a-f]{2})*)\)")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_a_value_stays_a_value(value: str) -> None:
    """T59: whatever is in the text, the filter holds assertions on that attribute alone, one of them for the value."""
    text = said(Compare(("cn",), "eq", value))
    assert text is not None
    body = text[0]
    if body == "(cn=*)":
        return
    inside = body[2:-1] if body.startswith("(|") else body
    values = _ASSERTION.findall(inside)
    assert "".join(f"(cn={each})" for each in values) == inside
    decoded = {re.sub(rb"\\([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), each.encode()).decode() for each in values}
    assert key(value) in {key(each) for each in decoded}


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.sampled_from(["co", "sw", "ew"]), st.data())
def test_a_part_admits_every_text_that_has_it(part: str, operator: str, data: Any) -> None:
    """The oracle compares as the gateway does; the server's pattern must never be the narrower one."""
    around = data.draw(st.text(max_size=5)), data.draw(st.text(max_size=5))
    full = {"co": around[0] + part + around[1], "sw": part + around[1], "ew": around[0] + part}[operator]
    found = said(Compare(("cn",), operator, part))  # type: ignore[arg-type]  # drawn from the operators
    assert found is not None
    pattern = found[0][4:-1]
    pieces = [re.sub(r"\\([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), piece) for piece in pattern.split("*")]
    assert re.fullmatch(".*".join(map(re.escape, pieces)), full, re.IGNORECASE | re.DOTALL)


@given(st.text(max_size=20))
def test_an_escaped_name_is_one_name(value: str) -> None:
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value) or not value.strip():
        return
    dn = f"{names.rdn('uid', value)},ou=people,dc=x"
    assert names.is_dn(dn)
    assert names.first(dn) == ("uid", value)
    assert names.normal(names.parent(dn)) == "ou=people,dc=x"


def test_times_are_generalised() -> None:
    assert generalized("2026-01-31T12:00:00Z") == "20260131120000.0Z"
    assert generalized("0999-01-31T12:00:00+02:00") == "09990131100000.0Z"
    assert generalized("yesterday") is None
    assert generalized("0001-01-01T00:00:00+14:00") is None, "before the first year that there is"
