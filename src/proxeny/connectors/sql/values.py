"""Values between columns and JSON, by the kind of the column.

Times without a zone are UTC on both sides; JSON has them as RFC 3339. Numbers beyond 64 bits and text that no database
holds (NUL, half a surrogate pair) are refused before they reach a driver.
"""

import base64
import binascii
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import sqlalchemy as sa

from proxeny.connectors.errors import RefusedError
from proxeny.scim.values import moment, truth
from proxeny.scim.values import text as as_text

Kind = Literal["text", "word", "boolean", "integer", "decimal", "time", "date", "uuid", "binary", "json", "other"]
"""``word``: compared as text only after a cast (an enumeration, a case-insensitive type, an address)."""

LONGEST = 2**63
_BY_TYPE: tuple[tuple[type[sa.types.TypeEngine[Any]], Kind], ...] = (
    (sa.Boolean, "boolean"),
    (sa.Enum, "word"),
    (sa.Uuid, "uuid"),
    (sa.Integer, "integer"),
    (sa.Numeric, "decimal"),
    (sa.DateTime, "time"),
    (sa.Date, "date"),
    (sa.JSON, "json"),
    (sa.ARRAY, "json"),
    (sa.LargeBinary, "binary"),
)
_NAMED: Mapping[str, Kind] = {"CITEXT": "word", "INET": "word", "BIT": "other", "BYTEA": "binary", "DOMAIN": "other"}


def kind_of(kind: sa.types.TypeEngine[Any]) -> Kind:
    """The kind of a reflected column type."""
    name = kind.__visit_name__.upper()
    if name in _NAMED:
        return _NAMED[name]
    if name == "TINYINT" and getattr(kind, "display_width", None) == 1:
        return "boolean"
    found = next((found for of, found in _BY_TYPE if isinstance(kind, of)), None)
    if found is not None:
        return found
    return "text" if isinstance(kind, sa.String) else "other"


def storable(text: str) -> bool:
    """Whether a database can hold the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def to_json(value: Any, kind: Kind, padded: bool = False) -> Any:
    """A column's value for the document; None is no value. ``padded``: of fixed width, filled with blanks."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.rstrip(" ") if padded else value
    if kind == "boolean":
        return bool(value)
    if isinstance(value, bool | int | float | dict | list):
        return value
    return _shown(value)


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return shown_time(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return str(value)


def shown_time(value: Any) -> str | None:
    """A time as RFC 3339 text in UTC with at least milliseconds; None for what is no time."""
    if not isinstance(value, datetime):
        return None
    when = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    exact = "microseconds" if when.microsecond % 1000 else "milliseconds"
    return when.isoformat(timespec=exact).replace("+00:00", "Z")


def to_column(value: Any, kind: Kind, zoned: bool, field: str) -> Any:
    """A document's value for a column; RefusedError names the field if the column cannot take it."""
    if value is None or (value == "" and kind not in ("text", "word", "other")):
        return None
    try:
        made = _MADE[kind](value)
    except (ValueError, TypeError, InvalidOperation, OverflowError, binascii.Error):
        made = None
    if made is None:
        raise RefusedError(f"{field}: the column holds {_WORDS[kind]}, which {str(value)[:60]!r} is not.", status=400)
    if kind == "time" and not zoned:
        return made.replace(tzinfo=None)
    return made


def _text(value: Any) -> str | None:
    text = as_text(value)
    return text if text is not None and storable(text) else None


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return int(value)
    number = int(value) if isinstance(value, int | str) or float(value).is_integer() else None
    return number if number is not None and -LONGEST <= number < LONGEST else None


def _date(value: Any) -> date | None:
    return date.fromisoformat(value[:10]) if isinstance(value, str) else None


def _json(value: Any) -> Any:
    return value


_MADE: Mapping[Kind, Callable[[Any], Any]] = {
    "text": _text,
    "word": _text,
    "other": _text,
    "boolean": truth,
    "integer": _integer,
    "decimal": lambda value: Decimal(str(value)) if not isinstance(value, bool) else None,
    "time": lambda value: moment(value) if isinstance(value, str) else None,
    "date": _date,
    "uuid": lambda value: uuid.UUID(value) if isinstance(value, str) else None,
    "binary": lambda value: base64.b64decode(value, validate=True),
    "json": _json,
}
_WORDS: Mapping[Kind, str] = {
    "text": "plain text without NUL",
    "word": "plain text without NUL",
    "other": "plain text without NUL",
    "boolean": "true or false",
    "integer": "a whole number of at most 64 bits",
    "decimal": "a number",
    "time": "a date and time such as 2026-01-31T12:00:00Z",
    "date": "a date such as 2026-01-31",
    "uuid": "a UUID",
    "binary": "base64 text",
    "json": "JSON",
}


def key_value(text: str, kind: Kind) -> Any:
    """A key's value from its text; None if no key is written so (``007`` is not the key 7)."""
    if kind == "integer":
        plain = text.removeprefix("-")
        whole = plain.isascii() and plain.isdecimal() and len(plain) < 20 and str(int(text)) == text
        return int(text) if whole and -LONGEST <= int(text) < LONGEST else None
    if kind == "uuid":
        try:
            return uuid.UUID(text) if str(uuid.UUID(text)) == text else None
        except ValueError:
            return None
    if kind == "decimal":
        return Decimal(text) if text.isascii() and text.isdecimal() and str(int(text)) == text else None
    return text if storable(text) and kind in ("text", "word", "other") else None


def later(when: datetime, seconds: int) -> datetime:
    """``when`` moved by so many seconds, within what a calendar has."""
    try:
        return when + timedelta(seconds=seconds)
    except OverflowError:
        return when
