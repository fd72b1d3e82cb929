"""Our own access tokens: JWTs (RFC 9068) or opaque, bound to a certificate on request (RFC 8705 §3), revocable."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxeny.web.auth.caller import TechnicalUser
from proxeny.web.errors import InvalidTokenError
from proxeny.web.oauth import jose
from proxeny.web.oauth.keys import KeyRing
from proxeny.web.oauth.ports import TokenStore

TYPE = "at+jwt"
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_OPAQUE = "pxo_"


@dataclass(frozen=True, slots=True)
class Issued:
    token: str
    claims: Mapping[str, Any]


class Tokens:
    """``lifetime`` in seconds. The issuer of a token is the address under which the caller reached the gateway, which
    is the public URL if there is one."""

    def __init__(self, keys: KeyRing, store: TokenStore, *, lifetime: int) -> None:
        self.keys = keys
        self.lifetime = lifetime
        self._store = store

    async def issue(
        self, user: TechnicalUser, *, issuer: str, scope: str, opaque: bool, thumbprint: str | None
    ) -> Issued:
        """A new token; ``thumbprint``: of the certificate that it is bound to."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": issuer,
            "sub": user.id,
            "aud": issuer,
            "client_id": user.id,
            "scope": scope,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": secrets.token_urlsafe(18),
        }
        if thumbprint is not None:
            claims["cnf"] = {"x5t#S256": thumbprint}
        if not opaque:
            return Issued(await self.keys.sign(claims, TYPE), claims)
        token = _OPAQUE + secrets.token_urlsafe(32)
        await self._store.save(_digest(token), claims, claims["exp"])
        return Issued(token, claims)

    def is_opaque(self, token: str) -> bool:
        """Whether it looks like an opaque token of ours."""
        return token.startswith(_OPAQUE)

    async def claims(self, token: str, issuer: str) -> Mapping[str, Any]:
        """The claims of a token of ours that holds now; raises InvalidTokenError."""
        if self.is_opaque(token):
            found = await self._store.find(_digest(token))
            if found is None:
                raise InvalidTokenError("token is unknown")
            claims = dict(found)
        else:
            opened = jose.open_unverified(token)
            if str(opened.header.get("typ", "")).lower() not in _TYPES or not opened.header.get("kid"):
                raise InvalidTokenError("token is no access token")
            keys = await self.keys.public(opened.header["kid"])
            claims = jose.verify(token, opened.header, keys)
        if claims.get("iss") != issuer:
            raise InvalidTokenError("token is of another issuer")
        jose.check_audience(claims, frozenset({issuer}))
        jose.check_times(claims)
        if await self._store.is_revoked(str(claims.get("jti"))):
            raise InvalidTokenError("token was revoked")
        return claims

    async def revoke(self, claims: Mapping[str, Any]) -> None:
        await self._store.revoke(str(claims["jti"]), float(claims["exp"]))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
