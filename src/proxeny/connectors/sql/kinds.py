"""What the gateway is told of the entity types: their fields as the properties have them, then as the tables do.

Without column properties every column is a field, so that the fields are known when the tables have been looked at.
"""

from proxeny.connectors.filtering import Field
from proxeny.connectors.spi import EntityType
from proxeny.connectors.sql.filter import CREATED, MODIFIED
from proxeny.connectors.sql.layout import EntityLayout
from proxeny.connectors.sql.tables import EntityTable
from proxeny.connectors.sql.values import Kind

_OPEN: frozenset[Kind] = frozenset({"json", "other"})
"""Kinds of columns that may hold objects."""


def declared(layout: EntityLayout) -> EntityType:
    """The type as its properties have it."""
    own = [(column.place.field, True) for column in layout.columns]
    lists = [
        (field, each.write == "replace")
        for each in layout.lists
        for field in _in_list(each.name, [column.place.field for column in each.columns])
    ]
    return _entity_type(layout, own + lists if own else None)


def found(entity: EntityTable) -> EntityType:
    """The type as its tables have it."""
    own = [(column.place.field, column.column.computed is None) for column in entity.columns]
    lists = [
        (field, each.write == "replace")
        for each in entity.lists
        for field in _in_list(each.name, [] if each.plain else [column.place.field for column in each.columns])
    ]
    whole = (one.place.field for one in entity.columns if len(one.place.field) > 1 or one.kind in _OPEN)
    objects = {field[0] for field in whole} | {each.name for each in entity.lists if not each.plain}
    return _entity_type(entity.layout, own + lists, frozenset(objects))


def _in_list(name: str, fields: list[Field]) -> list[Field]:
    """The fields of a list; one of plain values is a field itself."""
    return [(name, *field) for field in fields] or [(name,)]


def _entity_type(
    layout: EntityLayout, fields: list[tuple[Field, bool]] | None, objects: frozenset[str] | None = None
) -> EntityType:
    """``fields`` each with whether writes fill it; None: not known yet."""
    return EntityType(
        layout.name,
        ("id",),
        CREATED if layout.created else None,
        MODIFIED if layout.modified else None,
        objects=objects,
        fields=None if fields is None else frozenset(field for field, _ in fields),
        written=None
        if fields is None
        else frozenset(field for field, fills in fields if fills and ".".join(field) not in layout.readonly),
    )
