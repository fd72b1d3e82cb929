"""Path → functions that write to it: set, remove and rename (spec §4, decision 42).

On a definite way what is missing is made, and what is of another kind is replaced. Behind ``[*]`` or a filter only what
exists is written to; there, what is of another kind is left. An equality filter (``$.addresses[?(@.type == 'work')]``)
makes the element that it asks for. ``[?(@.key)]`` at the end wraps values into objects and adds them to the list.
"""

from collections.abc import Callable
from typing import Any

from proxeny.documents import Document
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.copying import copied
from proxeny.transform.errors import EntityFailedError, PathSyntaxError
from proxeny.transform.paths.ast import Call, Descend, Filter, Index, Indexes, Key, Keys, Path, Segment, Slice, Wildcard
from proxeny.transform.paths.filters import Equalities, equalities_of, wrap_of
from proxeny.transform.paths.places import HOLE, Hole, Places, compile_places, finish, may_leave_holes
from proxeny.transform.paths.writes import (
    Assign,
    container_kind,
    enter_index,
    enter_key,
    index_of,
    replace_equal,
    set_each_name,
    set_index,
    set_key,
    set_names,
    set_places,
)
from proxeny.transform.values import Run

FARTHEST = 9999
"""The highest index that a target may have: a list is made as long as that."""

Change = Callable[[Document, Run], None]
"""(output document, run): removes or renames."""

__all__ = [
    "HOLE",
    "Assign",
    "Change",
    "Hole",
    "compile_assign",
    "compile_remove",
    "compile_rename",
    "finish",
    "may_leave_holes",
]


def compile_assign(path: Path, environment: Environment | None = None) -> Assign:
    """A function that writes a value. Raises PathSyntaxError if the path cannot be a target."""
    _refuse_calls(path)
    _refuse_indexes(path)
    if not path.segments:
        return _merge
    return _Writer(environment or Environment()).whole(path.segments)


def compile_remove(path: Path, environment: Environment | None = None) -> Change:
    """A function that deletes what is there; lists shrink."""
    _refuse_calls(path)
    if not path.segments:
        return lambda document, run: document.clear()
    return _removal(compile_places(path.segments, environment or Environment()))


def compile_rename(path: Path, new_name: str, environment: Environment | None = None) -> Change:
    """A function that renames the last name of the path in every object there; a key of the new name is replaced."""
    _refuse_calls(path)
    last = path.segments[-1] if path.segments else None
    if not isinstance(last, Key):
        raise PathSyntaxError("the path of a rename must end with a name", path.text, max(0, len(path.text) - 1))
    places = compile_places(path.segments, environment or Environment())

    def rename(document: Document, run: Run) -> None:
        for container, key in places(document, run):
            container[new_name] = container.pop(key)

    return rename


def _refuse_calls(path: Path) -> None:
    for segment in path.segments:
        if isinstance(segment, Call):
            position = max(0, path.text.find(f"{segment.function}("))
            raise PathSyntaxError(f"{segment.function}() can be read, not written", path.text, position)
    if path.segments and isinstance(path.segments[-1], Descend):
        raise PathSyntaxError("a target cannot end with ..", path.text, len(path.text) - 1)


def _refuse_indexes(path: Path) -> None:
    """An index that would make a list of the document, or one so long that nobody means it."""
    first = path.segments[0] if path.segments else None
    if isinstance(first, Index) or (isinstance(first, Filter) and len(path.segments) == 1 and wrap_of(first)):
        raise PathSyntaxError("the document that is written is an object, no list: begin with a name", path.text, 1)
    for segment in path.segments:
        if isinstance(segment, Index) and abs(segment.index) > FARTHEST:
            position = max(0, path.text.find(str(segment.index)))
            raise PathSyntaxError(f"an index above {FARTHEST} cannot be written", path.text, position)


def _merge(document: Document, value: Any, run: Run) -> None:
    if not isinstance(value, dict):
        raise EntityFailedError("only an object can be written to $", reason="bad-value")
    document.update(value)


