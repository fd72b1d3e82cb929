"""What the properties say of each entity type: its table, columns and lists, before any database is seen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from proxeny.connectors.places import Place, parse_place
from proxeny.connectors.properties import PropertyProblem

ENTITY_TYPES = ("user", "group")
_PLAIN = frozenset(
    {"table", "key", "key.from", "created", "modified", "modified.by", "version", "deleted", "deleted.value",
     "readonly", "ascii", "text", "filter"}
)  # fmt: skip
_OF_LIST = frozenset({"table", "key", "column", "order", "write"})
ListWriting = Literal["replace", "delete", "never"]
_WRITING: Mapping[str, ListWriting] = {"replace": "replace", "delete": "delete", "never": "never"}


@dataclass(frozen=True, slots=True)
class TableName:
    schema: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class ColumnName:
    """A column and the place of its value. ``origin``: the property that says so, for messages."""

    place: Place
    column: str
    origin: str


@dataclass(frozen=True, slots=True)
class ListLayout:
    """A child table. ``columns`` are places in one element; ``plain``: its elements are values of this column."""

    name: str
    table: TableName
    key: tuple[str, ...]
    columns: tuple[ColumnName, ...]
    plain: str | None
    order: tuple[str, ...]
    write: ListWriting


@dataclass(frozen=True, slots=True)
class EntityLayout:
    """One entity type. Without ``columns`` every column of the table is a field."""

    name: str
    table: TableName
    key: tuple[str, ...]
    key_from: str
    columns: tuple[ColumnName, ...]
    lists: tuple[ListLayout, ...]
    created: str | None
    modified: str | None
    modified_by_gateway: bool
    version: str | None
    deleted: str | None
    deleted_value: str
    readonly: frozenset[str]
    ascii: frozenset[str]
    text: frozenset[str]
    filter: str | None


Layouts = Mapping[str, EntityLayout]


def read_layouts(values: Mapping[str, str]) -> tuple[Layouts, tuple[PropertyProblem, ...]]:
    """The layouts by entity type, and everything that is wrong with their properties."""
    problems: list[PropertyProblem] = []
    layouts: dict[str, EntityLayout] = {}
    for name in ENTITY_TYPES:
        reader = _Reader(values, name, problems)
        layout = reader.entity()
        if layout is not None:
            layouts[name] = layout
    if not layouts and not problems:
        problems.append(PropertyProblem("sql.user.table", "is missing and needed: the table or view of the users"))
    return layouts, tuple(problems)


class _Reader:
    """Reads the properties of one entity type; complaints go to ``problems``."""

    def __init__(self, values: Mapping[str, str], name: str, problems: list[PropertyProblem]) -> None:
        self._name = name
        self._prefix = f"sql.{name}."
        self._own = {
            key.removeprefix(self._prefix): value.strip()
            for key, value in values.items()
            if key.startswith(self._prefix) and value.strip()
        }
        self._schema = values.get("sql.schema") or None
        self._problems = problems

    def entity(self) -> EntityLayout | None:
        own = self._own
        if not own.get("table"):
            for key in own:
                if key not in ("key.from", "modified.by", "deleted.value"):
                    self._complain(key, f"is given, but {self._prefix}table is not; name the table or view")
            return None
        if not own.get("key"):
            self._complain("key", "is missing and needed: the column that identifies a row")
        self._unknown()
        return EntityLayout(
            name=self._name,
            table=self._table(own["table"]),
            key=_names(own.get("key", "")),
            key_from=own.get("key.from", "auto"),
            columns=tuple(self._columns("column.")),
            lists=tuple(self._lists()),
            created=own.get("created"),
            modified=own.get("modified"),
            modified_by_gateway=own.get("modified.by", "gateway") == "gateway",
            version=own.get("version"),
            deleted=own.get("deleted"),
            deleted_value=own.get("deleted.value", "now"),
            readonly=frozenset(_names(own.get("readonly", ""))),
            ascii=frozenset(_names(own.get("ascii", ""))),
            text=frozenset(_names(own.get("text", ""))),
            filter=own.get("filter"),
        )

    def _complain(self, key: str, message: str) -> None:
        self._problems.append(PropertyProblem(self._prefix + key, message))

    def _table(self, text: str) -> TableName:
        schema, _, name = text.rpartition(".")
        return TableName(schema or self._schema, name)

    def _columns(self, head: str) -> Iterator[ColumnName]:
        for key, value in self._own.items():
            if key.startswith(head):
                try:
                    yield ColumnName(parse_place(key.removeprefix(head)), value, self._prefix + key)
                except ValueError as error:
                    self._complain(key, str(error))

    def _lists(self) -> Iterator[ListLayout]:
        for name in dict.fromkeys(key.split(".")[1] for key in self._own if key.startswith("list.") and "." in key[5:]):
            of = f"list.{name}."
            columns = tuple(self._columns(f"{of}column."))
            plain = self._own.get(f"{of}column")
            for needed in ("table", "key"):
                if f"{of}{needed}" not in self._own:
                    self._complain(f"{of}{needed}", "is missing and needed for this list")
            if not columns and not plain:
                self._complain(f"{of}column.value", "is missing: a list needs at least one column")
            key = _names(self._own.get(f"{of}key", ""))
            if key and len(key) != len(_names(self._own.get("key", ""))):
                self._complain(f"{of}key", f"must have as many columns as {self._prefix}key, in the same order")
            yield ListLayout(
                name=name,
                table=self._table(self._own.get(f"{of}table", "")),
                key=key,
                columns=columns,
                plain=plain,
                order=_names(self._own.get(f"{of}order", "")),
                write=self._writing(f"{of}write"),
            )

    def _writing(self, key: str) -> ListWriting:
        text = self._own.get(key, "replace")
        found = _WRITING.get(text)
        if found is not None:
            return found
        self._complain(key, f"must be one of replace, delete, never, and is {text[:60]!r}")
        return "never"

    def _unknown(self) -> None:
        for key in self._own:
            parts = key.split(".", 2)
            if key in _PLAIN or parts[0] == "column":
                continue
            if parts[0] == "list" and len(parts) == 3 and (parts[2] in _OF_LIST or parts[2].startswith("column.")):
                continue
            near = get_close_matches(parts[-1], _OF_LIST if parts[0] == "list" else _PLAIN, n=1)
            self._complain(key, f"is no property of SQL systems{f'; did you mean {near[0]}?' if near else ''}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
