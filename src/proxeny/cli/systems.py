"""``proxeny system``: the systems that the gateway stands for. Those of files are shown, and changed only there."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import orjson

from proxeny.app.remembering import Store
from proxeny.app.systems import known_system, known_systems, test_system
from proxeny.cli import system_changes
from proxeny.cli.options import config_option
from proxeny.cli.output import json_option, write_json, write_rows, write_table
from proxeny.cli.program import Commands
from proxeny.cli.storing import with_store
from proxeny.cli.types import list_types, show_type
from proxeny.provisioning.systems.exporting import idm_repository, sap_export
from proxeny.settings import Settings, load_settings


@click.group(cls=Commands)
def system() -> None:
    """The systems: backends that the gateway represents."""


for change in (system_changes.add, system_changes.import_, system_changes.change, system_changes.remove):
    system.add_command(change)


@system.command("list")
@click.option("--types", is_flag=True, help="List the types of system there are, and what works of each, instead.")
@config_option
@json_option
def list_systems(types: bool, config: Path, as_json: bool) -> None:
    """List the systems of files and of the database."""
    if types:
        list_types(as_json=as_json)
        return
    settings = load_settings(config, os.environ)
    rows: list[dict[str, Any]] = [
        {
            "id": known.definition.id,
            "name": known.definition.name,
            "type": known.definition.type,
            "mode": known.definition.access_mode,
            "enabled": known.definition.enabled,
            "origin": known.origin,
            "problem": known.problem or None,
        }
        for known in with_store(settings, lambda store: known_systems(settings, store))
    ]
    write_rows(rows, as_json=as_json, nothing="No systems. Put a file into the systems folder, or: proxeny system add")


@system.command()
@click.argument("system_id", metavar="[SYSTEM]", required=False)
@click.option("--type", "type_name", help="Show a type of system instead: what works, and its properties.")
@config_option
@json_option
def show(system_id: str | None, type_name: str | None, config: Path, as_json: bool) -> None:
    """Show a system by id or name, without its secrets; or a type of system."""
    if (system_id is None) == (type_name is None):
        raise click.UsageError("Give either a system, or --type and a type.")
    if type_name is not None:
        show_type(type_name, as_json=as_json)
    elif system_id is not None:
        _show_system(system_id, config, as_json=as_json)


def _show_system(system_id: str, config: Path, *, as_json: bool) -> None:
    settings = load_settings(config, os.environ)
    known = with_store(settings, lambda store: known_system(settings, store, system_id))
    document = {"origin": known.origin, **sap_export(known.definition)}
    document["encryptedProperties"] = dict.fromkeys(known.definition.credentials, "***")
    if known.definition.access_mode == "PROXY":
        document["url"] = f"{_base_url(settings)}/proxy/{quote(known.definition.id, safe='')}"
    if as_json:
        write_json(document)
    else:
        write_table(("KEY", "VALUE"), [(key, _short(value)) for key, value in document.items() if value])


@system.command()
@click.argument("system_id", metavar="SYSTEM")
@click.option("--format", "form", type=click.Choice(["json", "csv"]), default="json", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file; else standard output.")
@click.option("--url", help="csv: what Identity Management calls the gateway by; default: server.public_url.")
@config_option
def export(system_id: str, form: str, out: Path | None, url: str | None, config: Path) -> None:
    """Export a system without its secrets: as SAP's JSON, or as a repository of SAP Identity Management (csv)."""
    settings = load_settings(config, os.environ)
    definition = with_store(settings, lambda store: known_system(settings, store, system_id)).definition
    if form == "csv":
        if definition.access_mode != "PROXY":
            raise click.UsageError("Only a proxy system can be exported as a repository of SAP Identity Management.")
        content = idm_repository(definition, url or _base_url(settings)).encode()
    else:
        content = orjson.dumps(sap_export(definition), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if out is None:
        click.echo(content, nl=False)
    else:
        out.write_bytes(content)
        click.echo(f"{definition.name} is written to {out}.")


@system.command("test")
@click.argument("system_id", metavar="SYSTEM")
@config_option
@json_option
@click.pass_context
def test_connection(context: click.Context, system_id: str, config: Path, as_json: bool) -> None:
    """Connect to a system step by step, and change nothing; exit 1 at the first step that fails."""
    settings = load_settings(config, os.environ)

    async def tried(store: Store) -> list[dict[str, Any]]:
        steps = await test_system(settings, store, await known_system(settings, store, system_id))
        return [
            {"step": step.name, "ok": step.ok, "milliseconds": round(step.milliseconds, 1), "message": step.message}
            for step in steps
        ]

    rows = with_store(settings, tried)
    write_rows(rows, as_json=as_json, nothing="This type of system has nothing to test.")
    context.exit(0 if all(row["ok"] for row in rows) else 1)


def _base_url(settings: Settings) -> str:
    server = settings.server
    host = f"[{server.host}]" if ":" in server.host else server.host
    return server.public_url or f"{'https' if server.tls else 'http'}://{host}:{server.port}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 100 else f"{text[:99]}…"
