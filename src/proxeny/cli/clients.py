"""``proxeny client``: technical users. Those of the configuration file are shown, and changed only there."""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from proxeny.app.clients import ClientAdministration
from proxeny.cli import client_changes
from proxeny.cli.options import config_option
from proxeny.cli.output import cell, json_option, write_json, write_rows, write_table
from proxeny.cli.program import Commands
from proxeny.cli.storing import with_store
from proxeny.settings import load_settings

T = TypeVar("T")

_LISTED = ("id", "permissions", "systems", "read_only", "secrets", "certificates", "last_used", "last_address")


@click.group(cls=Commands)
def client() -> None:
    """Technical users: who may call, and what for."""


for changing in (client_changes.add, client_changes.change, client_changes.rotate, client_changes.remove):
    client.add_command(changing)


@client.command("list")
@config_option
@json_option
def list_clients(config: Path, as_json: bool) -> None:
    """List the technical users of the configuration and of the database."""
    rows = [
        {name: row[name] if name not in ("secrets", "certificates") else len(row[name]) for name in _LISTED}
        | {name: row[name] for name in ("failed_tries", "enabled", "origin")}
        for row in _clients(config, ClientAdministration.all)
    ]
    write_rows(rows, as_json=as_json, nothing="No technical users. Make one: proxeny client add ID --permission proxy")


@client.command()
@click.argument("client_id", metavar="ID")
@config_option
@json_option
def show(client_id: str, config: Path, as_json: bool) -> None:
    """Show all of a technical user but its secrets: of those, until when they hold."""
    found = _clients(config, lambda them: them.one(client_id))
    if as_json:
        write_json(found)
    else:
        shown = {key: _line(value) for key, value in found.items() if value not in (None, "", [])}
        write_table(("KEY", "VALUE"), list(shown.items()))


def _clients(config: Path, use: Callable[[ClientAdministration], Awaitable[T]]) -> T:
    settings = load_settings(config, os.environ)
    return with_store(settings, lambda store: use(ClientAdministration(settings, store)))


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key}={item}" for key, item in value.items())
    return "; ".join(map(_line, value)) if isinstance(value, list) else cell(value)
