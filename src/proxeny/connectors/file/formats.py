"""Lines of files as documents and back: JSON lines, and CSV whose header names places in the document.

Cells that a spreadsheet would take for a formula are written behind an apostrophe, which reading takes away again.
``members`` of a CSV file holds ids with blanks between. Empty cells are no value.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import orjson

from proxeny.connectors.errors import RefusedError
from proxeny.connectors.places import Place, parse_place
from proxeny.documents import Document
from proxeny.scim.values import truth

FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class Form:
    """How one file is written. ``booleans``: places that hold true or false in CSV, where all else is text."""

    kind: str
    delimiter: str = ","
    booleans: tuple[Place, ...] = ()

    def read(self, stream: IO[bytes]) -> Iterator[Document]:
        """The documents of the file; RefusedError names the line that cannot be read.

        A line is never passed over: a job would take whom it holds for somebody who left.
        """
        return self._table(stream) if self.kind == "csv" else _json_lines(stream)

    def write(self, documents: Sequence[Document]) -> Iterator[bytes]:
        """The lines of a file with these documents."""
        return self._rows(documents) if self.kind == "csv" else (_json_line(document) for document in documents)

    def _table(self, stream: IO[bytes]) -> Iterator[Document]:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, delimiter=self.delimiter, strict=True)
        columns: list[Place] | None = None
        try:
            for row in reader:
                if columns is None:
                    columns = _header(row)
                elif len(row) > len(columns):
                    raise _broken(reader.line_num, f"has {len(row)} cells under {len(columns)} columns")
                elif any(row):
                    yield self._document(columns, row)
        except csv.Error as error:
            raise _broken(reader.line_num, f"is no CSV: {error}") from error
        except UnicodeDecodeError as error:
            raise _broken(reader.line_num + 1, "is not in UTF-8") from error
        finally:
            if not text.closed:
                text.detach()

    def _document(self, columns: Sequence[Place], row: Sequence[str]) -> Document:
        document: Document = {}
        for place, cell in zip(columns, row, strict=False):
            if cell:
                value: Any = cell[1:] if cell[0] == "'" and cell[1:].startswith(FORMULA) else cell
                if place.steps == (MEMBERS,):
                    value = [{"value": member} for member in value.split()]
                elif place in self.booleans and truth(value) is not None:
                    value = truth(value)
                place.put(document, value)
        return document

    def _rows(self, documents: Sequence[Document]) -> Iterator[bytes]:
        rows = [flat(document) for document in documents]
        header = list(dict.fromkeys(column for row in rows for column in row))
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=self.delimiter, lineterminator="\r\n")
        for cells in (header, *([row.get(column, "") for column in header] for row in rows)):
            writer.writerow(map(harmless, cells))
            try:
                yield buffer.getvalue().encode()
            except UnicodeEncodeError as error:
                raise RefusedError("Half of a surrogate pair cannot be written to a file.", status=400) from error
            buffer.seek(0)
            buffer.truncate()


def harmless(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def flat(document: Document) -> dict[str, str]:
    """The cells of a document by the places that name their columns."""
    cells: dict[str, str] = {}
    for name, value in document.items():
        if name == MEMBERS and _are_members(value):
            cells[name] = " ".join(str(member["value"]) for member in value)
        else:
            _flatten(cells, value, _name(name))
    return {column: cell for column, cell in cells.items() if cell}


def _are_members(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(member, dict) and " " not in str(member.get("value", " ")) for member in value
    )


def _flatten(cells: dict[str, str], value: Any, path: str) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            inner = _name(name)
            _flatten(cells, part, f"{path}{inner}" if inner.startswith("[") else f"{path}.{inner}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            _flatten(cells, part, f"{path}[{index}]")
    elif value is not None:
        cells[path] = value if isinstance(value, str) else orjson.dumps(value).decode()


def _name(name: str) -> str:
    """A member's name as a place has it; RefusedError for one that no header can have."""
    if not name or "'" in name or not name.isprintable():
        raise RefusedError(f"{name[:60]!r} cannot be the name of a column.", status=400)
    special = name != name.strip() or any(char in ".[]:" for char in name)
    return f"['{name}']" if special else name


def _header(names: Iterable[str]) -> list[Place]:
    try:
        return [parse_place(name[1:] if name[:1] == "'" else name) for name in names]
    except ValueError as error:
        raise _broken(1, f"is no header: {error}") from error


def _json_lines(stream: IO[bytes]) -> Iterator[Document]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise _broken(number, f"is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise _broken(number, "is no JSON object")
        yield document


def _json_line(document: Document) -> bytes:
    try:
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError as error:
        raise RefusedError(f"The entity cannot be written as JSON: {error}.", status=400) from error


def _broken(line: int, what: str) -> RefusedError:
    return RefusedError(f"Line {line} {what}. Nothing was read; correct the file.")
