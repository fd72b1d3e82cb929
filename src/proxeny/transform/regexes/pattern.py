"""A regular expression of an administrator, ready to use on callers' data and bounded in time (decision 31).

RE2 does what it can; the rest goes to a backtracking engine that stops when the request's budget is spent. A pattern
that spends a budget three times is switched off until the transformation is loaded again, and whoever wants to know
is told.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from proxeny.transform.errors import PatternSyntaxError, PatternTimeoutError, TimeSpentError
from proxeny.transform.regexes import emit, engines
from proxeny.transform.regexes.engines import Engine, Linear, Quick, Timed, groups_of
from proxeny.transform.regexes.parser import parse
from proxeny.transform.regexes.replacement import Groups, Replacement, expand, parse_replacement
from proxeny.transform.regexes.syntax import Expression
from proxeny.transform.values import Budget

STRIKES = 3
"""So often may a pattern spend a request's budget before it is switched off."""
FAIR_SHARE = 0.02
"""Seconds. A pattern that found less than this in the budget is not blamed for spending it."""
LINEAR_WORK = 4_000_000
"""Program size × bytes that RE2 may be given; beyond that the engine that can be stopped takes over."""

TURN = 100
"""Matches of RE2 in one value after which the time that they took is taken off the budget."""

QUICK_LENGTH = 200
"""Characters of a value up to which a pattern of small degree may run without a clock: below a millisecond in the
worst case.
"""

Alert = Callable[[str], None]
"""Called once with the label of a pattern that was switched off; it must return at once."""

_BREAKS = frozenset("\n\r\x85\u2028\u2029")


