"""Java date patterns (java.time.format.DateTimeFormatter): text → moment and back.

Resolved as Java's *smart* style does: the 31st of a shorter month is its last day, 24:00 is the next midnight, and
two-digit years are 2000 to 2099. What a text does not say is the start of 1970.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from proxeny.transform.errors import ParameterError
from proxeny.transform.functions.date_fields import LETTERS, Field, Parts
from proxeny.transform.functions.moments import Moment, last_day, parse_offset

MILLISECONDS = "Date(milliseconds)"

_UNIX = re.compile(r"\s*/?(?:Date\()?\s*([+-]?[0-9]{1,18})\s*([+\u2013-][0-9]{2}:?[0-9]{2})?\s*\)?/?\s*")

Piece = Field | str | tuple["Piece", ...]
"""A field, literal text, or an optional section."""


@dataclass(frozen=True, slots=True)
class DatePattern:
    """A pattern, ready to use. ``read`` gives None for a text that is no such date."""

    text: str
    read: Callable[[str], Moment | None]
    write: Callable[[Moment], str]


@lru_cache(maxsize=256)
def date_pattern(text: str, key: str) -> DatePattern:
    """The pattern; ``Date(milliseconds)`` is Unix time.

    Raises ParameterError, for the parameter ``key``, where Java would refuse it and for letters that are not dates'.
    """
    if text.replace(" ", "") == MILLISECONDS:
        return DatePattern(text, _read_unix, lambda moment: f"Date({moment.milliseconds})")
    try:
        pieces = _Reader(text).pieces()
    except ValueError as error:
        raise ParameterError(f"the date format '{text}' cannot be read: {error}", key) from None
    fields: list[Field] = []
    expression = re.compile(_expression(pieces, fields), re.IGNORECASE | re.ASCII)

    def read(value: str) -> Moment | None:
        found = expression.fullmatch(value)
        try:
            return _resolved(fields, found.groups()) if found else None
        except (ValueError, OverflowError):
            return None

    return DatePattern(text, read, lambda moment: _written(pieces, moment))


def _read_unix(value: str) -> Moment | None:
    found = _UNIX.fullmatch(value)
    try:
        return Moment.of_milliseconds(int(found[1]), parse_offset(found[2]) if found[2] else None) if found else None
    except OverflowError:
        return None


@dataclass(slots=True)
class _Reader:
    """Reads a pattern from left to right; raises ValueError with what is wrong."""

    text: str
    position: int = 0

    def pieces(self) -> tuple[Piece, ...]:
        found = self.section()
        if self.position < len(self.text):
            raise ValueError("there is a ']' without its '['")
        return found

    def section(self) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        while self.position < len(self.text) and self.text[self.position] != "]":
            pieces.append(self.piece())
        return tuple(
            Field(piece.letter, piece.count, packed=True)
            if isinstance(piece, Field) and isinstance(after, Field) and after.is_number
            else piece
            for piece, after in zip(pieces, [*pieces[1:], ""], strict=True)
        )

    def piece(self) -> Piece:
        character = self.text[self.position]
        if character == "'":
            return self.quoted()
        if character == "[":
            return self.optional()
        if character.isascii() and character.isalpha():
            return self.field(character)
        if character in "{}#":
            raise ValueError(f"'{character}' is reserved; put it between quotes")
        self.position += 1
        return character

    def field(self, letter: str) -> Field:
        rest = self.text[self.position :]
        count = len(rest) - len(rest.lstrip(letter))
        if letter not in LETTERS or count > 9:
            hint = "; write 'y' for the year" if letter == "Y" else "; put text between quotes"
            raise ValueError(f"'{letter * count}' is not supported{hint}")
        self.position += count
        return Field(letter, count)

    def optional(self) -> Piece:
        self.position += 1
        inner = self.section()
        self.position += 1
        return inner

    def quoted(self) -> str:
        literal, start = "", self.position
        self.position += 1
        while self.position < len(self.text):
            if self.text[self.position] != "'":
                literal += self.text[self.position]
                self.position += 1
            elif self.text.startswith("''", self.position):
                literal += "'"
                self.position += 2
            else:
                self.position += 1
                return literal if self.position - start > 2 else "'"
        raise ValueError("there is a quote that is never closed")


def _expression(pieces: tuple[Piece, ...], fields: list[Field]) -> str:
    parts = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(re.escape(piece))
        elif isinstance(piece, tuple):
            parts.append(f"(?:{_expression(piece, fields)})?")
        else:
            fields.append(piece)
            parts.append(f"({LETTERS[piece.letter].expression(piece)})")
    return "".join(parts)


def _written(pieces: tuple[Piece, ...], moment: Moment) -> str:
    return "".join(
        piece
        if isinstance(piece, str)
        else _written(piece, moment)
        if isinstance(piece, tuple)
        else LETTERS[piece.letter].write(moment, piece.count)
        for piece in pieces
    )


def _resolved(fields: list[Field], texts: tuple[str | None, ...]) -> Moment:
    """The moment of what was read; raises ValueError for parts out of range."""
    parts: Parts = {}
    for field, text in zip(fields, texts, strict=True):
        if text is not None:
            LETTERS[field.letter].read(text, parts, field.count)
    zone, name = parts.get("zone", (None, None))
    seconds, nanos = _time(parts)
    return Moment(_date(parts) + timedelta(seconds=seconds), nanos, zone, name)


def _date(parts: Parts) -> datetime:
    year = parts.get("year", 1970)
    first = datetime(year, 1, 1)
    if "day_of_year" in parts and "month" not in parts:
        day = parts["day_of_year"]
        if not 1 <= day <= 366:
            raise ValueError("day out of range")
        return first + timedelta(days=day - 1)
    month, day = parts.get("month", 1), parts.get("day", 1)
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        raise ValueError("day or month out of range")
    return first.replace(month=month, day=min(day, last_day(year, month)))


def _time(parts: Parts) -> tuple[int, int]:
    """(seconds of the day, nanoseconds)."""
    if "milli_of_day" in parts:
        return parts["milli_of_day"] // 1000, parts["milli_of_day"] % 1000 * 1_000_000
    hour, minute, second = _hour(parts), parts.get("minute", 0), parts.get("second", 0)
    nanos = parts.get("nanos", 0)
    midnight = hour == 24 and not minute and not second and not nanos
    if not (hour <= 23 or midnight) or minute > 59 or second > 59:
        raise ValueError("time out of range")
    return hour * 3600 + minute * 60 + second, nanos


def _hour(parts: Parts) -> int:
    if "hour12" in parts:
        if parts["hour12"] > 12:
            raise ValueError("hour out of range")
        return int(parts["hour12"] % 12 + 12 * parts.get("half", 0))
    if "hour24" in parts:
        return int(parts["hour24"] % 24)
    return int(parts.get("hour", 0))
