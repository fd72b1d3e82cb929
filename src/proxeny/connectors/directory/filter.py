"""Native filters as conditions in SQL on the directory's keys.

A plan is made once per shape of a filter and run with its values. What the keys cannot decide is left out, so that the
condition lets through too much and never too little; ``exact`` says whether anything was left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from proxeny.connectors.directory import times
from proxeny.connectors.directory.fields import BY_FIELD, LONGEST_KEY, OF_TYPE, IndexedField, storable
from proxeny.connectors.directory.tables import ENTITIES, KEYS, MEMBERSHIPS, UNIQUE
from proxeny.connectors.filtering import AllOf, AnyElement, AnyOf, Compare, Field, NativeFilter, Negation, Value
from proxeny.database import Parameters
from proxeny.scim.comparison import key as folded
from proxeny.scim.values import moment
from proxeny.scim.values import text as as_text

e, m = ENTITIES.c, MEMBERSHIPS.c
TEXTS = frozenset(("string", "reference"))
TIMES: dict[Field, sa.ColumnElement[str]] = {
    ("meta", "created"): e.created,
    ("meta", "lastModified"): e.modified,
}
SEARCHABLE: dict[str, frozenset[Field]] = {
    name: frozenset(
        [("id",), *TIMES, *(field.field for field in fields), ("members" if name == "group" else "groups", "value")]
    )
    for name, fields in OF_TYPE.items()
}

Relation = Callable[[Any, Any], "sa.ColumnElement[bool]"]
RELATIONS: dict[str, Relation] = {
    "eq": lambda column, value: column == value,
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that holds for every entity of the filter; None: no restriction. ``exact``: and for no other.
    ``point``: few entities can meet it."""

    sql: sa.ColumnElement[bool] | None
    exact: bool
    point: bool = False


UNDECIDED = Condition(None, False)
EVERYTHING = Condition(None, True)


@dataclass(frozen=True, slots=True)
class Plan:
    """A condition, and how each value of the filter, in its order, becomes parameters."""

    condition: Condition
    binders: tuple[Callable[[Any], Parameters], ...]

    def bind(self, values: list[Value]) -> dict[str, Any]:
        bound: dict[str, Any] = {}
        for binder, value in zip(self.binders, values, strict=True):
            bound.update(binder(value))
        return bound


def outline(tree: NativeFilter, values: list[Value]) -> object:
    """The shape of a filter, hashable: all but the values, of which only the kind counts. They go to ``values``."""
    match tree:
        case Compare(field, operator, value, kind, exact):
            values.append(value)
            return (field, operator, kind, exact, _kind(value, kind))
        case AnyElement(field, inner):
            return ("any", field, outline(inner, values))
        case Negation(term):
            return ("not", outline(term, values))
        case AllOf(terms) | AnyOf(terms):
            return (type(tree).__name__, *(outline(term, values) for term in terms))


def _kind(value: Value, kind: str) -> str:
    if not isinstance(value, str):
        return "none" if value is None else "number" if not isinstance(value, bool) else "boolean"
    if kind == "dateTime":
        return "time" if moment(value) else "no time"
    if not value or not (folded(value[0]) or folded(value)):
        return "empty"  # of characters that nobody sees, too: they have no key
    if storable(value) != value:
        return "long"  # half a surrogate pair: it equals nothing, and has no place in the order
    longest = LONGEST_KEY if value.isascii() else LONGEST_KEY // 18  # a letter folds to at most 18
    return "long" if len(value) > longest else "text"


def plan(entity_type: str, tree: NativeFilter) -> Plan:
    """Translate; ``outline`` gives the values in the order of the binders."""
    translation = _Translation(entity_type)
    condition = translation.condition(tree)
    return Plan(condition, tuple(translation.binders))


