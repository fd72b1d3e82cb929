"""The keys that sign our access tokens: made at first use, replaced in time, published before they sign.

A new key stands in the JWK Set for a while before it signs, so that everyone who caches the set has it by then; an old
one stays until the last token that it signed has ended.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import RSAKey

from proxeny.store.tokens import SigningKey
from proxeny.web.oauth.jose import PublicKey
from proxeny.web.oauth.ports import KeyStore

ALGORITHM = "RS256"
SETTLE = 600.0
"""Seconds for which a new key is published before it signs."""

_BITS = 2048
_REFRESH = 30.0


class KeyRing:
    """``lifetime``: seconds a key signs for. ``token_lifetime``: seconds that a token may live."""

    def __init__(
        self,
        store: KeyStore,
        *,
        token_lifetime: float,
        lifetime: float = 30 * 86400,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._lifetime = lifetime
        self._token_lifetime = token_lifetime
        self._clock = clock
        self._keys: dict[str, tuple[RSAKey, float]] = {}
        self._looked = float("-inf")

    async def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """A signed token over ``claims``."""
        kid, key = await self._signing()
        header = {"alg": ALGORITHM, "typ": typ, "kid": kid}
        return jwt.encode(header, dict(claims), key, algorithms=[ALGORITHM])

    async def public(self, kid: str | None = None) -> dict[str, PublicKey]:
        """All keys that may still be used to verify; looks again if ``kid`` is not among them."""
        await self._look(again=kid is not None and kid not in self._keys)
        return {name: key for name, (key, _) in self._keys.items()}

    async def version(self) -> str:
        """Changes with the keys that there are; looks them up, so that a key withdrawn elsewhere is withdrawn here."""
        await self._look(again=True, forced=True)
        return " ".join(sorted(self._keys))

    async def document(self) -> dict[str, Any]:
        """The JWK Set as published: public parts only."""
        await self._signing()
        return {
            "keys": [
                {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
                for kid, (key, _) in self._keys.items()
            ]
        }

    async def rotate(self) -> str:
        """Adds a new key, and drops those that cannot have signed a token that still lives; gives its ``kid``."""
        key = await asyncio.to_thread(RSAKey.generate_key, _BITS, auto_kid=True)
        kid = str(key.kid)
        private = orjson.dumps(key.as_dict(private=True)).decode()
        await self._store.add(SigningKey(kid, private, self._clock()))
        await self._look(again=True, forced=True)
        for old in self._outlived():
            await self._store.remove(old)
            del self._keys[old]
        return kid

    async def withdraw(self, kid: str) -> None:
        """Takes a key back at once: what it signed holds no longer."""
        await self._store.remove(kid)
        self._keys.pop(kid, None)

    async def _signing(self) -> tuple[str, RSAKey]:
        await self._look()
        now = self._clock()
        if not self._keys or now - max(created for _, created in self._keys.values()) > self._lifetime:
            await self.rotate()
        ripe = {kid: pair for kid, pair in self._keys.items() if now - pair[1] >= SETTLE}
        kid, (key, _) = max((ripe or self._keys).items(), key=lambda item: item[1][1] if ripe else -item[1][1])
        return kid, key

    def _outlived(self) -> list[str]:
        """Keys whose successor has signed for longer than a token lives."""
        by_age = sorted(self._keys.items(), key=lambda item: item[1][1])
        now = self._clock()
        successors = by_age[1:]
        return [
            kid
            for (kid, _), (_, (_, created)) in zip(by_age, successors, strict=False)
            if now - created > SETTLE + self._token_lifetime + _REFRESH
        ]

    async def _look(self, *, again: bool = False, forced: bool = False) -> None:
        now = time.monotonic()
        age = now - self._looked
        if not forced and age < (1.0 if again else _REFRESH):
            return
        self._looked = now
        stored = await self._store.load()
        known = self._keys
        self._keys = {
            item.kid: known.get(item.kid) or (RSAKey.import_key(orjson.loads(item.private)), item.created)
            for item in stored
        }
