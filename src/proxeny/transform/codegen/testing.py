"""Source for the conditions that are asked most: ``empty``, and equality with a constant, of definite paths.

Everything else stays a compiled closure, so there is one meaning of each operator; what is written here is only what
Python says in one expression without deviating from it (decisions 16, 33, 34).
"""

from collections.abc import Callable

from proxeny.transform.conditions.ast import And, Comparison, Condition, Constant, Literal, Not, Or
from proxeny.transform.paths.ast import Path
from proxeny.transform.values import as_number

ValueOf = Callable[[Path], str | None]
"""Gives an expression for a path's value (``None`` if missing or null), or None if it cannot."""


def expression(condition: Condition, value_of: ValueOf) -> str | None:
    """The condition as a Python expression, or None if a closure must decide."""
    if isinstance(condition, Constant):
        return str(condition.value)
    if isinstance(condition, Not):
        inner = expression(condition.term, value_of)
        return None if inner is None else f"not ({inner})"
    if isinstance(condition, And | Or):
        terms = [expression(term, value_of) for term in condition.terms]
        word = " and " if isinstance(condition, And) else " or "
        return None if None in terms else word.join(f"({term})" for term in terms)
    return _comparison(condition, value_of) if isinstance(condition, Comparison) else None


def _comparison(condition: Comparison, value_of: ValueOf) -> str | None:
    if not isinstance(condition.left, Path) or not isinstance(condition.right, Literal):
        return None
    value = value_of(condition.left)
    constant = condition.right.value
    if value is None:
        return None
    if condition.operator == "empty":
        return f"{'' if constant else 'not '}(not (w := {value}) and is_empty(w))"
    positive = _equality(value, constant, strict=condition.operator in ("===", "!=="))
    if positive is None or condition.operator not in ("==", "===", "!=", "!=="):
        return None
    return positive if condition.operator in ("==", "===") else f"not ({positive})"


def _equality(value: str, constant: object, *, strict: bool) -> str | None:
    if isinstance(constant, bool):
        return f"{value} is {constant}"
    if isinstance(constant, str) and (strict or as_number(constant) is None):
        return f"{value} == {constant!r}"
    return f"{value} is None" if constant is None and not strict else None
