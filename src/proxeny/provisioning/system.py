"""A system ready to use: its type, properties, compiled transformations and connector."""

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxeny.connectors import registry
from proxeny.connectors.errors import PropertyError
from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.spec import Connection, Direction, Role, SystemType
from proxeny.connectors.spi import Connector
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem
from proxeny.provisioning.systems.definition import AccessMode, SystemDefinition, TransformationText
from proxeny.transform import Operation, Transformation, TransformationError, compile_transformation, load
from proxeny.transform.errors import Problem

if TYPE_CHECKING:
    from proxeny.connectors.outbound.client import Outbound
    from proxeny.database import Database

logger = logging.getLogger("proxeny.catalog")

ROLES: dict[AccessMode, Role] = {"READ": "source", "WRITE": "target", "PROXY": "proxy"}
_OPERATIONS: dict[Direction, tuple[Operation, ...]] = {
    "read": ("read",),
    "write": ("create", "update", "patch", "delete"),
}
_NEEDED: dict[Role, tuple[Direction, ...]] = {"source": ("read",), "target": ("write",), "proxy": ("read", "write")}


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A definition that was checked: everything but the connection. Making one does no input and no output."""

    definition: SystemDefinition
    type: SystemType
    role: Role
    values: PropertyValues
    read: Transformation | None
    write: Transformation | None
    warnings: tuple[DefinitionProblem, ...] = ()

    def connector(self, database: "Database", outbound: "Outbound") -> Connector:
        """A connector, not opened yet."""
        spec = registry.spec(self.type.protocol or "")
        return spec.build(
            Connection(self.definition.id, self.definition.name, self.type, self.values, database, outbound)
        )


def blueprint(definition: SystemDefinition) -> Blueprint:
    """Checks a definition without connecting; raises DefinitionError with everything that is wrong."""
    drawing = _Drawing(definition)
    plan = drawing.finish()
    errors = tuple(problem for problem in drawing.problems if problem.severity == "error")
    if plan is None or errors:
        raise DefinitionError(tuple(drawing.problems))
    return plan


class _Drawing:
    """Collects the problems of one definition."""

    def __init__(self, definition: SystemDefinition) -> None:
        self._definition = definition
        self.problems: list[DefinitionProblem] = []

    def _problem(self, place: str, message: str, severity: str = "error", line: int | None = None) -> None:
        where = self._definition.origin or self._definition.name
        self.problems.append(DefinitionProblem(where, place, message, line, severity))

    def finish(self) -> Blueprint | None:
        definition = self._definition
        known = self._type()
        if known is None:
            return None
        role = ROLES.get(definition.access_mode)
        if role is None:  # whoever read it has said so; what is wrong beside it is said with it
            self._without_role(known)
            return None
        if role not in known.roles:
            self._problem("accessMode", f"{known.title} cannot be a {role}; it can be {', '.join(known.roles)}")
        given = {**known.predefined.get(role, {}), **definition.properties}
        values = known.values(given, definition.credentials)
        self._properties(known, values)
        read = self._compiled(known, values, role, "read", definition.read)
        write = self._compiled(known, values, role, "write", definition.write)
        self._unread(known, values, role)
        warnings = tuple(problem for problem in self.problems if problem.severity == "warning")
        return Blueprint(definition, known, role, values, read, write, warnings)

    def _without_role(self, known: SystemType) -> None:
        """Checks what does not depend on whether it is a source, a target or a proxy."""
        definition, role = self._definition, known.roles[0]
        values = known.values(definition.properties, definition.credentials)
        self._properties(known, values)
        if definition.read is not None:
            self._compiled(known, values, role, "read", definition.read)
        if definition.write is not None:
            self._compiled(known, values, role, "write", definition.write)

    def _type(self) -> SystemType | None:
        try:
            known = registry.system_type(self._definition.type)
        except PropertyError as error:
            self._problem("connectorTypeString", str(error))
            return None
        if known.protocol is None:
            message = f"{known.title} is known, but no connector for it exists in this version"
            self._problem("connectorTypeString", message)
            return None
        return known

    def _properties(self, known: SystemType, values: PropertyValues) -> None:
        spec = registry.spec(known.protocol or "")
        for problem in known.misplaced(self._definition.properties):
            self._problem(f"properties.{problem.name}", problem.message, problem.severity)
        for problem in spec.check(values.given, known):
            place = "encryptedProperties" if problem.name in values.secrets else "properties"
            self._problem(f"{place}.{problem.name}", problem.message, problem.severity)

    def _unread(self, known: SystemType, values: PropertyValues, role: Role) -> None:
        """Properties that neither this type of system nor a transformation reads: misspelt, or of another product."""
        definition = self._definition
        given = [text.text for text in (definition.read, definition.write) if text is not None]
        defaults = [known.transformation(role, direction, values) or "" for direction in _OPERATIONS]
        names = {*definition.properties} - {problem.place.partition(".")[2] for problem in self.problems}
        for problem in registry.spec(known.protocol or "").unread(names, known, (*given, *defaults, *values.values())):
            self._problem(f"properties.{problem.name}", problem.message, problem.severity)

    def _compiled(
        self,
        known: SystemType,
        values: PropertyValues,
        role: Role,
        direction: Direction,
        given: TransformationText | None,
    ) -> Transformation | None:
        if direction not in _NEEDED[role] and given is None:
            return None
        text = given or self._default(known, values, role, direction)
        if text is None:
            return None
        try:
            compiled = compile_transformation(
                load(text.placed or text.text, name=text.name),
                properties=values.public(),
                direction=direction,
                role=role,
                needs_source_id=True,
                alert=self._alert,
            )
        except TransformationError as error:
            self._findings(text, error.problems)
            return None
        if given is not None:
            self._findings(text, compiled.warnings)
        for program in compiled.entities.values():
            program.prepare(_OPERATIONS[direction])
        return compiled

    def _alert(self, pattern: str) -> None:
        logger.error(
            "a pattern spent its time three times and was switched off: %s",
            pattern,
            extra={"system": self._definition.id},
        )

    def _default(
        self, known: SystemType, values: PropertyValues, role: Role, direction: Direction
    ) -> TransformationText | None:
        text = known.transformation(role, direction, values)
        if text is None:
            self._problem(f"{direction}Transformation", f"is missing, and {known.title} has no default for a {role}")
            return None
        return TransformationText(f"{known.name} (default {role} {direction})", text)

    def _findings(self, text: TransformationText, findings: tuple[Problem, ...]) -> None:
        for finding in findings:
            place = " ".join(
                str(part)
                for part in (
                    text.key,
                    finding.entity_type,
                    f"mapping {finding.mapping}" if finding.mapping else None,
                    finding.key,
                )
                if part
            )
            self.problems.append(
                DefinitionProblem(text.name, place, finding.message, finding.line, finding.severity, finding.column)
            )


def version_of(plan: Blueprint, direction: str) -> str:
    """A short digest of a transformation's text, to tell which one made an outcome."""
    given = plan.definition.read if direction == "read" else plan.definition.write
    text = given.text if given is not None else None
    if text is None:
        text = plan.type.transformation(plan.role, "read" if direction == "read" else "write", plan.values) or ""
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
