"""``proxeny client``: technical users. Those of the configuration file are shown, and changed only there."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from proxeny.cli import client_changes
from proxeny.cli.options import config_option
from proxeny.cli.output import json_option, write_json, write_rows, write_table
from proxeny.cli.storing import with_store
from proxeny.settings import Client, load_settings
from proxeny.store.clients import StoredClient
from proxeny.store.errors import UnknownError

_LISTED = ("id", "permissions", "systems", "read_only", "secrets", "certificates", "last_used", "last_address")


@click.group()
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
        for row in _rows(config)
    ]
    write_rows(rows, as_json=as_json, nothing="No technical users. Make one: proxeny client add ID --permission proxy")


@client.command()
@click.argument("client_id", metavar="ID")
@config_option
@json_option
def show(client_id: str, config: Path, as_json: bool) -> None:
    """Show all of a technical user but its secrets: of those, until when they hold."""
    found = next((row for row in _rows(config) if row["id"] == client_id), None)
    if found is None:
        raise UnknownError(f"There is no technical user '{client_id}'. `proxeny client list` shows those there are.")
    if as_json:
        write_json(found)
    else:
        shown = {key: _line(value) for key, value in found.items() if value not in (None, "", [])}
        write_table(("KEY", "VALUE"), list(shown.items()))


def _rows(config: Path) -> list[dict[str, Any]]:
    settings = load_settings(config, os.environ)
    stored = with_store(settings, lambda store: store.clients.all())
    return [*map(_configured, settings.client), *map(_stored, stored)]


def _configured(known: Client) -> dict[str, Any]:
    return {
        "id": known.id,
        "permissions": sorted(known.permissions),
        "systems": sorted(known.systems),
        "read_only": known.read_only,
        "dialect": list(known.dialect or ()),
        "enabled": True,
        "description": "",
        "secrets": ["for ever"] if known.secret is not None else [],
        "certificates": [rule.model_dump(exclude_none=True) for rule in known.certificates],
        "keys": known.keys is not None,
        "token_format": known.token_format,
        "bind_tokens": known.bind_tokens,
        "created": None,
        "last_used": None,
        "last_address": None,
        "failed_tries": None,
        "origin": "configuration",
    }


def _stored(known: StoredClient) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "id": known.id,
        "permissions": sorted(known.permissions),
        "systems": sorted(known.systems or ()),
        "read_only": known.read_only,
        "dialect": list(known.dialect or ()),
        "enabled": known.enabled,
        "description": known.description,
        "secrets": [_until(secret.expires) for secret in known.secrets if secret.is_valid(now)],
        "certificates": [dict(rule) for rule in known.certificates],
        "keys": bool(known.keys),
        "token_format": known.token_format,
        "bind_tokens": known.bind_tokens,
        "created": known.created.isoformat(timespec="seconds"),
        "last_used": known.last_used.isoformat() if known.last_used else None,
        "last_address": known.last_address,
        "failed_tries": known.failed_tries,
        "origin": "database",
    }


def _until(expires: datetime | None) -> str:
    return "for ever" if expires is None else f"until {expires.isoformat(timespec='seconds')}"


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key}={item}" for key, item in value.items())
    return "; ".join(map(_line, value)) if isinstance(value, list) else str(value)
