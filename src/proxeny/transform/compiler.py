"""Declarations → a transformation ready to run: all problems at once, or an immutable program for each entity type.

What a mapping needs is put together here, once: its paths and conditions compiled, its functions prepared, its
operations
known. Properties and role belong to the system that the transformation is for; they are part of the result.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any, Final, Literal

from proxeny.transform.checks import check_instructions
from proxeny.transform.clock import Clock, clock, needs_clock
from proxeny.transform.compilation import Compilation, label_of
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.errors import ParameterError, Problem, TransformationError
from proxeny.transform.expressions import Expressions, Setting
from proxeny.transform.functions.dates import FORMAT_PROPERTY
from proxeny.transform.functions.registry import Role
from proxeny.transform.instructions import FromConstant
from proxeny.transform.mapping import Declarations, EntityDeclaration, load
from proxeny.transform.properties import names_list
from proxeny.transform.regexes import Alert, Patterns
from proxeny.transform.runtime import EntityProgram, Section, Transformation

Direction = Literal["read", "write"]
SOURCE_ID: Final = "entityIdSourceSystem"


def compile_transformation(
    declarations: Declarations,
    *,
    properties: Mapping[str, Any],
    direction: Direction,
    role: Role,
    needs_source_id: bool = False,
    alert: Alert | None = None,
) -> Transformation:
    """The transformation for one system.

    Raises TransformationError with all problems if one of them is an error. ``needs_source_id``: a read that never sets
    ``entityIdSourceSystem`` is an error (proxies and jobs), else a warning. ``alert`` is told the label of a pattern
    that was switched off.
    """
    transformation, problems = _compile(declarations, properties, direction, role, needs_source_id, alert)
    if any(problem.severity == "error" for problem in problems):
        raise TransformationError(declarations.name, problems)
    return transformation


def check_transformation(
    text: str,
    *,
    name: str = "transformation",
    properties: Mapping[str, Any] | None = None,
    direction: Direction | None = None,
    role: Role = "source",
) -> tuple[Problem, ...]:
    """Everything that is wrong with a text, and what is suspicious, in the order of the text. Never raises.

    Without ``properties`` every placeholder stands for ``null``, and no warning says so.
    """
    declarations = load(text, name=name)
    _, problems = _compile(declarations, properties or {}, direction, role, False, None)
    if properties is None:
        problems = tuple(problem for problem in problems if not problem.message.startswith("there is no property"))
    return tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))


def _compile(
    declarations: Declarations,
    properties: Mapping[str, Any],
    direction: Direction | None,
    role: Role,
    needs_source_id: bool,
    alert: Alert | None,
) -> tuple[Transformation, tuple[Problem, ...]]:
    setting = Setting(Environment(properties, Patterns(alert)), role, list(declarations.problems))
    programs = {
        entity.name: _entity(entity, setting, direction, needs_source_id)
        for entity in declarations.entities
        if not entity.ignore
    }
    problems = tuple(setting.problems)
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    return Transformation(declarations.name, programs, warnings), problems


def _entity(
    entity: EntityDeclaration, setting: Setting, direction: Direction | None, needs_source_id: bool
) -> EntityProgram:
    expressions = Expressions(setting, entity.origin, entity.name)
    guard = expressions.guard("condition", entity.condition) if entity.condition is not None else None
    active = [mapping for mapping in entity.mappings if not mapping.ignore]
    compiled = {mapping.number: Compilation(mapping, expressions).instruction() for mapping in active}
    instructions = tuple(one for one in compiled.values() if one is not None)
    if direction == "read" and not any(one.variable == SOURCE_ID and "read" in one.operations for one in instructions):
        severity: Literal["error", "warning"] = "error" if needs_source_id else "warning"
        expressions.problem(f"no mapping sets {SOURCE_ID} on read: the entity has no id", "mappings", severity=severity)
    check_instructions(instructions, guard, entity, expressions)
    section = Section(
        entity_type=entity.name,
        endpoint=entity.endpoint,
        skip_operations=entity.skip_operations | ({"patch"} if "update" in entity.skip_operations else set()),
        guard=guard,
        labels=tuple(label_of(mapping) for mapping in entity.mappings),
        ignored=frozenset(mapping.number for mapping in entity.mappings if mapping.ignore),
        instructions=instructions,
    )
    lists = {mapping.number for mapping in active if names_list(mapping.constant) is not None}
    if lists and setting.role == "proxy":
        for mapping in active:
            if mapping.number in lists:
                at = expressions.inside(mapping.origin, mapping=mapping.number)
                at.problem('"%key%[]" makes an entity for each value, which a proxy cannot do; use "%key%"', "constant")
    return EntityProgram(section, _variants(section, lists), _clock(entity, expressions))


def _clock(entity: EntityDeclaration, expressions: Expressions) -> Clock | None:
    """The clock behind ``currentDate``, if the entity type names it."""
    properties = expressions.setting.environment.properties
    if not needs_clock(entity, properties):
        return None
    try:
        return clock(properties)
    except ParameterError as error:
        expressions.problem(f"the property {FORMAT_PROPERTY} is no date format: {error}", "mappings")
        return None


def _variants(section: Section, lists: set[int]) -> tuple[Section, ...]:
    """One section for each value of the constants ``"%key%[]"`` (quirk 46)."""
    choices = [
        [replace(one, origin=FromConstant(value, None)) for value in one.origin.value]
        if one.number in lists and isinstance(one.origin, FromConstant)
        else [one]
        for one in section.instructions
    ]
    return tuple(replace(section, instructions=variant) for variant in product(*choices)) if lists else ()
