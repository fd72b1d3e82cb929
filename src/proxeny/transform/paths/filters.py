"""Filters in a target that create: ``[?(@.key)]`` at the end wraps, equalities say how a missing element must look."""

from collections.abc import Callable
from typing import Any

import proxeny.transform.conditions.evaluate as conditions  # paths hold filters, conditions hold paths
from proxeny.transform.conditions.ast import And, Comparison, Condition, Exists, Literal, Operand, Template, Variable
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.conditions.equality import hashed
from proxeny.transform.copying import copied
from proxeny.transform.paths.ast import Filter, Path
from proxeny.transform.values import MISSING, Evaluate, Run

Equalities = Callable[[Run], dict[str, Any]]
"""A new object that meets the filter."""

Wrap = Callable[[Any, Any, Run], None]
"""(list, value, run): adds the value to the list, as objects."""

Names = tuple[str, ...]


def wrap_of(segment: Filter) -> Wrap | None:
    """The function that wraps, if the filter is ``@.key`` or ``@.a.b``."""
    condition = segment.condition
    if not isinstance(condition, Exists) or not condition.path.relative or not condition.path.keys:
        return None
    names = condition.path.keys

    def wrap(container: Any, value: Any, run: Run) -> None:
        if container.__class__ is not list:
            return
        known = _Known(container, names)
        for item in value if isinstance(value, list) else [value]:
            wrapped = item if isinstance(item, dict) else _nested(names, item)
            if known.is_new(wrapped):
                container.append(wrapped)

    return wrap


class _Known:
    """The values of a key that a list's objects have, so that none is added twice."""

    def __init__(self, container: list[Any], names: Names) -> None:
        self._names = names
        self._seen: set[Any] = set()
        for item in container:
            if isinstance(item, dict):
                self.is_new(item)

    def is_new(self, item: dict[str, Any]) -> bool:
        """Whether no object so far has the same key; from now on one has. Objects without the key are always new."""
        found, value = _value_at(item, self._names)
        if not found:
            return True
        mark = hashed(value)
        new = mark not in self._seen
        self._seen.add(mark)
        return new


def _value_at(item: Any, names: Names) -> tuple[bool, Any]:
    for name in names:
        if item.__class__ is not dict or name not in item:
            return False, None
        item = item[name]
    return True, item


def _nested(names: Names, value: Any) -> dict[str, Any]:
    for name in reversed(names):
        value = {name: value}
    return dict(value)


def equalities_of(segment: Filter, environment: Environment) -> Equalities | None:
    """What a missing element is made of, if the filter is one equality or several joined by ``&&``."""
    condition = segment.condition
    terms = condition.terms if isinstance(condition, And) else (condition,)
    pairs: list[tuple[Names, Evaluate]] = []
    for term in terms:
        pair = _equality(term)
        if pair is None:
            return None
        pairs.append((pair[0], conditions.compile_operand(pair[1], environment)))

    def make(run: Run) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for names, value in pairs:
            _put(made, names, value(None, run))
        return made

    return make


def _equality(term: Condition) -> tuple[Names, Operand] | None:
    if not isinstance(term, Comparison) or term.operator not in ("==", "==="):
        return None
    path, value = term.left, term.right
    if not isinstance(path, Path):
        path, value = value, path
    names = path.keys if isinstance(path, Path) and path.relative else None
    if not names or not isinstance(value, Literal | Template | Variable):
        return None
    return None if isinstance(value, Literal) and isinstance(value.value, list | dict) else (names, value)


def _put(made: dict[str, Any], names: Names, value: Any) -> None:
    if value is MISSING:
        return
    for name in names[:-1]:
        if not isinstance(made.get(name), dict):
            made[name] = {}
        made = made[name]
    made[names[-1]] = copied(value)
