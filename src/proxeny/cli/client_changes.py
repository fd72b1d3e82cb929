"""``proxeny client add|change|rotate|remove``: technical users of the database, each change in the audit trail."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from cryptography import x509

from proxeny.certificates import thumbprint
from proxeny.cli.options import ExistingFile, config_option
from proxeny.cli.output import json_option, write_json
from proxeny.cli.storing import whoever, with_store
from proxeny.errors import CertificateError, Problem, SettingsError
from proxeny.settings import PERMISSIONS, Settings, load_settings
from proxeny.settings.kinds import jwk_set
from proxeny.store.administration import Administration
from proxeny.store.clients import StoredClient
from proxeny.store.errors import UnknownError

Function = TypeVar("Function", bound=Callable[..., Any])
Rules = tuple[dict[str, str], ...]

_DIALECTS = ("entra", "okta", "strict")
_OPTIONS = (
    click.option("--permission", "permissions", multiple=True, type=click.Choice(PERMISSIONS), help="May be repeated."),
    click.option("--system", "systems", multiple=True, metavar="ID", help="Only these systems; may be repeated."),
    click.option("--dialect", multiple=True, type=click.Choice(_DIALECTS), help="What it sends differently."),
    click.option("--description", help="What it is for."),
    click.option("--certificate", type=ExistingFile, help="A certificate (PEM) that signs it in, by its thumbprint."),
    click.option("--subject", help="The subject of certificates that sign it in: CN=idm(P000001)."),
    click.option("--issuer", help="Their issuer."),
    click.option("--uri", help="A URI among the alternative names of certificates that sign it in."),
    click.option("--keys", type=ExistingFile, help="A JWK Set: its public keys, or its self-signed certificates."),
    click.option("--token-format", type=click.Choice(["jwt", "opaque"]), help="Of its access tokens."),
)
_expires = click.option("--expires", type=click.IntRange(1), metavar="DAYS", help="Days the secret holds.")


def _described(command: Function) -> Function:
    """The options that say what a technical user is."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("client_id", metavar="ID")
@_described
@click.option("--read-only", is_flag=True, help="May read only.")
@click.option("--bind-tokens", is_flag=True, help="Its tokens hold only with the certificate that fetched them.")
@click.option("--no-secret", is_flag=True, help="Only certificates or keys sign it in.")
@_expires
@config_option
@json_option
def add(client_id: str, no_secret: bool, expires: int | None, config: Path, as_json: bool, **given: Any) -> None:
    """Make the technical user ID, and print its secret, which is not kept."""
    changes = _changes(given)
    if no_secret and not (changes.get("certificates") or changes.get("keys")):
        raise click.UsageError("Without a secret it needs a certificate or --keys, or it could never sign in.")
    settings = load_settings(config, os.environ)
    _refuse_configured(settings, client_id)
    made = StoredClient(id=client_id, **changes)
    kept, secret = _administered(
        settings, lambda them: them.add_client(made, secret=not no_secret, expires=_moment(expires))
    )
    _deliver(kept.id, secret, as_json)


@click.command()
@click.argument("client_id", metavar="ID")
@_described
@click.option("--all-systems", is_flag=True, help="No restriction to systems any more.")
@click.option("--read-only/--read-write", "read_only", default=None, help="Whether it may read only.")
@click.option("--bind-tokens/--free-tokens", "bind_tokens", default=None, help="Whether its tokens need a certificate.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether it may sign in.")
@click.option("--no-certificates", is_flag=True, help="Forget the certificates that it had.")
@config_option
@json_option
def change(client_id: str, all_systems: bool, no_certificates: bool, config: Path, as_json: bool, **given: Any) -> None:
    """Change what ID may do, and what signs it in; what is not named stays. Certificates are added to those it has."""
    changes = _changes(given)
    if all_systems:
        changes["systems"] = None
    settings = load_settings(config, os.environ)
    _refuse_configured(settings, client_id)

    async def changed(them: Administration) -> StoredClient:
        before = await them.clients.find(client_id)
        if before is None:
            raise UnknownError(f"There is no technical user '{client_id}' in the database. Nothing was changed.")
        if no_certificates or "certificates" in changes:
            kept = () if no_certificates else before.certificates
            changes["certificates"] = (*kept, *changes.get("certificates", ()))
        if not changes:
            raise click.UsageError("Say what to change; --help lists what can be.")
        return await them.change_client(client_id, **changes)

    _administered(settings, changed)
    if as_json:
        write_json({"id": client_id, "changed": sorted(changes)})
    else:
        click.echo(f"{client_id} is changed: {', '.join(sorted(changes))}.")


@click.command()
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
    secret = _administered(
        settings, lambda them: them.rotate_client(client_id, keep_old_for=keep, expires=_moment(expires))
    )
    _deliver(client_id, secret, as_json)


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@json_option
def remove(client_id: str, config: Path, as_json: bool) -> None:
    """Remove ID; it is refused within five seconds, also by a gateway that is running."""
    settings = load_settings(config, os.environ)
    _refuse_configured(settings, client_id)
    _administered(settings, lambda them: them.remove_client(client_id))
    if as_json:
        write_json({"removed": client_id})
    else:
        click.echo(f"{client_id} is removed.")


def _administered(settings: Settings, use: Callable[[Administration], Any]) -> Any:
    return with_store(settings, lambda store: use(store.administration(whoever())))


def _refuse_configured(settings: Settings, client_id: str) -> None:
    for index, known in enumerate(settings.client):
        if known.id == client_id:
            message, remedy = "is in the configuration file, which this command does not change.", "Edit the file."
            raise SettingsError([Problem(str(settings.file), f"client[{index}].id", message, remedy)])


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """Fields of StoredClient, as far as options name them."""
    rules = _rules(*(given.pop(name) for name in ("certificate", "subject", "issuer", "uri")))
    keys = given.pop("keys")
    changes = {name: value for name, value in given.items() if value not in (None, ())}
    for name in {"permissions", "systems"} & changes.keys():
        changes[name] = frozenset(changes[name])
    if keys is not None:
        changes["keys"] = jwk_set(keys)
        if changes["keys"] is None:
            raise click.UsageError(f"{keys} is no JWK Set in JSON.")
        if any({"d", "k"} & key.keys() for key in changes["keys"]["keys"]):
            raise click.UsageError(f"{keys} holds private keys. Give the public ones only; nothing was changed.")
    return {**changes, **({"certificates": rules} if rules else {})}


def _rules(certificate: Path | None, subject: str | None, issuer: str | None, uri: str | None) -> Rules:
    rules = []
    if certificate is not None:
        try:
            read = x509.load_pem_x509_certificate(certificate.read_bytes())
        except ValueError as error:
            raise CertificateError(f"{certificate} is no certificate in PEM. Nothing was changed.") from error
        rules.append({"thumbprint": thumbprint(read), "expires": read.not_valid_after_utc.isoformat()})
    if subject:
        rules.append({"subject": subject, **({"issuer": issuer} if issuer else {})})
    if uri:
        rules.append({"uri": uri})
    return tuple(rules)


def _moment(days: int | None) -> datetime | None:
    return datetime.now(UTC) + timedelta(days=days) if days else None


def _deliver(client_id: str, secret: str | None, as_json: bool) -> None:
    if as_json:
        write_json({"id": client_id, "secret": secret})
    elif secret is None:
        click.echo(f"{client_id} is made; its certificate or key signs it in.")
    else:
        click.echo(f"{client_id} signs in with this secret, which is shown only now:\n{secret}")