class _Translation:
    def __init__(self, entity_type: str) -> None:
        self.entity_type = entity_type
        self.binders: list[Callable[[Any], Parameters]] = []

    def condition(self, tree: NativeFilter, prefix: Field = ()) -> Condition:
        match tree:
            case Compare():
                return self._compare(replace(tree, field=prefix + tree.field) if prefix else tree)
            case AnyElement(field, inner):
                return self._element(prefix + field, inner)
            case Negation(term):
                return _negated(self.condition(term, prefix))
            case AllOf(terms):
                return _all([self.condition(term, prefix) for term in terms])
            case AnyOf(terms):
                return _any([self.condition(term, prefix) for term in terms])

    def _element(self, field: Field, inner: NativeFilter) -> Condition:
        """Several terms on one element: each must hold of some element, which is necessary and not sufficient."""
        condition = self.condition(inner, field)
        if isinstance(inner, Compare) and inner.operator != "ne":
            return condition
        return UNDECIDED if _negates(inner) else replace(condition, exact=False)

    def _compare(self, compare: Compare) -> Condition:
        name = f"v{len(self.binders)}"
        self.binders.append(lambda value: {})
        if compare.operator == "ne":
            self.binders.pop()
            return _negated(self._compare(replace(compare, operator="eq")))
        indexed = BY_FIELD.get((self.entity_type, compare.field))
        if indexed is not None:
            return self._indexed(indexed, compare, name)
        if compare.field in TIMES:
            return self._time(TIMES[compare.field], compare, name)
        if compare.field == ("id",):
            return self._id(compare, name)
        if compare.field in (("members", "value"), ("groups", "value")):
            return self._membership(compare, name)
        return UNDECIDED

    def _bind(self, binder: Callable[[Any], Parameters]) -> None:
        self.binders[-1] = binder

    def _id(self, compare: Compare, name: str) -> Condition:
        if compare.operator == "pr":
            return EVERYTHING
        relation = RELATIONS.get(compare.operator)
        if relation is None or not isinstance(compare.value, str):
            return UNDECIDED
        if compare.operator == "eq":
            return Condition(self._same_id(e.id, compare, name), True, point=True)
        self._bind(lambda value: {name: storable(value)})
        return Condition(relation(e.id, sa.bindparam(name)), True) if compare.case_exact else UNDECIDED

    def _same_id(self, column: sa.ColumnElement[str], compare: Compare, name: str) -> sa.ColumnElement[bool]:
        """The id as asked; or in lower case, as UUIDs are made, where the attribute that shows it ignores case."""
        if compare.case_exact:
            self._bind(lambda value: {name: storable(value)})
            return column == sa.bindparam(name, type_=sa.Text)
        self._bind(lambda value: {name: storable(value), f"{name}_lower": storable(value.lower())})
        return column.in_((sa.bindparam(name, type_=sa.Text), sa.bindparam(f"{name}_lower", type_=sa.Text)))

    def _time(self, column: sa.ColumnElement[str], compare: Compare, name: str) -> Condition:
        if compare.operator == "pr":
            return EVERYTHING
        relation = RELATIONS.get(compare.operator)
        if relation is None or not isinstance(compare.value, str) or moment(compare.value) is None:
            return UNDECIDED
        if compare.type not in ("dateTime", "string"):
            return UNDECIDED
        self._bind(lambda value: {name: times.bound(value, compare.operator)})
        return Condition(relation(column, sa.bindparam(name)), True)

    def _membership(self, compare: Compare, name: str) -> Condition:
        if compare.operator != "eq" or not isinstance(compare.value, str):
            return UNDECIDED
        other = ENTITIES.alias(f"other_{name}")
        ends = (m.holder, m.member) if self.entity_type == "group" else (m.member, m.holder)
        found = (
            sa.select(ends[0].label("found"))
            .select_from(sa.join(MEMBERSHIPS, other, ends[1] == other.c.seq))
            .where(self._same_id(other.c.id, compare, name))
        )
        if self.entity_type == "user":
            down = found.cte(f"down_{name}", recursive=True)
            inner = MEMBERSHIPS.alias(f"inner_{name}")
            down = down.union(sa.select(inner.c.member).where(inner.c.holder == down.c.found))
            found = sa.select(down.c.found)
        return Condition(e.seq.in_(found), True, point=True)

    def _indexed(self, field: IndexedField, compare: Compare, name: str) -> Condition:
        table = UNIQUE if field.unique else KEYS
        key: Any = table.c.key
        if compare.operator == "pr":
            return EVERYTHING if field.always else Condition(_with_key(table, field, sa.true()), True)
        comparable = compare.type in TEXTS and isinstance(compare.value, str | int | float)
        if not comparable or (field.exact and not compare.case_exact) or not field.key(as_text(compare.value) or ""):
            return UNDECIDED
        exact = field.exact == compare.case_exact
        text = sa.bindparam(name, type_=sa.Text)
        relation = RELATIONS.get(compare.operator)
        if relation is not None:
            if not exact and compare.operator != "eq":
                return UNDECIDED  # with case, the order is another
            if compare.operator in ("lt", "le") and not field.always:
                return UNDECIDED  # the empty text comes before all others, and has no key
            self._bind(lambda value: {name: field.key(as_text(value) or "")})
            long = _kind(compare.value, compare.type) == "long" and compare.operator != "eq"
            one = field.unique and compare.operator == "eq"
            sql = _holder(field, text) if one else _with_key(table, field, relation(key, text))
            return UNDECIDED if long else Condition(sql, exact, point=compare.operator == "eq")
        self._bind(lambda value: _part(name, field, as_text(value) or ""))
        if compare.operator == "sw":
            beyond = sa.bindparam(f"{name}_beyond", type_=sa.Text)
            within = sa.and_(key >= text, key < beyond)
            return Condition(_with_key(table, field, within), exact and _kind(compare.value, "string") != "long")
        found = sa.or_(sa.func.replace(key, text, "") != key, sa.func.length(key) > LONGEST_KEY)
        return Condition(_with_key(table, field, found), False)


