"""What can be wrong with a transformation, and with one entity that crosses it.

TransformationError     the text cannot be used; ``problems`` lists everything that is wrong with it   → stop
EntityFailedError       this entity cannot cross; the transformation is fine                           → skip
ExpressionSyntaxError   one string of it cannot be read: PathSyntaxError, ConditionSyntaxError         → stop
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from proxeny.errors import Error, Next


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of the loader. ``mapping`` counts from 1; ``line`` and ``column`` count from 1 in the text as given.

    ``key`` is where in the mapping (``sourcePath``, ``functions[0].regex``). ``excerpt`` is the faulty string and
    ``caret`` the offset in it, if the mistake has a place there.
    """

    message: str
    severity: Literal["error", "warning"] = "error"
    entity_type: str | None = None
    mapping: int | None = None
    key: str | None = None
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None
    caret: int | None = None


def shorten(text: str, position: int, *, width: int = 160) -> tuple[str, int]:
    """The text on one line, of a long one what stands around ``position``; and where the position is in that."""
    shown = text.replace("\n", " ").replace("\t", " ")
    start = max(0, min(position - width // 2, len(shown) - width))
    before, after = "…" if start else "", "…" if start + width < len(shown) else ""
    return f"{before}{shown[start : start + width]}{after}", position - start + len(before)


class TransformationError(Error):
    """A transformation with errors; ``problems`` holds the warnings too."""

    next: ClassVar[Next] = "stop"

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        errors = [problem for problem in problems if problem.severity == "error"]
        first = errors[0].message if errors else "no errors"
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{name}: {first}{more}")
        self.name = name
        self.problems = problems


class EntityFailedError(Error):
    """One entity failed at one mapping. ``reason`` is a stable code: ``missing-attribute``, ``function-failed``,
    ``pattern-timeout``, ``bad-value`` …; the message is a sentence without values of the entity."""

    next: ClassVar[Next] = "skip"

    def __init__(self, message: str, *, reason: str, entity_type: str = "", mapping: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.entity_type = entity_type
        self.mapping = mapping


class ExpressionSyntaxError(Error):
    """A path or condition that cannot be read: ``text`` as parsed, and ``position``, the offset of the mistake in it.

    ``str(error)`` is the message with the text and a caret under the place; ``message`` alone is one sentence.
    """

    next: ClassVar[Next] = "stop"

    def __init__(self, message: str, text: str, position: int) -> None:
        shown, caret = shorten(text, position)
        super().__init__(f"{message}\n  {shown}\n  {' ' * caret}^")
        self.message = message
        self.text = text
        self.position = position


class PathSyntaxError(ExpressionSyntaxError):
    """A path that cannot be read, or cannot be written to."""


class ConditionSyntaxError(ExpressionSyntaxError):
    """A condition that cannot be read."""


class PatternSyntaxError(ExpressionSyntaxError):
    """A regular expression, or its replacement text, that cannot be read."""


class PatternTimeoutError(EntityFailedError):
    """A regular expression took longer than the request's budget, or was switched off because it did so repeatedly."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="pattern-timeout")


class TimeSpentError(Error):
    """A search ran out of its budget; ``allowed`` is how many seconds it had been given. A pattern turns it into a
    PatternTimeoutError that names the pattern."""

    next: ClassVar[Next] = "skip"

    def __init__(self, allowed: float) -> None:
        super().__init__("The time for a regular expression has run out.")
        self.allowed = allowed


class TextSyntaxError(ExpressionSyntaxError):
    """The text of a transformation is no JSON, be it lenient. The loader turns it into a Problem."""


class ParameterError(Error):
    """A function's parameter that cannot be used: an error of the transformation when it is known at load."""

    next: ClassVar[Next] = "stop"

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message)
        self.key = key
