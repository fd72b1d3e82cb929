"""Trying a transformation on a document, without any system: what ``proxeny transform`` does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxeny.connectors.registry import system_type
from proxeny.connectors.spec import Direction, Role
from proxeny.documents import Document
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem
from proxeny.transform import Operation, Result, Trace, Transformation, compile_transformation, load

ABSENT = "entity-type-absent"


@dataclass(frozen=True, slots=True)
class Workbench:
    """One compiled transformation, ready to be tried. Lookups of ids stay as they are, as in a proxy."""

    transformation: Transformation

    @classmethod
    def of_text(
        cls, text: str, *, name: str, role: Role, direction: Direction, properties: Mapping[str, str]
    ) -> "Workbench":
        """From a transformation's text; raises TransformationError with everything that is wrong with it."""
        return cls(compile_transformation(load(text, name=name), properties=properties, direction=direction, role=role))

    @classmethod
    def of_type(cls, type_name: str, *, role: Role, direction: Direction, properties: Mapping[str, str]) -> "Workbench":
        """From the default transformation of a system type; PropertyError for an unknown type."""
        known = system_type(type_name)
        text = known.transformation(role, direction, properties)
        if text is None:
            message = f"{known.title} has no default {role} {direction} transformation"
            raise DefinitionError((DefinitionProblem(known.name, "", message),))
        values = known.values(properties).public()
        return cls.of_text(text, name=known.name, role=role, direction=direction, properties=values)

    def run(
        self,
        entity_type: str,
        operation: Operation,
        document: Document,
        *,
        variables: Mapping[str, Any] | None = None,
        after_patch: Document | None = None,
    ) -> Result:
        """The outcome for one document; an entity type that the transformation lacks or ignores is skipped."""
        program = self.transformation.entity(entity_type)
        if program is None:
            return self._absent(entity_type)
        return program.run(operation, document, dict(variables or {}), after_patch=after_patch)

    def explain(
        self,
        entity_type: str,
        operation: Operation,
        document: Document,
        *,
        variables: Mapping[str, Any] | None = None,
        after_patch: Document | None = None,
    ) -> Trace | Result:
        """What each mapping did; a Result where there is no program to explain."""
        program = self.transformation.entity(entity_type)
        if program is None:
            return self._absent(entity_type)
        return program.explain(operation, document, dict(variables or {}), after_patch=after_patch)

    def _absent(self, entity_type: str) -> Result:
        known = ", ".join(self.transformation.entities) or "none"
        message = f"the transformation has no entity type {entity_type!r}, or ignores it (it has: {known})"
        return Result("skipped", reason=ABSENT, message=message)
