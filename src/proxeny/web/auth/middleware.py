"""Which way a request authenticates: its Authorization header decides, else its client certificate."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from proxeny.errors import Error
from proxeny.web.auth.caller import Caller, ClientSource
from proxeny.web.errors import NotAuthenticatedError
from proxeny.web.request import Request

log = logging.getLogger("proxeny.web.security")

Scheme = Callable[[bytes, Request], Awaitable[Caller]]
"""Tells the caller from the header's text after the scheme; raises NotAuthenticatedError."""

CertificateWay = Callable[[Request], Awaitable[Caller | None]]
"""Tells the caller from a client certificate; None if there is none."""

_NOTE_EVERY = 60.0


Recall = Callable[[bytes, Request], Caller | None]
"""Tells at once the caller behind the header's text after the scheme, if it is remembered."""


class Authentication:
    """``schemes`` by name in lower case (``basic``, ``bearer``); ``recalls`` by name as nearly everybody writes it, the
    one by None for requests without such a header."""

    def __init__(
        self,
        source: ClientSource,
        schemes: Mapping[bytes, Scheme],
        certificate: CertificateWay | None = None,
        recalls: Mapping[bytes | None, Recall] = MappingProxyType({}),
    ) -> None:
        self._recalls = recalls
        self._source = source
        self._schemes = schemes
        self._certificate = certificate
        self._noted: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, request: Request) -> Caller:
        """The caller; raises NotAuthenticatedError."""
        caller = self._recalled(request)
        if caller is None:
            caller = await self._find(request)
        self._note(caller.id, request.origin.address)
        return caller

    def _recalled(self, request: Request) -> Caller | None:
        """Who has just been verified, without a coroutine."""
        values = request.headers.get(b"authorization")
        if values is not None and len(values) != 1:
            return None
        name, _, rest = values[0].partition(b" ") if values is not None else (None, b"", b"")
        recall = self._recalls.get(name)
        return recall(rest.strip(), request) if recall is not None else None

    async def _find(self, request: Request) -> Caller:
        values = request.headers.get(b"authorization")
        if values is None:
            caller = await self._certificate(request) if self._certificate else None
            if caller is None:
                raise NotAuthenticatedError("no credentials")
            return caller
        if len(values) > 1:
            raise NotAuthenticatedError("two Authorization headers")
        name, _, rest = values[0].strip().partition(b" ")
        scheme = self._schemes.get(name.lower())
        if scheme is None:
            raise NotAuthenticatedError("unknown authentication scheme")
        return await scheme(rest.strip(), request)

    def _note(self, client_id: str, address: str) -> None:
        """Last use and last address, at most once a minute for each technical user, beside the request."""
        now = time.monotonic()
        if now - self._noted.get(client_id, -_NOTE_EVERY) < _NOTE_EVERY:
            return
        self._noted[client_id] = now
        task = asyncio.create_task(self._succeeded(client_id, address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _succeeded(self, client_id: str, address: str) -> None:
        try:
            await self._source.succeeded(client_id, address)
        except Error:
            log.warning("the last use of a technical user could not be noted", extra={"client": client_id})
