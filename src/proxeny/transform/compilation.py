"""One mapping's declaration → an instruction: its strings compiled, its functions prepared, its operations known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from proxeny.transform.errors import ExpressionSyntaxError
from proxeny.transform.expressions import Expressions, FunctionEnvironment
from proxeny.transform.functions.apply import compile_function
from proxeny.transform.functions.registry import Step
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
from proxeny.transform.mapping import MappingDeclaration
from proxeny.transform.paths.assign import compile_assign, compile_remove, compile_rename
from proxeny.transform.paths.evaluate import compile_path
from proxeny.transform.redaction import HIDDEN, any_secret
from proxeny.transform.templates import template
from proxeny.transform.trace import Label
from proxeny.transform.values import MISSING, Evaluate, Run, to_text

TARGET_ID: Final = "entityIdTargetSystem"
_UNSCOPED: Final[frozenset[Operation]] = frozenset({"read", "create", "update"})
_SCOPES: Final[Mapping[str, Operation]] = {"createEntity": "create", "patchEntity": "patch", "deleteEntity": "delete"}


def label_of(mapping: MappingDeclaration) -> Label:
    """How a trace calls the mapping, and whether it must hide its values: a secret by name, or a password made here."""
    names = [name for text in (mapping.target_path, mapping.source_path) if text for name in _words(text)]
    names += [name for name in (mapping.source_variable, mapping.target_variable) if name]
    secret = any(function.name == "randomPassword" for function in mapping.functions) or any_secret(names)
    return Label(
        mapping.number, mapping.kind, _source_of(mapping, secret), mapping.target_path, mapping.target_variable, secret
    )


def _source_of(mapping: MappingDeclaration, secret: bool) -> str:
    if mapping.source_path is not None or mapping.source_paths:
        return mapping.source_path or ", ".join(mapping.source_paths)
    if mapping.source_variable is not None:
        return "${" + mapping.source_variable + "}" + (f" {mapping.variable_path}" if mapping.variable_path else "")
    if mapping.constant is MISSING:
        return ""
    shown = HIDDEN if secret else "null" if mapping.constant is None else to_text(mapping.constant)
    return f"constant {shown}"


def _words(path: str) -> list[str]:
    return [
        word for word in path.replace("[", ".").replace("]", ".").replace("'", ".").replace('"', ".").split(".") if word
    ]


@dataclass(frozen=True, slots=True)
class Compilation:
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
            label=label_of(mapping),
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
