"""How the tests of programs run a case that is data: its transformation, its look-ups answered, its outcome
compared."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

from proxeny.transform import EntityProgram, Lookup, Result, compile_transformation, load, load_document

PROGRAMS = Path(__file__).parent / "programs"


def data(name: str) -> Any:
    return json.loads((PROGRAMS / name).read_text())


def program_of(case: dict[str, Any]) -> EntityProgram:
    """The program of a case whose mappings stand in it."""
    document = {"user": {**case.get("entity", {}), "mappings": case["mappings"]}}
    return compile_transformation(
        load_document(document, name=case["name"]),
        properties=case.get("properties", {}),
        direction=case.get("direction", "write"),
        role=case.get("role", "target"),
    ).entities["user"]


def program_in(text: str, case: dict[str, Any]) -> EntityProgram:
    """The program of a case whose transformation is a text."""
    made = compile_transformation(load(text), properties={}, direction=case["direction"], role=case["role"])
    return made.entities[case["entity"]]


def answered(steps: Generator[Any, Any, Any], answers: list[dict[str, str]]) -> Any:
    """Run to the end with these answers; everything else is unknown."""
    known = {Lookup(one["entity_type"], one["id"]): one["answer"] for one in answers}
    try:
        asked = next(steps)
        while True:
            asked = steps.send({lookup: known.get(lookup) for lookup in asked})
    except StopIteration as end:
        return end.value


def assert_outcome(result: Result, expected: dict[str, Any]) -> None:
    """What the case says about the result holds; what it does not mention may be anything."""
    wanted = dict(expected)
    if "correlation_keys" in wanted:
        wanted["correlation_keys"] = tuple(wanted["correlation_keys"])
    assert {key: getattr(result, key) for key in wanted} == wanted, result.message
