"""Serving: one process, or several on one listening socket, until a signal comes."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator

import uvloop

from proxeny.app.conversions import server_settings
from proxeny.app.gateway import Gateway
from proxeny.errors import ListenError
from proxeny.settings import Settings
from proxeny.web import server

log = logging.getLogger("proxeny.app")

_BACKLOG = 1024
_RESTART_SECONDS = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NEW_OBJECTS = 5_000
"""How many objects more there must be before the garbage collector looks; pages of a list make many that soon go."""


def serve(settings: Settings) -> int:
    """Serves until SIGINT or SIGTERM, and returns the exit status. SIGHUP reloads the systems.

    Errors are raised before the first request is answered; ListenError if the address is taken.
    """
    with _listening(settings.server.host, settings.server.port) as listener:
        if settings.server.workers == 1:
            _run(settings, listener)
            return 0
        return _Workers(settings, listener).run()


def _run(settings: Settings, listener: socket.socket) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()
    async with Gateway.open(settings) as gateway, gateway.served() as served:

        def reload() -> None:
            task = loop.create_task(gateway.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
        _settle()
        scheme = "https" if settings.server.tls else "http"
        host, port = listener.getsockname()[:2]
        log.info("the gateway answers", extra={"url": f"{scheme}://{_bracketed(host)}:{port}"})
        await server.serve(
            served.app,
            server_settings(settings),
            tls=served.tls,
            metrics=gateway.metrics,
            trail=served.trail,
            sockets=[listener],
        )
    log.info("the gateway has stopped")


def _settle() -> None:
    """What stands at the start stays to the end: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket; listening begins with the server, so that nobody waits on a gateway that does not start."""
    bare = host.strip("[]")
    try:
        family, *_, address = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ListenError(f"{host} is no address of this machine ({error.strerror}). Set server.host.") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError as error:
            message = f"{host} port {port} cannot be used ({error.strerror}). Nothing was started."
            raise ListenError(f"{message} Stop what listens there, or choose another with --port.") from error
        listener.setblocking(False)
        yield listener


class _Workers:
    """The parent of several serving processes: starts them, starts again what dies, and ends with them."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._running: set[int] = set()
        self._stopping = False

    def run(self) -> int:
        for number in _SIGNALS:
            signal.signal(number, self._forward)
        for _ in range(self._settings.server.workers):
            self._start()
        failed = 0
        while self._running:
            ended, status = os.wait()
            self._running.discard(ended)
            if os.waitstatus_to_exitcode(status) and not self._stopping:
                failed += 1
                if failed > self._settings.server.workers * 3:
                    self._forward(signal.SIGTERM)
                    continue
                log.error("a worker has ended and is started again", extra={"worker": ended})
                time.sleep(_RESTART_SECONDS)
                if not self._stopping:  # a signal may have come meanwhile, and nobody would tell the new one
                    self._start()
        return 0 if self._stopping and failed == 0 else 1

    def _start(self) -> None:
        """Signals wait while the child is made, so that none finds it with the parent's handlers, or unknown."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        child = os.fork()
        if child:
            self._running.add(child)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        status = 1
        try:
            _run(self._settings, self._listener)
            status = 0
        except BaseException:
            log.exception("a worker could not serve")
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _forward(self, number: int, frame: object = None) -> None:
        self._stopping = self._stopping or number != signal.SIGHUP
        for child in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
