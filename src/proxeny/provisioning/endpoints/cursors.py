"""Cursors for clients (RFC 9865): opaque, bound to one query of one endpoint of one system, valid for a time.

The text is signed, so that a client can neither forge one nor carry it to another query; what it holds is not secret.
"""

import base64
import hashlib
import hmac
import time
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from proxeny.scim.errors import ExpiredCursorError, InvalidCursorError
from proxeny.scim.query import Query

Place = tuple[bool, Any, str]
_MAC = 12  # bytes of the signature
_LONGEST = 200  # characters of a text that count for its place
LIFETIME = 3600  # seconds


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the backend: its own cursor, or an index from 0 where it has none."""

    native: str | None = None
    start: int = 0


def place_of(key: tuple[bool, Any], entity_id: str) -> Place:
    """Where an entity stands in an order by ``key``, as it can be written into a cursor: times as text in UTC, texts no
    longer than an address takes. Who has the same key stands by id."""
    missing, value = key
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat(timespec="microseconds")
    return missing, value[:_LONGEST] if isinstance(value, str) else value, entity_id


class Cursors:
    """Seals and opens cursors with one key; replicas share the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, cursor: Cursor, scope: str) -> str:
        body = orjson.dumps([cursor.native, cursor.start, int(time.time()) + LIFETIME])
        return base64.urlsafe_b64encode(self._mac(body, scope) + body).rstrip(b"=").decode()

    def open(self, text: str | None, scope: str) -> Cursor:
        """The place; the empty text is the beginning. InvalidCursorError, ExpiredCursorError."""
        if not text:
            return Cursor()
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (NotBase64, ValueError):
            raise _invalid() from None
        mac, body = raw[:_MAC], raw[_MAC:]
        if not hmac.compare_digest(mac, self._mac(body, scope)):
            raise _invalid()
        native, start, until = orjson.loads(body)
        if until < time.time():
            raise ExpiredCursorError("The cursor has expired. Start again without a cursor.")
        return Cursor(native, start)

    def seal_place(self, place: Place, scope: str) -> str:
        """A cursor that goes on after a place in an order, wherever others come or go."""
        return self.seal(Cursor(orjson.dumps(place).decode()), scope)

    def place(self, text: str | None, scope: str) -> Place | None:
        """The place after which a cursor of ``seal_place`` goes on; None: from the beginning."""
        held = self.open(text, scope).native
        return tuple(orjson.loads(held)) if held is not None else None

    def start(self, query: Query, scope: str) -> int:
        """The index at which a cursor goes on where the gateway itself pages."""
        return self.open(query.cursor, scope).start

    def _mac(self, body: bytes, scope: str) -> bytes:
        return hmac.new(self._key, scope.encode() + b"\0" + body, hashlib.sha256).digest()[:_MAC]


def _invalid() -> InvalidCursorError:
    return InvalidCursorError("The cursor is not one of this query. Start again without a cursor.")
