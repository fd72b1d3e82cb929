"""Secrets that backends gave to the gateway and will want to see again, as refresh tokens; sealed like all others.

Who keeps one names it so that a change of what it is for changes the name: a token is never found for another issuer.
"""

from collections.abc import Generator

from proxeny.database import Database, Request, Row, Statement
from proxeny.store.errors import VaultError
from proxeny.store.vault import Vault

ALL = Statement("SELECT system, name, sealed FROM store_kept")
ONE = Statement("SELECT sealed FROM store_kept WHERE system = :system AND name = :name")
PUT = Statement(
    "INSERT INTO store_kept (system, name, sealed) VALUES (:system, :name, :sealed) "
    "ON CONFLICT (system, name) DO UPDATE SET sealed = excluded.sealed"
)
AGAIN = Statement("UPDATE store_kept SET sealed = :sealed WHERE system = :system AND name = :name AND sealed = :before")


class KeptSecrets:
    """The Keeper of connectors/outbound/grants.py, on the database."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def get(self, system: str, name: str) -> str | None:
        """The secret; None if there is none, or none that the keys at hand open: then it is asked for anew."""
        row = await self._database.fetch_one(ONE, {"system": system, "name": name})
        try:
            return self._vault.open_sealed(system, name, str(row[0])) if row else None
        except VaultError:
            return None

    async def put(self, system: str, name: str, secret: str) -> None:
        values = {"system": system, "name": name, "sealed": self._vault.seal(system, name, secret)}

        def steps() -> Generator[Request, list[Row], None]:
            yield PUT, values

        await self._database.transaction(steps)

    async def seal_again(self) -> int:
        """After a rotation of keys: seal again what an older key sealed; how many secrets that were."""
        stale = [row for row in await self._database.fetch(ALL) if self._vault.is_stale(str(row[2]))]
        for system, name, sealed in stale:
            await self._seal_again(str(system), str(name), str(sealed))
        return len(stale)

    async def _seal_again(self, system: str, name: str, before: str) -> None:
        secret = self._vault.open_sealed(system, name, before)
        values = {"system": system, "name": name, "sealed": self._vault.seal(system, name, secret), "before": before}

        def steps() -> Generator[Request, list[Row], None]:
            yield AGAIN, values

        await self._database.transaction(steps)
