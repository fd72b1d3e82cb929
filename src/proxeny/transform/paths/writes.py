"""The single writes at the end of a target, and the steps towards it that make what is missing."""

from collections.abc import Callable
from typing import Any

from proxeny.documents import Document
from proxeny.transform.copying import copied
from proxeny.transform.paths.ast import Index, Key, Keys, Segment
from proxeny.transform.paths.filters import Equalities
from proxeny.transform.paths.places import HOLE, Places
from proxeny.transform.values import Run

Assign = Callable[[Document, Any, Run], None]
"""(output document, value, run): the value becomes part of the document, so it must be a copy already."""

Container = Callable[[Any, Run, type], Any]
"""(document, run, kind) → the list or object at a place, made if need be; None if there is no way to it."""


def index_of(segment: Segment) -> int:
    return segment.index if isinstance(segment, Index) else 0


def container_kind(segment: Segment) -> type:
    """What must stand where the segment is applied: a list or an object."""
    return dict if isinstance(segment, Key | Keys) else list


def set_key(name: str) -> Assign:
    def assign(container: Any, value: Any, run: Run) -> None:
        if container.__class__ is dict:
            container[name] = value

    return assign


def set_names(names: tuple[str, ...]) -> Assign:
    *way, last = names

    def assign(container: Any, value: Any, run: Run) -> None:
        for name in way:
            inside = container.get(name)
            if inside.__class__ is not dict:
                inside = container[name] = {}
            container = inside
        container[last] = value

    return assign


def set_each_name(names: tuple[str, ...]) -> Assign:
    def assign(container: Any, value: Any, run: Run) -> None:
        if container.__class__ is dict:
            container.update({name: copied(value) for name in names})

    return assign


def _grown(array: list[Any], index: int) -> int:
    """The index counted from the front, with the list long enough for it."""
    if index < 0:
        index = max(0, len(array) + index)
    array.extend([HOLE] * (index + 1 - len(array)))
    return index


def set_index(index: int) -> Assign:
    def assign(container: Any, value: Any, run: Run) -> None:
        if container.__class__ is list:
            container[_grown(container, index)] = value

    return assign


def enter_key(name: str, making: bool) -> Container:
    def enter(container: Any, run: Run, kind: type) -> Any:
        if container.__class__ is not dict:
            return None
        inside = container.get(name)
        if inside.__class__ is not kind:
            if name in container and not making:
                return None
            inside = container[name] = kind()
        return inside

    return enter


def enter_index(index: int, making: bool) -> Container:
    def enter(container: Any, run: Run, kind: type) -> Any:
        if container.__class__ is not list:
            return None
        place = _grown(container, index)
        inside = container[place]
        if inside.__class__ is not kind:
            if inside is not HOLE and not making:
                return None
            inside = container[place] = kind()
        return inside

    return enter


def set_places(places: Places) -> Assign:
    def assign(container: Any, value: Any, run: Run) -> None:
        for count, (holder, key) in enumerate(list(places(container, run))):
            holder[key] = copied(value) if count else value

    return assign


def replace_equal(wanted: Equalities, places: Places) -> Assign:
    """At the end of a target: the elements that the filter picks are replaced by the value, or it is added."""

    def assign(container: Any, value: Any, run: Run) -> None:
        if container.__class__ is not list:
            return
        given = value if isinstance(value, list) else [value]
        new = [{**wanted(run), **item} if isinstance(item, dict) else item for item in given]
        gone = {key for _, key in places(container, run)}
        at = min(gone, default=len(container))
        container[:] = [
            *(item for index, item in enumerate(container[:at]) if index not in gone),
            *new,
            *(item for index, item in enumerate(container) if index >= at and index not in gone),
        ]

    return assign
