"""Validate: what would become of a few records, read from CSV files instead of the source (operations.md 2.3).

Nothing is written anywhere. The result is a ZIP with one CSV for each entity type and connected target, and a trace.log
if something failed or was skipped.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from proxeny.connectors.spi import Entity
from proxeny.documents import Document
from proxeny.provisioning.catalog import OpenSystem
from proxeny.provisioning.deliveries.destination import Destination, destination
from proxeny.provisioning.deliveries.origin import Item, Origin, origin
from proxeny.provisioning.deliveries.reasons import sentence
from proxeny.provisioning.errors import RecordsError
from proxeny.provisioning.jobs.running import Systems, targets_of

RECORDS = 10
_STEP = re.compile(r"\['([^']+)'\]|\[(\d{1,4})\]|\.?([^.\[\]]+)")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class Validation:
    """``files`` by name, and what failed or was skipped, a line each."""

    files: dict[str, bytes] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)

    def packed(self) -> bytes:
        """The ZIP."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                archive.writestr(name, content)
            if self.trace:
                archive.writestr("trace.log", "\n".join(self.trace) + "\n")
        return target.getvalue()


def validate(systems: Systems, system: OpenSystem, records: Mapping[str, bytes]) -> Validation:
    """``records``: the CSV file of each entity type. RecordsError if one cannot be read."""
    source, made = origin(system), Validation()
    targets = [destination(each) for each in targets_of(systems, system)]
    for entity_type, content in records.items():
        if entity_type not in source.crossings:
            raise RecordsError(f"{source.name} has no {entity_type}s, or its read transformation ignores them.")
        items = _read(source, entity_type, parse(content), made)
        for target in targets:
            if target.takes(entity_type):
                made.files[f"{entity_type}s_{_file(target.name)}.csv"] = _written(target, entity_type, items, made)
    return made


def parse(content: bytes) -> list[Document]:
    """The records of a CSV file, ten at most; header cells are paths without ``$.``. RecordsError."""
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordsError(f"The file is no CSV in UTF-8: {error}. Nothing was validated.") from None
    rows = [row for row in rows if row]
    if not rows:
        raise RecordsError("The file has no header. Its cells are paths like emails[0].value.")
    header = [_steps(cell) for cell in rows[0]]
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise RecordsError(
                f"Row {number} has {len(row)} fields under {len(header)} headers. Nothing was validated."
            )
    documents = []
    for row in rows[1 : RECORDS + 1]:
        document: Document = {}
        for steps, cell in zip(header, row, strict=True):
            if cell:
                _put(document, steps, cell)
        documents.append(document)
    return documents


def _steps(cell: str) -> tuple[str | int, ...]:
    text = cell.strip().removeprefix("$.").removeprefix("$")
    if text.startswith("urn:") and "." in text:  # the dots of a schema's version are no steps
        schema, colon, rest = text.rpartition(":")
        if colon:
            return (schema, *_steps(rest))
    found = tuple(int(index) if index else quoted or name for quoted, index, name in _STEP.findall(text))
    if not found or isinstance(found[0], int):
        raise RecordsError(f"{cell!r} is no header: write a path like name.familyName or emails[0].value.")
    return found


def _put(container: Any, steps: tuple[str | int, ...], value: str) -> None:
    first, *rest = steps
    if isinstance(first, int):
        while len(container) <= first:
            container.append({})
    if not rest:
        container[first] = value
        return
    empty: Any = [] if isinstance(rest[0], int) else {}
    known = container[first] if isinstance(first, int) else container.setdefault(first, empty)
    if not isinstance(known, type(empty)):
        known = container[first] = empty
    _put(known, tuple(rest), value)


def _read(source: Origin, entity_type: str, records: Iterable[Document], made: Validation) -> list[Item]:
    native = source.connector.entity_types[entity_type]
    found = []
    for number, document in enumerate(records, 1):
        given = document
        for name in native.id:
            given = given.get(name, {}) if isinstance(given, dict) else {}
        item = source.item(entity_type, Entity(str(given or number), document))
        if item.said == "ok":
            found.append(item)
        else:
            words = sentence(item.reason, item.message)
            made.trace.append(f"{entity_type} {number} ({item.source_id}), system {source.name}: {item.said}: {words}")
    return found


def _written(target: Destination, entity_type: str, items: Iterable[Item], made: Validation) -> bytes:
    """A row for each entity that a run would make: of one record several, if the target takes it for each value."""
    rows = []
    for item in target.variants.each(entity_type, items):
        result = target.crossing(entity_type, item.value).to_native("create", item.document)
        if result.status == "ok":
            rows.append(dict(_flat(result.document, "")))
            continue
        words = sentence(result.reason, result.message)
        made.trace.append(f"{entity_type} {item.source_id}, system {target.name}: {result.status}: {words}")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([[_harmless(row.get(column, "")) for column in columns] for row in rows])
    return text.getvalue().encode()


def _flat(value: Any, path: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, part in value.items():
            step = f"['{name}']" if "." in name else f".{name}" if path else name
            yield from _flat(part, f"{path}{step}")
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from _flat(part, f"{path}[{index}]")
    else:
        yield path, value if isinstance(value, str) else orjson.dumps(value).decode()


def _harmless(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _file(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)
