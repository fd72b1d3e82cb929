"""``proxeny secrets``: the keys that seal stored credentials, and those that sign access tokens."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from proxeny.app.remembering import DERIVED, Store
from proxeny.cli.options import config_option
from proxeny.cli.output import json_option, write_json, write_rows
from proxeny.cli.program import Commands
from proxeny.cli.storing import whoever, with_store
from proxeny.settings import load_settings
from proxeny.store.errors import UnknownError
from proxeny.store.kept import KeptSecrets
from proxeny.store.systems import Systems
from proxeny.store.tokens import SigningKeys
from proxeny.web.oauth.keys import SETTLE, KeyRing


@click.group(cls=Commands)
def secrets() -> None:
    """Keys: those that seal stored credentials, and those that sign access tokens."""


@secrets.command("list")
@config_option
@json_option
def list_keys(config: Path, as_json: bool) -> None:
    """List the keys by their ids; no key is ever shown."""

    async def listed(store: Store) -> list[dict[str, Any]]:
        sealing = [
            {"key": key_id, "use": "seals" if place == 0 else "opens only", "created": None}
            for place, key_id in enumerate(store.vault.key_ids)
        ]
        signing = [
            {"key": key.kid, "use": _use(key.created), "created": _day(key.created)}
            for key in await SigningKeys(store.database, store.vault).load()
        ]
        return [*sealing, *signing]

    rows = with_store(load_settings(config, os.environ), listed)
    write_rows(rows, as_json=as_json, nothing="No keys.")


@secrets.command()
@click.option("--keep-old", is_flag=True, help="Keep the older keys: for other machines that have this file as a copy.")
@config_option
@json_option
def rotate(keep_old: bool, config: Path, as_json: bool) -> None:
    """Make a new key in the key file, seal everything stored with it, and retire the older ones.

    A gateway that runs takes part at once. If this stops half-way, nothing is lost: run it again.
    """

    async def rotated(store: Store) -> dict[str, Any]:
        vault = store.vault.rotate()
        systems, keys = Systems(store.database, vault), SigningKeys(store.database, vault)
        kept = KeptSecrets(store.database, vault)
        done = {"key": vault.key_id, "systems": await systems.reseal(), "signing_keys": await keys.seal_again()}
        done["kept"] = await kept.seal_again()
        retired = [key_id for key_id in vault.key_ids if key_id != vault.key_id]
        again = await systems.reseal() + await keys.seal_again() + await kept.seal_again()
        if keep_old or again:
            retired = []
        else:
            vault.retire(DERIVED)
        done["retired"] = retired
        await store.administration(whoever()).record("secrets.rotated", **done)
        return done

    done = with_store(load_settings(config, os.environ), rotated)
    if as_json:
        write_json(done)
        return
    click.echo(
        f"The new key {done['key']} seals the secrets of {done['systems']} systems and {done['signing_keys']} signing "
        f"keys. Retired: {', '.join(done['retired']) or 'none'}. Keep a new copy of the key file."
    )


@secrets.command("rotate-signing")
@config_option
@json_option
def rotate_signing(config: Path, as_json: bool) -> None:
    """Make a new key for access tokens; it is published now and signs after ten minutes, the old one until then."""
    settings = load_settings(config, os.environ)

    async def rotated(store: Store) -> str:
        keys = SigningKeys(store.database, store.vault)
        kid = await KeyRing(keys, token_lifetime=settings.oauth.token_lifetime).rotate()
        await store.administration(whoever()).record("secrets.signing-key-added", key=kid)
        return kid

    kid = with_store(settings, rotated)
    if as_json:
        write_json({"key": kid})
    else:
        click.echo(f"The key {kid} is published now, and signs from {_day(time.time() + SETTLE)} on.")


@secrets.command()
@click.argument("kid", metavar="KEY")
@config_option
@json_option
def withdraw(kid: str, config: Path, as_json: bool) -> None:
    """Take a signing key back: what it signed is refused within seconds."""

    async def withdrawn(store: Store) -> None:
        keys = SigningKeys(store.database, store.vault)
        if kid not in {key.kid for key in await keys.load()}:
            raise UnknownError(f"There is no signing key '{kid}'. `proxeny secrets list` shows them.")
        await keys.remove(kid)
        await store.administration(whoever()).record("secrets.signing-key-withdrawn", key=kid)

    with_store(load_settings(config, os.environ), withdrawn)
    if as_json:
        write_json({"withdrawn": kid})
    else:
        click.echo(f"{kid} is withdrawn; tokens that it signed are refused within five seconds.")


def _use(created: float) -> str:
    return "signs tokens" if time.time() - created >= SETTLE else "published, signs soon"


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
