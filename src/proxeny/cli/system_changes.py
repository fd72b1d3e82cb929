"""``proxeny system add|import|change|remove``: systems of the database, each change recorded in the audit trail."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import orjson

from proxeny.app.remembering import Store
from proxeny.app.systems import Changed, KnownSystem, change_system, keep_system, known_system
from proxeny.cli.options import ExistingFile, config_option, pairs
from proxeny.cli.output import json_option, write_error, write_json
from proxeny.cli.storing import whoever, with_store
from proxeny.documents import Document
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem
from proxeny.provisioning.systems.definition import SystemDefinition
from proxeny.provisioning.systems.exporting import sap_export
from proxeny.provisioning.systems.whereabouts import trusts_everyone
from proxeny.settings import load_settings

_INSTEAD = {"change": "Edit the file", "remove": "Delete the file"}

_credential = click.option(
    "--credential", "credentials", multiple=True, callback=pairs, metavar="K=V", help="A secret; V may be @FILE."
)


@click.command()
@click.argument("name")
@click.option("--type", "type_name", required=True, help="Its type; `proxeny system list --types` shows them.")
@click.option("--mode", type=click.Choice(["READ", "WRITE", "PROXY"]), default="PROXY", show_default=True)
@click.option("--property", "properties", multiple=True, callback=pairs, metavar="K=V", help="A connection property.")
@_credential
@click.option("--read", "read", type=ExistingFile, help="Read transformation; else the type's.")
@click.option("--write", "write", type=ExistingFile, help="Write transformation; else the type's.")
@click.option("--source", "sources", multiple=True, metavar="SYSTEM", help="A source of this target; may be repeated.")
@click.option("--description", default="")
@config_option
@json_option
def add(
    name: str,
    type_name: str,
    mode: str,
    properties: Mapping[str, str],
    credentials: Mapping[str, str],
    read: Path | None,
    write: Path | None,
    sources: tuple[str, ...],
    description: str,
    config: Path,
    as_json: bool,
) -> None:
    """Add the system NAME to the database, checked; a running gateway takes it up within seconds."""
    document: Document = {
        "name": name,
        "description": description,
        "connectorTypeString": type_name,
        "accessMode": mode,
        "properties": dict(properties),
        "sources": list(sources),
        "readTransformation": _json(read) if read else {},
        "writeTransformation": _json(write) if write else {},
    }
    _keep(config, document, credentials, name, as_json)


@click.command("import")
@click.argument("file", type=ExistingFile)
@click.option("--name", help="Another name, if its own is taken.")
@click.option("--replace", is_flag=True, help="Replace the stored system of the same id; secrets of another host go.")
@_credential
@config_option
@json_option
def import_(
    file: Path, name: str | None, replace: bool, credentials: Mapping[str, str], config: Path, as_json: bool
) -> None:
    """Import a system that SAP Identity Provisioning or `proxeny system export` wrote; enter its secrets again."""
    document = {**_json(file), **({"name": name} if name else {})}
    if not replace:
        _keep(config, document, credentials, str(file), as_json)
    elif isinstance(document.get("id"), str):
        _change(config, document["id"], lambda known: document, credentials, str(file), as_json)
    else:
        raise click.UsageError(f"{file} holds no id, so --replace cannot tell which system is meant.")


@click.command()
@click.argument("system_id", metavar="SYSTEM")
@click.option("--property", "properties", multiple=True, callback=pairs, metavar="K=V", help="Set; K= removes.")
@_credential
@click.option("--name", help="Another name.")
@click.option("--description", help="Another description.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether it may be used.")
@click.option("--read", "read", type=ExistingFile, help="Another read transformation.")
@click.option("--write", "write", type=ExistingFile, help="Another write transformation.")
@config_option
@json_option
def change(
    system_id: str,
    properties: Mapping[str, str],
    credentials: Mapping[str, str],
    name: str | None,
    description: str | None,
    enabled: bool | None,
    read: Path | None,
    write: Path | None,
    config: Path,
    as_json: bool,
) -> None:
    """Change a system of the database. If it leads to another host, its stored secrets go and are entered again."""
    given = {
        "name": name,
        "description": description,
        "state": None if enabled is None else "ENABLED" if enabled else "DISABLED",
        "readTransformation": _json(read) if read else None,
        "writeTransformation": _json(write) if write else None,
    }
    changes = {key: value for key, value in given.items() if value is not None}

    def changed(known: KnownSystem) -> Document:
        document = sap_export(known.definition)
        values = {**document["properties"], **properties}
        return {**document, **changes, "properties": {key: value for key, value in values.items() if value}}

    _change(config, system_id, changed, credentials, system_id, as_json)


@click.command()
@click.argument("system_id", metavar="SYSTEM")
@config_option
@json_option
def remove(system_id: str, config: Path, as_json: bool) -> None:
    """Remove a system from the database; what its backend holds stays."""
    settings = load_settings(config, os.environ)

    async def removed(store: Store) -> str:
        known = _stored(await known_system(settings, store, system_id), "remove")
        await store.administration(whoever()).remove_system(known.definition.id)
        return known.definition.id

    gone = with_store(settings, removed)
    if as_json:
        write_json({"removed": gone})
    else:
        click.echo(f"{system_id} is removed.")


def _keep(config: Path, document: Document, credentials: Mapping[str, str], origin: str, as_json: bool) -> None:
    settings, by = load_settings(config, os.environ), whoever()
    secrets = {name: _secret(value) for name, value in credentials.items()}
    kept = with_store(settings, lambda store: keep_system(settings, store, document, secrets, origin=origin, by=by))
    _warn(kept)
    if as_json:
        write_json({"id": kept.id, "name": kept.name})
    else:
        click.echo(f"{kept.name} is kept, with the id {kept.id}.")


def _change(
    config: Path,
    system_id: str,
    changed: Callable[[KnownSystem], Document],
    credentials: Mapping[str, str],
    origin: str,
    as_json: bool,
) -> None:
    settings, by = load_settings(config, os.environ), whoever()
    secrets = {name: _secret(value) for name, value in credentials.items()}

    async def kept(store: Store) -> Changed:
        known = _stored(await known_system(settings, store, system_id), "change")
        place = known.definition.id
        return await change_system(settings, store, place, changed(known), secrets, origin=origin, by=by)

    done = with_store(settings, kept)
    _warn(done.definition)
    if as_json:
        write_json({"id": done.definition.id, "name": done.definition.name, "dropped": done.dropped})
        return
    click.echo(f"{done.definition.name} is changed.")
    if done.dropped:
        click.echo(
            f"It leads elsewhere now ({', '.join(done.moved)}), so its stored {', '.join(done.dropped)} "
            f"{'is' if len(done.dropped) == 1 else 'are'} gone. Enter again what the new place wants: "
            f"proxeny system change {done.definition.id} --credential {done.dropped[0]}=@FILE"
        )


def _warn(definition: SystemDefinition) -> None:
    if trusts_everyone(definition):
        write_error(
            f"warning: {definition.name} has TrustAll: whoever answers in its server's place gets its credentials. "
            "For tests only; give its CA as ca.certificate instead."
        )


def _stored(known: KnownSystem, verb: str) -> KnownSystem:
    if not known.stored:
        message = f"is a system file, which this command does not {verb}. {_INSTEAD[verb]}"
        raise DefinitionError((DefinitionProblem(known.origin, "", message),))
    return known


def _secret(value: str) -> str:
    """The value, or with @FILE the content of a file, so that it need not stand on a command line."""
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text("utf-8").removesuffix("\n")
    except OSError as error:
        raise click.UsageError(f"{value[1:]} cannot be read: {error.strerror}.") from None


def _json(file: Path) -> Document:
    try:
        document = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"{file} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise click.UsageError(f"{file} must hold one JSON object.")
    return document
