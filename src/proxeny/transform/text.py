"""The text of a transformation → plain JSON values, and where in the text each of them stands.

Published transformations are not strict JSON: this reader also takes comments, trailing commas, raw line breaks in
strings, single and typographic quotes, bare keys and a byte order mark. Of double keys the last wins, and text behind
the value is ignored, both with a warning (spec §1, decision 44). Everything else is a mistake with line and column.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, NoReturn

from proxeny.transform.errors import Problem, TextSyntaxError
from proxeny.transform.paths.lexer import unescaped
from proxeny.transform.values import json_number

DEEPEST = 100
"""How deep lists and objects may stand inside each other."""

Place = tuple[str | int, ...]
"""The way from the top to a value: ``("user", "mappings", 0, "sourcePath")``."""

_SPACE = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"|\'([^\'\\]*(?:\\.[^\'\\]*)*)\'|“([^”\\]*(?:\\.[^”\\]*)*)”', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![\w.])")
_BARE = re.compile(r"[A-Za-z_$][\w$.-]*")
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Location:
    """Line and column, from 1; for a string, of its first character behind the quote."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """What was read: the value, the problems (``value`` is None if one is an error), and where things stand."""

    value: Any
    problems: tuple[Problem, ...]
    offsets: dict[Place, int]
    lines: tuple[int, ...]
    text: str

    def locate(self, place: Place, offset: int = 0) -> Location | None:
        """Where the value at ``place`` starts, or the character ``offset`` of the string there; what is not there has
        the place of what it would be in. None if nothing is known."""
        while place and place not in self.offsets:
            place, offset = place[:-1], 0
        start = self.offsets.get(place)
        return None if start is None else _location(self.lines, _advance(self.text, start, offset))


def read_text(text: str) -> Source:
    """Read the whole text. Never raises: a mistake is one of ``problems``."""
    reader = _Reader(text)
    value = None
    try:
        value = reader.read_all()
    except TextSyntaxError as error:
        reader.note(error.message, error.position, "error")
    return Source(value, tuple(reader.problems), reader.offsets, reader.lines, text)


def _location(lines: tuple[int, ...], position: int) -> Location:
    line = bisect_right(lines, position)
    return Location(line, position - lines[line - 1] + 1)


def _advance(text: str, position: int, offset: int) -> int:
    """``offset`` decoded characters further on; an escape sequence is one character."""
    for _ in range(offset):
        if text[position : position + 1] == "\\":
            position += 6 if text[position + 1 : position + 2] == "u" else 2
        else:
            position += 1
    return position


class _Reader:
    """One pass over the text; ``position`` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.problems: list[Problem] = []
        self.offsets: dict[Place, int] = {}
        self.lines = (0, *(found.end() for found in re.finditer("\n", text)))

    def note(self, message: str, position: int, severity: Any) -> None:
        location = _location(self.lines, position)
        self.problems.append(Problem(message, severity, line=location.line, column=location.column))

    def read_all(self) -> Any:
        self._skip()
        if self.position >= len(self.text):
            self._fail("the text is empty")
        value = self._value((), 0)
        self._skip()
        if self.position < len(self.text):
            self.note("text behind the transformation is ignored", self.position, "warning")
        return value

    def _fail(self, message: str, position: int | None = None) -> NoReturn:
        raise TextSyntaxError(message, self.text, self.position if position is None else position)

    def _unexpected(self, wanted: str) -> NoReturn:
        if self.position >= len(self.text):
            self._fail(f"expected {wanted}, but the text ends here")
        self._fail(f"expected {wanted}, found {self.text[self.position]!r}")

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.position)
        self.position = found.end() if found else self.position
        if self.text.startswith("/*", self.position):
            self._fail("the comment is not closed by */")

    def _value(self, place: Place, depth: int) -> Any:
        following = self.text[self.position : self.position + 1]
        self.offsets[place] = self.position
        if following in ("{", "[") and depth >= DEEPEST:
            self._fail(f"nested more than {DEEPEST} deep")
        if following == "{":
            return self._object(place, depth + 1)
        if following == "[":
            return self._list(place, depth + 1)
        if following in ('"', "'", "“"):
            self.offsets[place] = self.position + 1
            return self._string()
        return self._plain()

    def _string(self) -> str:
        found = _STRING.match(self.text, self.position)
        if not found:
            self._fail("the string is not closed")
        self.position = found.end()
        return unescaped(next(group for group in found.groups() if group is not None))

    def _plain(self) -> Any:
        if number := _NUMBER.match(self.text, self.position):
            self.position = number.end()
            try:
                return json_number(number.group())
            except OverflowError:
                self._fail("the number is too large", number.start())
        word = _BARE.match(self.text, self.position)
        if word and word.group() in _WORDS:
            self.position = word.end()
            return _WORDS[word.group()]
        self._unexpected("a value")

    def _list(self, place: Place, depth: int) -> list[Any]:
        items: list[Any] = []
        self._open()
        while not self._closed("]"):
            items.append(self._value((*place, len(items)), depth))
            self._separate("]")
        return items

    def _object(self, place: Place, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        self._open()
        while not self._closed("}"):
            start = self.position
            key = self._key()
            if key in value:
                self.note(f"the key {key!r} stands here twice; the last one counts", start, "warning")
                self._forget((*place, key), value[key])
            self._skip()
            if not self._take(":"):
                self._unexpected(f"':' after the key {key!r}")
            self._skip()
            value[key] = self._value((*place, key), depth)
            self._separate("}")
        return value

    def _forget(self, place: Place, value: Any) -> None:
        """The value was replaced: nothing of it stands anywhere."""
        self.offsets.pop(place, None)
        if isinstance(value, dict):
            for key, item in value.items():
                self._forget((*place, key), item)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self._forget((*place, index), item)

    def _key(self) -> str:
        if self.text[self.position : self.position + 1] in ('"', "'", "“"):
            return self._string()
        found = _BARE.match(self.text, self.position)
        if not found:
            self._unexpected("a key in quotes")
        self.position = found.end()
        return found.group()

    def _open(self) -> None:
        self.position += 1
        self._skip()

    def _closed(self, bracket: str) -> bool:
        if self.position >= len(self.text):
            self._fail(f"the text ends before {bracket!r}")
        return self._take(bracket)

    def _take(self, token: str) -> bool:
        taken = self.text.startswith(token, self.position)
        self.position += len(token) if taken else 0
        return taken

    def _separate(self, bracket: str) -> None:
        """A comma, or the closing bracket comes next."""
        self._skip()
        if self._take(","):
            self._skip()
        elif not self.text.startswith(bracket, self.position):
            self._unexpected(f"',' or {bracket!r}")
