"""``proxeny directory``: people and groups of the Identity Directory, from a file or into one."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from proxeny.app.remembering import open_directory
from proxeny.app.systems import sends_changes
from proxeny.cli.options import ExistingFile, config_option
from proxeny.cli.output import json_option, write_error, write_json
from proxeny.cli.program import Commands
from proxeny.connectors.directory.load import (
    Existing,
    Format,
    ImportReport,
    export_lines,
    export_table,
    import_lines,
)
from proxeny.settings import Settings, load_settings

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

_CHUNK = 1 << 20
_SAID = 20

_format = click.option(
    "--format", "form", type=click.Choice(["json", "csv"]), help="JSON lines or CSV; default: by the file's name."
)


@click.group(cls=Commands)
def directory() -> None:
    """Import and export the people and groups of the Identity Directory."""


@directory.command("import")
@click.argument("file", type=ExistingFile)
@config_option
@_format
@click.option(
    "--existing",
    type=click.Choice(["update", "report"]),
    default="update",
    show_default=True,
    help="What to do with those who are there already.",
)
@json_option
@click.pass_context
def import_(
    context: click.Context, file: Path, config: Path, form: Format | None, existing: Existing, as_json: bool
) -> None:
    """Import FILE: JSON lines, or CSV whose header holds paths like emails[0].value.

    People come before groups whatever their order. A line that cannot be imported is reported and the rest goes on; the
    exit status is then 1. Importing the same file again changes nothing.
    """
    settings = load_settings(config, os.environ)
    report = asyncio.run(_import(settings, file, form or _by_name(file), existing, quiet=as_json))
    _say(report, file, as_json)
    context.exit(0 if report.ok else 1)


@directory.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@config_option
@_format
def export(file: Path, config: Path, form: Format | None) -> None:
    """Export everybody and every group into FILE, or to standard output with "-". Passwords are not exported."""
    settings = load_settings(config, os.environ)
    try:
        with click.open_file(str(file), "wb") as target:
            people = asyncio.run(_export(settings, target, form or _by_name(file)))
    except OSError as error:  # a full disk says so without the file's name
        raise type(error)(error.errno, error.strerror, str(file)) from error
    if str(file) != "-":
        click.echo(f"{people} people and groups written to {file}.")


async def _import(settings: Settings, file: Path, form: Format, existing: Existing, *, quiet: bool) -> ImportReport:
    with file.open("rb") as lines, _progress(file, quiet=quiet) as bar:
        advance: Callable[[int], None] = (lambda done: bar.update(done - bar.pos)) if bar else (lambda done: None)
        async with open_directory(settings) as store:
            tell = await sends_changes(settings, store)
            return await import_lines(store.database, lines, advance, format=form, existing=existing, tell=tell)


def _progress(file: Path, *, quiet: bool) -> "AbstractContextManager[ProgressBar[int] | None]":
    if quiet:
        return nullcontext()
    with file.open("rb") as content:
        length = sum(chunk.count(b"\n") for chunk in iter(lambda: content.read(_CHUNK), b""))
    return click.progressbar(length=max(length, 1), label=f"Importing {file.name}", show_pos=True)


async def _export(settings: Settings, target: IO[bytes], form: Format) -> int:
    async with open_directory(settings) as store:
        database = store.database
        produced: AsyncIterator[bytes] = export_table(database) if form == "csv" else export_lines(database)
        count = -1 if form == "csv" else 0  # a table's first line is its header
        async for line in produced:
            target.write(line)
            count += 1
        return count


def _by_name(file: Path) -> Format:
    return "csv" if file.suffix.lower() == ".csv" else "json"


def _say(report: ImportReport, file: Path, as_json: bool) -> None:
    if as_json:
        write_json(asdict(report))
        return
    for sentence in _sentences(report, file):
        write_error(sentence)
    click.echo(f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged.")


def _sentences(report: ImportReport, file: Path) -> Iterable[str]:
    for problem in report.problems[:_SAID]:
        yield f"{file}:{problem.line}: {problem.message}"
    if (more := len(report.problems) - _SAID) > 0:
        yield f"… and {more} more lines; --json lists them all."
