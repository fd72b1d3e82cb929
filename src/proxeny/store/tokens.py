"""What the token endpoint remembers: opaque tokens, revocations, ids that were used once, and its signing keys.

Everything here is shared by all replicas. Rows whose time is over are removed with the next write.
"""

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from proxeny.database import Database
from proxeny.database.statements import Request, Row, Statement
from proxeny.store.vault import Vault

_SAVE = Statement("INSERT INTO oauth_tokens (digest, claims, expires) VALUES (:digest, :claims, :expires)")
_FIND = Statement("SELECT claims FROM oauth_tokens WHERE digest = :digest AND expires > :now")
_PURGE_TOKENS = Statement("DELETE FROM oauth_tokens WHERE expires <= :now")
_REVOKE = Statement(
    "INSERT INTO oauth_revocations (id, expires, revoked) VALUES (:id, :expires, :revoked) ON CONFLICT DO NOTHING"
)
_IS_REVOKED = Statement("SELECT 1 FROM oauth_revocations WHERE id = :id")
_PURGE_REVOCATIONS = Statement("DELETE FROM oauth_revocations WHERE expires <= :now")
_VERSION = Statement("SELECT COUNT(*), MAX(revoked) FROM oauth_revocations")
_USE = Statement("INSERT INTO oauth_uses (id, expires) VALUES (:id, :expires) ON CONFLICT DO NOTHING RETURNING id")
_PURGE_USES = Statement("DELETE FROM oauth_uses WHERE expires <= :now")
_KEYS = Statement("SELECT kid, private, created FROM oauth_keys ORDER BY created")
_ADD_KEY = Statement("INSERT INTO oauth_keys (kid, private, created) VALUES (:kid, :private, :created)")
_REMOVE_KEY = Statement("DELETE FROM oauth_keys WHERE kid = :kid")
_SEAL_AGAIN = Statement("UPDATE oauth_keys SET private = :private WHERE kid = :kid")

_PLACE = "oauth signing key"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """``private`` is a JWK in JSON; ``created`` is Unix time."""

    kid: str
    private: str = field(repr=False)
    created: float = 0.0


class Tokens:
    """Opaque tokens by digest, revocations by token id, and ids that may be used once. Times are Unix times."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, digest: str, claims: Mapping[str, Any], expires: float) -> None:
        parameters = {"digest": digest, "claims": orjson.dumps(dict(claims)).decode(), "expires": float(expires)}
        await self._write(_SAVE, parameters, _PURGE_TOKENS)

    async def find(self, digest: str) -> Mapping[str, Any] | None:
        """The claims of a token that has not ended."""
        row = await self._database.fetch_one(_FIND, {"digest": digest, "now": time.time()})
        return dict(orjson.loads(row[0])) if row else None

    async def revoke(self, token_id: str, expires: float) -> None:
        parameters = {"id": token_id, "expires": float(expires), "revoked": time.time()}
        await self._write(_REVOKE, parameters, _PURGE_REVOCATIONS)

    async def is_revoked(self, token_id: str) -> bool:
        return await self._database.fetch_one(_IS_REVOKED, {"id": token_id}) is not None

    async def use_once(self, token_id: str, expires: float) -> bool:
        """True for the first use of an id, over all replicas; False ever after, until it has expired."""
        return bool(await self._write(_USE, {"id": token_id, "expires": float(expires)}, _PURGE_USES))

    async def version(self) -> str:
        """Changes with every revocation."""
        row = await self._database.fetch_one(_VERSION)
        return repr(row)

    async def _write(self, statement: Statement, parameters: Mapping[str, Any], purge: Statement) -> list[Row]:
        def steps() -> Generator[Request, list[Row], list[Row]]:
            yield purge, {"now": time.time()}
            return (yield statement, parameters)

        return await self._database.transaction(steps)


class SigningKeys:
    """The private keys of the token endpoint, encrypted and bound to their ids."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def load(self) -> list[SigningKey]:
        """All keys, oldest first."""
        rows = await self._database.fetch(_KEYS)
        return [
            SigningKey(kid, self._vault.open_sealed(_PLACE, kid, sealed), float(created))
            for kid, sealed, created in rows
        ]

    async def add(self, key: SigningKey) -> None:
        sealed = self._vault.seal(_PLACE, key.kid, key.private)
        parameters = {"kid": key.kid, "private": sealed, "created": float(key.created)}
        await self._run(_ADD_KEY, parameters)

    async def remove(self, kid: str) -> None:
        await self._run(_REMOVE_KEY, {"kid": kid})

    async def seal_again(self) -> int:
        """Seals what an older key of the vault sealed with the present one; how many keys that were."""
        stale = [row for row in await self._database.fetch(_KEYS) if self._vault.is_stale(row[1])]
        for kid, sealed, _ in stale:
            private = self._vault.open_sealed(_PLACE, kid, sealed)
            await self._run(_SEAL_AGAIN, {"kid": kid, "private": self._vault.seal(_PLACE, kid, private)})
        return len(stale)

    async def _run(self, statement: Statement, parameters: Mapping[str, Any]) -> None:
        def steps() -> Generator[Request, list[Row], None]:
            yield statement, parameters

        await self._database.transaction(steps)
