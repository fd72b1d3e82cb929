"""Times of the directory: RFC 3339 in UTC with milliseconds, always of one width, so that text order is time order."""

from datetime import UTC, datetime, timedelta

from proxeny.scim.values import moment

MILLISECOND = timedelta(milliseconds=1)

_LAST = datetime.max.replace(tzinfo=UTC) - MILLISECOND
_NEVER = "never"
"""Equal to no time as text, and after all of them."""


def written(when: datetime) -> str:
    """``2026-01-31T12:00:00.000Z``."""
    return f"{when.astimezone(UTC).isoformat(timespec='milliseconds')[:23]}Z"


def now() -> str:
    return written(datetime.now(UTC))


def after(previous: str) -> str:
    """Now, or a millisecond past ``previous`` if the clock has not moved on: an entity's times only grow."""
    current = now()
    return current if current > previous else written(datetime.fromisoformat(previous) + MILLISECOND)


def bound(value: str, operator: str) -> str | None:
    """The text to compare stored milliseconds with, so that ``operator`` answers as for the exact time; None: no time.

    ``ge`` and ``lt`` a time between two milliseconds mean the next one; ``gt`` and ``le`` the one before.
    """
    when = moment(value)
    if when is None:
        return None
    if when.microsecond % 1000 == 0 or operator not in ("eq", "ge", "lt"):
        return written(when)
    if operator == "eq" or when > _LAST:
        return _NEVER
    return written(when + MILLISECOND)
