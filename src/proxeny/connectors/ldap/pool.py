"""The connections to one server: as many as allowed, each used by one call at a time, tried anew when they broke."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from proxeny.connectors.errors import ConnectorError, UnreachableError
from proxeny.connectors.ldap import channel
from proxeny.connectors.ldap.layout import Layout
from proxeny.connectors.ldap.link import Link
from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.outbound.throttle import Throttle

T = TypeVar("T")


class Pool:
    """``open`` before the first call, ``close`` after the last. Connects when a connection is first needed."""

    def __init__(self, layout: Layout, outbound: Outbound, context: ssl.SSLContext, throttle: Throttle) -> None:
        self._layout = layout
        self._guard = outbound.guard
        self._context = context
        self._throttle = throttle
        self._idle: list[Link] = []
        self._places = asyncio.Semaphore(layout.connections)
        self._threads: ThreadPoolExecutor | None = None
        self._pumps: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._layout.connections, thread_name_prefix="ldap")

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
        if self._threads is not None:
            threads, self._threads = self._threads, None
            threads.shutdown(wait=False, cancel_futures=True)
        if self._pumps:
            await asyncio.wait(self._pumps, timeout=5)

    @asynccontextmanager
    async def link(self) -> AsyncIterator[Link]:
        """A connection for this call alone. One that broke in the meantime is not handed out."""
        async with self._places:
            link = self._rested() or await self._opened()
            try:
                yield link
            finally:
                if link.broken or self._threads is None:
                    link.close()
                else:
                    self._idle.append(link)

    async def reading(self, work: Callable[[Link], Awaitable[T]]) -> T:
        """``work`` on a connection; what only reads is tried again as the throttle of the system says."""
        started, attempt = time.monotonic(), 1
        while True:
            try:
                async with self.link() as link:
                    return await work(link)
            except ConnectorError as error:
                seconds = self._throttle.delay(error, None, "GET", attempt, time.monotonic() - started)
                if seconds is None and not (
                    isinstance(error, UnreachableError) and attempt == 1 and self._fresh(error)
                ):
                    raise
            await asyncio.sleep(seconds or 0)
            attempt += 1

    @staticmethod
    def _fresh(error: ConnectorError) -> bool:
        """Whether the connection broke under a call: the server was restarted, and a new one may stand at once."""
        return error.backend_message is not None and "contact" in error.backend_message

    def _rested(self) -> Link | None:
        while self._idle:
            link = self._idle.pop()
            if link.usable():
                return link
            link.close()
        return None

    async def _opened(self) -> Link:
        """A new connection, signed in. Nothing was sent before, so even a write may wait for one that stands."""
        started, attempt = time.monotonic(), 1
        while True:
            try:
                return await self._tried()
            except UnreachableError as error:
                seconds = self._throttle.delay(error, None, "POST", attempt, time.monotonic() - started)
                if seconds is None:
                    raise
            await asyncio.sleep(seconds)
            attempt += 1

    async def _tried(self) -> Link:
        breaker = self._throttle.breaker
        breaker.admit()
        try:
            link = await self._signed_in()
        except UnreachableError:
            breaker.failed()
            raise
        except BaseException:
            breaker.released()
            raise
        breaker.succeeded()
        return link

    async def _signed_in(self) -> Link:
        if self._threads is None:
            raise UnreachableError("The system is closed.")
        stream = await channel.connect(self._layout, self._guard, self._context)
        if stream.pump is not None:
            self._pumps.add(stream.pump)
            stream.pump.add_done_callback(self._pumps.discard)
        link = Link(stream, self._layout, self._threads)
        try:
            await link.run(Link.sign_in, self._layout.method, self._layout.user, self._layout.password)
        except BaseException:
            link.cut()
            link.close()
            raise
        return link
