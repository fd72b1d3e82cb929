"""Values of the SCIM types (RFC 7643 §2.3): which JSON values each type has, and how they compare."""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from proxeny.scim.comparison import key
from proxeny.scim.schema import Attribute

TEXTS = frozenset(("string", "reference"))
"""The types whose values are plain text."""

_BOOLEANS = {"true": True, "false": False}


def moment(text: str) -> datetime | None:
    """The point in time that an RFC 3339 text names, in UTC where it names no zone; None if it is not one."""
    try:
        when = datetime.fromisoformat(text)
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def truth(value: Any) -> bool | None:
    """A boolean, also from ``"True"`` or ``"false"`` in any case; None for anything else."""
    if isinstance(value, str):
        return _BOOLEANS.get(value.lower())
    return value if isinstance(value, bool) else None


def number(value: Any) -> int | float | None:
    """A number, also from its text; None for anything else."""
    if isinstance(value, str):
        try:
            value = int(value) if value.lstrip("-").isdigit() else float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value == value else None


def text(value: Any) -> str | None:
    """Text, also of a number or boolean as JSON writes it; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def folded(value: Any) -> str | None:
    """The comparison key of text; None for what is not text."""
    return key(value) if isinstance(value, str) else key(plain) if (plain := text(value)) is not None else None


def _time(value: Any) -> datetime | None:
    return moment(value) if isinstance(value, str) else None


def comparable(attribute: Attribute) -> Callable[[Any], Any]:
    """What turns a value of ``attribute`` into one that can be compared; None for a value of another type."""
    match attribute.type:
        case "boolean":
            return truth
        case "integer" | "decimal":
            return number
        case "dateTime":
            return _time
        case "binary":
            return text
        case _:
            return text if attribute.case_exact else folded


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("text", lambda value: isinstance(value, str)),
    "reference": ("text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "decimal": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "dateTime": (
        "a date and time such as 2026-01-31T12:00:00Z",
        lambda value: isinstance(value, str) and "T" in value.upper() and moment(value) is not None,
    ),
    "binary": ("base64 text", lambda value: isinstance(value, str) and _is_base64(value)),
    "complex": ("an object", lambda value: isinstance(value, dict)),
}


def mistake(attribute: Attribute, value: Any) -> str | None:
    """What a value of this attribute has to be, if ``value`` is not that; None if it fits."""
    expected, fits = _CHECKS.get(attribute.type, _CHECKS["string"])
    return None if fits(value) else expected


def is_present(value: Any) -> bool:
    """Whether a value counts as assigned (RFC 7643 §2.5): not null, not empty, nor made of nothing but such values."""
    if isinstance(value, dict):
        return any(is_present(item) for item in value.values())
    if isinstance(value, list):
        return any(is_present(item) for item in value)
    return value is not None and value != ""
