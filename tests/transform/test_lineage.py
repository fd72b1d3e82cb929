"""Which mappings may write an attribute, and what is read."""

from typing import Any

import pytest
from tests.transform.outcomes import program_of

URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MAPPINGS: list[dict[str, Any]] = [
    {"sourcePath": "$.uid", "targetPath": "$.userName"},
    {"sourcePath": "$.mails[*].v", "targetPath": "$.emails[?(@.value)]", "optional": True},
    {"sourcePath": "$.groups", "targetPath": "$.groups", "optional": True},
    {"type": "remove", "targetPath": "$.groups[*].display"},
    {"sourcePath": "$.no", "targetPath": f"$['{URN}']['employeeNumber']", "optional": True},
    {"sourcePath": "$.nick", "targetPath": "$.nickName", "optional": True},
    {"type": "remove", "targetPath": "$.nickName", "condition": "$.nick == 'x'"},
    {"sourcePath": "$.members", "targetPath": "$.members[?(@.value)]", "optional": True},
    {"type": "rename", "targetPath": "$.members[*].id", "constant": "ident"},
    {"sourcePath": "$.Operations", "targetPath": "$.Operations", "scope": "patchEntity"},
    {"sourcePath": "$.old", "targetPath": "$.ignored", "ignore": True},
    {"constant": True, "targetPath": "$.emails[0].primary"},
    {"sourcePath": "$.g", "targetPath": "$.name.givenName", "optional": True},
]
LINEAGE = program_of({"name": "lineage", "mappings": MAPPINGS}).lineage


@pytest.mark.parametrize(
    ("path", "writers"),
    [
        ("userName", (1,)),
        ("USERNAME", (1,)),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", (1,)),
        ("emails.value", (2,)),
        ('emails[type eq "work"].value', (2,)),
        ("emails", (2, 12)),
        ("emails.primary", (12,)),
        ("emails.type", ()),
        ("groups.value", (3,)),
        ("groups.display", ()),
        ("groups", (3,)),
        (f"{URN}:employeeNumber", (5,)),
        (f"{URN}:department", ()),
        (URN, (5,)),
        ((URN, "employeeNumber"), (5,)),
        ("nickName", (6,)),
        ("members.display", (8,)),
        ("members.id", ()),
        ("members.ident", (8, 9)),
        ("Operations", ()),
        ("ignored", ()),
        ("name", (13,)),
        ("name.givenName", (13,)),
        ("name.familyName", ()),
        ("title", ()),
    ],
)
def test_the_writers_of_an_attribute(path: Any, writers: tuple[int, ...]) -> None:
    assert LINEAGE.writers(path) == writers
    assert LINEAGE.writes(path) is bool(writers)


def test_writers_of_one_operation() -> None:
    assert LINEAGE.writers("Operations", "patch") == (10,)
    assert LINEAGE.writers("userName", "patch") == ()


def test_what_is_read_and_what_is_mandatory() -> None:
    assert ("mails", "v") in LINEAGE.reads
    assert ("Operations",) not in LINEAGE.reads
    assert LINEAGE.may_read("mails")
    assert LINEAGE.may_read("MAILS.v")
    assert not LINEAGE.may_read("mails.type")
    assert LINEAGE.mandatory_sources == {("uid",)}
    assert LINEAGE.mandatory_targets == {("userName",)}


def test_a_copy_of_everything_writes_and_reads_everything() -> None:
    lineage = program_of({"name": "all", "mappings": [{"sourcePath": "$", "targetPath": "$"}]}).lineage
    assert lineage.writes("any.thing")
    assert lineage.may_read("any.thing")
