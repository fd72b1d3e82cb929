"""``proxeny client``: technical users. Those of the configuration file are shown, and changed only there."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from cryptography import x509

from proxeny.certificates import thumbprint
from proxeny.cli.options import ExistingFile, config_option
from proxeny.cli.output import json_option, write_json, write_rows
from proxeny.cli.storing import with_store
from proxeny.errors import CertificateError, Problem, SettingsError
from proxeny.settings import PERMISSIONS, Client, Settings, load_settings
from proxeny.store.clients import StoredClient

_expires = click.option("--expires", type=click.IntRange(1), metavar="DAYS", help="Days the secret holds.")


@click.group()
def client() -> None:
    """Technical users: who may call, and what for."""


@client.command("list")
@config_option
@json_option
def list_clients(config: Path, as_json: bool) -> None:
    """List the technical users of the configuration and of the database."""
    settings = load_settings(config, os.environ)
    stored = with_store(settings, lambda store: store.clients.all())
    rows = [*map(_configured_row, settings.client), *map(_stored_row, stored)]
    write_rows(rows, as_json=as_json, nothing="No technical users. Make one: proxeny client add ID --permission proxy")


@client.command()
@click.argument("client_id", metavar="ID")
@click.option("--permission", "permissions", multiple=True, type=click.Choice(PERMISSIONS), help="May be repeated.")
@click.option("--system", "systems", multiple=True, metavar="ID", help="Only these systems; may be repeated.")
@click.option("--read-only", is_flag=True, help="May read only.")
@click.option("--description", default="", help="What it is for.")
@click.option("--certificate", type=ExistingFile, help="A certificate (PEM) that signs it in, by its thumbprint.")
@click.option("--subject", help="The subject of certificates that sign it in: CN=idm(P000001).")
@click.option("--issuer", help="Their issuer.")
@click.option("--no-secret", is_flag=True, help="Only certificates sign it in.")
@_expires
@config_option
@json_option
def add(
    client_id: str,
    permissions: tuple[str, ...],
    systems: tuple[str, ...],
    read_only: bool,
    description: str,
    certificate: Path | None,
    subject: str | None,
    issuer: str | None,
    no_secret: bool,
    expires: int | None,
    config: Path,
    as_json: bool,
) -> None:
    """Make the technical user ID, and print its secret, which is not kept."""
    rules = _certificate_rules(certificate, subject, issuer)
    if no_secret and not rules:
        raise click.UsageError("Without a secret it needs --certificate or --subject, or it could never sign in.")
    settings = load_settings(config, os.environ)
    _refuse_configured(settings, client_id)
    made = StoredClient(
        id=client_id,
        permissions=frozenset(permissions),
        systems=frozenset(systems) or None,
        read_only=read_only,
        description=description,
        certificates=rules,
    )
    kept, secret = with_store(
        settings, lambda store: store.clients.add(made, secret=not no_secret, expires=_moment(expires))
    )
    _deliver(kept.id, secret, as_json)


@client.command()
@click.argument("client_id", metavar="ID")
@click.option("--keep-old", type=click.IntRange(0), default=24, show_default=True, help="Hours the old one holds.")
@_expires
@config_option
@json_option
def rotate(client_id: str, keep_old: int, expires: int | None, config: Path, as_json: bool) -> None:
    """Give ID a new secret and print it; the old one holds on for a while."""
    settings = load_settings(config, os.environ)
    _refuse_configured(settings, client_id)
    keep = timedelta(hours=keep_old)
    secret = with_store(
        settings, lambda store: store.clients.rotate(client_id, keep_old_for=keep, expires=_moment(expires))
    )
    _deliver(client_id, secret, as_json)


@client.command()
@click.argument("client_id", metavar="ID")
@config_option
@json_option
def remove(client_id: str, config: Path, as_json: bool) -> None:
    """Remove ID; it is refused within five seconds, also by a gateway that is running."""
    settings = load_settings(config, os.environ)
    _refuse_configured(settings, client_id)
    with_store(settings, lambda store: store.clients.remove(client_id))
    if as_json:
        write_json({"removed": client_id})
    else:
        click.echo(f"{client_id} is removed.")


def _refuse_configured(settings: Settings, client_id: str) -> None:
    for index, known in enumerate(settings.client):
        if known.id == client_id:
            message, remedy = "is in the configuration file, which this command does not change.", "Edit the file."
            raise SettingsError([Problem(str(settings.file), f"client[{index}].id", message, remedy)])


def _certificate_rules(certificate: Path | None, subject: str | None, issuer: str | None) -> tuple[dict[str, str], ...]:
    rules = []
    if certificate is not None:
        try:
            rules.append({"thumbprint": thumbprint(x509.load_pem_x509_certificate(certificate.read_bytes()))})
        except ValueError as error:
            raise CertificateError(f"{certificate} is no certificate in PEM. Nothing was made.") from error
    if subject:
        rules.append({"subject": subject, **({"issuer": issuer} if issuer else {})})
    return tuple(rules)


def _moment(days: int | None) -> datetime | None:
    return datetime.now(UTC) + timedelta(days=days) if days else None


def _deliver(client_id: str, secret: str | None, as_json: bool) -> None:
    if as_json:
        write_json({"id": client_id, "secret": secret})
    elif secret is None:
        click.echo(f"{client_id} is made; its certificate signs it in.")
    else:
        click.echo(f"{client_id} signs in with this secret, which is shown only now:\n{secret}")


def _configured_row(known: Client) -> dict[str, Any]:
    return {
        "id": known.id,
        "permissions": sorted(known.permissions),
        "systems": sorted(known.systems),
        "read_only": known.read_only,
        "secrets": int(known.secret is not None),
        "certificates": len(known.certificates),
        "last_used": None,
        "last_address": None,
        "origin": "configuration",
    }


def _stored_row(known: StoredClient) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "id": known.id,
        "permissions": sorted(known.permissions),
        "systems": sorted(known.systems or ()),
        "read_only": known.read_only,
        "secrets": sum(secret.is_valid(now) for secret in known.secrets),
        "certificates": len(known.certificates),
        "last_used": known.last_used.isoformat() if known.last_used else None,
        "last_address": known.last_address,
        "origin": "database",
    }
