"""A gateway that runs: the web on a free port of this machine, over providers in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from argon2 import PasswordHasher
from tests.web.memory import MemoryGateway

from proxeny.web.auth.audit import AuditTrail
from proxeny.web.auth.basic import Basic, SecretChecker
from proxeny.web.auth.caller import Secret, TechnicalUser
from proxeny.web.auth.clients import ConfiguredClients
from proxeny.web.auth.hashing import HashingWorker
from proxeny.web.auth.lockout import LockOuts
from proxeny.web.auth.middleware import Authentication
from proxeny.web.auth.remembered import Remembered
from proxeny.web.metrics import Metrics
from proxeny.web.request import Request, Route
from proxeny.web.routes import create_app
from proxeny.web.server import Server
from proxeny.web.settings import ServerSettings, WebSettings
from proxeny.web.tls import Tls

SECRET = "correct horse battery staple"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Hashes that cost next to nothing, so that tests do not wait; what is real is checked where it matters."""
_NOBODY = CHEAP.hash("")
_HASH = Secret(CHEAP.hash(SECRET))


def user(name: str, *permissions: str, **more: Any) -> TechnicalUser:
    return TechnicalUser(id=name, permissions=frozenset(permissions), secrets=(_HASH,), **more)


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


@dataclass
class Running:
    """``client`` speaks to it as nobody; ``idm`` and other names come with ``auth``."""

    gateway: MemoryGateway
    server: Server
    client: httpx.AsyncClient
    url: str
    metrics: Metrics
    sink: ListSink

    def auth(self, name: str = "idm") -> httpx.BasicAuth:
        return httpx.BasicAuth(name, SECRET)


@contextlib.asynccontextmanager
async def running(
    settings: WebSettings | None = None,
    server_settings: ServerSettings | None = None,
    users: Sequence[TechnicalUser] = USERS,
    tls: Tls | None = None,
    verify: Any = True,
    routes: Sequence[Route] = (),
    nobody: str = _NOBODY,
) -> AsyncIterator[Running]:
    settings = settings or WebSettings()
    server_settings = server_settings or ServerSettings(port=0, limits=settings.limits)
    gateway, metrics, sink = MemoryGateway(), Metrics(), ListSink()
    source, lock_outs = ConfiguredClients(users), LockOuts(settings.lock_out)
    worker = HashingWorker(nobody=nobody)
    basic = Basic(SecretChecker(source, worker, lock_outs), Remembered(source, settings.remember_seconds))

    async def by_secret(credentials: bytes, request: Request) -> Any:
        return await basic.caller(credentials, request.origin.address)

    async with AuditTrail(sink) as trail:
        authenticate = Authentication(source, {b"basic": by_secret})
        app = create_app(gateway, settings, authenticate, metrics=metrics, trail=trail, routes=routes)
        async with serving(Server(app, server_settings, tls, metrics)) as server:
            scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
            url = f"{scheme}://{host}:{server.port}"
            async with httpx.AsyncClient(base_url=url, verify=verify, timeout=20) as client:
                yield Running(gateway, server, client, url, metrics, sink)
    worker.close()


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
