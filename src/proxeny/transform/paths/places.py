"""Existing places in a document: where a path leads, as (list or object, index or key), so that they can be changed.

A list that is written beyond its end has holes until the transformation ends: ``HOLE`` is their mark, never a value.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, final

import proxeny.transform.conditions.evaluate as conditions  # paths hold filters, conditions hold paths
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.paths.ast import Descend, Filter, Index, Indexes, Key, Keys, Path, Segment, Slice, Wildcard
from proxeny.transform.paths.steps import slice_indexes
from proxeny.transform.values import Run, Test

Place = tuple[Any, Any]
"""(container, key): a dict with a str, or a list with an index that is not negative."""

Places = Callable[[Any, Run], Iterable[Place]]
"""(value, run) → the places inside it that exist."""


@final
class Hole:
    """The type of ``HOLE``, a list's element that nothing was written to."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HOLE"


HOLE: Final = Hole()


def may_leave_holes(path: Path) -> bool:
    """Whether writing to the path can leave a hole: it has an index beyond the first."""
    return any(isinstance(segment, Index) and segment.index > 0 for segment in path.segments)


def finish(document: Any) -> None:
    """Remove all holes, in place; a list closes up."""
    pending = [document]
    while pending:
        value = pending.pop()
        if value.__class__ is list:
            if HOLE in value:
                value[:] = [item for item in value if item is not HOLE]
            pending.extend(item for item in value if item.__class__ in (list, dict))
        elif value.__class__ is dict:
            pending.extend(item for item in value.values() if item.__class__ in (list, dict))


def compile_places(segments: tuple[Segment, ...], environment: Environment) -> Places:
    """A function that finds all places at the end of the segments."""
    first, rest = segments[0], segments[1:]
    if isinstance(first, Descend):
        return _at_every_depth(compile_places(rest, environment))
    here = _step(first, environment)
    if not rest:
        return here
    further = compile_places(rest, environment)

    def places(value: Any, run: Run) -> Iterator[Place]:
        for container, key in here(value, run):
            yield from further(container[key], run)

    return places


def _at_every_depth(places: Places) -> Places:
    def descend(value: Any, run: Run) -> Iterator[Place]:
        pending = [value]
        while pending:
            item = pending.pop()
            if item.__class__ is dict or item.__class__ is list:
                yield from list(places(item, run))
                pending.extend(reversed(list(item.values() if item.__class__ is dict else item)))

    return descend


def _step(segment: Segment, environment: Environment) -> Places:
    match segment:
        case Key(name):
            return _names((name,))
        case Keys(names):
            return _names(names)
        case Index(index):
            return _indexes(lambda length: [index])
        case Indexes(indexes):
            return _indexes(lambda length: indexes)
        case Slice():
            return _indexes(lambda length: slice_indexes(length, segment))
        case Wildcard():
            return _all
        case Filter(condition):
            return _filtered(conditions.compile_condition(condition, environment))
    raise AssertionError(segment)


def _names(names: tuple[str, ...]) -> Places:
    return lambda value, run: [(value, name) for name in names if name in value] if value.__class__ is dict else ()


def _indexes(pick: Callable[[int], Iterable[int]]) -> Places:
    def places(value: Any, run: Run) -> list[Place]:
        if value.__class__ is not list:
            return []
        length = len(value)
        return [(value, index % length) for index in pick(length) if -length <= index < length]

    return places


def _all(value: Any, run: Run) -> list[Place]:
    if value.__class__ is list:
        return [(value, index) for index, item in enumerate(value) if item is not HOLE]
    return [(value, key) for key in value] if value.__class__ is dict else []


def _filtered(test: Test) -> Places:
    """Elements of a list; the object that a filter on an object asks has no place of its own."""

    def places(value: Any, run: Run) -> list[Place]:
        if value.__class__ is not list:
            return []
        return [(value, index) for index, item in enumerate(value) if item is not HOLE and test(item, run)]

    return places
