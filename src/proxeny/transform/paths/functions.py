"""The functions at the end of a path: ``length()``, ``sum()``, ``first()`` … on plain values, as Jayway computes them.

Where Jayway raises (a sum of nothing, an index beyond the end) there is no value here.
"""

import math
from collections.abc import Callable
from typing import Any

from proxeny.transform.values import MISSING, to_text

Function = Callable[[Any, list[Any]], Any]
"""(value, arguments) → result or MISSING."""

LENGTHS = frozenset({"length", "size"})


def _length(value: Any, arguments: list[Any]) -> Any:
    subject = arguments[0] if arguments and isinstance(arguments[0], list) else value
    return len(subject) if isinstance(subject, list | dict) else None


def _numbers(value: Any, arguments: list[Any]) -> list[float]:
    items = list(value) if isinstance(value, list) else []
    for argument in arguments:
        items += argument if isinstance(argument, list) else [argument]
    return [float(item) for item in items if isinstance(item, int | float) and not isinstance(item, bool)]


def _aggregate(combine: Callable[[list[float]], float]) -> Function:
    def function(value: Any, arguments: list[Any]) -> Any:
        numbers = _numbers(value, arguments)
        return combine(numbers) if numbers else MISSING

    return function


def _deviation(numbers: list[float]) -> float:
    mean = sum(numbers) / len(numbers)
    return math.sqrt(max(0.0, sum(number * number for number in numbers) / len(numbers) - mean * mean))


def _keys(value: Any, arguments: list[Any]) -> Any:
    return list(value) if isinstance(value, dict) else None


def _element(value: Any, index: int) -> Any:
    inside = isinstance(value, list) and -len(value) <= index < len(value)
    return value[index] if inside else MISSING


def _index(value: Any, arguments: list[Any]) -> Any:
    index = arguments[0] if arguments else None
    return _element(value, index) if isinstance(index, int) and not isinstance(index, bool) else MISSING


def _concat(value: Any, arguments: list[Any]) -> Any:
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    for argument in arguments:
        items = argument if isinstance(argument, list) else [argument]
        texts += [to_text(item) for item in items if item is not None]
    return "".join(texts)


def _append(value: Any, arguments: list[Any]) -> Any:
    return [*value, *arguments] if isinstance(value, list) else value


TABLE: dict[str, Function] = {
    "length": _length,
    "size": _length,
    "min": _aggregate(min),
    "max": _aggregate(max),
    "sum": _aggregate(sum),
    "avg": _aggregate(lambda numbers: sum(numbers) / len(numbers)),
    "stddev": _aggregate(_deviation),
    "keys": _keys,
    "first": lambda value, arguments: _element(value, 0),
    "last": lambda value, arguments: _element(value, -1),
    "index": _index,
    "concat": _concat,
    "append": _append,
}
