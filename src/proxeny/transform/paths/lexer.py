"""A place in the text of a path or condition, and the small readings that both grammars share.

Paths hold conditions (``[?( … )]``) and conditions hold paths, so both are read from one ``Scanner`` over the whole
text and a mistake is reported at its offset in that text.
"""

import re
from typing import NoReturn

from proxeny.transform.errors import ExpressionSyntaxError

DEEPEST = 64
"""How many brackets and filters may stand inside each other; deeper text is refused."""
LONGEST = 64
"""How many segments a path may have: as deep as documents may be nested."""

_BLANKS = re.compile(r"[ \t\r\n]*")
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Scanner:
    """Reads ``text`` from ``position`` on; ``error`` is what is raised where the text is wrong."""

    __slots__ = ("_depth", "_error", "position", "text")

    def __init__(self, text: str, error: type[ExpressionSyntaxError]) -> None:
        self.text = text
        self.position = 0
        self._error = error
        self._depth = 0

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        raise self._error(message, self.text, self.position if position is None else position)

    @property
    def ended(self) -> bool:
        return self.position >= len(self.text)

    def peek(self, length: int = 1) -> str:
        """The next characters without taking them; shorter at the end."""
        return self.text[self.position : self.position + length]

    def skip_blanks(self) -> None:
        match = _BLANKS.match(self.text, self.position)
        self.position = match.end() if match else self.position

    def take(self, token: str) -> bool:
        """Take the token if it comes next."""
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str, where: str) -> None:
        """Blanks, then the token; else the text is wrong ``where``."""
        self.skip_blanks()
        if not self.take(token):
            found = "the end" if self.ended else repr(self.peek())
            self.fail(f"expected {token!r} {where}, found {found}")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what the pattern matches here."""
        found = pattern.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found

    def integer(self) -> int | None:
        found = self.match(_INTEGER)
        return int(found.group()) if found else None

    def quoted(self) -> str:
        """A string in ``'`` or ``"``, the next character; with JSON's escapes, other escaped characters as they are."""
        start, quote = self.position, self.peek()
        end = start + 1
        while (character := self.text[end : end + 1]) != quote:
            if not character:
                self.fail("the string is not closed", start)
            end += 2 if character == "\\" else 1
        self.position = end + 1
        return unescaped(self.text[start + 1 : end])

    def enter(self) -> None:
        """One level deeper; balanced by ``leave``."""
        self._depth += 1
        if self._depth > DEEPEST:
            self.fail(f"nested more than {DEEPEST} deep")

    def leave(self) -> None:
        self._depth -= 1


def unescaped(text: str) -> str:
    """The text with ``\\n``, ``\\u0041`` and other escapes resolved; half a surrogate pair becomes U+FFFD."""
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_unescape, text)
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if "\\u" in text else plain


def _unescape(match: re.Match[str]) -> str:
    code, character = match.groups()
    return chr(int(code, 16)) if code else _ESCAPED.get(character, character)
