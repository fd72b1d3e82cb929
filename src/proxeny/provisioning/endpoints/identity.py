"""The id in a URL and the id of the backend: the same, or one decoded by the read transformation's reverse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxeny.connectors.filtering import Compare, Field, NativeFilter
from proxeny.connectors.spi import Entity
from proxeny.documents import Document
from proxeny.provisioning.crossing import TARGET_ID
from proxeny.transform import OPERATIONS, EntityProgram, Operation
from proxeny.transform.usage import variable_place

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """``field`` is the native field that the SCIM ``id`` copies; ``decode`` undoes its encoding (None: the same text).

    ``declared`` is the field that the connector reads by.
    """

    declared: Field
    field: Field
    decode: Callable[[str], str] | None = None

    def native(self, url_id: str) -> str | None:
        """The id to read by, or None where the SCIM id is another field, which must be searched for."""
        return self._decoded(url_id) if self.direct else None

    @property
    def direct(self) -> bool:
        """Whether the URL alone tells the backend's id."""
        return self.field == self.declared

    def filter(self, url_id: str) -> NativeFilter:
        """The entity by its id, as a filter that may be combined with others."""
        return Compare(self.field, "eq", self._decoded(url_id), case_exact=True)

    def matches(self, entity: Entity, url_id: str) -> bool:
        """Whether a superset's entity is the one (a backend may compare without case)."""
        wanted = self._decoded(url_id)
        if self.field == self.declared:
            return entity.id == wanted
        value = _at(entity.document, self.field)
        return value == wanted or (isinstance(value, list) and wanted in value)

    def _decoded(self, url_id: str) -> str:
        return self.decode(url_id) if self.decode is not None else url_id


@dataclass(frozen=True, slots=True)
class TargetIds:
    """Where the write program puts ``entityIdTargetSystem`` (perhaps decoded), by operation."""

    places: Mapping[Operation, Place]

    @classmethod
    def of_program(cls, program: EntityProgram | None) -> "TargetIds":
        found: dict[Operation, Place] = {}
        for operation in OPERATIONS if program is not None else ():
            place = variable_place(program, TARGET_ID, operation) if program is not None else None
            if place is not None:
                found[operation] = place
        return cls(found)

    def of(self, operation: Operation, document: Document) -> str | None:
        """The native id in what the program made, or None if it does not say."""
        place = self.places.get(operation)
        value = _at(document, place) if place is not None else None
        return value if isinstance(value, str) and value else None


def _at(document: Document, place: Place) -> object:
    value: object = document
    for key in place:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and key < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
