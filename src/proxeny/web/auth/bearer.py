"""Bearer tokens (RFC 6750): our own, or those of an issuer that the settings name."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from proxeny.web.auth.caller import Caller, ClientSource
from proxeny.web.auth.certificate import PeerCertificate
from proxeny.web.auth.forwarded import presented
from proxeny.web.auth.remembered import Remembered, Verified
from proxeny.web.errors import InvalidTokenError, NotAuthenticatedError
from proxeny.web.oauth import jose
from proxeny.web.oauth.tokens import Tokens
from proxeny.web.request import Request

_ASK_AGAIN = 30.0
"""Seconds for which an opaque token of another issuer is believed without asking again."""


class External(Protocol):
    """Tokens of other issuers."""

    async def claims(self, token: str) -> tuple[str, Mapping[str, Any]]:
        """The technical user that the token means, and its claims; raises InvalidTokenError."""
        ...


class Bearer:
    def __init__(self, source: ClientSource, tokens: Tokens, remembered: Remembered, external: External | None) -> None:
        self._source = source
        self._tokens = tokens
        self._remembered = remembered
        self._external = external

    def recall(self, credentials: bytes, request: Request) -> Caller | None:
        """The caller, if it is remembered and nothing need be looked up for that."""
        verified = self._remembered.recall(self._key(credentials, _certificate(request), request))
        return verified.caller if verified is not None else None

    def _key(self, credentials: bytes, certificate: PeerCertificate | None, request: Request) -> bytes:
        """A token is remembered for one certificate and one base, as both decide whether it holds."""
        thumbprint = certificate.thumbprint if certificate is not None else ""
        return self._remembered.key(credentials, "bearer", thumbprint, request.origin.base)

    async def caller(self, credentials: bytes, request: Request) -> Caller:
        """The caller; raises NotAuthenticatedError with ``invalid_token``."""
        certificate = _certificate(request)
        key = self._key(credentials, certificate, request)
        if (verified := await self._remembered.find(key)) is not None:
            return verified.caller
        era = self._remembered.era
        try:
            verified = await self._verify(_text(credentials), request.origin.base, certificate)
        except InvalidTokenError as error:
            raise NotAuthenticatedError(str(error), bearer_error="invalid_token") from None
        self._remembered.keep(key, verified, era)
        return verified.caller

    async def _verify(self, token: str, base: str, certificate: PeerCertificate | None) -> Verified:
        scope: frozenset[str] | None = None
        if self._external is None or self._tokens.is_opaque(token) or _is_ours(token, base):
            claims = await self._tokens.claims(token, base)
            client_id = str(claims.get("client_id"))
            scope = frozenset(str(claims.get("scope", "")).split())
        else:
            client_id, claims = await self._external.claims(token)
        _check_binding(claims, certificate)
        user = await self._source.find(client_id)
        if user is None or not user.enabled:
            raise InvalidTokenError("token is of an unknown or disabled technical user")
        caller = user.caller("bearer")
        if scope is not None:
            caller = replace(caller, permissions=caller.permissions & scope)
        until = float(claims["exp"])
        if scope is None and token.count(".") != 2:
            until = min(until, time.time() + _ASK_AGAIN)
        return Verified(caller, until, str(claims.get("jti", "")))


def _certificate(request: Request) -> PeerCertificate | None:
    form = request.settings.certificate_header
    shown = presented(request.scope, request.headers, form, trusted=request.origin.trusted)
    return shown.certificate if shown else None


def _text(credentials: bytes) -> str:
    try:
        token = credentials.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidTokenError("token is not ASCII") from None
    if token.lower().startswith("bearer "):
        raise InvalidTokenError("the prefix Bearer is doubled")
    if not token or " " in token or len(token) > jose.LONGEST:
        raise InvalidTokenError("token is empty, too long or holds spaces")
    return token


def _is_ours(token: str, base: str) -> bool:
    return token.count(".") == 2 and jose.open_unverified(token).claims.get("iss") == base


def _check_binding(claims: Mapping[str, Any], certificate: PeerCertificate | None) -> None:
    """RFC 8705 §3: a bound token holds only with its certificate. A binding that is not understood never holds."""
    if (binding := claims.get("cnf")) is None:
        return
    if not isinstance(binding, dict) or "x5t#S256" not in binding:
        raise InvalidTokenError("token is bound in a way that is not supported")
    if certificate is None or certificate.thumbprint != binding["x5t#S256"]:
        raise InvalidTokenError("token is bound to another certificate")
