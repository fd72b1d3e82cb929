"""The HTTP client of one system: pooled, guarded, limited in time and size, never following a redirect."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson
from yarl import URL

from proxeny.connectors.errors import (
    ConnectorError,
    PropertyError,
    RefusedError,
    UnreachableError,
)
from proxeny.connectors.outbound import tls
from proxeny.connectors.outbound.answers import HttpAnswer, error_of
from proxeny.connectors.outbound.auth import Headers, SignIn, extra_headers
from proxeny.connectors.outbound.breakage import broken, timed_out, unconnected
from proxeny.connectors.outbound.grants import Keeper, Memory, grant_of
from proxeny.connectors.outbound.guard import Guard
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.outbound.throttle import Throttle
from proxeny.deadlines import Deadlines

if TYPE_CHECKING:
    from proxeny.connectors.spec import Connection

Query = Iterable[tuple[str, str]]


class Outbound:
    """What all systems share on the way out: the operator's settings and the guard. Built by app.py."""

    def __init__(self, settings: OutboundSettings | None = None, keeper: Keeper | None = None) -> None:
        """``keeper``: where secrets stay that backends give; without it, they are forgotten at the end."""
        self.settings = settings or OutboundSettings()
        self.guard = Guard(self.settings)
        self.keeper = keeper or Memory()

    def client(self, connection: "Connection", *, cookies: bool = False) -> "Client":
        """A client for one system; PropertyError if its properties cannot be used. ``cookies``: keep them (CSRF)."""
        return Client(self, connection, cookies=cookies)


