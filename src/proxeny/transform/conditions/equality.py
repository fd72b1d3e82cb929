"""When two values are the same, and which is smaller: the operators' meaning on plain values (spec §5).

Numbers and strings that read as numbers are equal in either order; booleans equal booleans only, which Python sees
differently, so lists and objects are compared here too (decision 34).
"""

from typing import Any

from proxeny.transform.values import Missing, as_number

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


def hashed(value: Any) -> Any:
    """What can stand in a set for a JSON value: equal exactly if the values are the ``same``."""
    kind = value.__class__
    if kind is str or kind in _NUMBERS or value is None:
        return value
    if kind is list:
        return list, tuple(map(hashed, value))
    if kind is dict:
        return dict, frozenset((key, hashed(item)) for key, item in value.items())
    return kind, value


class Members:
    """The items of a list, looked up instead of compared one by one."""

    __slots__ = ("_items", "_marks", "_read")

    def __init__(self, items: list[Any]) -> None:
        self._items = items
        self._marks = {hashed(item) for item in items}
        self._read: set[Any] | None = None

    def holds(self, value: Any) -> bool:
        """Whether one of the items equals the value, as ``==`` says."""
        kind = value.__class__
        if kind is str:
            return value in self._marks or ((number := as_number(value)) is not None and number in self._marks)
        if kind in _NUMBERS:
            return value in self._marks or value in self._numbers()
        return kind is not Missing and hashed(value) in self._marks

    def _numbers(self) -> set[Any]:
        """What the strings read as, for those that read as numbers."""
        if self._read is None:
            read = (as_number(item) for item in self._items if item.__class__ is str)
            self._read = {number for number in read if number is not None}
        return self._read


def members_of(value: Any) -> Members:
    """The members of a list; what is no list has none."""
    return Members(value if value.__class__ is list else [])


def holds(items: list[Any], value: Any) -> bool:
    """Whether one of the items equals the value."""
    return any(equal(value, item) for item in items)


def comparable(left: Any, right: Any) -> bool:
    """Numbers with numbers, strings with strings (by code point); nothing else has an order."""
    one, other = left.__class__, right.__class__
    return (one is str and other is str) or (one in _NUMBERS and other in _NUMBERS)
