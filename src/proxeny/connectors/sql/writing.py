"""Entities as rows: each write is one transaction over the entity's row and the rows of its lists."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from proxeny.connectors.errors import ConnectorError, NotFoundError, RefusedError, VersionConflictError
from proxeny.connectors.spi import Accept, Entity
from proxeny.connectors.sql.reading import Key, Reading, at, existing
from proxeny.connectors.sql.tables import EntityTable, ListTable, MappedColumn
from proxeny.connectors.sql.values import kind_of
from proxeny.documents import Document

_SERVER_MADE = frozenset({"id", "schemas", "meta"})
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Writing:
    """Writes one entity type over an open connection, inside a transaction."""

    connection: sa.Connection
    entity: EntityTable
    refuse_unmapped: bool = False

    # -- the three writes -----------------------------------------------------------------------------------------

    def create(self, document: Document, accept: Accept | None) -> Entity:
        self._mapped(document)
        values = self._values(document, self.entity.columns)
        values = {name: value for name, value in values.items() if value is not None}
        values |= self._key_values(values)
        values |= self._marks(new=True)
        key = self._insert(values)
        for child in self.entity.lists:
            if child.write == "replace":
                self._add(child, key, _elements(child, document.get(child.name)))
        return self._held(key, accept)

    def replace(self, key: Key, document: Document, version: str | None, accept: Accept | None) -> Entity:
        self._mapped(document)
        self._lock(key, version)
        names = {column.column.name for column in self.entity.key}
        own = [column for column in self.entity.columns if column.column.name not in names]
        self._keep_key(document, key)
        values: Values = {**self._emptied(self._values(document, own)), **self._marks()}
        if values:
            self.connection.execute(sa.update(self.entity.table).where(at(self.entity, key)).values(values))
        for child in self.entity.lists:
            if child.write == "replace":
                self._make(child, key, _elements(child, document.get(child.name)))
        return self._held(key, accept)

    def delete(self, key: Key, version: str | None) -> None:
        self._lock(key, version)
        where = at(self.entity, key)
        if self.entity.deleted is not None:
            values = {self.entity.deleted.name: self._mark_of_deletion(self.entity.deleted), **self._marks()}
            self.connection.execute(sa.update(self.entity.table).where(where).values(values))
            return
        for child in self.entity.lists:
            if child.write != "never":
                self.connection.execute(sa.delete(child.table).where(_of(child, key)))
        self.connection.execute(sa.delete(self.entity.table).where(where))

    # -- the row --------------------------------------------------------------------------------------------------

    def _lock(self, key: Key, version: str | None) -> None:
        """The row is there, has that version, and nobody else changes it until the end of the transaction."""
        columns = [column.column for column in self.entity.key]
        statement = sa.select(*columns).where(at(self.entity, key), *existing(self.entity)).with_for_update()
        if self.connection.execute(statement).first() is None:
            raise NotFoundError(f"There is no {self.entity.name} {self.entity.id_of(key)!r}.")
        if version is not None:
            held = Reading(self.connection, self.entity).one(key)
            if held is None or held.version != version:
                raise VersionConflictError(f"The {self.entity.name} has changed since; read it again.")

    def _values(self, document: Document, columns: Sequence[MappedColumn]) -> Values:
        readonly = self.entity.layout.readonly
        return {
            column.column.name: column.stored(column.place.take(document))
            for column in columns
            if ".".join(column.place.field) not in readonly and column.column.computed is None
        }

    def _emptied(self, values: Values) -> Values:
        """A column that must have a value gets its default instead of none."""
        columns = self.entity.table.columns
        return {
            name: sa.text("DEFAULT")
            if value is None and not columns[name].nullable and columns[name].server_default is not None
            else value
            for name, value in values.items()
        }

    def _marks(self, new: bool = False) -> Values:
        """What the gateway itself writes: the times and the version."""
        entity, marks = self.entity, Values()
        if entity.modified is not None and entity.layout.modified_by_gateway:
            marks[entity.modified.name] = self._now(entity.modified)
        if new and entity.created is not None and entity.created.server_default is None:
            marks[entity.created.name] = self._now(entity.created)
        if entity.version is not None and entity.counts_versions:
            marks[entity.version.name] = 1 if new else sa.func.coalesce(entity.version, 0) + 1
        return marks

    def _now(self, column: sa.Column[Any]) -> Any:
        """The time of the statement in UTC, as exact as the column."""
        match self.connection.dialect.name:
            case "postgresql":
                return sa.func.clock_timestamp()
            case "mariadb" | "mysql":
                return sa.func.utc_timestamp(sa.literal_column(str(getattr(column.type, "fsp", None) or 0)))
            case _:
                return sa.func.current_timestamp()

    def _mark_of_deletion(self, column: sa.Column[Any]) -> Any:
        value = self.entity.layout.deleted_value
        if value == "now":
            return self._now(column) if kind_of(column.type) == "time" else _first_mark(column)
        if value == "true" and isinstance(column.type, sa.Boolean | sa.Integer):
            return True if isinstance(column.type, sa.Boolean) else 1
        return int(value) if isinstance(column.type, sa.Integer) else value

    def _key_values(self, values: Mapping[str, Any]) -> Values:
        """The key columns that the gateway has to fill: those that neither document nor database give."""
        made: Values = {}
        source = self.entity.layout.key_from
        for column in self.entity.key:
            own = column.column
            by_database = own.server_default is not None or own.identity is not None or column.kind == "integer"
            if source == "uuid" or (source == "auto" and own.name not in values and not by_database):
                made[own.name] = column.stored(str(uuid.uuid4()))
        return made

    def _insert(self, values: Values) -> Key:
        statement = sa.insert(self.entity.table).values(values)
        columns = [column.column for column in self.entity.key]
        if all(column.name in values for column in columns):
            self.connection.execute(statement)
            return tuple(values[column.name] for column in columns)
        if self.connection.dialect.insert_returning:
            row = self.connection.execute(statement.returning(*columns)).one()
            return tuple(row)
        made = self.connection.execute(statement).inserted_primary_key
        by_name = dict(zip((column.name for column in self.entity.table.primary_key), made or (), strict=False))
        key = tuple(values.get(column.name, by_name.get(column.name)) for column in columns)
        if any(value is None for value in key):
            raise ConnectorError("The database does not say which key the new row has; set key.from to uuid.")
        return key

    def _keep_key(self, document: Document, key: Key) -> None:
        for column, value in zip(self.entity.key, key, strict=True):
            mapped = next((each for each in self.entity.columns if each.column.name == column.column.name), None)
            given = mapped.stored(mapped.place.take(document)) if mapped is not None else None
            if mapped is not None and given is not None and given != value:
                name = ".".join(mapped.place.field)
                raise RefusedError(f"{name} identifies the row and cannot be changed.", status=400)

    def _held(self, key: Key, accept: Accept | None) -> Entity:
        """The entity as it will be committed."""
        entity = Reading(self.connection, self.entity).one(key)
        if entity is None:
            raise RefusedError(f"The database did not keep the {self.entity.name} as it was written.")
        if accept is not None:
            accept(entity)
        return entity

    def _mapped(self, document: Document) -> None:
        if not self.refuse_unmapped:
            return
        known = {column.place.steps[0] for column in self.entity.columns} | {child.name for child in self.entity.lists}
        unknown = sorted(set(document) - known - _SERVER_MADE)
        if unknown:
            raise RefusedError(f"No column takes {', '.join(unknown)[:200]}. Map it, or leave it out.", status=400)

    # -- the rows of a list ---------------------------------------------------------------------------------------

    def _add(self, child: ListTable, key: Key, elements: Sequence[Values]) -> None:
        own = {column.name: value for column, value in zip(child.key, key, strict=True)}
        if elements:
            self.connection.execute(sa.insert(child.table), [{**element, **own} for element in elements])

    def _make(self, child: ListTable, key: Key, elements: Sequence[Values]) -> None:
        """Remove the rows that are not wanted, add those that are missing; what stays keeps its other columns."""
        columns = [column.column for column in child.columns]
        rows = self.connection.execute(sa.select(*columns).where(_of(child, key)))
        held = Counter(tuple(row) for row in rows)
        wanted = Counter(tuple(element[column.name] for column in columns) for element in elements)
        for values in held - wanted:
            same = (_same(column, value) for column, value in zip(columns, values, strict=True))
            self.connection.execute(sa.delete(child.table).where(_of(child, key), *same))
        gone = set(held - wanted)
        names = [column.name for column in columns]
        missing = [
            dict(zip(names, values, strict=True))
            for values, count in wanted.items()
            for _ in range(count - (0 if values in gone else held[values]))
        ]
        self._add(child, key, missing)


def _elements(child: ListTable, value: Any) -> list[Values]:
    """The elements of a list in the document as values of the child table's columns."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise RefusedError(f"{child.name} must be a list.", status=400)
    made: list[Values] = []
    for element in value:
        if not child.plain and not isinstance(element, dict):
            raise RefusedError(f"{child.name}: each element must be an object.", status=400)
        made.append(
            {
                column.column.name: column.stored(element if child.plain else column.place.take(element))
                for column in child.columns
            }
        )
    return made


def _of(child: ListTable, key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(*(column == value for column, value in zip(child.key, key, strict=True)))


def _same(column: Any, value: Any) -> sa.ColumnElement[bool]:
    return column.is_(None) if value is None else column == value  # type: ignore[no-any-return]  # a column of any type


def _first_mark(column: sa.Column[Any]) -> Any:
    """The mark for a column that holds no time, of which any value counts."""
    return True if isinstance(column.type, sa.Boolean) else 1 if isinstance(column.type, sa.Integer) else "deleted"
