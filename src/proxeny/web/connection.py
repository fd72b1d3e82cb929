"""One connection of the server: uvicorn's, with the caller's certificate in the scope and limits on heads of requests.

It also offers the application a way to write a whole answer at once (``responses.WRITTEN``).
"""

import asyncio
import ssl
from functools import partial

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from proxeny.scim.errors import BadRequestError, ScimError
from proxeny.web.auth.forwarded import CERTIFICATE
from proxeny.web.errors import HeadersTooLargeError, RequestTimeoutError
from proxeny.web.responses import SCIM, WRITTEN
from proxeny.web.settings import Limits

_HARD_FACTOR = 4  # up to here the application answers; beyond, the connection is cut without reading on


def _last(error: ScimError) -> bytes:
    """The answer to what is no request, in the form of errors below a SCIM base (its address was not understood)."""
    body = orjson.dumps(error.to_document())
    head = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n" % (SCIM, len(body))
    return b"%b%b\r\n%b" % (STATUS_LINE[error.status], head, body)


_TOO_LARGE = _last(HeadersTooLargeError("The head of the request is too large. Send a shorter URL or fewer headers."))
_TOO_SLOW = _last(RequestTimeoutError("The head of the request did not arrive in time. Send it again."))
_UNREADABLE = _last(
    BadRequestError(
        "The request is not HTTP as RFC 9112 has it, so nothing was done. Percent-encode what is not ASCII in the URL, "
        "and send header lines and lengths that fit the body."
    )
)


class Connection(HttpToolsProtocol):
    """One connection. The head of a request must arrive within a time and a size; without one it ends after a while.

    Both times are watched by one timer that looks when the earliest of them could have passed, and looks again if it
    has not: a timer for every request would cost more than reading its head does.
    """

    limits: Limits = Limits()
    _certificate: bytes | None = None
    _in_head: bool = True
    _head_bytes: int = 0
    _waits_since: float | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        ssl_object: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if ssl_object is not None:
            self._certificate = ssl_object.getpeercert(binary_form=True)
        self._waits_since = self.loop.time()
        self._look_in(min(self.limits.header_seconds, self.limits.keep_alive_seconds))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > _HARD_FACTOR * self.limits.header_bytes:
                self._refuse(_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """The answer to what cannot be read. Behind a whole request that is not answered yet it would pass for the
        answer to that one, so there the connection ends after the true one."""
        cycle = self.cycle
        if (
            cycle is None
            or cycle.response_complete
            or (cycle.more_body and not (cycle.response_started or self.pipeline))
        ):
            self.transport.write(_UNREADABLE)
            self.transport.close()
        else:
            cycle.keep_alive = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._waits_since = self.loop.time()
        if self._certificate is not None:
            self.scope[CERTIFICATE] = self._certificate  # type: ignore[literal-required]  # our own extension

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._waits_since = None
        super().on_headers_complete()
        self.scope[WRITTEN] = partial(_write, self.cycle)  # type: ignore[literal-required]  # our own extension

    def on_response_complete(self) -> None:
        """As uvicorn's, without its timer."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        if not self._in_head:
            self._waits_since = self.loop.time()

    @property
    def with_certificate(self) -> bool:
        return self._certificate is not None

    def _look_in(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Ends the connection if it waits for too long; else looks again when it could."""
        shortest = min(self.limits.header_seconds, self.limits.keep_alive_seconds)
        if self._waits_since is None:
            self._look_in(shortest)
            return
        limit = self.limits.header_seconds if self._in_head else self.limits.keep_alive_seconds
        left = self._waits_since + limit - self.loop.time()
        if left > 0:
            self._look_in(min(left, shortest))
        elif self._in_head:
            self._refuse(_TOO_SLOW)
        else:
            self.timeout_keep_alive_handler()

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(answer)
            self.transport.close()


def _write(cycle: RequestResponseCycle, status: int, lines: bytes, body: bytes) -> bool:
    """The answer in one piece, past the checks of headers that other applications need; False: not possible now."""
    if cycle.flow.write_paused or cycle.disconnected:
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    close = b"" if cycle.keep_alive else b"connection: close\r\n"
    cycle.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINE[status], lines, close, body))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True
