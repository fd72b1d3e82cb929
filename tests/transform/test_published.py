"""Every published default transformation compiles and runs; a mandatory attribute that is missing is the only
failure."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import corpus_files
from tests.transform.interpreter import interpret

from proxeny.transform import OPERATIONS, EntityProgram, Result, Transformation, compile_transformation, load
from proxeny.transform.instructions import Instruction
from proxeny.transform.lineage import source_paths
from proxeny.transform.paths.ast import Filter, Index, Key, Keys, Wildcard

FILES = corpus_files("published/*.*.*.json") + sorted((Path(__file__).parent / "programs").glob("own.*.json"))
VARIABLES = {
    "entityBaseLocation": "https://id.example/Users/",
    "entityIdTargetSystem": "IFCEC",
    "currentDate": "2026-03-01 10:00:00.000",
}
TEXTS = ("a", "US", "ada@example.org", "7", "", "2026-01-02T03:04:05Z", "user name", "Ä€")
ALLOWED = {None, "missing-attribute", "condition", "skip-operation"}


def compiled(path: Path, properties: dict[str, str]) -> Transformation:
    text = path.read_text()
    role = "proxy" if "scimEntityEndpoint" in text else "source" if "entityIdSourceSystem" in text else "target"
    direction = "read" if "entityIdSourceSystem" in text and role != "target" else "write"
    return compile_transformation(
        load(text, name=path.name), properties=properties, direction=direction, role="target" if "[]" in text else role
    )


def entity(program: EntityProgram, dice: random.Random) -> dict[str, Any]:
    """A document made of the source paths of the mappings: most are there, some missing, null or empty."""
    document: dict[str, Any] = {}
    for one in program.section.instructions:
        for path in source_paths(one):
            if dice.random() < 0.9:
                plant(document, list(path.segments), dice, one)
    return document


def plant(place: Any, segments: list[Any], dice: random.Random, one: Instruction) -> None:
    """Put a value at the path; what is there already and fits stays."""
    if not segments:
        return
    first, rest = segments[0], segments[1:]
    if isinstance(first, Key | Keys) and isinstance(place, dict):
        for name in (first.name,) if isinstance(first, Key) else first.names:
            container = container_for(rest, dice)
            if not isinstance(place.get(name), type(container)) or isinstance(container, str):
                place[name] = container
            plant(place[name], rest, dice, one)
    elif isinstance(first, Index | Wildcard | Filter) and isinstance(place, list):
        while len(place) < dice.randint(1, 3):
            place.append(container_for(rest, dice))
        for item in place:
            if isinstance(item, dict) and isinstance(first, Filter):
                item.setdefault("primary", dice.random() < 0.5)
                item.setdefault("type", dice.choice(["work", "home", "Group"]))
            plant(item, rest, dice, one)


def container_for(rest: list[Any], dice: random.Random) -> Any:
    if rest and isinstance(rest[0], Key | Keys):
        return {}
    if rest:
        return []
    return dice.choice(TEXTS)


def outcomes(program: EntityProgram, document: dict[str, Any]) -> list[Result]:
    return [program.run(operation, document, VARIABLES, after_patch=document) for operation in OPERATIONS]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_published_transformation_runs_for_each_operation(path: Path) -> None:
    dice = random.Random(path.name)
    for properties in ({}, dict.fromkeys(("ips.application.id", "sac.group.prefix"), "x")):
        for program in compiled(path, properties).entities.values():
            for _ in range(4):
                document = entity(program, dice)
                before = json.dumps(document)
                results = outcomes(program, document)
                assert {result.reason for result in results} <= ALLOWED, [result.message for result in results]
                assert json.dumps(document) == before


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_running_explaining_and_interpreting_a_published_transformation_agree(path: Path) -> None:
    dice = random.Random(path.name)
    random_password = "randomPassword" in path.read_text()
    for program in compiled(path, {}).entities.values():
        document = entity(program, dice)
        for operation in OPERATIONS:
            ran = program.run(operation, document, VARIABLES, after_patch=document)
            told = interpret(program, operation, document, VARIABLES, document)
            assert (
                random_password
                or told.status != "ok"
                or (told.document, told.variables) == (ran.document, ran.variables)
            )
            assert told.status == ran.status
            trace = program.explain(operation, document, VARIABLES, after_patch=document)
            assert random_password or trace.result == ran
            assert trace.result.status == ran.status
            assert trace.to_document()["status"] in trace.render()


def test_the_generated_entities_are_not_all_refused() -> None:
    """Else the tests above would say nothing."""
    dice = random.Random(7)
    statuses = [
        result.status
        for path in FILES
        for program in compiled(path, {}).entities.values()
        for result in outcomes(program, entity(program, dice))
    ]
    assert statuses.count("ok") > len(statuses) / 3
