"""The operators as a table: name → function of the two values. Equality and patterns have their own modules."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from proxeny.transform.conditions.equality import comparable, equal, holds, members_of, strictly_equal
from proxeny.transform.values import is_empty

Relation = Callable[[Any, Any], bool]

_FEW: Final = 8
"""Items that are compared faster than looked up."""


def _less(left: Any, right: Any) -> bool:
    return comparable(left, right) and bool(left < right)


def _at_most(left: Any, right: Any) -> bool:
    return comparable(left, right) and bool(left <= right)


def _contains(left: Any, right: Any) -> bool:
    if left.__class__ is str:
        return right.__class__ is str and right in left
    return left.__class__ is list and holds(left, right)


def _within(left: Any, right: Any) -> bool:
    return right.__class__ is list and holds(right, left)


def _both_lists(left: Any, right: Any) -> bool:
    return left.__class__ is list and right.__class__ is list


def _holding(items: list[Any], asked: list[Any]) -> Callable[[Any], bool]:
    """Tells whether an item equals a value; a few are compared, many looked up, so that two long lists cost no more
    than their lengths together."""
    return members_of(items).holds if len(items) > _FEW and len(asked) > _FEW else partial(holds, items)


def _subset(left: Any, right: Any) -> bool:
    return _both_lists(left, right) and all(map(_holding(right, left), left))


def _any_of(left: Any, right: Any) -> bool:
    return _both_lists(left, right) and any(map(_holding(right, left), left))


def _all(left: Any, right: Any) -> bool:
    return _both_lists(left, right) and all(map(_holding(left, right), right))


def _size(left: Any, right: Any) -> bool:
    return isinstance(left, str | list) and right.__class__ in (int, float) and len(left) == right


def _empty(left: Any, right: Any) -> bool:
    return right.__class__ is bool and is_empty(left) is right


RELATIONS: dict[str, Relation] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "===": strictly_equal,
    "!==": lambda left, right: not strictly_equal(left, right),
    "<": _less,
    "<=": _at_most,
    ">": lambda left, right: _less(right, left),
    ">=": lambda left, right: _at_most(right, left),
    "contains": _contains,
    "in": _within,
    "nin": lambda left, right: not _within(left, right),
    "subsetof": _subset,
    "anyof": _any_of,
    "noneof": lambda left, right: not _any_of(left, right),
    "all": _all,
    "size": _size,
    "empty": _empty,
}
