"""``proxeny audit``: the trail of refused sign-ins and of all changes, and whether it is as it was written."""

import os
from pathlib import Path
from typing import Any

import click
import orjson

from proxeny.app.remembering import Store
from proxeny.cli.options import config_option
from proxeny.cli.output import json_option, write_error, write_json, write_rows
from proxeny.cli.program import Commands
from proxeny.cli.storing import with_store
from proxeny.settings import load_settings
from proxeny.store.audit import AuditRecord, Wanted, as_written


def _time(context: click.Context, parameter: click.Parameter, text: str | None) -> str:
    try:
        return as_written(text) if text else ""
    except (ValueError, OverflowError):
        raise click.BadParameter("must be like 2026-01-31 or 2026-01-31T12:00", context, parameter) from None


@click.group(cls=Commands)
def audit() -> None:
    """The audit trail: who was refused, and who changed what."""


@audit.command("list")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="So many, the newest.")
@click.option("--event", help="Only events that begin so: authentication, client, system, secrets …")
@click.option("--client", help="Only what this technical user did, or what was done to it.")
@click.option("--since", metavar="TIME", callback=_time, help="Only from this time on (2026-01-31, 2026-01-31T12:00).")
@config_option
@json_option
def list_records(limit: int, event: str | None, client: str | None, since: str, config: Path, as_json: bool) -> None:
    """List the newest records, oldest first."""
    settings = load_settings(config, os.environ)
    wanted = Wanted(event or "", client, since)

    async def newest(store: Store) -> list[AuditRecord]:
        found: list[AuditRecord] = []
        async for record in store.audit.newest():
            if wanted(record):
                found.append(record)
            if len(found) == limit:
                break
        return found[::-1]

    rows = [_row(record, as_json=as_json) for record in with_store(settings, newest)]
    write_rows(rows, as_json=as_json, nothing="No records.")


@audit.command()
@click.option(
    "--head", "heads", multiple=True, metavar="N:CHAIN", help="A head that was noted earlier; may be repeated."
)
@config_option
@json_option
@click.pass_context
def verify(context: click.Context, heads: tuple[str, ...], config: Path, as_json: bool) -> None:
    """Say whether the trail is as it was written; exit 1 at the first record that is not."""
    settings = load_settings(config, os.environ)
    known = [_head(text) for text in heads]
    verdict = with_store(settings, lambda store: store.audit.verify(*known))
    whole = verdict.first_bad is None
    if as_json:
        write_json(verdict.document())
    elif whole:
        click.echo(
            f"{verdict.records} records, all as they were written.{_older(verdict.unsealed)}\nhead {verdict.head}"
        )
    else:
        write_error(
            f"record {verdict.first_bad} {_said(verdict.reason)}; the {verdict.records} before it are as they were "
            "written. Keep a copy of the database and of the key file, and find out who could write to it."
        )
    context.exit(0 if whole else 1)


def _row(record: AuditRecord, *, as_json: bool) -> dict[str, Any]:
    row = record.document()
    if as_json:
        return row
    told = "  ".join(f"{name}={_text(value)}" for name, value in record.fields.items() if value not in (None, ""))
    return {**row, "fields": told}


def _older(unsealed: int) -> str:
    """What is to be said of records that are older than seals."""
    if not unsealed:
        return ""
    return f"\n{unsealed} records before sealing began: whether others followed them then cannot be told."


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _said(reason: str) -> str:
    return f"is not there: {reason}" if reason.startswith("the end") else reason


def _head(text: str) -> tuple[int, str]:
    number, colon, chain = text.partition(":")
    if not number.isdigit() or not colon or not chain:
        raise click.BadParameter("must be written as `proxeny audit verify` prints it", param_hint="--head")
    return int(number), chain
