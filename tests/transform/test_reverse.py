"""From a common attribute back to the native one: a superset always, exact only where it is."""

from typing import Any

import pytest
from tests.conftest import corpus_files
from tests.transform.outcomes import program_in, program_of

from proxeny.transform import NativeSource

URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def copy(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"sourcePath": source, "targetPath": target, **more}


def sources(path: Any, *mappings: dict[str, Any]) -> tuple[NativeSource, ...]:
    program = program_of({"name": "r", "mappings": list(mappings), "direction": "read", "role": "source"})
    return program.reverse.sources(path)


@pytest.mark.parametrize(
    ("path", "mappings", "keys", "exact"),
    [
        ("userName", [copy("$.uid", "$.userName")], ("uid",), True),
        ("USERNAME", [copy("$.uid", "$.userName", optional=True)], ("uid",), True),
        ("name.familyName", [copy("$.sn", "$.name.familyName")], ("sn",), True),
        ("name.familyName", [copy("$.name", "$.name")], ("name", "familyName"), True),
        ("anything.below", [copy("$", "$")], ("anything", "below"), True),
        (f"{URN}:employeeNumber", [copy("$.no", f"$['{URN}']['employeeNumber']")], ("no",), True),
        (f"{URN}:manager.value", [copy(f"$['{URN}']", f"$['{URN}']")], (URN, "manager", "value"), True),
        ("emails.value", [copy("$.mails[*].v", "$.emails[?(@.value)]")], ("mails", "v"), True),
        ("emails[0].value", [copy("$.mails[*].v", "$.emails[?(@.value)]")], ("mails", "v"), True),
        ("emails.value", [copy("$.mail", "$.emails[0].value")], ("mail",), True),
        ("emails.value", [copy("$.mail[0]", "$.emails[0].value")], ("mail",), False),
        (
            "emails.value",
            [copy("$.m[*].v", "$.emails[?(@.value)]"), copy("$.m[0].v", "$.emails[0].value")],
            ("m", "v"),
            True,
        ),
        ("emails.value", [copy("$.m[?(@.p == true)].v", "$.emails[?(@.value)]")], ("m", "v"), False),
        ("title", [copy("$.t", "$.title", condition="$.x == 1")], ("t",), False),
        (
            "title",
            [copy("$.t", "$.title"), {"type": "remove", "targetPath": "$.title", "condition": "$.x == 1"}],
            ("t",),
            False,
        ),
        ("title", [copy("$.old", "$.title"), copy("$.new", "$.title")], ("new",), True),
        (
            "id",
            [{"sourcePath": "$.n", "targetVariable": "v"}, {"sourceVariable": "v", "targetPath": "$.id"}],
            ("n",),
            True,
        ),
        ("members.value", [copy("$.members", "$.members")], ("members", "value"), True),
    ],
)
def test_one_native_attribute_is_found(
    path: str, mappings: list[dict[str, Any]], keys: tuple[str, ...], exact: bool
) -> None:
    found = sources(path, *mappings)
    assert [(source.keys, source.exact) for source in found] == [(keys, exact)]


@pytest.mark.parametrize(
    ("path", "mappings"),
    [
        ("title", []),
        ("title", [{"constant": "x", "targetPath": "$.title"}]),
        ("title", [copy("$.t", "$.title", defaultValue="none")]),
        ("title", [copy("$.t", "$.title"), {"constant": "x", "targetPath": "$.title", "condition": "$.y == 1"}]),
        ("title", [copy("$.t", "$.title"), {"type": "remove", "targetPath": "$.title"}]),
        ("title", [copy("$.t", "$.title", functions=[{"function": "toUpperCaseString"}])]),
        ("name", [copy("$.sn", "$.name.familyName")]),
        ("emails.type", [copy("$.mails[*].v", "$.emails[?(@.value)]")]),
        (
            "members.id",
            [copy("$.m", "$.members"), {"type": "rename", "targetPath": "$.members[*].id", "constant": "value"}],
        ),
        (
            "members.value",
            [copy("$.m", "$.members"), {"type": "rename", "targetPath": "$.members[*].id", "constant": "value"}],
        ),
        ("groups.display", [copy("$.groups", "$.groups"), {"type": "remove", "targetPath": "$.groups[*].display"}]),
        (
            "meta.location",
            [
                {
                    "sourceVariable": "base",
                    "targetPath": "$.meta.location",
                    "functions": [{"function": "concatString", "suffix": "${id}"}],
                }
            ],
        ),
    ],
)
def test_what_may_come_from_elsewhere_has_no_native_attribute(path: str, mappings: list[dict[str, Any]]) -> None:
    assert sources(path, *mappings) == ()


def test_two_optional_writers_are_a_superset_together_only() -> None:
    found = sources("org", copy("$.a", "$.org", optional=True), copy("$.b", "$.org", optional=True))
    assert [(source.keys, source.exact) for source in found] == [(("a",), False), (("b",), False)]
    assert (
        program_of(
            {"name": "r", "mappings": [copy("$.a", "$.o", optional=True), copy("$.b", "$.o", optional=True)]}
        ).reverse.field_of("o")
        is None
    )


def test_functions_that_can_be_undone_are() -> None:
    encoded = copy("$.n", "$.id", functions=[{"function": "encode", "algorithm": "base32", "skipPadding": True}])
    (source,) = sources("id", encoded)
    assert source.encode is not None
    assert source.encode("IJHUE") == "BOB"
    prefixed = copy("$.n", "$.id", functions=[{"function": "concatString", "prefix": "p-"}, encoded["functions"][0]])
    (source,) = sources("id", prefixed)
    assert source.encode is not None
    assert source.encode("OAWUET2C") == "BOB"


def test_a_function_whose_condition_never_holds_is_none() -> None:
    idle = {"function": "concatString", "prefix": "%p%", "condition": "'%p%' !== 'null'"}
    (source,) = sources("title", copy("$.t", "$.title", functions=[idle]))
    assert (source.encode, source.exact) == (None, True)


def test_how_elements_are_filled_is_told() -> None:
    (wrapped,) = sources("emails.value", copy("$.m[*].v", "$.emails[?(@.value)]"))
    assert (wrapped.element, wrapped.survives) == ("wrapped", "value")
    (indexed,) = sources("emails.value", copy("$.mail", "$.emails[0].value"))
    assert (indexed.element, indexed.survives, indexed.index, indexed.native_index) == ("index", "value", 0, None)
    (whole,) = sources("emails.value", copy("$.emails", "$.emails"))
    assert (whole.element, whole.survives) == ("whole", None)
    (plain,) = sources("userName", copy("$.uid", "$.userName"))
    assert plain.element is None


def test_the_directory_reverses_to_itself() -> None:
    for path in corpus_files("seeds/local-identity-directory.proxy.read.json"):
        case = {"entity": "user", "direction": "read", "role": "proxy"}
        reverse = program_in(path.read_text(), case).reverse
        found = {
            name: reverse.field_of(name)
            for name in ("id", "userName", "emails.value", "name.givenName", f"{URN}:costCenter")
        }
        assert {name: source and (source.keys, source.exact) for name, source in found.items()} == {
            "id": (("id",), True),
            "userName": (("userName",), True),
            "emails.value": (("emails", "value"), True),
            "name.givenName": (("name", "givenName"), True),
            f"{URN}:costCenter": ((URN, "costCenter"), True),
        }
        assert reverse.field_of("meta.location") is None
        assert len(reverse.sources(f"{URN}:organization")) == 2
