"""Tokens of other issuers: found by discovery (OpenID Connect Discovery, RFC 8414), verified with their published keys,
or by asking them (RFC 7662); and the rules that say which technical user a token means."""

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
from cachetools import TTLCache

from proxeny.errors import Error
from proxeny.scim.errors import TooManyRequestsError
from proxeny.web.errors import InvalidTokenError
from proxeny.web.oauth import jose
from proxeny.web.oauth.jose import PublicKey
from proxeny.web.oauth.ports import Fetch, Fetched

_SHORTEST, _LONGEST, _DEFAULT = 60.0, 86_400.0, 3600.0
_LOOK_AGAIN = 30.0
_ASK_AGAIN = 30.0
_QUESTIONS = 32
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """An issuer whose tokens are believed. ``url`` is where its metadata is found; ``issuer`` is what its tokens say
    (``url`` unless given: the first version of Entra ID's tokens differs). ``claims`` must all be there with one of the
    given values. The technical user is ``client``, or the first of ``client_claims`` that the token has.
    ``introspection``: id and secret for asking about opaque tokens."""

    url: str
    audience: frozenset[str]
    issuer: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    client: str | None = None
    client_claims: tuple[str, ...] = ("client_id", "azp", "appid", "sub")
    introspection: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.issuer or self.url