def _removal(places: Places) -> Change:
    def remove(document: Document, run: Run) -> None:
        indexes: dict[int, tuple[list[Any], set[int]]] = {}
        for container, key in places(document, run):
            if isinstance(container, list):
                indexes.setdefault(id(container), (container, set()))[1].add(key)
            else:
                container.pop(key, None)
        for array, gone in indexes.values():
            array[:] = [item for index, item in enumerate(array) if index not in gone]

    return remove


class _Writer:
    """Compiles the segments of a target from the front: each step finds or makes the place for the next."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def whole(self, segments: tuple[Segment, ...]) -> Assign:
        """Up to the last ``[*]`` or the like only what exists counts; behind it what is missing is made."""
        end = len(segments) - 1
        existing = [place for place, segment in enumerate(segments) if self._only_existing(segment, last=place == end)]
        if not existing:
            return self.assign(segments, making=True)
        cut = existing[-1] + (2 if isinstance(segments[existing[-1]], Descend) else 1)
        places = compile_places(segments[:cut], self._environment)
        return self._into_each(places, segments[cut:]) if cut <= end else set_places(places)

    def _into_each(self, places: Places, rest: tuple[Segment, ...]) -> Assign:
        inner, kind = self.assign(rest, making=False), container_kind(rest[0])

        def assign(container: Any, value: Any, run: Run) -> None:
            spare = value
            for holder, key in list(places(container, run)):
                if holder[key].__class__ is kind:
                    inner(holder[key], spare, run)
                    spare = copied(value)

        return assign

    def assign(self, segments: tuple[Segment, ...], *, making: bool) -> Assign:
        """Writes behind a list or object; with ``making`` what is of another kind in the way is replaced."""
        first, rest = segments[0], segments[1:]
        if isinstance(first, Keys | Filter):
            return self._creating(first, rest)
        if not rest:
            return set_key(first.name) if isinstance(first, Key) else set_index(index_of(first))
        if making and all(isinstance(segment, Key) for segment in segments):
            return set_names(tuple(segment.name for segment in segments if isinstance(segment, Key)))
        enter = enter_key(first.name, making) if isinstance(first, Key) else enter_index(index_of(first), making)
        kind = container_kind(rest[0])
        inner = self.assign(rest, making=making)

        def assign(container: Any, value: Any, run: Run) -> None:
            inside = enter(container, run, kind)
            if inside is not None:
                inner(inside, value, run)

        return assign

    def _creating(self, first: Segment, rest: tuple[Segment, ...]) -> Assign:
        if isinstance(first, Keys):
            return set_each_name(first.names)
        if not isinstance(first, Filter):
            raise AssertionError(first)
        if wrap := None if rest else wrap_of(first):
            return wrap
        equalities = equalities_of(first, self._environment)
        if equalities is None:
            raise AssertionError(first)
        return self._equality(equalities, first, rest)

    def _only_existing(self, segment: Segment, *, last: bool) -> bool:
        """Whether the segment leads to what exists only, so that nothing before it is made either."""
        if isinstance(segment, Keys):
            return not last
        if isinstance(segment, Filter):
            return not (last and wrap_of(segment)) and equalities_of(segment, self._environment) is None
        return isinstance(segment, Wildcard | Descend | Slice | Indexes)

    def _equality(self, wanted: Equalities, segment: Filter, rest: tuple[Segment, ...]) -> Assign:
        places = compile_places((segment,), self._environment)
        if not rest:
            return replace_equal(wanted, places)
        inner = self.assign(rest, making=False)

        def assign(container: Any, value: Any, run: Run) -> None:
            found = list(places(container, run))
            if not found and isinstance(container, list):
                made = wanted(run)
                inner(made, value, run)
                container.append(made)
            for place, (holder, key) in enumerate(found):
                inner(holder[key], copied(value) if place else value, run)

        return assign
