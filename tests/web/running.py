"""A gateway that runs: the web on a free port of this machine, over providers in memory."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson
from argon2 import PasswordHasher
from joserfc.jwk import RSAKey
from tests.web.memory import MemoryGateway

from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.outbound.fetch import Fetcher
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.database import Database
from proxeny.store.limits import Limits
from proxeny.store.migrations import migrate
from proxeny.store.tokens import SigningKey, SigningKeys, Tokens
from proxeny.store.vault import Vault
from proxeny.web.auth.audit import AuditTrail
from proxeny.web.auth.caller import Secret, TechnicalUser
from proxeny.web.auth.clients import ConfiguredClients
from proxeny.web.auth.hashing import HashingWorker
from proxeny.web.metrics import Metrics
from proxeny.web.oauth.issuers import IssuerSettings
from proxeny.web.request import Route
from proxeny.web.routes import create_app
from proxeny.web.security import Security, SecurityPorts
from proxeny.web.server import Server
from proxeny.web.settings import ServerSettings, TlsSettings, WebSettings
from proxeny.web.tls import Tls

SECRET = "correct horse battery staple"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Hashes that cost next to nothing, so that tests do not wait; what is real is checked where it matters."""
_NOBODY = CHEAP.hash("")
_KEY = RSAKey.generate_key(2048, auto_kid=True)
_HASH = Secret(CHEAP.hash(SECRET))


def user(name: str, *permissions: str, **more: Any) -> TechnicalUser:
    return TechnicalUser(id=name, permissions=frozenset(permissions), **{"secrets": (_HASH,), **more})


USERS = (
    user("idm", "proxy"),
    user("reader", "proxy", "directory.read", read_only=True),
    user("hr-only", "proxy", systems=frozenset({"hr"})),
    user("directory", "directory.read", "directory.write"),
    user("boss", "admin", "metrics"),
    user("nobody"),
    user("gone", "proxy", enabled=False),
)


@dataclass
class ListSink:
    """An audit sink that keeps records in a list."""

    records: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def record(self, event: str, fields: Any) -> None:
        self.records.append((event, dict(fields)))

    async def reasons(self) -> list[str]:
        await asyncio.sleep(0.02)
        return [str(fields["reason"]) for _, fields in self.records]


class Users(ConfiguredClients):
    """Technical users that a test changes while the gateway runs."""

    def __init__(self, users: Sequence[TechnicalUser]) -> None:
        super().__init__(users)
        self.changes = 0

    def put(self, user: TechnicalUser) -> None:
        self._users[user.id] = user
        self.changes += 1

    async def version(self) -> str:
        return str(self.changes)


@dataclass
class Running:
    """``client`` speaks to it as nobody; ``auth`` gives the credentials of a technical user."""

    gateway: MemoryGateway
    server: Server
    client: httpx.AsyncClient
    url: str
    metrics: Metrics
    sink: ListSink
    users: Users
    security: Security
    database: Database

    def auth(self, name: str = "idm") -> httpx.BasicAuth:
        return httpx.BasicAuth(name, SECRET)

    async def token(self, name: str = "idm", **fields: str) -> str:
        """An access token of a technical user."""
        form = {"grant_type": "client_credentials", **fields}
        answer = await self.client.post("/oauth2/token", data=form, auth=self.auth(name))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@contextlib.asynccontextmanager
async def running(
    settings: WebSettings | None = None,
    users: Sequence[TechnicalUser] = USERS,
    tls: TlsSettings | None = None,
    verify: ssl.SSLContext | bool = True,
    routes: Sequence[Route] = (),
    nobody: str = _NOBODY,
    issuers: Sequence[IssuerSettings] = (),
    token_lifetime: int = 600,
) -> AsyncIterator[Running]:
    settings = settings or WebSettings()
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        database = await Database.open(f"sqlite:///{Path(folder) / 'test.db'}")
        stack.push_async_callback(database.close)
        await migrate(database)
        fetcher = Fetcher(Outbound(OutboundSettings(allow=("127.0.0.1/32",))))
        stack.push_async_callback(fetcher.close)
        keys = SigningKeys(database, Vault.open(Path(folder) / "secret.key"))
        await keys.add(SigningKey(str(_KEY.kid), orjson.dumps(_KEY.as_dict(private=True)).decode(), time.time() - 5000))
        gateway, metrics, sink, source = MemoryGateway(), Metrics(), ListSink(), Users(users)
        live: Tls | None = None
        security = Security(
            settings,
            SecurityPorts(
                source=source,
                keys=keys,
                tokens=Tokens(database),
                fetch=fetcher,
                issuers=issuers,
                token_lifetime=token_lifetime,
                authorities=lambda: live.authorities if live else [],
                limits=Limits(database, "test"),
                worker=HashingWorker(nobody=nobody),
            ),
        )
        await stack.enter_async_context(security)
        live = Tls(tls, security.certificates.self_signed) if tls else None
        trail = await stack.enter_async_context(AuditTrail(sink))
        app = create_app(
            gateway,
            settings,
            security.authenticate,
            admit=security.admit,
            metrics=metrics,
            trail=trail,
            routes=(*security.routes(), *routes),
        )
        server_settings = ServerSettings(port=0, limits=settings.limits)
        server = await stack.enter_async_context(serving(Server(app, server_settings, live, metrics, trail)))
        url = f"https://localhost:{server.port}" if tls else f"http://127.0.0.1:{server.port}"
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=url, verify=verify if tls else False, timeout=20)
        )
        yield Running(gateway, server, client, url, metrics, sink, source, security, database)


@contextlib.asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    task = asyncio.create_task(server.run_until_stopped())
    while not server.started:
        await asyncio.sleep(0.005)
        if task.done():
            task.result()
    try:
        yield server
    finally:
        server.stop()
        await task
