"""Path → function that reads it. Definite paths, which are most, become one small closure each.

A definite path gives its value or MISSING. An indefinite one gives the list of its values, which may be empty, and
MISSING if what stands before its first ``*``, filter … is missing: the two differ in conditions, never in a mapping.
Values are parts of the document, not copies.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import proxeny.transform.conditions.evaluate as conditions  # paths hold filters, conditions hold paths
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.paths.ast import Call, Descend, Filter, Index, Indexes, Key, Keys, Path, Segment, Slice, Wildcard
from proxeny.transform.paths.functions import LENGTHS, TABLE
from proxeny.transform.paths.steps import (
    Each,
    Get,
    collect_filtered,
    each_element,
    element,
    members,
    projection,
)
from proxeny.transform.values import MISSING, Evaluate, Run, Test, once

_DEFINITE = (Key, Index, Call)


def compile_path(path: Path, environment: Environment | None = None) -> Evaluate:
    """A function (``@``, run) → value or MISSING. Raises PatternSyntaxError for a pattern in a filter that is wrong."""
    if path.keys is not None:
        return _keys_from(path.keys, path.relative)
    return _compiled(path, environment or Environment(), required=False)


def compile_exists(path: Path, environment: Environment | None = None) -> Test:
    """Whether the path leads somewhere, be it to ``null``; an indefinite one to whatever it takes, as in Jayway."""
    if path.definite:
        get = compile_path(path, environment)
        return lambda current, run: get(current, run) is not MISSING
    strict = _compiled(path, environment or Environment(), required=True)

    def exists(current: Any, run: Run) -> bool:
        try:
            return strict(current, run) is not MISSING
        except KeyError:
            return False

    return once(exists) if _is_costly(path) else exists


def _keys_from(names: tuple[str, ...], relative: bool) -> Evaluate:
    if relative:
        return _keys(names)
    if len(names) == 1:
        return _key_of_root(names[0])
    follow = _keys(names)
    return lambda current, run: follow(run.root, run)


def for_elements(path: Path, evaluate: Evaluate) -> Evaluate:
    """The compiled path for whoever asks with one element after the other: a path of ``$`` that may visit many values
    is evaluated once in a run."""
    return once(evaluate) if _is_costly(path) else evaluate


def _is_costly(path: Path) -> bool:
    return not path.relative and (path.collects or not path.definite) and "${" not in path.text


def _key_of_root(name: str) -> Evaluate:
    def evaluate(current: Any, run: Run) -> Any:
        root = run.root
        return root.get(name, MISSING) if root.__class__ is dict else MISSING

    return evaluate


def _keys(names: tuple[str, ...]) -> Get:
    if not names:
        return lambda value, run: value
    if len(names) == 1:
        return _key(names[0])

    def get(value: Any, run: Run) -> Any:
        for name in names:
            if value.__class__ is not dict:
                return MISSING
            value = value.get(name, MISSING)
        return value

    return get


def _key(name: str) -> Get:
    return lambda value, run: value.get(name, MISSING) if value.__class__ is dict else MISSING


def _compiled(path: Path, environment: Environment, *, required: bool) -> Evaluate:
    compiler = _Compiler(environment, required)
    if path.collects:
        collected = (*path.segments[:-1], Wildcard()) if path.function in LENGTHS else path.segments[:-1]
        follow = _chained(compiler.whole(collected), compiler.definite(path.segments[-1]))
    else:
        follow = compiler.whole(path.segments)
    if path.relative:
        return follow
    return lambda current, run: follow(run.root, run)


class _Compiler:
    """Compiles segments; with ``required`` a missing key of an object below a ``*`` raises KeyError."""

    def __init__(self, environment: Environment, required: bool) -> None:
        self._environment = environment
        self._required = required

    def whole(self, segments: tuple[Segment, ...]) -> Get:
        count = next((place for place, item in enumerate(segments) if not isinstance(item, _DEFINITE)), len(segments))
        head = self._chain(segments[:count])
        rest = segments[count:]
        if not rest:
            return head
        if len(rest) == 1 and isinstance(rest[0], Keys):
            return _chained(head, projection(rest[0].names))
        return self._collecting(head, rest)

    def _chain(self, segments: Iterable[Segment]) -> Get:
        names: list[str] = []
        get: Get | None = None
        for segment in segments:
            if isinstance(segment, Key):
                names.append(segment.name)
                continue
            get = _chained(_chained(get, _keys(tuple(names))) if names else get, self.definite(segment))
            names = []
        return _chained(get, _keys(tuple(names))) if names or get is None else get

    def definite(self, segment: Segment) -> Get:
        if isinstance(segment, Key):
            return _key(segment.name)
        if isinstance(segment, Index):
            return element(segment.index)
        if isinstance(segment, Call):
            return self._call(segment)
        raise AssertionError(segment)

    def _call(self, call: Call) -> Get:
        function = TABLE[call.function]
        counting = call.function in LENGTHS
        arguments = [self._argument(argument, counting) for argument in call.arguments]
        if not arguments:
            return lambda value, run: MISSING if value is MISSING else function(value, [])

        def get(value: Any, run: Run) -> Any:
            given = [argument(value, run) for argument in arguments]
            return MISSING if value is MISSING or MISSING in given else function(value, given)

        return get

    def _argument(self, argument: Any, counting: bool) -> Evaluate:
        """``length($.a)`` counts what ``$.a[*]`` gives, as in Jayway."""
        if isinstance(argument, Path):
            if counting and argument.function is None:
                argument = replace(argument, segments=(*argument.segments, Wildcard()))
            return _compiled(argument, self._environment, required=False)
        return lambda current, run: argument

    def _collecting(self, head: Get, rest: tuple[Segment, ...]) -> Get:
        accepts = _accepts(rest[0])
        collect = self._collector(rest)

        def get(value: Any, run: Run) -> Any:
            start = head(value, run)
            return collect(start, run) if accepts(start) else MISSING

        return get

    def _collector(self, rest: tuple[Segment, ...]) -> Callable[[Any, Run], list[Any]]:
        names = tuple(segment.name for segment in rest[1:] if isinstance(segment, Key))
        if not self._required and len(names) == len(rest) - 1 <= 1:
            name = names[0] if names else None
            if isinstance(rest[0], Wildcard):
                return members(name)
            if isinstance(rest[0], Filter):
                return collect_filtered(self._test(rest[0]), name)
        each = self.each(rest)

        def collect(value: Any, run: Run) -> list[Any]:
            found: list[Any] = []
            each(value, run, found)
            return found

        return collect

    def _test(self, segment: Filter) -> Test:
        return conditions.compile_condition(segment.condition, self._environment)

    def each(self, segments: tuple[Segment, ...]) -> Each:
        """A function that appends everything the segments lead to."""
        if not segments:
            return lambda value, run, found: found.append(value)
        first, rest = segments[0], segments[1:]
        if isinstance(first, Descend):
            return self._descend(rest)
        if isinstance(first, Keys) and not rest:
            get = projection(first.names)
            return lambda value, run, found: _append_present(get(value, run), found)
        if isinstance(first, Call):
            return self._each_call(self._call(first), self.each(rest))
        test = self._test(first) if isinstance(first, Filter) else None
        return each_element(first, test, self.each(rest), self._required)

    def _each_call(self, call: Get, rest: Each) -> Each:
        def each(value: Any, run: Run, found: list[Any]) -> None:
            result = call(value, run)
            if result is not MISSING:
                rest(result, run, found)

        return each

    def _descend(self, segments: tuple[Segment, ...]) -> Each:
        """The next segment at every depth, parents first. A filter asks each object itself, as in Jayway."""
        first, rest = segments[0], segments[1:]
        here, fits = self.each(segments), self._fits(first, last=not rest)

        def each(value: Any, run: Run, found: list[Any]) -> None:
            pending = [value]
            while pending:
                item = pending.pop()
                if item.__class__ is dict:
                    if fits(item, run):
                        here(item, run, found)
                    pending.extend(reversed(item.values()))
                elif item.__class__ is list:
                    if fits(item, run):
                        here(item, run, found)
                    pending.extend(reversed(item))

        return each

    def _fits(self, segment: Segment, *, last: bool) -> Test:
        """Whether the segment is applied to a list or object met on the way down."""
        if isinstance(segment, Key):
            name = segment.name
            return lambda value, run: value.__class__ is dict and name in value
        if isinstance(segment, Keys):
            names = segment.names
            return lambda value, run: value.__class__ is dict and (not last or all(name in value for name in names))
        if isinstance(segment, Filter):
            return self._test(segment)
        if isinstance(segment, Wildcard):
            return lambda value, run: True
        return lambda value, run: value.__class__ is list


def _append_present(value: Any, found: list[Any]) -> None:
    if value is not MISSING:
        found.append(value)


def _chained(first: Get | None, second: Get) -> Get:
    if first is None:
        return second
    return lambda value, run: second(first(value, run), run)


def _accepts(segment: Segment) -> Callable[[Any], bool]:
    """Whether the first indefinite segment can be applied at all; if not the path is missing rather than empty."""
    if isinstance(segment, Slice | Indexes):
        return lambda value: value.__class__ is list
    if isinstance(segment, Filter):
        return lambda value: value.__class__ is list or value.__class__ is dict
    if isinstance(segment, Keys):
        return lambda value: value.__class__ is dict
    return lambda value: value is not MISSING
