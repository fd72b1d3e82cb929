"""The tables behind a layout as the database has them: every declared column looked up once, before it is used.

What a layout names and the database lacks is one PropertyError that lists it all, with what there is instead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.filtering import Field
from proxeny.connectors.places import Place
from proxeny.connectors.sql.layout import ColumnName, EntityLayout, Layouts, ListLayout, ListWriting, TableName
from proxeny.connectors.sql.values import Kind, key_value, kind_of, to_column, to_json

AnyColumn = sa.Column[Any]
_IN_LISTS = frozenset({"value"})
"""What identifies another entity in a list is text, as ids are."""


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column and the place of its value. ``as_text``: a number that the document has as text (an id)."""

    place: Place
    column: AnyColumn
    kind: Kind
    as_text: bool = False

    @property
    def padded(self) -> bool:
        return isinstance(self.column.type, sa.CHAR)

    @property
    def zoned(self) -> bool:
        return bool(getattr(self.column.type, "timezone", False))

    def shown(self, value: Any) -> Any:
        made = to_json(value, self.kind, self.padded)
        return str(made) if self.as_text and made is not None else made

    def stored(self, value: Any) -> Any:
        return to_column(value, self.kind, self.zoned, ".".join(self.place.field))


@dataclass(frozen=True, slots=True)
class ListTable:
    """A child table. ``plain``: the elements are values, not objects."""

    name: str
    table: sa.Table
    key: tuple[AnyColumn, ...]
    columns: tuple[MappedColumn, ...]
    plain: bool
    order: tuple[AnyColumn, ...]
    write: ListWriting


