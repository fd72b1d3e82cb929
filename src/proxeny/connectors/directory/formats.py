"""Files of people and groups: JSON lines, and tables (CSV) whose header names attributes by their paths.

A column is ``userName``, ``name.givenName``, ``emails[0].value`` or ``urn:…:User:employeeNumber``; ``members`` holds
ids with blanks between. Cells that a spreadsheet would take for a formula are written behind an apostrophe.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from proxeny.connectors.directory.fields import RESOURCE_TYPES
from proxeny.documents import Document
from proxeny.scim.filter.ast import AttributePath
from proxeny.scim.schema import ResourceType
from proxeny.scim.values import number, truth

FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
KIND = "meta.resourceType"
_NAMES = frozenset({"username", "displayname"})
"""One of them every entity has, whatever else a file holds."""

_STEP = re.compile(r"([^.\[\]]+)(?:\[(\d{1,4})\])?")
Step = tuple[str, int | None]
ResourceTypes = Mapping[str, ResourceType]
"""By entity type; with the custom schemas that there are."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entity of a file and the number of its line; ``problem`` says why there is none."""

    number: int
    document: Document | None
    problem: str = ""


def json_lines(lines: Iterable[bytes], types: ResourceTypes = RESOURCE_TYPES) -> Iterator[Line]:
    """One JSON object a line; empty lines are passed over. JSON has types of its own, so ``types`` say nothing."""
    for index, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Line(index, None, f"is no JSON: {error.msg}, at column {error.colno}")
            continue
        if isinstance(document, dict):
            yield Line(index, document)
        else:
            yield Line(index, None, "is no JSON object")


def table(lines: Iterable[bytes], types: ResourceTypes = RESOURCE_TYPES) -> Iterator[Line]:
    """A CSV file with a header, in UTF-8, with or without a byte order mark; ``types`` say what its cells mean."""
    reader = csv.reader(line.decode("utf-8-sig" if index == 0 else "utf-8") for index, line in enumerate(lines))
    columns: list[tuple[Step, ...]] | None = None
    while True:
        try:
            row = next(reader, None)
        except (csv.Error, UnicodeDecodeError) as error:
            yield Line(reader.line_num + 1, None, f"is no CSV in UTF-8: {error}")
            if isinstance(error, UnicodeDecodeError):
                return
            continue
        if row is None:
            return
        if columns is None:
            columns = [path_steps(name, types) for name in row]
            if not any(steps and steps[0][0].lower() in _NAMES for steps in columns):
                yield Line(reader.line_num, None, "is no header: it must name userName or displayName")
                return
        elif len(row) > len(columns):
            yield Line(reader.line_num, None, f"has {len(row)} cells under {len(columns)} columns")
        elif any(row):
            yield _line(reader.line_num, columns, row, types)


def _line(index: int, columns: list[tuple[Step, ...]], row: list[str], types: ResourceTypes) -> Line:
    document: Document = {}
    for steps, cell in zip(columns, row, strict=False):
        if cell:
            _put(document, steps, cell[1:] if cell[0] == "'" and cell[1:].startswith(FORMULA) else cell)
    if isinstance(document.get("members"), str):
        document["members"] = [{"value": value} for value in document["members"].split()]
    return Line(index, typed(document, types[kind_of(document)]))


def kind_of(document: Document) -> str:
    """``user`` or ``group``, by ``meta.resourceType``, else by ``schemas``, else by whether there is a userName."""
    meta = document.get("meta")
    name = meta.get("resourceType") if isinstance(meta, dict) else None
    schemas = document.get("schemas")
    for kind, resource_type in RESOURCE_TYPES.items():
        if name == resource_type.name or (isinstance(schemas, list) and resource_type.schema.id in schemas):
            return kind
    return "user" if any(key.lower() == "username" for key in document) else "group"


def path_steps(column: str, types: ResourceTypes = RESOURCE_TYPES) -> tuple[Step, ...]:
    """``urn:…:User:name[1].sub`` → (("urn:…:User", None), ("name", 1), ("sub", None))."""
    name = column.strip()
    head: tuple[Step, ...] = ()
    for resource_type in types.values():
        for schema in resource_type.schemas:
            if name.lower().startswith(schema.id.lower()) and name[len(schema.id) : len(schema.id) + 1] in (":", "."):
                name = name[len(schema.id) + 1 :]
                head = () if schema is resource_type.schema else ((schema.id, None),)
    steps = ((match[1], int(match[2]) if match[2] else None) for match in _STEP.finditer(name))
    return head + tuple(steps)


def _put(container: Any, steps: tuple[Step, ...], value: str) -> None:
    (name, index), *rest = steps or (("", None),)
    if index is not None:
        elements = container.setdefault(name, [])
        while len(elements) <= index:
            elements.append({} if rest else "")
        if rest:
            _put(elements[index], tuple(rest), value)
        else:
            elements[index] = value
    elif rest:
        _put(container.setdefault(name, {}), tuple(rest), value)
    else:
        container[name] = value


def typed(document: Document, resource_type: ResourceType) -> Document:
    """The document with texts turned into the booleans and numbers that the schema wants; empty elements go."""

    def convert(value: Any, urn: str | None, names: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            deeper = ((key, urn or key, ()) if key.startswith("urn:") else (key, urn, (*names, key)) for key in value)
            return {key: convert(value[key], inner, path) for key, inner, path in deeper}
        if isinstance(value, list):
            return [convert(element, urn, names) for element in value if element not in ({}, "")]
        path = AttributePath(names[0], names[1] if len(names) > 1 else None, urn) if 0 < len(names) < 3 else None
        located = resource_type.find(path) if path else None
        kind = located.leaf.type if located else ""
        made = truth(value) if kind == "boolean" else number(value) if kind in ("integer", "decimal") else None
        return value if made is None else made

    converted: Document = convert(document, None, ())
    return converted


def flat(document: Document) -> dict[str, str]:
    """The cells of a document by their columns."""
    cells: dict[str, str] = {}
    for name, value in document.items():
        if name == "members":
            cells[name] = " ".join(member["value"] for member in value)
        elif name.startswith("urn:") and isinstance(value, dict):
            for inner, part in value.items():
                _flatten(cells, part, f"{name}:{inner}")
        elif name not in ("schemas", "meta"):
            _flatten(cells, value, name)
    return cells


def _flatten(cells: dict[str, str], value: Any, path: str) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            _flatten(cells, part, f"{path}.{name}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            _flatten(cells, part, f"{path}[{index}]")
    elif value is not None:
        cells[path] = value if isinstance(value, str) else orjson.dumps(value).decode()


def harmless(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
