"""Copies of JSON values, so that what a transformation gives out never shares a list or an object with what it was
given.

Strings are by far the most frequent value and lists of flat objects the most frequent structure: an object in which
nothing is nested is copied whole.
"""

from typing import Any, Final

from proxeny.transform.errors import EntityFailedError

_CHANGING: Final[frozenset[Any]] = frozenset((dict, list, bytes))


def copied(value: Any) -> Any:
    """The value with every list and object in it made anew; bytes as UTF-8 text (decision 38).

    Raises EntityFailedError (``bad-value``) for bytes that are no text. Shares nothing but strings, numbers and
    booleans.
    """
    kind = value.__class__
    if kind is list:
        return _copied_list(value)
    if kind is dict:
        return _copied_object(value)
    return _text(value) if kind is bytes else value


def settled(value: Any) -> Any:
    """A copy; a list with exactly one element becomes that element (spec §3 step 5). ``None`` may come out of
    ``[null]``."""
    kind = value.__class__
    if kind is list:
        return copied(value[0]) if len(value) == 1 else _copied_list(value)
    if kind is dict:
        return _copied_object(value)
    return _text(value) if kind is bytes else value


def _copied_object(value: dict[str, Any]) -> dict[str, Any]:
    result = value.copy()
    for key, item in value.items():
        if item.__class__ is str:
            continue
        if item.__class__ is list:
            result[key] = _copied_list(item)
        elif item.__class__ in _CHANGING:
            result[key] = copied(item)
    return result


def _copied_list(value: list[Any]) -> list[Any]:
    result = value.copy()
    index = -1
    for item in value:
        index += 1
        if item.__class__ is str:
            continue
        if item.__class__ is dict:
            for inner in item.values():
                if inner.__class__ is not str and inner.__class__ in _CHANGING:
                    result[index] = _copied_object(item)
                    break
            else:
                result[index] = item.copy()
        elif item.__class__ in _CHANGING:
            result[index] = copied(item)
    return result


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EntityFailedError(
            "the bytes are not UTF-8 text; encode them (base64) in the mapping", reason="bad-value"
        ) from None
