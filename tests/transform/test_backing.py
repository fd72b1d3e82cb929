"""What mappings can do where the backend has certain fields and no others."""

from typing import Any

import pytest
from tests.transform.outcomes import program_of

from proxeny.transform.backing import reading_from, writing_to

URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
FIELDS = frozenset(
    {("id",), ("login",), ("name", "first"), ("mails", "value"), ("mails", "type"), ("tags",), (URN, "costCenter")}
)
READING: list[dict[str, Any]] = [
    {"sourcePath": "$.login", "targetPath": "$.userName"},
    {"sourcePath": "$.title", "targetPath": "$.title", "optional": True},
    {"sourcePath": "$.kind", "targetPath": "$.userType", "optional": True, "defaultValue": "Employee"},
    {"sourcePath": "$.mails", "targetPath": "$.emails", "optional": True},
    {"sourcePath": "$.phones[*].value", "targetPath": "$.phoneNumbers[?(@.value)]", "optional": True},
    {"sourcePath": "$.tags[*]", "targetPath": "$.roles[?(@.value)]", "optional": True},
    {"sourcePath": "$.name", "targetPath": "$.name", "optional": True},
    {"sourcePath": "$.short", "targetVariable": "short", "optional": True},
    {"sourceVariable": "short", "targetPath": "$.nickName"},
    {"sourcePath": "$.login", "targetVariable": "long"},
    {"sourceVariable": "long", "targetPath": "$.displayName"},
    {"constant": "en", "targetPath": "$.locale"},
    {"sourceVariable": "entityBaseLocation", "targetPath": "$.profileUrl"},
    {"sourcePath": f"$['{URN}']", "targetPath": f"$['{URN}']", "optional": True},
]
WRITING: list[dict[str, Any]] = [
    {"sourcePath": "$.userName", "targetPath": "$.login"},
    {"sourcePath": "$.externalId", "targetPath": "$.foreign"},
    {"sourcePath": "$.title", "targetPath": "$.title", "optional": True},
    {"sourcePath": "$.emails", "targetPath": "$.mails", "optional": True},
    {"sourcePath": "$.phoneNumbers[*].value", "targetPath": "$.phones[?(@.value)]", "optional": True},
    {"sourcePath": "$.roles[*].value", "targetPath": "$.tags", "optional": True},
    {"sourcePath": "$.name", "targetPath": "$.name", "optional": True},
    {"sourcePath": "$.nickName", "targetVariable": "short", "optional": True},
    {"sourcePath": "$.active", "targetPath": "$.on", "optional": True},
    {"sourcePath": "$.displayName", "targetPath": "$.shown", "optional": True},
    {"type": "rename", "targetPath": "$.shown", "constant": "login"},
    {"sourcePath": f"$['{URN}']", "targetPath": f"$['{URN}']", "optional": True},
]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("userName", True),
        ("title", False),
        ("userType", True),
        ("emails", True),
        ("emails.value", True),
        ("emails.type", True),
        ("emails.display", False),
        ("phoneNumbers", False),
        ("phoneNumbers.value", False),
        ("roles.value", True),
        ("name.first", True),
        ("name.last", False),
        ("nickName", False),
        ("displayName", True),
        ("locale", True),
        ("profileUrl", True),
        (f"{URN}:costCenter", True),
        (f"{URN}:department", False),
    ],
)
def test_reading_makes_nothing_of_a_field_that_is_not_there(path: str, there: bool) -> None:
    program = program_of({"name": "reading", "mappings": READING})
    assert program.lineage.writes(path)
    assert reading_from(program, FIELDS).writes(path) is there


@pytest.mark.parametrize(
    ("path", "held"),
    [
        ("userName", True),
        ("externalId", True),  # or no write would go on
        ("title", False),
        ("emails.value", True),
        ("emails.display", False),
        ("phoneNumbers.value", False),
        ("roles.value", True),
        ("name.first", True),
        ("name.last", False),
        ("nickName", True),
        ("active", True),  # the condition looks at it
        ("displayName", True),
        (f"{URN}:costCenter", True),
        (f"{URN}:department", False),
    ],
)
def test_writing_takes_nothing_for_a_field_that_is_not_there(path: str, held: bool) -> None:
    program = program_of({"name": "writing", "entity": {"condition": "$.active != false"}, "mappings": WRITING})
    assert program.lineage.may_read(path)
    assert writing_to(program, FIELDS).may_read(path) is held


@pytest.mark.parametrize("way", ["$", "$.*", "$..login"])
def test_what_cannot_be_decided_is_taken_to_be_possible(way: str) -> None:
    program = program_of({"name": "any", "mappings": [{"sourcePath": way, "targetPath": "$.held", "optional": True}]})
    assert reading_from(program, FIELDS).writes("held.login")
