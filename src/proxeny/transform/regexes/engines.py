"""The two engines under one face: RE2 in linear time on UTF-8, ``regex`` with a time limit on text.

Both give matches as spans; a subject is the value in the form that the engine searches.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import re2
import regex

from proxeny.transform.errors import TimeSpentError
from proxeny.transform.regexes.replacement import Groups
from proxeny.transform.values import Budget

Clock = Callable[[], float]
clock: Clock = time.thread_time
"""Seconds of processor time of this thread, so that a busy machine spends nobody's budget."""


class Found(Protocol):
    """A match: what both engines' match objects have."""

    def span(self, group: int = 0, /) -> tuple[int, int]: ...
    def group(self, group: int = 0, /) -> Any: ...
    def groups(self) -> tuple[Any, ...]: ...


class Engine(Protocol):
    """Searches subjects for one pattern."""

    def subject(self, text: str) -> Any: ...
    def full(self, subject: Any, budget: Budget) -> Found | None: ...
    def find(self, subject: Any, position: int, budget: Budget) -> Found | None: ...
    def after(self, subject: Any, position: int) -> int: ...
    def text(self, piece: Any) -> str: ...


def groups_of(engine: Engine, found: Found) -> Groups:
    """The texts of a match's groups, the whole first."""
    parts = (found.group(), *found.groups())
    return tuple(None if part is None else engine.text(part) for part in parts)


class Turn:
    """The time since the last payment, for searches that are not stopped by themselves."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._allowed = budget.left
        self._since = clock()

    def pay(self) -> None:
        """Take the time off the budget; raises TimeSpentError if nothing is left."""
        now = clock()
        self._budget.spend(now - self._since)
        self._since = now
        if self._budget.spent:
            raise TimeSpentError(self._allowed)


@dataclass(frozen=True, slots=True)
class Linear:
    """RE2. Its work is bounded by program size × length of the subject, which pattern.py keeps small."""

    program: Any
    size: int

    def subject(self, text: str) -> bytes:
        return text.encode()

    def full(self, subject: bytes, budget: Budget) -> Found | None:
        found: Found | None = self.program.fullmatch(subject)
        return found

    def find(self, subject: bytes, position: int, budget: Budget) -> Found | None:
        found: Found | None = self.program.search(subject, position)
        return found

    def after(self, subject: bytes, position: int) -> int:
        """The start of the next character."""
        position += 1
        while position < len(subject) and subject[position] & 0xC0 == 0x80:
            position += 1
        return position

    def text(self, piece: bytes) -> str:
        return piece.decode()


@dataclass(frozen=True, slots=True)
class Timed:
    """``regex``, which backtracks: every search is stopped when the budget of the request is spent."""

    program: "regex.Pattern[str]"

    def subject(self, text: str) -> str:
        return text

    def full(self, subject: str, budget: Budget) -> Found | None:
        return self._within(budget, lambda seconds: self.program.fullmatch(subject, timeout=seconds))

    def find(self, subject: str, position: int, budget: Budget) -> Found | None:
        return self._within(budget, lambda seconds: self.program.search(subject, position, timeout=seconds))

    def after(self, subject: str, position: int) -> int:
        return position + 1

    def text(self, piece: str) -> str:
        return piece

    def _within(self, budget: Budget, search: "Callable[[float], Found | None]") -> Found | None:
        if budget.spent:
            raise TimeSpentError(0.0)
        allowed = budget.left
        started = clock()
        try:
            return search(allowed)
        except (TimeoutError, MemoryError):
            budget.spend(allowed)
            raise TimeSpentError(allowed) from None
        finally:
            budget.spend(clock() - started)


@dataclass(frozen=True, slots=True)
class Quick(Timed):
    """``regex`` without a clock, several times faster, for patterns and values that cannot take long: pattern.py
    decides.
    """

    def full(self, subject: str, budget: Budget) -> Found | None:
        return self.program.fullmatch(subject)

    def find(self, subject: str, position: int, budget: Budget) -> Found | None:
        return self.program.search(subject, position)


_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 2 << 20


def linear(pattern: str) -> Linear | None:
    """RE2 for this pattern, None if it finds it too large."""
    try:
        program = re2.compile(pattern, _OPTIONS)
    except re2.error:
        return None
    return Linear(program, program.programsize)


def timed(pattern: str) -> Timed | None:
    """``regex`` for this pattern, None if it refuses it."""
    try:
        return Timed(regex.compile(pattern, regex.V0, cache_pattern=False))
    except (regex.error, RecursionError, OverflowError):
        return None
