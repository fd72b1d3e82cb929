"""An entity as the directory stores it, parsed only when somebody asks: what is known already need not be."""

from collections.abc import Hashable, Sequence

from proxeny.connectors.directory.resources import document_of, groups_value
from proxeny.connectors.spi import Entity
from proxeny.database import Row
from proxeny.documents import Document


class Stored(Entity):
    """``row`` begins with the columns ``tables.SHOWN``. ``groups`` are the rows of a user's groups, None if they were
    omitted."""

    __hash__ = None  # type: ignore[assignment]  # as its base
    __slots__ = ("_document", "_entity_type", "_groups", "_row")

    def __init__(self, entity_type: str, row: Row, groups: Sequence[Row] | None = None) -> None:
        self.id, self.version, self.created, self.last_modified = row[1], str(row[2]), row[3], row[4]
        self._entity_type = entity_type
        self._row: Row | None = row
        self._groups = groups
        self._document: Document | None = None

    @property
    def content(self) -> Hashable | None:  # type: ignore[override]  # made when it is asked for; nobody sets it
        """The number of the row, which is never given again, its version and time, and the groups, which may change
        without the user's version. Nothing tells what a document is that was put in place of the stored one."""
        row, groups = self._row, self._groups
        if row is None:
            return None
        return row[0], row[2], row[4], None if groups is None else tuple(groups)

    @property
    def document(self) -> Document:
        if self._document is None:
            assert self._row is not None  # noqa: S101  # it goes only when there is a document
            self._document = document_of(self._entity_type, self._row)
            if self._groups:
                self._document["groups"] = groups_value(self._groups)
        return self._document

    @document.setter
    def document(self, document: Document) -> None:
        self._document = document
        self._row = None

    def __eq__(self, other: object) -> bool:
        """As any entity: by what it shows."""
        return isinstance(other, Entity) and _shown(self) == _shown(other)


def _shown(entity: Entity) -> tuple[object, ...]:
    return entity.id, entity.version, entity.created, entity.last_modified, entity.document
