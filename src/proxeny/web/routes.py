"""Every route in one table, and the ASGI application over it."""

import itertools
import re
import secrets
from collections.abc import Iterable, Sequence

from starlette.types import Receive, Scope, Send

from proxeny import logs
from proxeny.web.auth.audit import AuditTrail
from proxeny.web.health import health_routes
from proxeny.web.layers import Admit, Authenticate, dispatcher, layered
from proxeny.web.metrics import Metrics
from proxeny.web.origin import Headers, Origins
from proxeny.web.ports import Gateway
from proxeny.web.request import Handler, Request, Route
from proxeny.web.responses import WRITTEN, RawHeaders
from proxeny.web.router import Router
from proxeny.web.scim import scim_routes
from proxeny.web.settings import WebSettings

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,100}")
_BROWSERS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
_SECURITY: dict[bool, RawHeaders] = {
    False: _BROWSERS,
    True: [*_BROWSERS, (b"strict-transport-security", b"max-age=31536000")],
}
"""What every answer forbids browsers to do; by whether it goes out over HTTPS."""

_SECURITY_LINES = {
    https: b"".join(b"%b: %b\r\n" % header for header in headers) for https, headers in _SECURITY.items()
}


def route_table(settings: WebSettings, metrics: Metrics, more: Iterable[Route] = ()) -> tuple[Route, ...]:
    """All routes; ``more`` are those of rooms that the composition root adds (tokens, administration, pages)."""
    return (*scim_routes(), *health_routes(metrics, metrics_open=settings.metrics_open), *more)


def create_app(
    gateway: Gateway,
    settings: WebSettings,
    authenticate: Authenticate,
    *,
    admit: Admit | None = None,
    metrics: Metrics | None = None,
    trail: AuditTrail | None = None,
    routes: Sequence[Route] = (),
) -> "Application":
    """The application. ``admit`` may refuse an authenticated caller (rate limits); ``routes`` are further routes."""
    counted = metrics or Metrics()
    dispatch = dispatcher(authenticate, admit)
    handler = layered(dispatch, counted, trail or AuditTrail(), settings.limits)
    return Application(gateway, settings, route_table(settings, counted, routes), handler)


class Application:
    """The outermost step: ASGI in, a request through the layers, ASGI out."""

    def __init__(self, gateway: Gateway, settings: WebSettings, routes: Sequence[Route], handler: Handler) -> None:
        self.routes = tuple(routes)
        self._gateway = gateway
        self._settings = settings
        self._router = Router(routes)
        self._handler = handler
        self._origins = Origins(settings)
        self._prefix = secrets.token_hex(5)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
            return
        request = self._request(scope, receive)
        token = logs.request_id.set(request.id)
        try:
            response = await self._handler(request)
        finally:
            logs.request_id.reset(token)
        https = request.origin.base.startswith("https:")
        whole = request.method != "HEAD" and not response.streams
        if whole and (written := scope.get(WRITTEN)) is not None:
            own = b"x-request-id: %b\r\ncache-control: %b\r\n" % (request.id.encode(), response.cache)
            if written(response.status, response.lines() + own + _SECURITY_LINES[https], response.body):
                return
        own_headers = [(b"x-request-id", request.id.encode()), (b"cache-control", response.cache)]
        await response.send(send, own_headers + _SECURITY[https], head=request.method == "HEAD")

    def _request(self, scope: Scope, receive: Receive) -> Request:
        headers: Headers = {}
        size = len(scope["query_string"])
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name in headers:
                headers[name].append(value)
            else:
                headers[name] = [value]
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        match = self._router.match(raw_path.partition(b"?")[0].decode("latin-1"))
        return Request(
            scope=scope,
            receive=receive,
            id=_given_id(headers) or f"{self._prefix}-{next(self._numbers):x}",
            headers=headers,
            origin=self._origins.of(scope, headers),
            gateway=self._gateway,
            settings=self._settings,
            route=match.route,
            segments=match.segments,
            params=match.params,
            head_bytes=size,
        )


def _given_id(headers: Headers) -> str | None:
    """The caller's own id if it is harmless."""
    given = headers.get(b"x-request-id")
    if given and len(given) == 1 and _REQUEST_ID.fullmatch(given[0]):
        return given[0].decode()
    return None


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing to do: the composition root opens and closes everything."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