def _with_key(table: sa.TableClause, field: IndexedField, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    code: Any = sa.literal_column(str(field.code))
    return e.seq.in_(sa.select(table.c.entity).where(table.c.field == code, condition))


def _holder(field: IndexedField, key: sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    """The one who has a unique key; nobody has the number -1."""
    code: Any = sa.literal_column(str(field.code))
    found = sa.select(UNIQUE.c.entity).where(UNIQUE.c.field == code, UNIQUE.c.key == key).scalar_subquery()
    return e.seq == sa.func.coalesce(found, sa.literal_column("-1"))


def _part(name: str, field: IndexedField, text: str) -> Parameters:
    """Parameters for keys that contain or start with ``text``: itself, and the first key beyond those."""
    key = field.key(text)[:LONGEST_KEY]
    return {name: key, f"{name}_beyond": successor(key)}


def successor(key: str) -> str:
    """The smallest text that is greater than every text that starts with ``key``."""
    for end in range(len(key) - 1, -1, -1):
        point = ord(key[end])
        if point < 0x10FFFF:
            return key[:end] + chr(0xE000 if point == 0xD7FF else point + 1)
    return "\U0010ffff" * (LONGEST_KEY + 1)


def _negates(tree: NativeFilter) -> bool:
    match tree:
        case Negation():
            return True
        case Compare():
            return tree.operator == "ne"
        case AllOf(terms) | AnyOf(terms):
            return any(_negates(term) for term in terms)
        case AnyElement(_, inner):
            return _negates(inner)


def _negated(condition: Condition) -> Condition:
    if not condition.exact:
        return UNDECIDED
    return Condition(sa.false() if condition.sql is None else sa.not_(condition.sql), True)


def _all(terms: list[Condition]) -> Condition:
    parts = [term.sql for term in terms if term.sql is not None]
    exact = all(term.exact for term in terms)
    return Condition(sa.and_(*parts) if parts else None, exact, any(term.point for term in terms))


def _any(terms: list[Condition]) -> Condition:
    exact = all(term.exact for term in terms)
    if any(term.sql is None for term in terms):
        return Condition(None, exact) if exact else UNDECIDED
    return Condition(sa.or_(*(term.sql for term in terms if term.sql is not None)), exact, all(t.point for t in terms))
