"""What an HTTP answer or a broken connection means, in the words of connectors/errors.py."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from proxeny.connectors.errors import (
    AuthenticationFailedError,
    BusyError,
    ConflictError,
    ConnectorError,
    NotFoundError,
    RefusedError,
    TimedOutError,
    UnreachableError,
    UnsupportedError,
    VersionConflictError,
)
from proxeny.documents import Document

PLAIN = frozenset({"application/scim+json", "application/json", "application/scim+json; charset=utf-8"})
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, headers (names in any case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. UnreachableError if it is something else: a login page must not pass for an empty list."""
        kind = self.headers.get("Content-Type", "")
        if kind in PLAIN:
            try:
                return orjson.loads(self.body)
            except orjson.JSONDecodeError:
                pass  # a byte order mark, an empty body or no JSON: looked at below
        kind = kind.partition(";")[0].strip().lower()
        if not self.body.strip():
            raise UnreachableError(f"The backend answered {self.status} with an empty body where JSON was expected.")
        if kind and "json" not in kind and kind not in ("text/plain", "application/octet-stream"):
            raise self._stranger(kind)
        try:
            return orjson.loads(self._utf8())
        except (orjson.JSONDecodeError, UnicodeError, LookupError):
            raise UnreachableError(f"The backend answered {self.status} with a body that is no whole JSON.") from None

    def require_no_page(self) -> None:
        """UnreachableError if what came is a page for people: somebody in between answered, and nothing was done."""
        if self.body.lstrip()[:1] == b"<":
            raise self._stranger("a page")

    def _stranger(self, kind: str) -> UnreachableError:
        return UnreachableError(
            f"The backend answered {self.status} with {kind[:60]} where JSON was expected: "
            "a login page or a proxy in between? Check URL and sign-in."
        )

    def _utf8(self) -> bytes:
        for bom, encoding in _BOMS:
            if self.body.startswith(bom):
                return self.body.decode(encoding).encode()
        parameters = self.headers.get("Content-Type", "").lower().partition("charset=")[2]
        charset = parameters.partition(";")[0].strip(" \"'")
        if charset in ("", "utf-8", "utf8", "us-ascii"):
            return self.body
        return self.body.decode(charset).encode()


def error_of(answer: HttpAnswer, method: str, path: str) -> ConnectorError | None:
    """The error that an answer stands for, or None if it is a success."""
    status = answer.status
    if 200 <= status < 300 or status == 304:
        return None
    body = _body(answer)
    said = _words(body)
    what = f"The backend answered {status} to {method} {path[:200]}"
    if 300 <= status < 400:
        return RefusedError(
            f"{what}: a redirect. Redirects are not followed; set URL to the final address.", status=status
        )
    if status in (429, 503):
        return BusyError(f"{what}: it is busy.", retry_after=retry_after(answer.headers), backend_message=said)
    if status in (408, 504):
        return _answered(TimedOutError(f"{what}: it gave up waiting.", backend_message=said))
    if status == 502 or (status >= 500 and status not in (501, 505) and method in ("GET", "HEAD")):
        return _answered(UnreachableError(f"{what}.", backend_message=said))
    return _refusal(status, what, said, _scim_type(body))


def _answered(error: UnreachableError) -> UnreachableError:
    error.answered = True
    return error


def _refusal(status: int, what: str, said: str | None, scim_type: str | None) -> ConnectorError:
    if status == 401:
        return AuthenticationFailedError(f"{what}: check User, Password and Authentication.", backend_message=said)
    if status in (404, 410):
        return NotFoundError(f"{what}.", backend_message=said)
    if status == 409 or scim_type == "uniqueness":
        return ConflictError(f"{what}: a unique value is taken.", backend_message=said)
    if status == 412:
        return VersionConflictError(f"{what}: the entity has changed.", backend_message=said)
    if status in (405, 501):
        return UnsupportedError(f"{what}: it cannot do that.", backend_message=said)
    return RefusedError(f"{what}.", status=status, scim_type=scim_type, backend_message=said)


def _body(answer: HttpAnswer) -> Document:
    """The object that explains an error; empty where there is none, or a page."""
    if len(answer.body) > 65536:
        return {}
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _words(body: Document) -> str | None:
    """The backend's own explanation: ``detail`` of a SCIM error, or what else APIs call it; short."""
    for key in ("detail", "message", "error_description", "error", "title"):
        if isinstance(body.get(key), str):
            return " ".join(body[key].split())[:300]
    return None


def _scim_type(body: Document) -> str | None:
    """What a SCIM error says is wrong with the request (RFC 7644 §3.12)."""
    said = body.get("scimType")
    return said if isinstance(said, str) and said else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, given as a number or a date (RFC 9110 §10.2.3); None if absent or unreadable."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), 3600.0) if seconds == seconds else None
