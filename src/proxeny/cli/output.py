"""How commands print: tables and sentences for people, JSON with ``--json`` for programs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click
import orjson

from proxeny.logs import printable

Function = TypeVar("Function", bound=Callable[..., Any])


def json_option(command: Function) -> Function:
    """``--json``, as ``as_json``: print JSON and nothing else on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def write_json(value: Any) -> None:
    """One JSON value, indented, on standard output."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str))


def write_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Aligned columns under their names; text from outside cannot break a row."""
    cells = [list(columns), *([printable(cell(value)) for value in row] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def write_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, nothing: str) -> None:
    """Equal objects as a table or as a JSON array; ``nothing`` is said when there are none."""
    if as_json:
        write_json(rows)
    elif rows:
        write_table([name.replace("_", " ").upper() for name in rows[0]], [list(row.values()) for row in rows])
    else:
        click.echo(nothing)


def write_error(message: str) -> None:
    """A message for people on standard error, each of its lines harmless for a terminal."""
    for line in message.splitlines() or [""]:
        click.echo(printable(line), err=True)


def cell(value: Any) -> str:
    """A value as one cell of a table: yes and no, several with commas, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else str(value)