class Issuer:
    """One issuer, with what it published for as long as it says that it may be kept."""

    def __init__(self, settings: IssuerSettings, fetch: Fetch) -> None:
        self.settings = settings
        self._fetch = fetch
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: dict[str, PublicKey] = {}
        self._keys_until = 0.0
        self._looked = float("-inf")
        self._lock = asyncio.Lock()
        self._asking = 0
        self._answers: TTLCache[bytes, Mapping[str, Any]] = TTLCache(10_000, _ASK_AGAIN)

    async def verified(self, token: str) -> Mapping[str, Any]:
        """The claims of a JWT of this issuer; raises InvalidTokenError."""
        opened = jose.open_unverified(token)
        keys = await self._public(opened.header.get("kid"))
        claims = jose.verify(token, opened.header, keys)
        if claims.get("iss") != self.settings.name:
            raise InvalidTokenError("token is of another issuer")
        return self._checked(claims)

    async def introspected(self, token: str) -> Mapping[str, Any]:
        """What the issuer says of an opaque token; raises InvalidTokenError."""
        digest = hashlib.sha256(token.encode()).digest()
        claims = self._answers.get(digest)
        if claims is None:
            claims = self._answers[digest] = await self._asked(token)
        if claims.get("active") is not True:
            raise InvalidTokenError("token is not active at its issuer")
        return self._checked(claims)

    def _checked(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        jose.check_times(claims)
        jose.check_audience(claims, self.settings.audience)
        for name, wanted in self.settings.claims.items():
            if not _holds(claims.get(name), wanted):
                raise InvalidTokenError("token lacks a claim that the settings ask for")
        return claims

    def client(self, claims: Mapping[str, Any]) -> str:
        """The technical user that the claims mean."""
        if self.settings.client is not None:
            return self.settings.client
        for name in self.settings.client_claims:
            if isinstance(claims.get(name), str):
                return str(claims[name])
        raise InvalidTokenError("token names no client")

    async def _public(self, kid: str | None) -> Mapping[str, PublicKey]:
        """The issuer's keys; looked up again when outdated, or at most twice a minute for an unknown one."""
        async with self._lock:
            now = time.monotonic()
            unknown = kid is not None and kid not in self._keys
            if now >= self._keys_until or (unknown and now - self._looked >= _LOOK_AGAIN):
                self._looked = now
                answer = await self._get((await self._published())["jwks_uri"])
                self._keys = jose.public_keys(_json(answer))
                self._keys_until = now + _lifetime(answer)
            return self._keys

    async def _published(self) -> Mapping[str, Any]:
        now = time.monotonic()
        if self._metadata is not None and now < self._metadata[0]:
            return self._metadata[1]
        base = self.settings.url.rstrip("/")
        answer = await self._get(f"{base}/.well-known/openid-configuration", or_none=True)
        if answer is None:
            host, path = urlsplit(base).netloc, urlsplit(base).path
            scheme = urlsplit(base).scheme
            answer = await self._get(f"{scheme}://{host}/.well-known/oauth-authorization-server{path}")
        metadata = _json(answer)
        if not isinstance(metadata, dict) or metadata.get("issuer") != self.settings.name:
            raise InvalidTokenError("issuer's metadata is of another issuer")
        self._metadata = (now + _lifetime(answer), metadata)
        return metadata

    async def _asked(self, token: str) -> Mapping[str, Any]:
        """Asks, unless so many questions are open already: whoever sends tokens here must not flood the issuer."""
        if self._asking >= _QUESTIONS:
            raise TooManyRequestsError(
                "Too many tokens are being checked. Try again in a moment.", headers=(("Retry-After", "1"),)
            )
        self._asking += 1
        try:
            return await self._ask(token)
        finally:
            self._asking -= 1

    async def _ask(self, token: str) -> Mapping[str, Any]:
        if self.settings.introspection is None:
            raise InvalidTokenError("token is opaque")
        client_id, secret = self.settings.introspection
        metadata = await self._published()
        credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        answer = await self._get(
            metadata.get("introspection_endpoint", ""),
            form={"token": token, "token_type_hint": "access_token"},
            headers={"Authorization": f"Basic {credentials}", "Accept": "application/json"},
        )
        claims = _json(answer)
        return claims if isinstance(claims, dict) else {}

    async def _get(self, url: Any, *, or_none: bool = False, **options: Any) -> Any:
        if not isinstance(url, str) or not _is_safe(url):
            raise InvalidTokenError("issuer's address is not https")
        try:
            answer = await self._fetch(url, **options)
        except InvalidTokenError:
            raise
        except Error as error:
            raise InvalidTokenError("issuer cannot be reached") from error
        if answer.status == 200:
            return answer
        if or_none and answer.status in (404, 405):
            return None
        raise InvalidTokenError("issuer does not answer as it should")


class ExternalIssuers:
    """All issuers that are believed."""

    def __init__(self, settings: Sequence[IssuerSettings], fetch: Fetch) -> None:
        self._issuers = [Issuer(one, fetch) for one in settings]

    async def claims(self, token: str) -> tuple[str, Mapping[str, Any]]:
        """Technical user and claims; raises InvalidTokenError, for the last of several rules of the same issuer."""
        if token.count(".") != 2:
            return await self._first([one for one in self._issuers if one.settings.introspection], token, opaque=True)
        name = jose.open_unverified(token).claims.get("iss")
        return await self._first([one for one in self._issuers if one.settings.name == name], token, opaque=False)

    async def _first(self, issuers: Sequence[Issuer], token: str, *, opaque: bool) -> tuple[str, Mapping[str, Any]]:
        error = InvalidTokenError("token is of an unknown issuer")
        for issuer in issuers:
            try:
                claims = await (issuer.introspected(token) if opaque else issuer.verified(token))
                return issuer.client(claims), claims
            except InvalidTokenError as failed:
                error = failed
        raise error


def _holds(value: Any, wanted: Any) -> bool:
    """A claim holds if it is, or is a list with, one of the wanted values."""
    accepted = wanted if isinstance(wanted, list | tuple) else [wanted]
    given = value if isinstance(value, list) else [value]
    return any(type(one) is type(other) and one == other for one in given for other in accepted)


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _json(answer: Fetched) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise InvalidTokenError("issuer's answer is not JSON") from None


def _lifetime(answer: Fetched) -> float:
    """Seconds for which it may be kept, as the issuer says, within a minute and a day."""
    said = re.search(r"max-age=(\d+)", answer.headers.get("cache-control", ""))
    return min(max(float(said[1]) if said else _DEFAULT, _SHORTEST), _LONGEST)
