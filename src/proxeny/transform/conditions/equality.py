"""When two values are the same, and which is smaller: the operators' meaning on plain values (spec §5).

Numbers and strings that read as numbers are equal in either order; booleans equal booleans only, which Python sees
differently, so lists and objects are compared here too (decision 34).
"""

from typing import Any

from proxeny.transform.values import as_number

_NUMBERS = frozenset((int, float))


def equal(left: Any, right: Any) -> bool:
    """``==``; MISSING equals nothing here, not even itself."""
    one, other = left.__class__, right.__class__
    if one is str:
        return left == right if other is str else other in _NUMBERS and as_number(left) == right
    if one in _NUMBERS:
        return left == right if other in _NUMBERS else other is str and left == as_number(right)
    if one is not other:
        return False
    if one is list or one is dict:
        return same(left, right)
    return (one is bool and left is right) or left is None


def strictly_equal(left: Any, right: Any) -> bool:
    """``===``: of the same type, and equal; all numbers are of one type."""
    one, other = left.__class__, right.__class__
    if one in _NUMBERS:
        return other in _NUMBERS and bool(left == right)
    return one is other and equal(left, right)


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values by value: ``true`` is not ``1``, and no string is a number."""
    one, other = left.__class__, right.__class__
    if one is list:
        return other is list and len(left) == len(right) and all(map(same, left, right))
    if one is dict:
        return other is dict and left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if one in _NUMBERS:
        return other in _NUMBERS and bool(left == right)
    return one is other and bool(left == right)


def holds(items: list[Any], value: Any) -> bool:
    """Whether one of the items equals the value."""
    return any(equal(value, item) for item in items)


def comparable(left: Any, right: Any) -> bool:
    """Numbers with numbers, strings with strings (by code point); nothing else has an order."""
    one, other = left.__class__, right.__class__
    return (one is str and other is str) or (one in _NUMBERS and other in _NUMBERS)
