"""The letters of Java's date patterns: what each reads, and what it writes
(java.time.format.DateTimeFormatterBuilder, English).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Any

from proxeny.transform.functions.moments import Moment, parse_offset, render_offset, zone_named

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Parts = dict[str, Any]
"""What a text said: numbers by the name of the part, and ``zone`` as (tzinfo, name)."""


@dataclass(frozen=True, slots=True)
class Field:
    """A run of one letter. ``packed``: a number follows at once, so that this one has a fixed width."""

    letter: str
    count: int
    packed: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits only."""
        return LETTERS[self.letter].is_number(self.count)


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter: the expression of its texts, how a text adds to the parts (raising ValueError), how it is written."""

    expression: Callable[[Field], str]
    read: Callable[[str, Parts, int], None]
    write: Callable[[Moment, int], str]
    is_number: Callable[[int], bool] = lambda count: False


def _number(part: str, value: Callable[[Moment], int], digits: int = 2) -> Letter:
    def expression(field: Field) -> str:
        return f"[0-9]{{{field.count}}}" if field.count > 1 or field.packed else f"[0-9]{{1,{digits}}}"

    def read(text: str, parts: Parts, count: int) -> None:
        parts[part] = int(text)

    return Letter(expression, read, lambda moment, count: str(value(moment)).zfill(count), lambda count: True)


def _year_expression(field: Field) -> str:
    if field.count == 2 or field.packed:
        return f"[0-9]{{{field.count}}}"
    return f"[+-]?[0-9]{{{field.count},9}}"


def _read_year(text: str, parts: Parts, count: int) -> None:
    parts["year"] = int(text) + (2000 if count == 2 else 0)


def _write_year(moment: Moment, count: int) -> str:
    year = moment.local.year
    return f"{year % 100:02}" if count == 2 else str(year).zfill(count)


def _named(part: str, names: tuple[str, ...], index: Callable[[Moment], int], *, numeric: bool) -> Letter:
    """Months and weekdays: numbers below three letters (months only), then short, full and narrow names."""

    def shown(count: int) -> tuple[str, ...]:
        return names if count == 4 else tuple(name[: 3 if count != 5 else 1] for name in names)

    def expression(field: Field) -> str:
        if numeric and field.count < 3:
            return "[0-9]{2}" if field.count == 2 or field.packed else "[0-9]{1,2}"
        return "|".join(shown(field.count))

    def read(text: str, parts: Parts, count: int) -> None:
        if numeric and count < 3:
            parts[part] = int(text)
        elif count != 5:
            parts[part] = [name.casefold() for name in shown(count)].index(text.casefold()) + 1

    def write(moment: Moment, count: int) -> str:
        number = index(moment)
        return str(number).zfill(count) if numeric and count < 3 else shown(count)[number - 1]

    return Letter(expression, read, write, lambda count: numeric and count < 3)


def _read_half(text: str, parts: Parts, count: int) -> None:
    parts["half"] = int(text.casefold() == "pm")


def _read_fraction(text: str, parts: Parts, count: int) -> None:
    parts["nanos"] = int(text.ljust(9, "0"))


def _read_era(text: str, parts: Parts, count: int) -> None:
    if text.casefold() in ("bc", "before christ", "b"):
        raise ValueError("years before Christ")


def _read_offset(text: str, parts: Parts, count: int) -> None:
    offset = parse_offset(text.upper().removeprefix("GMT") or "Z")
    if offset is None:
        raise ValueError("no offset")
    parts["zone"] = (timezone(offset), None)


def _read_zone(text: str, parts: Parts, count: int) -> None:
    zone = zone_named(text)
    bare = text.removeprefix("UTC").removeprefix("GMT")
    if zone is None and bare:
        _read_offset(bare, parts, count)
        return
    parts["zone"] = (zone or timezone(timedelta()), text)


def _write_zone(moment: Moment, count: int) -> str:
    if moment.zone_name:
        return moment.zone_name
    offset = moment.offset
    if not offset:
        return "UTC"
    text = render_offset(offset, colon=True, minutes=False)
    return "UTC" + text[0] + text[1:].removeprefix("0")


_OFFSETS = {
    1: ("[+-][0-9]{2}(?:[0-9]{2})?", False, False),
    2: ("[+-][0-9]{4}", False, True),
    3: ("[+-][0-9]{2}:[0-9]{2}", True, True),
}


def _iso_offset(zero: str) -> Letter:
    """``X`` writes no offset as ``Z``, ``x`` as zeros; one letter: hours; two: ``+hhmm``; three: ``+hh:mm``."""

    def expression(field: Field) -> str:
        pattern = _OFFSETS[min(field.count, 3)][0]
        return f"Z|{pattern}" if zero else pattern

    def write(moment: Moment, count: int) -> str:
        _, colon, minutes = _OFFSETS[min(count, 3)]
        return zero if zero and not moment.offset else render_offset(moment.offset, colon=colon, minutes=minutes)

    return Letter(expression, _read_offset, write)


def _rfc_expression(field: Field) -> str:
    return {4: "GMT(?:[+-][0-9]{2}:[0-9]{2})?", 5: "Z|[+-][0-9]{2}:[0-9]{2}"}.get(field.count, "[+-][0-9]{4}")


def _write_rfc(moment: Moment, count: int) -> str:
    offset = moment.offset
    if count == 5:
        return render_offset(offset, colon=True) if offset else "Z"
    if count == 4:
        return "GMT" + (render_offset(offset, colon=True) if offset else "")
    return render_offset(offset, colon=False)


def _hour12(moment: Moment) -> int:
    return moment.local.hour % 12


_ERAS: dict[int, str] = {4: "Anno Domini", 5: "A"}

_ZONE = Letter(lambda field: "[A-Za-z][A-Za-z0-9_/+:-]*|[+-][0-9:]{2,8}", _read_zone, _write_zone)
_YEAR = Letter(_year_expression, _read_year, _write_year, lambda count: True)
_MONTH = _named("month", MONTHS, lambda moment: moment.local.month, numeric=True)

LETTERS: dict[str, Letter] = {
    "u": _YEAR,
    "y": _YEAR,
    "G": Letter(
        lambda field: "AD|BC|Anno Domini|Before Christ|[AB]", _read_era, lambda moment, count: _ERAS.get(count, "AD")
    ),
    "M": _MONTH,
    "L": _MONTH,
    "d": _number("day", lambda moment: moment.local.day),
    "D": _number("day_of_year", lambda moment: moment.local.timetuple().tm_yday, 3),
    "E": _named("weekday", WEEKDAYS, lambda moment: moment.local.isoweekday(), numeric=False),
    "a": Letter(lambda field: "AM|PM", _read_half, lambda moment, count: "PM" if moment.local.hour >= 12 else "AM"),
    "H": _number("hour", lambda moment: moment.local.hour),
    "k": _number("hour24", lambda moment: moment.local.hour or 24),
    "h": _number("hour12", lambda moment: _hour12(moment) or 12),
    "K": _number("hour12", _hour12),
    "m": _number("minute", lambda moment: moment.local.minute),
    "s": _number("second", lambda moment: moment.local.second),
    "S": Letter(
        lambda field: f"[0-9]{{{field.count}}}",
        _read_fraction,
        lambda moment, count: f"{moment.nanos:09}"[:count],
        lambda count: True,
    ),
    "n": _number("nanos", lambda moment: moment.nanos, 9),
    "A": _number("milli_of_day", lambda moment: _seconds(moment) * 1000 + moment.nanos // 1_000_000, 8),
    "X": _iso_offset("Z"),
    "x": _iso_offset(""),
    "Z": Letter(_rfc_expression, _read_offset, _write_rfc),
    "O": Letter(
        lambda field: "GMT(?:[+-][0-9]{1,2}(?::[0-9]{2})?)?", _read_offset, lambda moment, count: _write_gmt(moment)
    ),
    "z": _ZONE,
    "v": _ZONE,
    "V": _ZONE,
}


def _seconds(moment: Moment) -> int:
    return moment.local.hour * 3600 + moment.local.minute * 60 + moment.local.second


def _write_gmt(moment: Moment) -> str:
    text = _write_zone(Moment(moment.local, 0, moment.zone), 1)
    return "GMT" + text.removeprefix("UTC")
