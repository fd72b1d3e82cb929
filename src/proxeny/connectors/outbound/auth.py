"""Who we are to a system: nobody, a user with a password, an OAuth client, a certificate, headers of the operator.

Tokens are fetched through the same guarded client as everything else, one at a time, and kept until shortly before
they end; a 401 throws the token away once.
"""

import asyncio
import base64
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson

from proxeny.connectors.errors import AuthenticationFailedError, PropertyError, UnreachableError
from proxeny.connectors.properties import Property, PropertyProblem, PropertyValues
from proxeny.documents import Document

if TYPE_CHECKING:
    from proxeny.connectors.outbound.grants import Grant

Headers = dict[str, str]
Post = Callable[[str, bytes, Headers], Awaitable[tuple[int, bytes]]]
HEADER_FAMILY = "ips.http.header."
EARLY = 30.0

PROPERTIES: tuple[Property, ...] = (
    Property("URL", "url", required=True, help="Base address of the backend."),
    Property(
        "Authentication",
        "choice",
        choices=("NoAuthentication", "BasicAuthentication", "ClientCertificateAuthentication"),
        help="How the gateway signs in; with OAuth2TokenServiceURL by OAuth client credentials.",
    ),
    Property("User", help="User, or OAuth client id if OAuth2TokenServiceURL is set."),
    Property("Password", secret=True, help="Password, or OAuth client secret."),
    Property("client_id", help="OAuth client id when the token is fetched with a client certificate."),
    Property("OAuth2TokenServiceURL", "url", help="Token endpoint; with it, calls carry a bearer token."),
    Property("OAuth2TokenScope", help="Scopes asked for, separated by spaces."),
    Property("AuthType", "choice", default="Basic", choices=("Basic", "Form"), help="How client id and secret travel."),
    Property("TrustAll", "boolean", default="false", help="Do not verify the server's certificate. For tests only."),
    Property("ca.certificate", help="Certificate authorities of the backend, PEM; beside those of the machine."),
    Property("client.certificate", help="Certificate chain that the gateway shows to the backend, PEM."),
    Property("client.key", secret=True, help="Private key of client.certificate, PEM, not encrypted."),
    Property("connections.max", "integer", minimum=1, maximum=500, help="Connections to this system at one time."),
    Property("timeout.connect", "integer", minimum=1, maximum=60, help="Seconds until a connection stands."),
    Property("timeout.total", "integer", minimum=1, maximum=600, help="Seconds for one call with its whole answer."),
)

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN = re.compile(
    r"host|content-length|transfer-encoding|connection|upgrade|te|trailer|proxy-.*|forwarded|via|x-forwarded-.*|x-real-ip"
    r"|.*ssl.*|.*client-?cert.*|.*tls.*",
    re.IGNORECASE,
)


def sign_in_problems(values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    """What does not fit together in how the gateway signs in."""
    method = values.get("Authentication") or ""
    if method == "BasicAuthentication" and not (values.get("User") or values.get("client_id")):
        yield PropertyProblem("User", "is missing: BasicAuthentication needs User and Password")
    if values.get("User") and not values.get("Password") and not values.get("client.certificate"):
        yield PropertyProblem("Password", "is missing; give it among the encrypted properties")
    if bool(values.get("client.certificate")) != bool(values.get("client.key")):
        yield PropertyProblem("client.key", "client.certificate and client.key belong together; one is missing")
    if method == "ClientCertificateAuthentication" and not values.get("client.certificate"):
        yield PropertyProblem("client.certificate", "is missing: ClientCertificateAuthentication needs it")
    yield from header_problems(values)


def header_problems(values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    """Headers that must not be sent: broken ones, and those by which proxies and servers tell who calls."""
    for name, value in values.items():
        if not name.startswith(HEADER_FAMILY):
            continue
        header = name.removeprefix(HEADER_FAMILY)
        if not _NAME.fullmatch(header) or any(ord(char) < 32 or ord(char) == 127 for char in value):
            yield PropertyProblem(name, "is no usable header: name and value must be one line of plain characters")
        elif _FORBIDDEN.fullmatch(header):
            yield PropertyProblem(name, "must not be sent: it frames the message or says who calls")


def extra_headers(values: Mapping[str, str]) -> Headers:
    """The operator's ``ips.http.header.*``; PropertyError for one that must not be sent."""
    problem = next(iter(header_problems(values)), None)
    if problem:
        raise PropertyError(f"Property {problem.name} {problem.message}.")
    size = len(HEADER_FAMILY)
    return {name[size:]: value for name, value in values.items() if name.startswith(HEADER_FAMILY)}


def basic(user: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617, UTF-8)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class SignIn:
    """The Authorization header of one system: fixed, or a token by the system's grant."""

    def __init__(self, values: PropertyValues, post: Post, grant: "Grant | None" = None) -> None:
        self._post = post
        self._grant = grant
        self._lock = asyncio.Lock()
        self._until = 0.0
        self._header: str | None = None
        if grant is None and values.text("User") and values.text("Authentication") in ("", "BasicAuthentication"):
            self._header = basic(values.text("User"), values.text("Password"))

    async def header(self) -> str | None:
        """The value to send, fetching a token if there is none or it ends soon."""
        if self._grant is None or (self._header is not None and time.monotonic() < self._until):
            return self._header
        async with self._lock:
            if self._header is None or time.monotonic() >= self._until:
                self._header, self._until = await self._fetch(self._grant)
        return self._header

    def refused(self, sent: str | None) -> bool:
        """The system did not accept ``sent``: whether another try with a new token makes sense."""
        if self._grant is None or sent is None:
            return False
        if sent == self._header:
            self._header = None
        return True

    async def _fetch(self, grant: "Grant") -> tuple[str, float]:
        """A token by the first request that the issuer accepts; the first refusal is the one that is told."""
        refused: AuthenticationFailedError | None = None
        for form, headers in await grant.requests():
            try:
                status, body = await self._post(grant.url, urlencode(form).encode(), headers)
            except (UnreachableError, PropertyError) as error:
                raise type(error)(f"The token endpoint cannot be used: {error}") from error
            if status == 200:
                token, until, answer = _token(body, grant.url)
                await grant.answered(answer)
                return token, until
            refused = refused or _refusal(grant.url, status, body)
            if status not in (400, 401, 403):
                break
        assert refused is not None  # noqa: S101  # a grant has at least one request
        raise refused


def _refusal(url: str, status: int, body: bytes) -> AuthenticationFailedError:
    check = "User, Password, AuthType and scope" if status in (400, 401, 403) else "OAuth2TokenServiceURL"
    return AuthenticationFailedError(
        f"The token endpoint {url.split('?')[0]} answered {status}; check {check}.",
        backend_message=_oauth_error(body),
    )


def _token(body: bytes, url: str) -> tuple[str, float, Document]:
    try:
        answer = orjson.loads(body)
        token, seconds = str(answer["access_token"]), float(answer.get("expires_in", 300))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise AuthenticationFailedError(
            f"The token endpoint {url.split('?')[0]} answered 200 without a token."
        ) from None
    return f"Bearer {token}", time.monotonic() + max(seconds - EARLY, seconds / 2), answer


def _oauth_error(body: bytes) -> str | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return str(answer.get("error"))[:100] if isinstance(answer, dict) and answer.get("error") else None