@dataclass(frozen=True, slots=True)
class EntityTable:
    """One entity type, ready for statements. ``unique``: name of an index → its columns."""

    layout: EntityLayout
    table: sa.Table
    key: tuple[MappedColumn, ...]
    columns: tuple[MappedColumn, ...]
    lists: tuple[ListTable, ...]
    created: AnyColumn | None
    modified: AnyColumn | None
    version: AnyColumn | None
    deleted: AnyColumn | None
    unique: Mapping[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        return self.layout.name

    @property
    def counts_versions(self) -> bool:
        """Whether the gateway makes the version grow."""
        return self.version is not None and kind_of(self.version.type) == "integer"

    @property
    def shown(self) -> tuple[AnyColumn, ...]:
        """Every column that reading needs, each once."""
        known = (column.column for column in (*self.key, *self.columns))
        more = (self.created, self.modified, self.version, self.deleted)
        found = {column.name: column for column in (*known, *more) if column is not None}
        return tuple(found.values())

    def field_of(self, column: str) -> Field | None:
        return next((known.place.field for known in self.columns if known.column.name == column), None)

    def key_of(self, entity_id: str) -> tuple[Any, ...] | None:
        """The values of the key columns, or None if no entity can have that id."""
        texts = entity_id.split(",") if len(self.key) > 1 else [entity_id]
        if len(texts) != len(self.key):
            return None
        plain = map(unquote, texts) if len(self.key) > 1 else texts
        values = tuple(key_value(text, column.kind) for text, column in zip(plain, self.key, strict=True))
        return None if any(value is None for value in values) else values

    def id_of(self, values: Iterable[Any]) -> str:
        texts = [str(column.shown(value)) for value, column in zip(values, self.key, strict=True)]
        return texts[0] if len(texts) == 1 else ",".join(quote(text, safe="") for text in texts)


def reflect(connection: sa.Connection, layouts: Layouts) -> dict[str, EntityTable]:
    """The tables of every entity type; PropertyError with all that is missing."""
    finder = _Finder(connection)
    found = {name: finder.entity(layout) for name, layout in layouts.items()}
    if finder.problems:
        raise PropertyError(" ".join(finder.problems))
    return {name: table for name, table in found.items() if table is not None}


class _Finder:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._inspector = sa.inspect(connection)
        self._metadata = sa.MetaData()
        self.problems: list[str] = []

    def entity(self, layout: EntityLayout) -> EntityTable | None:
        table = self._table(layout.table, f"sql.{layout.name}.table")
        if table is None:
            return None
        of = f"sql.{layout.name}"
        key = tuple(_mapped(Place(("id",)), column) for column in self._several(table, layout.key, f"{of}.key"))
        return EntityTable(
            layout=layout,
            table=table,
            key=key,
            columns=self._columns(table, layout.columns, layout.text) if layout.columns else _every(table, layout),
            lists=tuple(made for each in layout.lists if (made := self._list(each, of)) is not None),
            created=self._optional(table, layout.created, f"{of}.created"),
            modified=self._optional(table, layout.modified, f"{of}.modified"),
            version=self._optional(table, layout.version, f"{of}.version"),
            deleted=self._optional(table, layout.deleted, f"{of}.deleted"),
            unique=self._unique(layout),
        )

    def _table(self, name: TableName, origin: str) -> sa.Table | None:
        try:
            return sa.Table(
                name.name, self._metadata, schema=name.schema, autoload_with=self._connection, resolve_fks=False
            )
        except sa.exc.NoSuchTableError:
            names = [*self._inspector.get_table_names(name.schema), *self._inspector.get_view_names(name.schema)]
            self.problems.append(f"{origin}: there is no table or view {name}{_near(name.name, names)}.")
        except sa.exc.UnreflectableTableError as error:
            self.problems.append(f"{origin}: {name} cannot be read: {error}.")
        return None

    def _column(self, table: sa.Table, name: str, origin: str) -> AnyColumn | None:
        found = table.columns.get(name)
        if found is None:
            names = [column.name for column in table.columns]
            self.problems.append(f"{origin}: {table.fullname} has no column {name!r}{_near(name, names)}.")
        return found

    def _several(self, table: sa.Table, names: Iterable[str], origin: str) -> tuple[AnyColumn, ...]:
        found = (self._column(table, name, origin) for name in names)
        return tuple(column for column in found if column is not None)

    def _optional(self, table: sa.Table, name: str | None, origin: str) -> AnyColumn | None:
        return self._column(table, name, origin) if name else None

    def _columns(self, table: sa.Table, names: Iterable[ColumnName], text: frozenset[str]) -> tuple[MappedColumn, ...]:
        found = ((each.place, self._column(table, each.column, each.origin)) for each in names)
        return tuple(_mapped(place, column, text) for place, column in found if column is not None)

    def _list(self, layout: ListLayout, of: str) -> ListTable | None:
        origin = f"{of}.list.{layout.name}"
        table = self._table(layout.table, f"{origin}.table")
        if table is None:
            return None
        names = layout.columns or (ColumnName(Place(("value",)), layout.plain or "", f"{origin}.column"),)
        columns = self._columns(table, names, _IN_LISTS)
        order = self._several(table, layout.order, f"{origin}.order")
        return ListTable(
            name=layout.name,
            table=table,
            key=self._several(table, layout.key, f"{origin}.key"),
            columns=columns,
            plain=not layout.columns,
            order=order or tuple(each.column for each in columns),
            write=layout.write,
        )

    def _unique(self, layout: EntityLayout) -> dict[str, tuple[str, ...]]:
        """What a violation's index name stands for; views have none."""
        schema, name, found = layout.table.schema, layout.table.name, {}
        for index in self._inspector.get_indexes(name, schema):
            if index.get("unique") and index["name"]:
                found[index["name"]] = tuple(column for column in index["column_names"] if column)
        primary = self._inspector.get_pk_constraint(name, schema)
        for primary_name in (primary.get("name"), "PRIMARY"):
            if primary_name:
                found[primary_name] = tuple(primary.get("constrained_columns", ()))
        return found


def _every(table: sa.Table, layout: EntityLayout) -> tuple[MappedColumn, ...]:
    """Every column under its own name, but those with a task of their own."""
    special = {layout.created, layout.modified, layout.version, layout.deleted}
    named = (column for column in table.columns if column.name not in special)
    return tuple(_mapped(Place((column.name,)), column, layout.text) for column in named)


def _mapped(place: Place, column: AnyColumn, text: frozenset[str] = frozenset()) -> MappedColumn:
    kind = kind_of(column.type)
    as_text = kind in ("integer", "decimal") and ".".join(place.field) in text
    return MappedColumn(place, column, kind, as_text)


def _near(name: str, names: Iterable[str]) -> str:
    known = sorted(names)
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}"
    return f"; there are {', '.join(known[:12])}" if known else ""
