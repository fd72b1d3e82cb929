"""The variable currentDate: the time of the run, in the format of its property, and only where it is named."""

import re
from typing import Any

import pytest

from proxeny.transform import EntityProgram, TransformationError, compile_transformation, load_document

FORMAT = "ips.date.variable.format"


def program(*mappings: dict[str, Any], **properties: str) -> EntityProgram:
    document = {"user": {"mappings": list(mappings)}}
    given = {name.replace("_", "."): value for name, value in properties.items()}
    compiled = compile_transformation(load_document(document), properties=given, direction="write", role="target")
    return compiled.entities["user"]


@pytest.mark.parametrize(
    "mapping",
    [
        {"sourceVariable": "currentDate", "targetPath": "$.at"},
        {"constant": "${currentDate}", "targetPath": "$.at"},
        {"constant": "", "targetPath": "$.at", "functions": [{"type": "concatString", "suffix": "${currentDate}"}]},
    ],
)
def test_the_time_of_the_run_can_be_read_wherever_variables_can(mapping: dict[str, Any]) -> None:
    at = program(mapping).run("create", {}).document["at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", at)


def test_a_condition_compares_with_it_in_the_format_of_the_property() -> None:
    ended = {"condition": "'${currentDate}' > $.end", "constant": True, "targetPath": "$.ended"}
    made = program(ended, ips_date_variable_format="yyyy-MM-dd")
    assert made.run("create", {"end": "2020-12-31"}).document == {"ended": True}
    assert made.run("create", {"end": "2999-12-31"}).document == {}


def test_a_time_that_is_given_wins() -> None:
    made = program({"sourceVariable": "currentDate", "targetPath": "$.at"})
    assert made.run("create", {}, {"currentDate": "1999"}).document == {"at": "1999"}


def test_a_format_that_is_none_is_an_error_at_load() -> None:
    with pytest.raises(TransformationError, match=r"ips\.date\.variable\.format"):
        program({"sourceVariable": "currentDate", "targetPath": "$.at"}, ips_date_variable_format="qq")


def test_only_programs_that_do_not_ask_for_the_time_may_be_kept() -> None:
    assert not program({"sourceVariable": "currentDate", "targetPath": "$.at"}).repeatable
    assert program({"sourcePath": "$.a", "targetPath": "$.a", "optional": True}).repeatable
