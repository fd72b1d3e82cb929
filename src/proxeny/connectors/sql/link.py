"""The connection of one system to its database: a bounded pool under the outbound rules, a transaction for each call.

Work is a plain function of a SQLAlchemy connection. PostgreSQL runs it on asyncpg in the event loop; every other
dialect runs it with its ordinary driver in a small thread pool. Connections to PostgreSQL and MariaDB are opened here,
so names are resolved once, each address is checked, and that address is the one that is connected to.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import sqlalchemy as sa

from proxeny.connectors.errors import PropertyError, UnreachableError
from proxeny.connectors.outbound import tls
from proxeny.connectors.outbound.guard import Guard
from proxeny.connectors.spec import Connection
from proxeny.connectors.sql.address import DRIVERS, Address, parse_address
from proxeny.connectors.sql.failures import may_repeat, translated

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")
Work = Callable[[sa.Connection], T]
TRIES = 3
RECYCLE_SECONDS = 1800
POOL_SECONDS = 10.0
_GRACE = 5
"""Seconds that a server has to say itself that a statement takes too long."""


class Link(Protocol):
    """Runs work in a transaction of its own."""

    @property
    def dialect(self) -> sa.Dialect: ...

    async def run(self, work: Work[T]) -> T: ...

    async def close(self) -> None: ...


class Login:
    """What is needed to open connections, from the properties of a system."""

    def __init__(self, connection: Connection) -> None:
        values, settings = connection.properties, connection.outbound.settings
        try:
            self.address: Address = parse_address(values.text("URL"))
        except ValueError as error:
            raise PropertyError(f"Property URL {error}.") from error
        self.guard: Guard = connection.outbound.guard
        self.user, self.password = values.text("User"), values.text("Password")
        self.size = min(values.integer("sql.pool.size", 4), settings.connections_per_system)
        self.seconds = values.integer("sql.timeout", 30)
        self.connect_seconds = settings.connect_timeout
        self.context: ssl.SSLContext | None = None
        if values.text("sql.tls", "verify") == "verify":
            self.context = tls.context(values, settings)

    def link(self) -> Link:
        """A link that has not connected yet; PropertyError if there is no driver for the dialect."""
        try:
            return AsyncLink(self) if self.address.dialect == "postgresql" else ThreadLink(self)
        except (sa.exc.NoSuchModuleError, ImportError) as error:
            name = self.address.dialect
            raise PropertyError(
                f"There is no driver for {name} here: {error}. Install proxeny[{name}], or SQLAlchemy's dialect for it."
            ) from error

    def checked(self, addresses: list[Any]) -> list[tuple[str, int]]:
        """The resolved addresses, in order; PermissionError if the rules refuse one."""
        found = list(dict.fromkeys((str(info[4][0]), self.address.port) for info in addresses))
        for host, port in found:
            self.guard.check(host, port)
        return found

    def resolve(self) -> list[tuple[str, int]]:
        return self.checked(socket.getaddrinfo(self.address.host, self.address.port, type=socket.SOCK_STREAM))


class AsyncLink:
    """PostgreSQL by asyncpg."""

    def __init__(self, login: Login) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine  # wants a library that only these systems need

        self._login = login
        self._engine: AsyncEngine = create_async_engine(
            login.address.url,
            async_creator=self._connect,
            pool_size=login.size,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,
            pool_recycle=RECYCLE_SECONDS,
        )

    @property
    def dialect(self) -> sa.Dialect:
        return self._engine.dialect

    async def run(self, work: Work[T]) -> T:
        for attempt in range(1, TRIES + 1):
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except Exception as error:
                if attempt == TRIES or not may_repeat(error):
                    raise
        raise AssertionError("the last try returns or raises")

    async def close(self) -> None:
        await self._engine.dispose()

    async def _connect(self) -> Any:
        import asyncpg  # an extra: only systems on PostgreSQL need it

        login, loop = self._login, asyncio.get_running_loop()
        found = await loop.getaddrinfo(login.address.host, login.address.port, type=socket.SOCK_STREAM)
        addresses = login.checked(found)
        context = _named(login.context, login.address.host) if login.context is not None else False
        return await asyncpg.connect(
            host=[host for host, _ in addresses],
            port=[port for _, port in addresses],
            user=login.user or None,
            password=login.password,
            database=login.address.database or None,
            ssl=context,
            timeout=login.connect_seconds,
            command_timeout=login.seconds + _GRACE,
            server_settings={
                "application_name": "proxeny",
                "timezone": "UTC",
                "statement_timeout": str(login.seconds * 1000),
            },
        )


class ThreadLink:
    """Any other database by its ordinary driver, as many threads as connections."""

    def __init__(self, login: Login) -> None:
        self._login = login
        options: dict[str, Any] = {}
        url = login.address.url
        if login.address.dialect in DRIVERS:
            options = {"creator": self._connect, "isolation_level": "READ COMMITTED"}
        elif login.user:
            url = url.set(username=login.user, password=login.password)
        self._engine = sa.create_engine(
            url,
            pool_size=login.size,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,
            pool_recycle=RECYCLE_SECONDS,
            **options,
        )
        if login.address.dialect not in DRIVERS:
            sa.event.listen(self._engine, "do_connect", self._check)
        self._threads = ThreadPoolExecutor(login.size, thread_name_prefix="sql")

    @property
    def dialect(self) -> sa.Dialect:
        return self._engine.dialect

    async def run(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self._engine.dispose()

    def _run(self, work: Work[T]) -> T:
        for attempt in range(1, TRIES + 1):
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except Exception as error:
                if attempt == TRIES or not may_repeat(error):
                    raise
        raise AssertionError("the last try returns or raises")

    def _check(self, *_: Any) -> None:
        """Drivers that open their own sockets: the addresses of the name are checked just before."""
        self._login.resolve()

    def _connect(self) -> Any:
        import pymysql  # an extra: only systems on MariaDB need it

        login = self._login
        limit = f", max_statement_time = {login.seconds}" if login.address.dialect == "mariadb" else ""
        connection = pymysql.connections.Connection(
            defer_connect=True,
            host=login.address.host,
            port=login.address.port,
            user=login.user,
            password=login.password,
            database=login.address.database or None,
            charset="utf8mb4",
            ssl=login.context,
            connect_timeout=max(1, round(login.connect_seconds)),
            read_timeout=login.seconds + _GRACE,
            write_timeout=login.seconds + _GRACE,
            client_flag=pymysql.constants.CLIENT.FOUND_ROWS,
            program_name="proxeny",
            sql_mode="TRADITIONAL",
            init_command=f"SET time_zone = '+00:00'{limit}",
        )
        opened = self._socket()
        try:
            connection.connect(opened)
        except Exception:
            opened.close()
            raise
        if login.context is not None and not isinstance(connection._sock, ssl.SSLSocket):
            connection.close()
            raise UnreachableError(f"{login.address} has no TLS. Switch it on there, or set sql.tls=off here.")
        return connection

    def _socket(self) -> socket.socket:
        problem: OSError | None = None
        for target in self._login.resolve():
            try:
                opened = socket.create_connection(target, timeout=self._login.connect_seconds)
                opened.settimeout(None)
                return opened
            except OSError as error:
                problem = error
        raise problem or UnreachableError(f"The name {self._login.address.host} has no address.")


def _named(context: ssl.SSLContext, host: str) -> ssl.SSLContext:
    """The context, verifying the certificate for ``host`` though its address was connected to."""
    plain = context.wrap_bio

    def wrap_bio(
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return plain(incoming, outgoing, server_side, host, session)

    if "wrap_bio" not in vars(context):
        vars(context)["wrap_bio"] = wrap_bio
    return context


async def run(link: Link, work: Work[T], where: Address) -> T:
    """Work on the link; only errors of the port come out, and what ``work`` itself raises on purpose."""
    try:
        return await link.run(work)
    except (sa.exc.SQLAlchemyError, OSError, ssl.SSLError) as error:
        raise translated(error, str(where)) from error
    except Exception as error:
        if type(error).__module__.split(".")[0] in ("asyncpg", "pymysql"):
            raise translated(error, str(where)) from error
        raise
