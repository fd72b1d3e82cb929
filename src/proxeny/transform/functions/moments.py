"""A point in time as Java's formats see it: local date and time to the nanosecond, with a zone or an offset if the
text had one.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

EPOCH = datetime(1970, 1, 1)

_ABBREVIATIONS = {
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "MDT": "America/Denver",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "EDT": "America/New_York",
    "BST": "Europe/London",
    "CEST": "Europe/Berlin",
    "EEST": "Europe/Athens",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "AEST": "Australia/Sydney",
    "Z": "UTC",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """``local`` is without microseconds, ``nanos`` the rest of the second; ``zone`` is None if the text named none."""

    local: datetime
    nanos: int = 0
    zone: tzinfo | None = None
    zone_name: str | None = None

    @classmethod
    def of_milliseconds(cls, milliseconds: int, offset: timedelta | None = None) -> "Moment":
        """The UTC time so long after 1970; an offset is kept to be shown but not counted. Raises OverflowError."""
        seconds, rest = divmod(milliseconds, 1000)
        zone = None if offset is None else timezone(offset)
        return cls(EPOCH + timedelta(seconds=seconds), rest * 1_000_000, zone)

    @property
    def milliseconds(self) -> int:
        """Since 1970; a zone counts."""
        instant = self.local.replace(tzinfo=self.zone or UTC)
        seconds = int((instant - EPOCH.replace(tzinfo=UTC)).total_seconds())
        return seconds * 1000 + self.nanos // 1_000_000

    @property
    def offset(self) -> timedelta:
        """From UTC; zero if there is no zone."""
        return (self.zone.utcoffset(self.local) if self.zone else None) or timedelta()

    def moved(self, *, years: int, months: int, days: int, seconds: int) -> "Moment":
        """Later (or earlier) by calendar years and months, then days and seconds. The 31st becomes the last of a
        shorter month.

        Raises OverflowError or ValueError beyond the years 1 to 9999.
        """
        month = self.local.month - 1 + years * 12 + months
        year = self.local.year + month // 12
        day = min(self.local.day, last_day(year, month % 12 + 1))
        local = self.local.replace(year=year, month=month % 12 + 1, day=day) + timedelta(days=days, seconds=seconds)
        return Moment(local, self.nanos, self.zone, self.zone_name)


def last_day(year: int, month: int) -> int:
    """How many days the month has; raises ValueError for a year out of range."""
    if not 1 <= year <= 9999:
        raise ValueError("year out of range")
    return calendar.monthrange(year, month)[1]


@cache
def zone_named(name: str) -> tzinfo | None:
    """The zone of an IANA name or a common abbreviation; None for others."""
    known = _ABBREVIATIONS.get(name, name)
    return ZoneInfo(known) if known in _zones() else None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def parse_offset(text: str) -> timedelta | None:
    """``+02``, ``+0200``, ``-02:30``, ``Z``, ``+2``; None for anything else or more than 18 hours."""
    if text in ("Z", "z"):
        return timedelta()
    digits = text[1:].replace(":", "")
    if text[:1] not in ("+", "-", "\u2013") or not digits.isdigit() or len(digits) > 6:
        return None
    digits = digits.zfill(2) if len(digits) < 3 else digits
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4] or 0), int(digits[4:6] or 0)
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if offset > timedelta(hours=18) or minutes > 59:
        return None
    return offset if text[0] == "+" else -offset


def render_offset(offset: timedelta, *, colon: bool, minutes: bool = True) -> str:
    """``+0200``, ``+02:00`` or, without ``minutes`` that are zero, ``+02``."""
    total = int(offset.total_seconds())
    sign, total = ("-", -total) if total < 0 else ("+", total)
    hours, rest = divmod(total // 60, 60)
    if not minutes and not rest:
        return f"{sign}{hours:02}"
    return f"{sign}{hours:02}{':' if colon else ''}{rest:02}"
