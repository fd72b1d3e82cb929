"""Everything about callers, put together: three ways to authenticate, the token endpoint, limits."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from cryptography import x509

from proxeny.errors import Error
from proxeny.keeping import kept
from proxeny.web.auth.basic import Basic, SecretChecker
from proxeny.web.auth.bearer import Bearer
from proxeny.web.auth.caller import Caller, ClientSource
from proxeny.web.auth.certificate import CertificateAuthentication, CertificateUsers
from proxeny.web.auth.forwarded import presented
from proxeny.web.auth.hashing import HashingWorker
from proxeny.web.auth.lockout import LockOuts
from proxeny.web.auth.middleware import Authentication
from proxeny.web.auth.ratelimit import RateLimits
from proxeny.web.auth.remembered import Remembered
from proxeny.web.auth.sharing import LimitStore, Sharing
from proxeny.web.oauth.clients import ClientAuthentication
from proxeny.web.oauth.endpoints import OAuthEndpoints
from proxeny.web.oauth.issuers import ExternalIssuers, IssuerSettings
from proxeny.web.oauth.keys import KeyRing
from proxeny.web.oauth.ports import Fetch, KeyStore, TokenStore
from proxeny.web.oauth.tokens import Tokens
from proxeny.web.request import Request, Route
from proxeny.web.settings import WebSettings

log = logging.getLogger("proxeny.web.security")

_WATCH_EVERY = 3.0


@dataclass(frozen=True, kw_only=True)
class SecurityPorts:
    """What security stands on. ``fetch`` is needed for ``issuers``; ``authorities`` are the client CAs of our own TLS
    as they are now."""

    source: ClientSource
    keys: KeyStore
    tokens: TokenStore
    fetch: Fetch | None = None
    issuers: Sequence[IssuerSettings] = ()
    token_lifetime: int = 600
    authorities: Callable[[], list[x509.Certificate]] = list
    limits: LimitStore | None = None
    worker: HashingWorker = field(default_factory=HashingWorker)


class Security:
    """``authenticate`` and ``admit`` are for ``create_app``, ``routes`` are the token endpoint; ``certificates``
    tells what the server's TLS must trust. An async context."""

    def __init__(self, settings: WebSettings, ports: SecurityPorts) -> None:
        self._settings = settings
        self._ports = ports
        source = ports.source
        lock_outs = LockOuts(settings.lock_out)
        checker = SecretChecker(source, ports.worker, lock_outs)
        self.remembered = Remembered(self._version, settings.remember_seconds)
        self.certificates = CertificateUsers(source, ports.authorities)
        self.keys = KeyRing(ports.keys, token_lifetime=ports.token_lifetime)
        self.tokens = Tokens(self.keys, ports.tokens, lifetime=ports.token_lifetime)
        external = ExternalIssuers(ports.issuers, ports.fetch) if ports.fetch and ports.issuers else None
        clients = ClientAuthentication(source, checker, self.certificates, ports.tokens, lock_outs)
        self._endpoints = OAuthEndpoints(clients, self.tokens, self.remembered)
        self._basic = Basic(checker, self.remembered)
        self._bearer = Bearer(source, self.tokens, self.remembered, external)
        self._certificate = CertificateAuthentication(self.certificates, self.remembered)
        self.authenticate = Authentication(
            source,
            {b"basic": self._by_basic, b"bearer": self._bearer.caller},
            self._by_certificate,
            {b"Basic": self._basic.recall, b"Bearer": self._bearer.recall, None: self._recall_certificate},
        )
        self._watcher: asyncio.Task[None] | None = None
        self.admit = RateLimits(settings.rate_limit)
        self.sharing = Sharing(ports.limits, lock_outs, self.admit) if ports.limits else None

    def routes(self) -> tuple[Route, ...]:
        return tuple(self._endpoints.routes())

    async def __aenter__(self) -> Self:
        """Reads the certificate rules, follows their changes, and begins to share limits."""
        await self.certificates.refresh()
        self._watcher = asyncio.create_task(kept("the look at certificates of technical users", self._watch))
        if self.sharing is not None:
            await self.sharing.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        if self.sharing is not None:
            await self.sharing.__aexit__(kind, error, trace)
        self._ports.worker.close()

    async def _watch(self) -> None:
        """A newly registered certificate must be trusted before its owner can ask anything."""
        while True:
            await asyncio.sleep(_WATCH_EVERY)
            try:
                await self.certificates.refresh()
            except Error as error:
                log.warning("certificate rules could not be read again", extra={"reason": str(error)})

    async def _by_basic(self, credentials: bytes, request: Request) -> Caller:
        return await self._basic.caller(credentials, request.origin.address)

    def _recall_certificate(self, credentials: bytes, request: Request) -> Caller | None:
        form = self._settings.certificate_header
        shown = presented(request.scope, request.headers, form, trusted=request.origin.trusted)
        return self._certificate.recall(shown) if shown is not None else None

    async def _by_certificate(self, request: Request) -> Caller | None:
        form = self._settings.certificate_header
        shown = presented(request.scope, request.headers, form, trusted=request.origin.trusted)
        return await self._certificate.caller(shown) if shown is not None else None

    async def _version(self) -> str:
        users, revocations = await self._ports.source.version(), await self._ports.tokens.version()
        return f"{users}\n{revocations}\n{await self.keys.version()}"
