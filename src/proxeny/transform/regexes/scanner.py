"""The text of a pattern while it is read: position, flags in force, and escapes that mean one character or one set."""

import string
from dataclasses import dataclass, replace
from typing import ClassVar

from proxeny.transform.errors import PatternSyntaxError
from proxeny.transform.regexes import charset, properties
from proxeny.transform.regexes.charset import Ranges

_CONTROLS = {"t": 0x09, "n": 0x0A, "r": 0x0D, "f": 0x0C, "a": 0x07, "e": 0x1B}


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags in force at one place of a pattern (``(?idmsuxU)``)."""

    LETTERS: ClassVar[dict[str, str]] = {
        "i": "ignore_case",
        "d": "unix_lines",
        "m": "multiline",
        "s": "dot_all",
        "u": "unicode_case",
        "x": "comments",
        "U": "unicode_classes",
    }

    ignore_case: bool = False
    unix_lines: bool = False
    multiline: bool = False
    dot_all: bool = False
    unicode_case: bool = False
    comments: bool = False
    unicode_classes: bool = False

    @classmethod
    def of(cls, letters: str) -> "Flags":
        """The flags that the letters name."""
        return cls().changed(letters, "")

    def changed(self, on: str, off: str) -> "Flags":
        """These flags with some switched on and others off; ``U`` brings ``u`` along."""
        changes = {self.LETTERS[letter]: True for letter in on} | {self.LETTERS[letter]: False for letter in off}
        if "U" in on:
            changes["unicode_case"] = True
        return replace(self, **changes)

    def folded(self, ranges: Ranges) -> Ranges:
        """The set in both cases, if case is ignored here."""
        return charset.fold(ranges, unicode_case=self.unicode_case) if self.ignore_case else ranges


@dataclass(slots=True)
class Scanner:
    """Reads a pattern from left to right."""

    text: str
    flags: Flags
    position: int = 0

    @property
    def at_end(self) -> bool:
        return self.position >= len(self.text)

    def peek(self, ahead: int = 0) -> str:
        """The character there, ``""`` beyond the end."""
        index = self.position + ahead
        return self.text[index] if index < len(self.text) else ""

    def next(self, count: int = 1) -> str:
        """The next characters, now read."""
        taken = self.text[self.position : self.position + count]
        self.position += count
        return taken

    def take(self, expected: str) -> bool:
        """Reads ``expected`` if it stands here."""
        if not self.text.startswith(expected, self.position):
            return False
        self.position += len(expected)
        return True

    def until(self, end: str) -> str:
        """Everything up to ``end`` (or the end of the pattern), which is read too."""
        found = self.text.find(end, self.position)
        stop = len(self.text) if found < 0 else found
        taken = self.text[self.position : stop]
        self.position = min(len(self.text), stop + len(end))
        return taken

    def letters(self) -> str:
        """ASCII letters from here on."""
        return self._while(string.ascii_letters)

    def digits(self) -> str:
        """ASCII digits from here on."""
        return self._while(string.digits)

    def name(self, end: str) -> str:
        """The name of a group up to ``end``."""
        start = self.position
        name = self._while(string.ascii_letters + string.digits)
        if not name or name[0].isdigit() or not self.take(end):
            raise self.mistake("a group's name has ASCII letters and digits and starts with a letter", at=start)
        return name

    def skip_comments(self) -> None:
        """In mode ``x``, blanks and ``# …`` to the end of the line."""
        while self.flags.comments and not self.at_end and (self.peek() in " \t\n\x0b\f\r" or self.peek() == "#"):
            if self.next() == "#":
                while not self.at_end and self.peek() not in "\n\r\x85\u2028\u2029":
                    self.next()

    def mistake(self, message: str, at: int | None = None) -> PatternSyntaxError:
        """The error for a mistake here, or at another place."""
        return PatternSyntaxError(message, self.text, min(self.position if at is None else at, len(self.text)))

    def _while(self, alphabet: str) -> str:
        start = self.position
        while self.peek() and self.peek() in alphabet:
            self.position += 1
        return self.text[start : self.position]


def read_set(scanner: Scanner) -> Ranges | None:
    r"""The set of ``\d``, ``\W``, ``\p{…}`` …, if one stands here."""
    letter = scanner.peek(1)
    if letter and letter in "pP":
        return _property(scanner)
    chosen = properties.shorthand(letter, unicode_classes=scanner.flags.unicode_classes) if letter else None
    if chosen is not None:
        scanner.next(2)
    return chosen


def _property(scanner: Scanner) -> Ranges:
    start = scanner.position
    negative = scanner.next(2) == r"\P"
    if scanner.take("{"):
        if "}" not in scanner.text[scanner.position :]:
            raise scanner.mistake("this '{' is never closed")
        name = scanner.until("}")
    else:
        name = scanner.next()
    chosen = properties.named(name, unicode_classes=scanner.flags.unicode_classes) if name else None
    if chosen is None:
        raise scanner.mistake(f"there is no character class '{name}'", at=start)
    chosen = scanner.flags.folded(chosen)
    return charset.complement(chosen) if negative else chosen


def read_character(scanner: Scanner, start: int) -> int:
    r"""The code point of the escape that stands here: ``\n``, ``\x41``, ``\.`` …"""
    scanner.next()
    letter = scanner.next()
    if letter in _CONTROLS:
        return _CONTROLS[letter]
    if letter == "c" and not scanner.at_end:
        return ord(scanner.next()) ^ 64
    if letter == "0":
        return _octal(scanner, start)
    if letter in ("x", "u"):
        return _hexadecimal(scanner, start, letter)
    if letter == "N" and scanner.take("{"):
        code = charset.named_character(scanner.until("}"))
        if code is not None:
            return code
    if not letter or (letter.isascii() and letter.isalnum()):
        raise scanner.mistake("a '\\' at the end" if not letter else f"there is no escape '\\{letter}'", at=start)
    return ord(letter)


def _octal(scanner: Scanner, start: int) -> int:
    most = 3 if scanner.peek() and scanner.peek() in "0123" else 2
    digits = ""
    while len(digits) < most and scanner.peek() and scanner.peek() in string.octdigits:
        digits += scanner.next()
    if not digits:
        raise scanner.mistake("\\0 needs an octal number", at=start)
    return int(digits, 8)


def _hexadecimal(scanner: Scanner, start: int, letter: str) -> int:
    braced = letter == "x" and scanner.take("{")
    digits = scanner.until("}") if braced else scanner.next(2 if letter == "x" else 4)
    wanted = len(digits) if braced else (2 if letter == "x" else 4)
    valid = 0 < len(digits) == wanted <= 8 and all(digit in string.hexdigits for digit in digits)
    if not valid or int(digits, 16) > charset.TOP:
        raise scanner.mistake(f"\\{letter} needs a hexadecimal number of a character", at=start)
    return _pair(scanner, int(digits, 16)) if letter == "u" else int(digits, 16)


def _pair(scanner: Scanner, code: int) -> int:
    r"""Two escapes ``\uD83D\uDE00`` are one character."""
    if not 0xD800 <= code <= 0xDBFF or not scanner.text.startswith("\\u", scanner.position):
        return code
    digits = scanner.text[scanner.position + 2 : scanner.position + 6]
    if len(digits) == 4 and all(digit in string.hexdigits for digit in digits) and 0xDC00 <= int(digits, 16) <= 0xDFFF:
        scanner.next(6)
        return 0x10000 + ((code - 0xD800) << 10) + (int(digits, 16) - 0xDC00)
    return code