@dataclass(slots=True)
class Pattern:
    """A compiled pattern; only the count of its offences changes.

    Every method that matches raises PatternTimeoutError when the budget is spent. ``label`` is what an alert calls
    it; patterns that are built of values at run time get the text of the transformation there, so that no value
    leaks.
    """

    text: str
    flags: str
    label: str
    expression: Expression
    alert: Alert | None = None
    strikes: int = 0
    _degree: int = emit.UNBOUNDED
    _linear: Linear | None = None
    _one_line: bool = False
    _timed: Timed | None = None
    _quick: Quick | None = None

    @property
    def groups(self) -> int:
        """How many groups it has, group 0 not counted."""
        return self.expression.groups

    def matches(self, text: str, budget: Budget) -> bool:
        """Whether the whole text matches (conditions, ``matchRegex``)."""
        return self.fullmatch(text, budget) is not None

    def fullmatch(self, text: str, budget: Budget) -> Groups | None:
        """The groups if the whole text matches, the whole first."""
        engine = self._engine(text, 2)
        try:
            found = engine.full(engine.subject(text), budget)
        except TimeSpentError as spent:
            raise self._late(spent) from None
        return None if found is None else groups_of(engine, found)

    def search(self, text: str, budget: Budget) -> Groups | None:
        """The groups of the first match anywhere in the text."""
        engine = self._engine(text, 1)
        try:
            found = engine.find(engine.subject(text), 0, budget)
        except TimeSpentError as spent:
            raise self._late(spent) from None
        return None if found is None else groups_of(engine, found)

    def replacement(self, text: str) -> Replacement:
        """Replacement text in Java's notation, ready to use; raises PatternSyntaxError."""
        return _replacement(text, self.groups, tuple(self.expression.names.items()))

    def replace_all(self, text: str, replacement: str | Replacement, budget: Budget) -> str:
        """Every match replaced."""
        return self._replaced(text, replacement, budget, most=None)

    def replace_first(self, text: str, replacement: str | Replacement, budget: Budget) -> str:
        """The first match replaced."""
        return self._replaced(text, replacement, budget, most=1)

    def replace_last(self, text: str, replacement: str | Replacement, budget: Budget) -> str:
        """The last of the matches that ``replace_all`` would replace."""
        engine = self._engine(text, 1)
        subject = engine.subject(text)
        last = deque(self._finds(engine, subject, budget), maxlen=1)
        return self._spliced(engine, subject, list(last), replacement) if last else text

    def _replaced(self, text: str, replacement: str | Replacement, budget: Budget, *, most: int | None) -> str:
        engine = self._engine(text, 1)
        subject = engine.subject(text)
        found = []
        for match in self._finds(engine, subject, budget):
            found.append(match)
            if most is not None and len(found) == most:
                break
        return self._spliced(engine, subject, found, replacement) if found else text

    def _spliced(
        self, engine: Engine, subject: "str | bytes", found: list[engines.Found], replacement: str | Replacement
    ) -> str:
        parts = self.replacement(replacement) if isinstance(replacement, str) else replacement
        constant = None if any(isinstance(part, int) for part in parts) else expand(parts, ())
        pieces = []
        position = 0
        for match in found:
            start, end = match.span()
            pieces.append(engine.text(subject[position:start]))
            pieces.append(expand(parts, groups_of(engine, match)) if constant is None else constant)
            position = end
        return "".join([*pieces, engine.text(subject[position:])])

    def _finds(self, engine: Engine, subject: "str | bytes", budget: Budget) -> Iterator[engines.Found]:
        """Matches one after the other; behind an empty one the search goes on a character later, as in Java.

        One search of RE2 is short, but a long value may have a match at each character: they are paid for in turns.
        """
        position = count = 0
        turn = engines.Turn(budget) if isinstance(engine, Linear) else None
        try:
            while position <= len(subject):
                found = engine.find(subject, position, budget)
                if found is None:
                    return
                yield found
                start, end = found.span()
                position = engine.after(subject, end) if start == end else end
                count += 1
                if turn is not None and not count % TURN:
                    turn.pay()
        except TimeSpentError as spent:
            raise self._late(spent) from None

    def _engine(self, text: str, degree: int) -> Engine:
        """The fastest engine that is safe for this value; ``degree``: the highest that may run without a clock."""
        if self._degree <= degree and len(text) <= QUICK_LENGTH:
            self._quick = self._quick or Quick(self._backtracking().program)
            return self._quick
        if self.strikes >= STRIKES:
            raise PatternTimeoutError(
                "a regular expression is switched off because it was too slow; make it simpler and load again"
            )
        linear = self._linear
        if linear is None or linear.size * len(text) > LINEAR_WORK:
            return self._backtracking()
        if self._one_line and (not text or not _BREAKS.isdisjoint(text)):
            return self._backtracking()
        return linear

    def _backtracking(self) -> Timed:
        if self._timed is None:
            self._timed = engines.timed(emit.for_regex(self.expression.node))
        if self._timed is None:
            raise PatternTimeoutError("a regular expression is too large for a value of this length")
        return self._timed

    def _late(self, spent: TimeSpentError) -> PatternTimeoutError:
        self.strikes += spent.allowed >= FAIR_SHARE
        if spent.allowed >= FAIR_SHARE and self.strikes == STRIKES and self.alert is not None:
            self.alert(self.label)
        return PatternTimeoutError("a regular expression took longer than a request may; the entity was not processed")


@lru_cache(maxsize=1024)
def _replacement(text: str, groups: int, names: tuple[tuple[str, int], ...]) -> Replacement:
    return parse_replacement(text, groups, dict(names))


def compile_pattern(text: str, *, flags: str = "", label: str | None = None, alert: Alert | None = None) -> Pattern:
    """A Java regular expression; ``flags`` as behind ``/…/`` in a condition.

    Raises PatternSyntaxError with the place of the mistake.
    """
    expression = parse(text, flags)
    written = emit.for_re2(expression.node)
    linear = engines.linear(written.pattern) if written else None
    timed = None
    if linear is None:
        timed = engines.timed(emit.for_regex(expression.node))
        if timed is None:
            raise PatternSyntaxError("this regular expression is not supported", text, 0)
    one_line = written is not None and written.one_line
    named = text if label is None else label
    degree = emit.degree(expression.node)
    return Pattern(text, flags, named, expression, alert, 0, degree, linear, one_line, timed)
