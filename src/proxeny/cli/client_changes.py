"""``proxeny client add|change|rotate|remove``: technical users of the database, each change in the audit trail."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from proxeny.app.clients import ClientAdministration
from proxeny.cli.options import ExistingFile, config_option
from proxeny.cli.output import cell, json_option, write_error, write_json
from proxeny.cli.storing import whoever, with_store
from proxeny.provisioning.errors import DefinitionError
from proxeny.settings import PERMISSIONS, load_settings
from proxeny.settings.kinds import jwk_set

Function = TypeVar("Function", bound=Callable[..., Any])

_LONGEST_DAYS = 3650
_LONGEST_HOURS = 24 * 90
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
_expires = click.option(
    "--expires", type=click.IntRange(1, _LONGEST_DAYS), metavar="DAYS", help="Days the secret holds."
)


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
    document = _document(given)

    async def made(them: ClientAdministration) -> tuple[str | None, list[str]]:
        _, secret = await them.add(client_id, document, whoever(), secret=not no_secret, expires_days=expires)
        return secret, await them.doubts(client_id)

    secret, doubts = _administered(config, made)
    _warn(doubts, client_id)
    _deliver(client_id, secret, as_json)


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
    changes = _document(given)
    if all_systems:
        changes["systems"] = None

    async def changed(them: ClientAdministration) -> list[str]:
        if no_certificates or "certificates" in changes:
            kept = [] if no_certificates else (await them.one(client_id))["certificates"]
            changes["certificates"] = [*kept, *changes.get("certificates", ())]
        await them.change(client_id, changes, whoever())
        return await them.doubts(client_id)

    _warn(_administered(config, changed), client_id)
    if as_json:
        write_json({"id": client_id, "changed": sorted(changes)})
    else:
        told = (f"{name.replace('_', ' ')}: {_told(value)}" for name, value in sorted(changes.items()))
        click.echo(f"{client_id} is changed. {'; '.join(told)}.")


@click.command()
@click.argument("client_id", metavar="ID")
@click.option(
    "--keep-old", type=click.IntRange(0, _LONGEST_HOURS), default=24, show_default=True, help="Hours the old one holds."
)
@_expires
@config_option
@json_option
def rotate(client_id: str, keep_old: int, expires: int | None, config: Path, as_json: bool) -> None:
    """Give ID a new secret and print it; the old one holds on for a while."""
    secret = _administered(
        config, lambda them: them.rotate(client_id, whoever(), keep_old_hours=keep_old, expires_days=expires)
    )
    _deliver(client_id, secret, as_json)


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@json_option
def remove(client_id: str, config: Path, as_json: bool) -> None:
    """Remove ID; it is refused within five seconds, also by a gateway that is running."""
    _administered(config, lambda them: them.remove(client_id, whoever()))
    if as_json:
        write_json({"removed": client_id})
    else:
        click.echo(f"{client_id} is removed.")


def _warn(doubts: list[str], client_id: str) -> None:
    for doubt in doubts:
        write_error(f"warning: {doubt} (proxeny client change {client_id} …).")


def _told(value: Any) -> str:
    """A changed value in a sentence; None is no restriction, and certificates and keys are too long to repeat."""
    if value is None:
        return "all"
    if isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(item, Mapping) for item in value)):
        return "other ones"
    return cell(value) or "none"


def _administered(config: Path, use: Callable[[ClientAdministration], Any]) -> Any:
    settings = load_settings(config, os.environ)
    try:
        return with_store(settings, lambda store: use(ClientAdministration(settings, store)))
    except DefinitionError as error:
        raise click.UsageError(str(error)) from error


def _document(given: dict[str, Any]) -> dict[str, Any]:
    """What the options say of a technical user; those that are not there say nothing."""
    certificates = _certificates(*(given.pop(name) for name in ("certificate", "subject", "issuer", "uri")))
    keys = given.pop("keys")
    named = {name: value for name, value in given.items() if value not in (None, ())}
    if keys is not None:
        named["keys"] = jwk_set(keys)
        if named["keys"] is None:
            raise click.UsageError(f"{keys} is no JWK Set in JSON.")
    return {**named, **({"certificates": certificates} if certificates else {})}


def _certificates(file: Path | None, subject: str | None, issuer: str | None, uri: str | None) -> list[dict[str, str]]:
    rules = []
    if file is not None:
        rules.append({"certificate": file.read_text("ascii", "replace")})
    if subject:
        rules.append({"subject": subject, **({"issuer": issuer} if issuer else {})})
    if uri:
        rules.append({"uri": uri})
    return rules


def _deliver(client_id: str, secret: str | None, as_json: bool) -> None:
    if as_json:
        write_json({"id": client_id, "secret": secret})
    elif secret is None:
        click.echo(f"{client_id} is made; its certificate or key signs it in.")
    else:
        click.echo(f"{client_id} signs in with this secret, which is shown only now:\n{secret}")
