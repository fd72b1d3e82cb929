"""The HTTP server: uvicorn, with the caller's certificate in the scope, limits on headers, and a graceful stop."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from proxeny.keeping import kept
from proxeny.web.auth.audit import AuditTrail
from proxeny.web.connection import Connection
from proxeny.web.errors import HandshakeRefusedError
from proxeny.web.metrics import Metrics
from proxeny.web.settings import ServerSettings
from proxeny.web.tls import Tls

log = logging.getLogger("proxeny.web.server")

_RELOAD_EVERY = 1.0
_LOOK = 0.01


class Server(uvicorn.Server):
    """Listens until it is told to stop (SIGINT, SIGTERM or ``stop``), then lets running requests end."""

    def __init__(
        self,
        app: ASGIApp,
        settings: ServerSettings,
        tls: Tls | None = None,
        metrics: Metrics | None = None,
        trail: AuditTrail | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=type("Connection", (Connection,), {"limits": settings.limits}),
            loop="none",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=settings.limits.keep_alive_seconds,
            timeout_graceful_shutdown=settings.stop_seconds,
            backlog=1024,
        )
        super().__init__(config)
        self._tls = tls
        self._metrics = metrics or Metrics()
        self._trail = trail or AuditTrail()
        self._told_to_stop = asyncio.Event()
        config.load()
        if tls is not None:
            config.ssl = tls.context
            tls.changed = self.end_certificate_connections

    @property
    def port(self) -> int:
        """The port in use, once ``started``."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    def stop(self) -> None:
        """Begins to stop: no new connections, running requests may end within the time for stopping."""
        self.should_exit = True
        self._told_to_stop.set()

    async def main_loop(self) -> None:
        """Waits, without looking ten times a second as its parent does."""
        if not self.should_exit:
            await self._told_to_stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets running requests end; what takes longer than the time for stopping is cancelled."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while (state.connections or state.tasks) and not self.force_exit:  # noqa: ASYNC110  # sets, no event
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            log.error("requests were cancelled because the gateway stops", extra={"requests": len(state.tasks)})
        for task in list(state.tasks):
            task.cancel()

    async def run_until_stopped(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves; returns once everything has ended."""
        loop = asyncio.get_running_loop()
        previous = loop.get_exception_handler()
        loop.set_exception_handler(self._unhandled)
        watcher = asyncio.create_task(kept("the look at TLS files", self._watch)) if self._tls else None
        try:
            await self.serve(sockets)
        finally:
            loop.set_exception_handler(previous)
            if watcher is not None:
                watcher.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops on signals without raising them again afterwards, so that the composition root can close the rest."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self._signalled)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _signalled(self) -> None:
        self.force_exit = self.should_exit
        self.stop()

    def end_certificate_connections(self) -> None:
        """Ends connections that a certificate was checked for, each after the request that it is serving."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection) and connection.with_certificate:
                connection.shutdown()

    async def _watch(self) -> None:
        while self._tls is not None:
            await asyncio.sleep(_RELOAD_EVERY)
            self._tls.reload_if_changed()

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, HandshakeRefusedError):
            loop.default_exception_handler(context)
            return
        transport = context.get("transport")
        peer = transport.get_extra_info("peername") if transport is not None else None
        self._metrics.count_event("tls.refused", "handshake")
        self._trail.note("tls.refused", {"address": peer[0] if peer else "", "reason": str(error)})


async def serve(
    app: ASGIApp,
    settings: ServerSettings,
    *,
    tls: Tls | None = None,
    metrics: Metrics | None = None,
    trail: AuditTrail | None = None,
    sockets: Sequence[socket.socket] | None = None,
) -> None:
    """Serves ``app`` until a signal comes. ``tls`` None: made from the settings; ``sockets`` are shared by workers.
    ``trail`` keeps refused handshakes."""
    if tls is None and settings.tls is not None:
        tls = Tls(settings.tls)
    server = Server(app, settings, tls, metrics, trail)
    await server.run_until_stopped(list(sockets) if sockets is not None else None)