class Client:
    """HTTP to one system. ``open`` before the first call, ``close`` after the last."""

    def __init__(self, outbound: Outbound, connection: "Connection", *, cookies: bool = False) -> None:
        values, settings = connection.properties, outbound.settings
        self._settings = settings
        self._guard = outbound.guard
        self._cookies = cookies
        self._base = _base(values.text("URL"))
        self._headers = {"User-Agent": "proxeny", **extra_headers(values)}
        self._values = values
        self._seconds = values.integer("timeout.total") or settings.total_timeout
        self._timeout = aiohttp.ClientTimeout(
            total=None,  # the deadlines see to it
            sock_connect=values.integer("timeout.connect") or settings.connect_timeout,
        )
        self._session: aiohttp.ClientSession | None = None
        self._deadlines = Deadlines(self._seconds)
        self._limit = values.integer("connections.max") or settings.connections_per_system
        self._slots = asyncio.Semaphore(self._limit)
        grant = str(connection.type.quirks.get("grant", ""))
        self.sign_in = SignIn(values, self._post_form, grant_of(grant, values, connection.system_id, outbound.keeper))
        self.throttle = Throttle(
            connection.type.name,
            values.integer("ips.failed.request.retry.attempts", 2),
            values.integer("ips.failed.request.retry.attempts.interval", 30),
            settings.retry_budget,
        )

    @property
    def base(self) -> str:
        """The system's URL without a slash at the end."""
        return self._base

    async def open(self) -> None:
        """Build the session; connects to nothing."""
        if self._session is not None:
            return
        self._deadlines = Deadlines(self._seconds)
        connector = aiohttp.TCPConnector(
            limit=0,  # the slots are the limit: a call that waits for one can still be held back
            ssl=tls.context(self._values, self._settings),
            socket_factory=self._guard.open_socket,
            keepalive_timeout=30,
            ttl_dns_cache=30,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.CookieJar(unsafe=True) if self._cookies else aiohttp.DummyCookieJar(),
            requote_redirect_url=False,
        )

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """The answer to one request, tried again as the throttle says; an error status raises its ConnectorError.

        ``path`` begins with a slash and is already percent-encoded.
        """
        started, attempt = time.monotonic(), 1
        while True:
            answer: HttpAnswer | None = None
            try:
                await self._take_slot()
                try:
                    answer = await self._once(method, path, query, body, headers)
                finally:
                    self._slots.release()
                error = error_of(answer, method, path)
                if error is None:
                    return answer
            except ConnectorError as broken:
                error = broken
            spent = time.monotonic() - started
            status = answer.status if answer else None
            seconds = self.throttle.delay(error, status, method, attempt, spent)
            if seconds is None:
                raise error
            if status in (429, 503):
                self.throttle.pace.busy(seconds)
            else:
                await asyncio.sleep(seconds)
            attempt += 1

    async def json(self, method: str, path: str, document: object, headers: Mapping[str, str]) -> HttpAnswer:
        """A call with a JSON body."""
        return await self.call(method, path, body=orjson.dumps(document), headers=headers)

    async def _take_slot(self) -> None:
        """Wait for one of the system's connections, no longer than for an answer."""
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(self._seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise UnreachableError(
                f"All {self._limit} connections to the system stayed in use for {self._seconds:g} s."
            ) from None

    async def _once(
        self, method: str, path: str, query: Query, body: bytes | None, headers: Mapping[str, str] | None
    ) -> HttpAnswer:
        """One try, with a second one if the token was refused; pace and breaker see every answer."""
        throttle = self.throttle
        if throttle.pace.slow:
            await throttle.pace.wait()
        throttle.breaker.admit()
        text = urlencode(list(query)) if query else ""
        url = URL(f"{self._base}{path}?{text}" if text else self._base + path, encoded=True)
        try:
            token = await self.sign_in.header()
            answer = await self._send(method, url, body, self._with(headers, token))
            if answer.status == 401 and self.sign_in.refused(token):
                token = await self.sign_in.header()
                answer = await self._send(method, url, body, self._with(headers, token))
        except UnreachableError:
            throttle.breaker.failed()
            raise
        except BaseException:
            throttle.breaker.released()
            raise
        self._learn(answer.status)
        return answer

    def _learn(self, status: int) -> None:
        if status in (502, 503, 504):
            self.throttle.breaker.failed()
            return
        self.throttle.breaker.succeeded()
        if status != 429:
            self.throttle.pace.fine()

    def _with(self, headers: Mapping[str, str] | None, token: str | None) -> Headers:
        sent = {**self._headers, **headers} if headers else dict(self._headers)
        if token is not None:
            sent["Authorization"] = token
        return sent

    async def _post_form(self, url: str, form: bytes, headers: Headers) -> tuple[int, bytes]:
        answer = await self._send("POST", URL(url), form, headers)
        return answer.status, answer.body

    async def _send(self, method: str, url: URL, body: bytes | None, headers: Headers) -> HttpAnswer:
        """One request on the wire; every way in which it can break becomes a ConnectorError."""
        if self._session is None:
            await self.open()
        deadlines = self._deadlines
        task = deadlines.begin()
        try:
            return await self._exchanged(method, url, body, headers)
        except asyncio.CancelledError as error:
            if not deadlines.passed(task):
                raise
            raise timed_out(url, self._seconds) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise unconnected(url, self._timeout) from error
        except TimeoutError as error:
            raise timed_out(url, self._seconds) from error
        except aiohttp.ClientError as error:
            raise broken(error, url) from error
        except (ValueError, UnicodeError) as error:
            raise PropertyError(f"URL {str(url)[:120]!r} cannot be called.") from error
        finally:
            deadlines.end(task)

    async def _exchanged(self, method: str, url: URL, body: bytes | None, headers: Headers) -> HttpAnswer:
        """Asked and answered; the connection is free for others afterwards, or closed."""
        assert self._session is not None  # noqa: S101  # opened by the only caller
        proxy = self._settings.proxy
        if proxy:
            await _check_target(self._guard, url)
        response = await self._session.request(
            method, url, data=body, headers=headers, allow_redirects=False, proxy=proxy
        )
        try:
            return HttpAnswer(response.status, response.headers, await _read(response, self._settings.max_answer_bytes))
        finally:
            response.release()


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, up to the size limit (of what it unpacks to)."""
    length = response.content_length
    if length is not None and length <= limit and "Content-Encoding" not in response.headers:
        return await response.read()
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > limit:
            raise RefusedError(f"The answer is larger than {limit} bytes; ask for smaller pages.")
        parts.append(part)
    return b"".join(parts)


async def _check_target(guard: Guard, url: URL) -> None:
    """With an HTTP proxy in between, the guard looks at the target's own addresses; PropertyError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port)
        for info in found:
            guard.check(str(info[4][0]), url.port or 443)
    except PermissionError as error:
        raise PropertyError(f"{url.host} is {error}.") from error
    except OSError:
        return  # a name that only the proxy knows


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PropertyError("Property URL must begin with http:// or https:// and name a host.")
    return str(URL(url.split("?")[0].split("#")[0].rstrip("/")))
