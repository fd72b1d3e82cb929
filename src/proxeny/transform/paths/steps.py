"""The single steps along a path, as functions of a value: what ``[n]``, ``[a:b]``, ``[*]``, a filter … pick."""

from collections.abc import Callable, Iterable
from typing import Any

from proxeny.transform.paths.ast import Index, Indexes, Key, Keys, Segment, Slice
from proxeny.transform.values import MISSING, Run, Test

Get = Callable[[Any, Run], Any]
"""(value so far, run) → the value one or more segments further, or MISSING."""

Each = Callable[[Any, Run, list[Any]], None]
"""(value so far, run, found) → appends to ``found`` everything that the rest of the path leads to."""

Pick = Callable[[Any, Run], Iterable[Any]]
"""(value so far, run) → the values one segment further."""


def element(index: int) -> Get:
    def get(value: Any, run: Run) -> Any:
        if value.__class__ is list and -len(value) <= index < len(value):
            return value[index]
        return MISSING

    return get


def projection(names: tuple[str, ...]) -> Get:
    """The object cut down to the names that it has."""

    def get(value: Any, run: Run) -> Any:
        return {name: value[name] for name in names if name in value} if value.__class__ is dict else MISSING

    return get


def slice_of(value: list[Any], bounds: Slice) -> list[Any]:
    """The elements that ``[start:stop]`` picks: Jayway counts from the end only where one bound is missing."""
    return [value[index] for index in slice_indexes(len(value), bounds)]


def slice_indexes(length: int, bounds: Slice) -> list[int]:
    start, stop = bounds.start, bounds.stop
    if stop is None:
        start = start or 0
        first, last = (max(0, length + start) if start < 0 else start), length
    elif start is None:
        first, last = 0, min(length, length + stop if stop < 0 else stop)
    else:
        first, last = start, min(length, stop)
    return [index % length for index in range(first, last) if -length <= index < length]


def members(name: str | None) -> Callable[[Any, Run], list[Any]]:
    """``[*]``, or ``[*].name``."""

    def collect(value: Any, run: Run) -> list[Any]:
        items = value if value.__class__ is list else value.values() if value.__class__ is dict else ()
        if name is None:
            return list(items)
        return [item[name] for item in items if item.__class__ is dict and name in item]

    return collect


def collect_filtered(test: Test, name: str | None) -> Callable[[Any, Run], list[Any]]:
    """``[?(…)]``, or ``[?(…)].name``; a filter on an object asks the object itself."""

    def collect(value: Any, run: Run) -> list[Any]:
        items = value if value.__class__ is list else (value,) if value.__class__ is dict else ()
        if name is None:
            return [item for item in items if test(item, run)]
        return [item[name] for item in items if item.__class__ is dict and name in item and test(item, run)]

    return collect


def each_element(segment: Segment, test: Test | None, rest: Each, required: bool) -> Each:
    """One segment, then the rest on everything it picks."""
    if isinstance(segment, Key):
        return _each_key(segment.name, rest, required)
    pick = _picker(segment, test, required)

    def each(value: Any, run: Run, found: list[Any]) -> None:
        for item in pick(value, run):
            rest(item, run, found)

    return each


def _each_key(name: str, rest: Each, required: bool) -> Each:
    def each(value: Any, run: Run, found: list[Any]) -> None:
        if value.__class__ is not dict:
            return
        if name in value:
            rest(value[name], run, found)
        elif required:
            raise KeyError(name)

    return each


def _picker(segment: Segment, test: Test | None, required: bool) -> Pick:
    if test is not None:
        return collect_filtered(test, None)
    if isinstance(segment, Index):
        return _pick_indexes((segment.index,))
    if isinstance(segment, Indexes):
        return _pick_indexes(segment.indexes)
    if isinstance(segment, Slice):
        return lambda value, run: slice_of(value, segment) if value.__class__ is list else ()
    if isinstance(segment, Keys):
        return _pick_keys(segment.names, required)
    return members(None)


def _pick_indexes(indexes: tuple[int, ...]) -> Pick:
    def pick(value: Any, run: Run) -> Iterable[Any]:
        if value.__class__ is not list:
            return ()
        return [value[index] for index in indexes if -len(value) <= index < len(value)]

    return pick


def _pick_keys(names: tuple[str, ...], required: bool) -> Pick:
    def pick(value: Any, run: Run) -> Iterable[Any]:
        if value.__class__ is not dict:
            return ()
        return [value[name] for name in names if required or name in value]

    return pick
