"""The few shapes that nearly all paths of real transformations have, and the names that a path passes through.

The source generator writes these shapes as plain Python; lineage and reverse compare paths by their names alone,
because a
filter on ``emails.value`` means any element.
"""

from dataclasses import dataclass

from proxeny.transform.conditions.ast import Condition, Exists
from proxeny.transform.paths.ast import Descend, Filter, Index, Key, Keys, Path, Segment, Wildcard

Place = tuple[str | int, ...]
"""Keys and indexes from the top: one place in a document."""

Names = tuple[str, ...]
"""Keys alone: a place with all its elements."""


@dataclass(frozen=True, slots=True)
class Each:
    """``place[*]`` or ``place[*].key``."""

    place: Place
    key: str | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """``place[?(condition)]`` or ``place[?(condition)].key``."""

    place: Place
    condition: Condition
    key: str | None


@dataclass(frozen=True, slots=True)
class Wrap:
    """``place[?(@.key)]`` at the end of a target: values become objects with this key."""

    place: Place
    key: str


def place_of(path: Path) -> Place | None:
    """The place that a path of keys and indexes names; None for other paths. The document itself is ``()``."""
    found = _leading(path.segments)
    return found if len(found) == len(path.segments) else None


def leading_place(path: Path) -> Place:
    """The part of the path before the first segment that may name several places."""
    return _leading(path.segments)


def source_shape(path: Path) -> Place | Each | Chosen | None:
    """How the generator can read the path, if it can."""
    place = _leading(path.segments)
    rest = path.segments[len(place) :]
    if not rest:
        return place
    key = rest[1].name if len(rest) == 2 and isinstance(rest[1], Key) else None
    if len(rest) - (key is not None) != 1 or not place:
        return None
    if isinstance(rest[0], Wildcard):
        return Each(place, key)
    return Chosen(place, rest[0].condition, key) if isinstance(rest[0], Filter) else None


def target_shape(path: Path) -> Place | Each | Wrap | None:
    """How the generator can write the path, if it can; a negative index is left to the interpreter."""
    place = _leading(path.segments)
    rest = path.segments[len(place) :]
    if any(isinstance(key, int) and key < 0 for key in place):
        return None
    if not rest:
        return place
    if len(rest) == 1 and (key := wrap_key(rest[0])) is not None:
        return Wrap(place, key)
    if len(rest) == 2 and isinstance(rest[0], Wildcard) and isinstance(rest[1], Key):
        return Each(place, rest[1].name)
    return None


def wrap_key(segment: Segment) -> str | None:
    """``value`` of ``[?(@.value)]``."""
    if not isinstance(segment, Filter) or not isinstance(segment.condition, Exists):
        return None
    inner = segment.condition.path
    names = inner.keys
    return names[0] if inner.relative and names is not None and len(names) == 1 else None


def names_of(path: Path) -> tuple[Names, ...]:
    """The names that the path passes through, without indexes and wildcards; several for a projection. ``..`` ends
    them."""
    results: list[Names] = [()]
    for segment in path.segments:
        if isinstance(segment, Descend):
            break
        if isinstance(segment, Key):
            results = [(*names, segment.name) for names in results]
        elif isinstance(segment, Keys):
            results = [(*names, name) for names in results for name in segment.names]
    return tuple(results)


def _leading(segments: tuple[Segment, ...]) -> Place:
    place: list[str | int] = []
    for segment in segments:
        if isinstance(segment, Key):
            place.append(segment.name)
        elif isinstance(segment, Index):
            place.append(segment.index)
        else:
            break
    return tuple(place)
