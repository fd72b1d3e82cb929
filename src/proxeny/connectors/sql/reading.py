"""Rows as entities: one statement for a page, one more for each list, however many entities the page has."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson
import sqlalchemy as sa

from proxeny.connectors.errors import RefusedError
from proxeny.connectors.places import Place
from proxeny.connectors.spi import Entity, Search
from proxeny.connectors.sql.filter import CREATED, MODIFIED
from proxeny.connectors.sql.tables import EntityTable, ListTable, MappedColumn
from proxeny.connectors.sql.values import shown_time
from proxeny.documents import Document

AT_ONCE = 500
"""Keys in one statement for a list, and entities in one portion of a stream."""

Key = tuple[Any, ...]
Row = Mapping[str, Any]
NO_FIELDS: frozenset[str] = frozenset()
_META: tuple[tuple[str, Place], ...] = (("created", Place(CREATED)), ("modified", Place(MODIFIED)))


def rows_of(connection: sa.Connection, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    """The rows by the names of their columns."""
    return [{str(name): value for name, value in row.items()} for row in connection.execute(statement).mappings()]


def existing(entity: EntityTable) -> list[sa.ColumnElement[bool]]:
    """What every row that exists meets: it is not marked as deleted, and the operator's condition holds."""
    terms: list[sa.ColumnElement[bool]] = []
    if entity.deleted is not None:
        terms.append(sa.not_(marked(entity)))
    return terms


def marked(entity: EntityTable) -> sa.ColumnElement[bool]:
    """Whether a row is marked as deleted; never unknown."""
    column, value = entity.deleted, entity.layout.deleted_value
    if column is None:
        return sa.false()
    if value == "now":
        return column.isnot(None)
    wanted: Any = sa.true() if value == "true" and isinstance(column.type, sa.Boolean) else _typed(column, value)
    return sa.and_(column.isnot(None), column == wanted)


def _typed(column: sa.Column[Any], value: str) -> Any:
    if isinstance(column.type, sa.Integer):
        return {"true": 1, "false": 0}.get(value.lower(), int(value) if value.lstrip("-").isdecimal() else 1)
    return value


def own_condition(native_filter: str | None) -> list[sa.ColumnElement[bool]]:
    """The operator's own condition, in parentheses so that its ``or`` stays inside."""
    if not native_filter or not native_filter.strip():
        return []
    return [sa.text("(" + native_filter.strip().replace(":", "\\:") + ")")]  # type: ignore[list-item]  # a fragment


def at(entity: EntityTable, key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(*(column.column == value for column, value in zip(entity.key, key, strict=True)))


def beyond(entity: EntityTable, key: Key) -> sa.ColumnElement[bool]:
    """Behind ``key`` in the order of keys, spelled out for databases that cannot compare rows."""
    return further([column.column for column in entity.key], key)


def further(columns: Sequence[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    terms = []
    for index, (column, value) in enumerate(zip(columns, values, strict=True)):
        same = [earlier == known for earlier, known in zip(columns[:index], values[:index], strict=True)]
        terms.append(sa.and_(*same, column > value))
    return sa.or_(*terms)


def select(entity: EntityTable) -> sa.Select[Any]:
    return sa.select(*entity.shown).where(*existing(entity))


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads one entity type over an open connection."""

    connection: sa.Connection
    entity: EntityTable

    def one(self, key: Key, omit: frozenset[str] = NO_FIELDS) -> Entity | None:
        found = self.many(select(self.entity).where(at(self.entity, key)), omit)
        return found[0] if found else None

    def many(self, statement: sa.Select[Any], omit: frozenset[str] = NO_FIELDS) -> list[Entity]:
        return self.entities(rows_of(self.connection, statement), omit)

    def entities(self, rows: Sequence[Row], omit: frozenset[str]) -> list[Entity]:
        keys = [key_in(self.entity, row) for row in rows]
        lists = {child.name: self._elements(child, keys) for child in self.entity.lists if child.name not in omit}
        return [self._entity(row, key, lists, omit) for row, key in zip(rows, keys, strict=True)]

    def _entity(self, row: Row, key: Key, lists: Mapping[str, Mapping[Key, list[Any]]], omit: frozenset[str]) -> Entity:
        entity, document = self.entity, _fields(self.entity.columns, row)
        for name, by_key in lists.items():
            if key in by_key:
                document[name] = by_key[key]
        for name in omit:
            document.pop(name, None)
        document["id"] = entity.id_of(key)
        times = {"created": entity.created, "modified": entity.modified}
        shown = {name: shown_time(row[column.name]) for name, column in times.items() if column is not None}
        version = _version(entity, row, document, lists)
        for name, place in _META:
            if shown.get(name):
                place.put(document, shown[name])
        return Entity(document["id"], document, version, shown.get("created"), shown.get("modified"))

    def _elements(self, child: ListTable, keys: Sequence[Key]) -> dict[Key, list[Any]]:
        found: dict[Key, list[Any]] = {}
        for start in range(0, len(keys), AT_ONCE):
            portion = keys[start : start + AT_ONCE]
            columns = {column.name: column for column in (*child.key, *(each.column for each in child.columns))}
            statement = sa.select(*columns.values()).where(_among(child.key, portion)).order_by(*child.order)
            for row in self.connection.execute(statement).mappings():
                element = _element(child, {column.name: row[column] for column in columns.values()})
                if element is not None:
                    found.setdefault(tuple(row[column] for column in child.key), []).append(element)
        return found


def key_in(entity: EntityTable, row: Row) -> Key:
    return tuple(row[column.column.name] for column in entity.key)


def _among(columns: Sequence[Any], keys: Sequence[Key]) -> sa.ColumnElement[bool]:
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])  # type: ignore[no-any-return]  # of a column without a type
    return sa.or_(*(sa.and_(*(c == value for c, value in zip(columns, key, strict=True))) for key in keys))


def _element(child: ListTable, row: Row) -> Any:
    if child.plain:
        column = child.columns[0]
        return column.shown(row[column.column.name])
    return _fields(child.columns, row) or None


def _fields(columns: Iterable[MappedColumn], row: Row) -> Document:
    document: Document = {}
    for column in columns:
        value = column.shown(row[column.column.name])
        if value is not None:
            column.place.put(document, value)
    return document


def _version(entity: EntityTable, row: Row, document: Document, lists: Mapping[str, Any]) -> str | None:
    """The version column, or a digest of all that the document holds; None when a part was left out."""
    if entity.version is not None:
        return str(row[entity.version.name])
    if len(lists) < len(entity.lists):
        return None
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return blake2b(text, digest_size=12).hexdigest()


# -- cursors ------------------------------------------------------------------------------------------------------


def binding(entity: EntityTable, search: Search) -> str:
    """What a cursor belongs to: a digest of type, filters and order."""
    text = repr((entity.name, search.filter, search.native_filter, search.sort))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def sealed(*parts: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def unsealed(text: str, count: int) -> list[str]:
    """The parts of a cursor; RefusedError if it is none."""
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        parts = None
    if not isinstance(parts, list) or len(parts) != count or not all(isinstance(part, str) for part in parts):
        raise RefusedError("This cursor belongs to no such search. Start again without a cursor.", status=400)
    return parts
