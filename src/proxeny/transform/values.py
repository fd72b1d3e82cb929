"""What flows through a transformation: JSON values, "no value", and the state of one run.

A value is what orjson reads (dict, list, str, int, float, bool, None), ``bytes`` between ``decode`` and
``toString``, or ``MISSING``. Compiled pieces are plain functions of the current value (``@``) and the run (``$`` is
``run.root``).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, final

import orjson


@final
class Missing:
    """The type of ``MISSING``: no value at all, not the JSON ``null``. There is one instance; compare with ``is``."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


@dataclass(slots=True)
class Budget:
    """Seconds that administrators' patterns may still take in this request; shared by the runs of a request."""

    left: float = 0.05

    def spend(self, seconds: float) -> None:
        """Take the time off; never below zero."""
        self.left = max(0.0, self.left - seconds)

    @property
    def spent(self) -> bool:
        return self.left <= 0.0


@dataclass(slots=True)
class Run:
    """One entity crossing once: the only thing that changes while a compiled transformation works.

    ``root`` is the input document (``$``), never changed; ``variables`` are ``${name}``, set by mappings on the way.
    ``kept``: what depends on the input alone and is asked for by one element after the other.
    """

    root: Any
    variables: dict[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    kept: "dict[Evaluate, Any] | None" = None


Evaluate = Callable[[Any, Run], Any]
"""(current value ``@``, run) → a value or ``MISSING``; it may be part of the input: copy it before keeping it."""

Test = Callable[[Any, Run], bool]
"""(current value ``@``, run) → whether a condition holds."""


def once(evaluate: Evaluate) -> Evaluate:
    """The same, evaluated once in a run: for what depends on ``$`` alone, not on ``@`` and not on variables."""

    def evaluate_once(current: Any, run: Run) -> Any:
        kept = run.kept
        if kept is None:
            kept = run.kept = {}
        if evaluate not in kept:
            kept[evaluate] = evaluate(current, run)
        return kept[evaluate]

    return evaluate_once


def is_empty(value: Any) -> bool:
    """Missing, ``null``, ``""``, ``[]`` or ``{}`` (decision 33); ``0`` and ``false`` are values."""
    return not value and value is not False and not (isinstance(value, int | float))


def to_text(value: Any) -> str:
    """The value as Java prints it: ``true``, ``1``, ``1.5``, ``1.0E10``; bytes as UTF-8; no value is ``""``; lists and
    objects as JSON."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return orjson.dumps(value, default=to_text).decode()


def _float_text(number: float) -> str:
    """As ``Double.toString``: plain between 10⁻³ and 10⁷, else one digit, fraction and ``E``."""
    if number != number or number in (float("inf"), float("-inf")):
        return "NaN" if number != number else ("Infinity" if number > 0 else "-Infinity")
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        text = repr(number)
        return text if "e" not in text else f"{number:.17f}".rstrip("0")
    exponent = Decimal(repr(number)).adjusted()
    digits = repr(number).partition("e")[0].replace(".", "").lstrip("-0").rstrip("0") or "0"
    sign = "-" if number < 0 else ""
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def json_number(text: str) -> int | float:
    """A number as documents have it: a whole one of more than 64 bits, which no JSON could be written of, is read as
    one with a fraction. Raises ValueError for what is no number, OverflowError for one that is too large."""
    if text.lstrip("+-").isdecimal() and len(text) <= 20 and -(2**63) <= (whole := int(text)) < 2**64:
        return whole
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise OverflowError(text)
    return number


_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(\.[0-9]*)?|(\.[0-9]+))([eE][+-]?[0-9]{1,4})?")


def as_number(value: Any) -> int | float | None:
    """The number, or what a string reads as (``"7"``, ``"-1.5e3"``; no blanks); None for all else, booleans too."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or not (match := _NUMBER.fullmatch(value)):
        return None
    if not any(match.groups()):
        return int(value)
    number = float(value)
    return None if number in (float("inf"), float("-inf")) else number
