"""What goes out: a provider's answer, a plain document, or an error in the form that belongs to its address."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import orjson
from starlette.types import Send

from proxeny.provisioning.endpoints.exchange import Answer
from proxeny.scim.errors import ScimError
from proxeny.web.errors import OAuthError, SlowDownError

Family = Literal["scim", "oauth", "plain"]
"""The form of errors: SCIM (RFC 7644 §3.12), OAuth (RFC 6749 §5.2), or problem details (RFC 9457)."""

RawHeaders = list[tuple[bytes, bytes]]

WRITTEN = "proxeny.written"
"""In the scope, where our own server offers it: ``(status, header lines, body) → bool`` writes a whole answer at once;
False if it must go out by ``send``."""

SCIM = b"application/scim+json"
JSON = b"application/json"
PROBLEM = b"application/problem+json"


_BODILESS = frozenset({204, 304})


@dataclass(slots=True)
class Response:
    """``reason`` is what the log says beside the status; it does not go out. ``cache`` is its Cache-Control.
    ``streams``: only ``send`` can write it. ``written`` are its header lines, once they were asked for."""

    streams: ClassVar[bool] = False
    status: int
    body: bytes = b""
    headers: RawHeaders = field(default_factory=list)
    reason: str = ""
    cache: bytes = b"no-store"
    written: bytes | None = None

    async def send(self, send: Send, more: RawHeaders, *, head: bool = False) -> None:
        """Sends it with further headers; for HEAD without the body that the length tells of."""
        headers = [*self.headers, *more]
        if self.status not in _BODILESS:
            headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else self.body})

    def lines(self) -> bytes:
        """The header lines, each with its end."""
        if self.written is None:
            parts = [b"content-length: %d\r\n" % len(self.body)] if self.status not in _BODILESS else []
            parts += [b"%b: %b\r\n" % header for header in self.headers]
            self.written = b"".join(parts)
        return self.written


def document(value: Any, status: int = 200, media_type: bytes = JSON, headers: RawHeaders | None = None) -> Response:
    """A JSON document; never stored by caches."""
    return Response(status, orjson.dumps(value), [(b"content-type", media_type), *(headers or [])])


def from_answer(answer: Answer) -> Response:
    """A provider's answer as it goes out; made once for one that is kept, and then changed by nobody."""
    if answer.sent.__class__ is Response:
        return answer.sent
    headers: RawHeaders = []
    if answer.body is not None:
        headers.append((b"content-type", SCIM))
    if answer.location is not None:
        headers.append((b"location", _text(answer.location)))
    if answer.etag is not None:
        headers.append((b"etag", _text(answer.etag)))
    for name, value in answer.headers:
        headers.append((_text(name).lower(), _text(value)))
    response = answer.sent = Response(answer.status, answer.body or b"", headers)
    return response


def from_scim_error(error: ScimError, family: Family, head: str = "") -> Response:
    """The error in the family's form, with its own headers."""
    headers: RawHeaders = [(_text(name).lower(), _text(value)) for name, value in error.headers]
    reason = getattr(error, "reason", "") or error.detail
    if family == "scim":
        response = document(error.to_document(), error.status, SCIM, headers)
    elif family == "oauth":
        response = document(
            {"error": _OAUTH_CODES.get(error.status, "invalid_request"), "error_description": error.detail},
            error.status,
            JSON,
            headers,
        )
    else:
        response = document(
            {"type": "about:blank", "status": error.status, "detail": error.detail}, error.status, PROBLEM, headers
        )
    response.reason = reason
    return response


_OAUTH_CODES = {401: "invalid_client", 500: "server_error", 503: "temporarily_unavailable"}


def from_oauth_error(error: OAuthError) -> Response:
    headers: RawHeaders = []
    if error.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="proxeny", charset="UTF-8"'))
    if isinstance(error, SlowDownError):
        headers.append((b"retry-after", str(error.seconds).encode()))
    response = document({"error": error.code, "error_description": error.description}, error.status, JSON, headers)
    response.reason = error.reason
    return response


def _text(value: str) -> bytes:
    """Header text: nothing in it can end the line (RFC 9110 §5.5), and what is not ASCII is percent-encoded."""
    if value.isascii() and value.isprintable():
        return value.encode()
    return "".join(
        sign
        if sign.isascii() and sign.isprintable()
        else "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", "replace"))
        for sign in value
    ).encode()
