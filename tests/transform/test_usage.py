"""What an input field is good for, and what may be left out."""

from typing import Any

import pytest
from tests.transform.outcomes import program_of

from proxeny.transform.usage import leaves_alone

COPIED = {"sourcePath": "$.members", "targetPath": "$.members", "optional": True}


@pytest.mark.parametrize(
    ("mappings", "alone"),
    [
        ([COPIED], True),
        ([{"sourcePath": "$", "targetPath": "$"}], True),
        ([{"sourcePath": "$.members[*].value", "targetPath": "$.members[?(@.value)]", "optional": True}], True),
        ([{"sourcePath": "$.displayName", "targetPath": "$.displayName"}], True),
        ([COPIED, {"type": "remove", "targetPath": "$.members"}], True),
        ([COPIED, {"constant": [], "targetPath": "$.members", "scope": "createEntity"}], True),
        ([COPIED, {"constant": [], "targetPath": "$.members"}], False),
        ([{**COPIED, "defaultValue": []}], False),
        ([{**COPIED, "targetPath": "$.member"}], False),
        ([{**COPIED, "optional": False}], False),
        ([COPIED, {"sourcePath": "$.members.length()", "targetPath": "$.size", "optional": True}], False),
        ([COPIED, {"constant": "x", "targetPath": "$.kind", "condition": "$.members empty false"}], False),
    ],
)
def test_a_field_that_an_update_may_say_nothing_of(mappings: list[dict[str, Any]], alone: bool) -> None:
    document = {"name": "write", "mappings": mappings}
    assert leaves_alone(program_of(document), "members") is alone
