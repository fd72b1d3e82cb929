"""Declarations → a transformation ready to run: all problems at once, or an immutable program for each entity type.

What a mapping needs is put together here, once: its paths and conditions compiled, its functions prepared, its
operations
known. Properties and role belong to the system that the transformation is for; they are part of the result.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final, Literal

from proxeny.transform.checks import check_instructions
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.errors import ExpressionSyntaxError, Problem, TransformationError
from proxeny.transform.expressions import Expressions, FunctionEnvironment, Setting
from proxeny.transform.functions.apply import compile_function
from proxeny.transform.functions.registry import Role, Step
from proxeny.transform.instructions import (
    FromConstant,
    FromPath,
    FromTable,
    FromVariable,
    Instruction,
    Operation,
    Origin,
    Target,
)
from proxeny.transform.mapping import Declarations, EntityDeclaration, MappingDeclaration, load
from proxeny.transform.paths.assign import compile_assign, compile_remove, compile_rename
from proxeny.transform.paths.evaluate import compile_path
from proxeny.transform.properties import names_list
from proxeny.transform.redaction import any_secret, is_secret
from proxeny.transform.regexes import Alert, Patterns
from proxeny.transform.runtime import EntityProgram, Section, Transformation
from proxeny.transform.templates import template
from proxeny.transform.trace import Label
from proxeny.transform.values import MISSING, Evaluate, Run, to_text

Direction = Literal["read", "write"]
TARGET_ID: Final = "entityIdTargetSystem"
SOURCE_ID: Final = "entityIdSourceSystem"

_UNSCOPED: Final[frozenset[Operation]] = frozenset({"read", "create", "update"})
_SCOPES: Final[Mapping[str, Operation]] = {"createEntity": "create", "patchEntity": "patch", "deleteEntity": "delete"}


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
    compiled = {mapping.number: _Mapping(mapping, expressions).instruction() for mapping in active}
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
        labels=tuple(_label(mapping) for mapping in entity.mappings),
        ignored=frozenset(mapping.number for mapping in entity.mappings if mapping.ignore),
        instructions=instructions,
    )
    lists = {mapping.number for mapping in active if names_list(mapping.constant) is not None}
    if lists and setting.role == "proxy":
        for mapping in active:
            if mapping.number in lists:
                at = expressions.inside(mapping.origin, mapping=mapping.number)
                at.problem('"%key%[]" makes an entity for each value, which a proxy cannot do; use "%key%"', "constant")
    return EntityProgram(section, _variants(section, lists))


def _variants(section: Section, lists: set[int]) -> tuple[Section, ...]:
    """One section for each value of the constants ``"%key%[]"`` (quirk 46)."""
    choices = [
        [replace(one, origin=FromConstant(value, None)) for value in one.origin.value]
        if one.number in lists and isinstance(one.origin, FromConstant)
        else [one]
        for one in section.instructions
    ]
    return tuple(replace(section, instructions=variant) for variant in product(*choices)) if lists else ()


def _label(mapping: MappingDeclaration) -> Label:
    source = mapping.source_path or ", ".join(mapping.source_paths)
    if mapping.source_variable is not None:
        source = "${" + mapping.source_variable + "}" + (f" {mapping.variable_path}" if mapping.variable_path else "")
    if mapping.constant is not MISSING and not source:
        source = f"constant {to_text(mapping.constant)}" if mapping.constant is not None else "constant null"
    target = mapping.target_path
    names = [name for text in (target, mapping.source_path) if text for name in _words(text)]
    makes_password = any(function.name == "randomPassword" for function in mapping.functions)
    variables = [name for name in (mapping.source_variable, mapping.target_variable) if name is not None]
    secret = makes_password or any_secret(names[-1:] + names[:1]) or any_secret(names) or any(map(is_secret, variables))
    return Label(
        mapping.number,
        mapping.kind,
        "constant ***" if secret and source.startswith("constant") else source,
        target,
        mapping.target_variable,
        secret,
    )


def _words(path: str) -> list[str]:
    return [
        word for word in path.replace("[", ".").replace("]", ".").replace("'", ".").replace('"', ".").split(".") if word
    ]


@dataclass(frozen=True, slots=True)
class _Mapping:
    """One declaration on its way to an instruction; None where a problem was noted."""

    declaration: MappingDeclaration
    outer: Expressions

    @property
    def expressions(self) -> Expressions:
        return self.outer.inside(self.declaration.origin, mapping=self.declaration.number)

    def instruction(self) -> Instruction | None:
        mapping, expressions = self.declaration, self.expressions
        before = len(expressions.setting.problems)
        guard = expressions.guard("condition", mapping.condition) if mapping.condition is not None else None
        target = self._target()
        changes = mapping.kind in ("remove", "rename")
        origin = None if changes else self._origin()
        functions = () if changes else tuple(self._functions())
        if any(problem.severity == "error" for problem in expressions.setting.problems[before:]):
            return None
        return Instruction(
            label=_label(mapping),
            operations=self._operations(),
            guard=guard,
            origin=origin,
            collapse=not mapping.preserve and _from_path(origin),
            functions=functions,
            default=mapping.default
            if mapping.default is MISSING
            else expressions.value("defaultValue", mapping.default),
            optional=mapping.optional,
            target=target,
            variable=mapping.target_variable,
            correlates=mapping.correlation,
            new_name=str(mapping.constant) if mapping.kind == "rename" else None,
        )

    def _operations(self) -> frozenset[Operation]:
        """The operations by scope; in a proxy ``deleteEntity`` counts only on the mapping of the target's id."""
        if not self.declaration.scope:
            return _UNSCOPED
        operations = frozenset(_SCOPES[scope] for scope in self.declaration.scope)
        about_id = TARGET_ID in (self.declaration.target_variable, self.declaration.source_variable)
        return operations - {"delete"} if self.outer.setting.role == "proxy" and not about_id else operations

    def _origin(self) -> Origin:
        mapping, expressions = self.declaration, self.expressions
        if mapping.kind == "valueMapping":
            return self._table()
        if mapping.source_path is not None:
            found = expressions.path("sourcePath", mapping.source_path)
            return FromPath(*found) if found else None
        if mapping.source_variable is not None:
            return self._from_variable(mapping.source_variable)
        if mapping.constant is not MISSING:
            value = expressions.value("constant", mapping.constant)
            return FromConstant(value, template(value))
        return None

    def _from_variable(self, name: str) -> Origin:
        text = self.declaration.variable_path
        if text is None:
            return FromVariable(name, None, None)
        found = self.expressions.path("variablePath", text)
        if found is None:
            return None
        path = replace(found[0], relative=True)
        return FromVariable(name, path, compile_path(path, self.outer.setting.environment))

    def _table(self) -> Origin:
        found = [
            self.expressions.path(("sourcePaths", place), text)
            for place, text in enumerate(self.declaration.source_paths)
        ]
        reads = [one for one in found if one is not None]
        table: dict[tuple[str, ...], Any] = {}
        for entry in self.declaration.value_mappings:
            key = tuple(self.expressions.text("valueMappings", text) for text in entry.key)
            table.setdefault(key, self.expressions.value("valueMappings", entry.value))
        return FromTable(tuple(path for path, _ in reads), _choose([evaluate for _, evaluate in reads], table))

    def _functions(self) -> list[Step]:
        steps = []
        for function in self.declaration.functions:
            at = self.expressions.inside(function.origin, prefix=f"functions[{function.number}]")
            condition = None if function.condition is None else at.text("condition", function.condition)
            parameters = {key: at.value(key, value) for key, value in function.parameters.items()}
            attribute = (
                None
                if function.apply_on_attribute is None
                else at.text("applyOnAttribute", function.apply_on_attribute)
            )
            declared = replace(function, condition=condition, parameters=parameters, apply_on_attribute=attribute)
            steps.append(compile_function(declared, FunctionEnvironment(at)))
        return steps

    def _target(self) -> Target | None:
        mapping, expressions = self.declaration, self.expressions
        if mapping.target_path is None:
            return None
        found = expressions.path("targetPath", mapping.target_path)
        if found is None:
            return None
        path = found[0]
        try:
            if mapping.kind == "remove":
                return Target(path, compile_remove(path, expressions.setting.environment))
            if mapping.kind == "rename":
                new_name = expressions.text("constant", str(mapping.constant))
                return Target(path, compile_rename(path, new_name, expressions.setting.environment))
            return Target(path, compile_assign(path, expressions.setting.environment))
        except ExpressionSyntaxError as error:
            expressions.problem(
                error.message, "targetPath", excerpt=path.text, caret=error.position, written=mapping.target_path
            )
            return None


def _from_path(origin: Origin) -> bool:
    return isinstance(origin, FromPath) or (isinstance(origin, FromVariable) and origin.path is not None)


def _choose(reads: list[Evaluate], table: Mapping[tuple[str, ...], Any]) -> Callable[[Any, Run], Any]:
    """All values as texts are the key; a value that is missing, or not one scalar, finds nothing."""

    def choose(root: Any, run: Run) -> Any:
        key = []
        for read in reads:
            value = read(root, run)
            if isinstance(value, list) and len(value) == 1:
                value = value[0]
            if value is MISSING or value is None or isinstance(value, list | dict):
                return MISSING
            key.append(to_text(value))
        return table.get(tuple(key), MISSING)

    return choose
