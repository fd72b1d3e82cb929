"""Values of properties: what wins over what, what reads as what, and every mistake at once."""

import pytest

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.properties import MASK, Property, PropertyValues
from proxeny.connectors.registry import system_type
from proxeny.connectors.scim2 import SPEC
from proxeny.connectors.switches import GENERIC, SWITCHES

GOOD = {"URL": "https://host.example:8443/scim"}


def problems(**values: str) -> dict[str, str]:
    found = SPEC.check({**GOOD, **values}, system_type("SAP_ANALYTICS_CLOUD"))
    return {problem.name: problem.severity for problem in found}


def test_good_values_have_no_problem() -> None:
    assert SPEC.check(GOOD, system_type("SCIM_SYSTEM")) == ()


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("URL", "ftp://x", "error"),
        ("URL", "https://u:p@x", "error"),
        ("URL", "https://[::1", "error"),
        ("Authentication", "basicAuthentication", "error"),
        ("page.max", "ten", "error"),
        ("page.max", "0", "error"),
        ("put.actve", "keep", "error"),
        ("patch.anything", "x", "error"),
        ("put.active", "maybe", "error"),
        ("read.only", "perhaps", "error"),
        ("ips.failed.request.retry.attempts", "4", "error"),
        ("authentication", "BasicAuthentication", "error"),
        ("sac.user.filtr", "x", "warning"),
    ],
)
def test_each_mistake_is_named(name: str, value: str, severity: str) -> None:
    assert problems(**{name: value}) == {name: severity}


def test_a_near_match_is_offered() -> None:
    found = SPEC.check({**GOOD, "put.actve": "keep"})
    assert "did you mean put.active?" in found[0].message


def test_free_keys_are_free() -> None:
    assert problems(**{"my.own.key": "x", "ips.http.header.x-mine": "1", "company": "y"}) == {}


def test_all_mistakes_come_at_once_and_hold_no_secret() -> None:
    found = SPEC.check({"page.max": "x", "client.key": "", "put.active": "?", "Password": "geheim"})
    assert {problem.name for problem in found} == {"URL", "page.max", "put.active"}
    assert "geheim" not in repr(found)


def test_what_belongs_together_is_checked_together() -> None:
    assert problems(Authentication="BasicAuthentication") == {"User": "error"}
    assert problems(User="u") == {"Password": "error"}
    assert problems(**{"client.certificate": "x"}) == {"client.key": "error"}
    assert problems(Authentication="ClientCertificateAuthentication") == {"client.certificate": "error"}


def test_secrets_are_masked_whatever_their_length() -> None:
    values = system_type("SCIM_SYSTEM").values({"User": "u", "Password": "x"}, {"custom.secret": "geheim"})
    assert values.masked()["custom.secret"] == values.masked()["Password"] == MASK
    assert "geheim" not in repr(values)
    assert "Password" not in values.public()
    misplaced = system_type("SCIM_SYSTEM").misplaced({"User": "u", "Password": "x"})
    assert [problem.name for problem in misplaced] == ["Password"]


def test_the_systems_own_prefix_wins_over_scim() -> None:
    known = system_type("SAP_ANALYTICS_CLOUD")
    assert known.values({"scim.user.filter": "a"}).family("user.filter") == "a"
    assert known.values({"scim.user.filter": "a", "sac.user.filter": "b"}).family("user.filter") == "b"
    assert known.values({}).family("user.filter") is None


def test_a_given_value_wins_over_a_default_of_the_own_prefix() -> None:
    values = PropertyValues({"scim.x": "given"}, prefixes=("sac.",), defaults={"sac.x": "default"})
    assert values.family("x") == "given"


@pytest.mark.parametrize(("text", "flag"), [("true", True), ("enabled", True), ("FALSE", False), ("disabled", False)])
def test_flags_read_as_people_write_them(text: str, flag: bool) -> None:
    assert PropertyValues({"x": text}).flag("x", not flag) is flag


def test_a_value_that_does_not_read_is_an_error_with_its_name() -> None:
    for wrong in (PropertyValues({"x": "soon"}).flag, PropertyValues({"x": "soon"}).integer):
        with pytest.raises(PropertyError, match="Property x"):
            wrong("x")


def test_every_declaration_is_explained_once() -> None:
    names = [declared.name for declared in (*GENERIC, *SWITCHES)]
    assert len(names) == len(set(names))
    assert all(declared.help for declared in (*GENERIC, *SWITCHES))
    assert all(item.problem(item.default) is None for item in SWITCHES if item.default and item.name != "dialect")


def test_a_number_out_of_its_bounds_is_named_with_them() -> None:
    declared = Property("n", "integer", minimum=2, maximum=3)
    assert [declared.problem(str(number)) is None for number in (1, 2, 3, 4)] == [False, True, True, False]
