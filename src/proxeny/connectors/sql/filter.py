"""Native filters as SQL conditions with bound values.

Conditions are two-valued: a column without a value makes them false, never unknown, so that ``not`` is right. Texts
compare as SCIM says (comparison.key). SQL's ``lower`` does the same to ASCII letters, and only to these is it trusted:
a row with other letters in the column passes, and the gateway decides on it. Fields that are declared ASCII are
decided here alone. What cannot be said is left out; ``exact`` tells whether anything was.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from proxeny.connectors.filtering import AllOf, AnyElement, AnyOf, Compare, Field, NativeFilter, Negation, Value
from proxeny.connectors.sql.manners import Manners
from proxeny.connectors.sql.tables import EntityTable, ListTable, MappedColumn
from proxeny.connectors.sql.values import LONGEST, key_value, storable
from proxeny.scim.comparison import key
from proxeny.scim.values import moment, number, truth
from proxeny.scim.values import text as as_text

Bool = sa.ColumnElement[bool]
CREATED, MODIFIED = ("meta", "created"), ("meta", "lastModified")
_TEXTS = frozenset({"string", "reference", "binary"})
_RELATIONS = {
    "eq": lambda column, value: column == value,
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that holds for every entity of the filter; None: no restriction. ``exact``: and for no other."""

    sql: Bool | None
    exact: bool

    def negated(self) -> "Condition":
        return Condition(sa.not_(self.sql), True) if self.exact and self.sql is not None else UNDECIDED


UNDECIDED = Condition(None, False)
NOBODY = Condition(sa.false(), True)


def translate(entity: EntityTable, manners: Manners, tree: NativeFilter) -> Condition:
    """The condition that admits at least what ``tree`` admits."""
    return _Translation(entity, manners).of(tree)


class _Translation:
    def __init__(self, entity: EntityTable, manners: Manners) -> None:
        self._entity = entity
        self._manners = manners

    def of(self, tree: NativeFilter, prefix: Field = ()) -> Condition:
        match tree:
            case Compare(field, operator, value, kind, case_exact):
                return self._compare(Compare((*prefix, *field), operator, value, kind, case_exact))
            case AnyElement(field, inner):
                return self._element((*prefix, *field), inner)
            case Negation(term):
                return self.of(term, prefix).negated()
            case AllOf(terms):
                return _all([self.of(term, prefix) for term in terms])
            case AnyOf(terms):
                return _any([self.of(term, prefix) for term in terms])

    # -- fields ---------------------------------------------------------------------------------------------------

    def _compare(self, compare: Compare) -> Condition:
        if compare.operator == "ne":
            return self._compare(_turned(compare)).negated()
        if compare.operator == "eq" and compare.value is None:
            return self._compare(Compare(compare.field, "pr", type=compare.type)).negated()
        if compare.field == ("id",):
            return self._id(compare)
        times = {CREATED: self._entity.created, MODIFIED: self._entity.modified}
        if compare.field in times:
            column = times[compare.field]
            return UNDECIDED if column is None else self._time(column, compare)
        child = self._list(compare.field)
        if child is not None:
            return self._exists(child, self._in_list(child, compare))
        found = [column for column in self._entity.columns if column.place.field == compare.field]
        if len(found) != 1:
            return UNDECIDED
        return self._column(found[0], compare, ".".join(compare.field) in self._entity.layout.ascii)

    def _list(self, field: Field) -> ListTable | None:
        return next((child for child in self._entity.lists if child.name == field[0]), None)

    def _in_list(self, child: ListTable, compare: Compare) -> Condition:
        rest = compare.field[1:]
        if not rest and not child.plain:
            return Condition(sa.true(), False) if compare.operator == "pr" else UNDECIDED
        found = [column for column in child.columns if (not rest and child.plain) or column.place.field == rest]
        if len(found) != 1:
            return UNDECIDED
        return self._column(found[0], compare, ".".join(compare.field) in self._entity.layout.ascii)

    def _element(self, field: Field, inner: NativeFilter) -> Condition:
        child = self._list(field)
        if child is None or len(field) != 1:
            return self.of(inner, field)  # a list that columns hold has one element at most
        return self._exists(child, _Element(self, child).of(inner))

    def in_element(self, child: ListTable, compare: Compare) -> Condition:
        """A comparison inside brackets, decided on one row of the child table."""
        if compare.operator == "ne":
            return self.in_element(child, _turned(compare)).negated()
        return self._in_list(child, Compare((child.name, *compare.field), *_rest(compare)))

    def _exists(self, child: ListTable, condition: Condition) -> Condition:
        if condition.sql is None:
            return UNDECIDED
        own = (column.column for column in self._entity.key)
        belongs = [there == here for there, here in zip(child.key, own, strict=True)]
        return Condition(sa.exists().where(*belongs, condition.sql).correlate(self._entity.table), condition.exact)

    # -- columns --------------------------------------------------------------------------------------------------

    def _id(self, compare: Compare) -> Condition:
        if compare.operator == "pr":
            return Condition(sa.true(), True)
        if compare.operator != "eq" or not isinstance(compare.value, str):
            return UNDECIDED
        if not compare.case_exact and len(self._entity.key) == 1 and self._entity.key[0].kind in ("text", "word"):
            return self._text(self._entity.key[0], compare, "id" in self._entity.layout.ascii)
        if not compare.case_exact and any(column.kind in ("text", "word") for column in self._entity.key):
            return UNDECIDED
        values = self._entity.key_of(compare.value if compare.case_exact else compare.value.lower())
        if values is None:
            return NOBODY
        same = (column.column == value for column, value in zip(self._entity.key, values, strict=True))
        return Condition(sa.and_(*same), all(column.kind in ("integer", "uuid") for column in self._entity.key))

    def _column(self, column: MappedColumn, compare: Compare, ascii_only: bool) -> Condition:
        match column.kind:
            case "text" | "word":
                return self._text(column, compare, ascii_only)
            case "boolean":
                return self._boolean(column.column, compare)
            case "integer" | "decimal":
                return self._number(column.column, compare)
            case "time":
                return self._time(column.column, compare)
            case "uuid":
                return self._uuid(column.column, compare)
            case _:
                return Condition(column.column.isnot(None), False) if compare.operator == "pr" else UNDECIDED

    def _boolean(self, column: Any, compare: Compare) -> Condition:
        if compare.operator == "pr":
            return Condition(column.isnot(None), True)
        value = truth(compare.value)
        if compare.operator != "eq" or compare.type != "boolean" or value is None:
            return UNDECIDED
        holds = column != sa.literal(0) if isinstance(column.type, sa.Integer) else column.is_(True)
        return Condition(sa.and_(column.isnot(None), holds if value else sa.not_(holds)), True)

    def _number(self, column: Any, compare: Compare) -> Condition:
        if compare.operator == "pr":
            return Condition(column.isnot(None), True)
        if compare.type in _TEXTS:
            return _same_number(column, compare)
        relation, value = _RELATIONS.get(compare.operator), number(compare.value)
        if relation is None or compare.type not in ("integer", "decimal") or not isinstance(value, int):
            return UNDECIDED
        if not -LONGEST <= value < LONGEST:
            return NOBODY if compare.operator == "eq" else UNDECIDED
        return Condition(sa.and_(column.isnot(None), relation(column, sa.literal(value, sa.BigInteger))), True)

    def _time(self, column: Any, compare: Compare) -> Condition:
        if compare.operator == "pr":
            return Condition(column.isnot(None), True)
        relation = _RELATIONS.get(compare.operator)
        when = moment(compare.value) if isinstance(compare.value, str) else None
        if relation is None or when is None or compare.type != "dateTime" or not isinstance(column.type, sa.DateTime):
            return UNDECIDED
        zoned = bool(column.type.timezone)
        value = sa.literal(when.astimezone(UTC) if zoned else when.replace(tzinfo=None), sa.DateTime(timezone=zoned))
        return Condition(sa.and_(column.isnot(None), relation(column, value)), True)

    def _uuid(self, column: Any, compare: Compare) -> Condition:
        if compare.operator == "pr":
            return Condition(column.isnot(None), True)
        if compare.operator != "eq" or compare.type not in _TEXTS or not isinstance(compare.value, str):
            return UNDECIDED
        text = compare.value if compare.case_exact else key(compare.value)
        value = _as_uuid(text)
        return NOBODY if value is None else Condition(sa.and_(column.isnot(None), column == value), True)

    def _text(self, column: MappedColumn, compare: Compare, ascii_only: bool) -> Condition:
        plain: Any = sa.cast(column.column, sa.Text) if column.kind == "word" else column.column
        operand: Any = sa.func.rtrim(plain) if column.padded else plain
        if compare.operator == "pr":
            sized = self._manners.exact is not None and not column.padded
            there = sa.and_(operand.isnot(None), sa.func.char_length(operand) > 0) if sized else operand.isnot(None)
            return Condition(there, sized)
        text = _searched(compare.value)
        if text is None or compare.type not in _TEXTS or compare.operator not in ("eq", "co", "sw", "ew"):
            return UNDECIDED
        if not storable(text):
            return NOBODY if compare.case_exact else UNDECIDED
        if compare.case_exact:
            return self._exactly(operand, compare.operator, text)
        return self._folded(operand, compare.operator, key(text), ascii_only)

    def _exactly(self, operand: Any, operator: str, text: str) -> Condition:
        compared = _matched(operand, operator, text)
        exact = self._manners.exact
        if exact is None or self._manners.native:
            return Condition(sa.and_(operand.isnot(None), compared), exact is not None)
        same = _matched(exact(operand), operator, text, exact)
        terms = (compared, same) if operator == "eq" else (same,)  # an index serves the first
        return Condition(sa.and_(operand.isnot(None), *terms), True)

    def _folded(self, operand: Any, operator: str, text: str, ascii_only: bool) -> Condition:
        """As SCIM compares without case: by ``lower`` where the column's text is ASCII, else undecided."""
        exact, beyond = self._manners.exact, self._manners.beyond_ascii
        if ascii_only and not text.isascii():
            return NOBODY
        lower: Any = sa.func.lower(operand)
        if exact is not None and not self._manners.native:
            compared = _matched(exact(lower), operator, text, exact)
        else:
            compared = _matched(lower, operator, text)
        if ascii_only:
            return Condition(sa.and_(operand.isnot(None), compared), exact is not None)
        if beyond is None:
            return UNDECIDED
        decided = sa.or_(compared, beyond(operand)) if text.isascii() else beyond(operand)
        return Condition(sa.and_(operand.isnot(None), decided), False)


class _Element:
    """A filter inside brackets, as a condition on one row of a child table."""

    def __init__(self, outer: _Translation, child: ListTable) -> None:
        self._outer = outer
        self._child = child

    def of(self, tree: NativeFilter) -> Condition:
        match tree:
            case Compare():
                return self._outer.in_element(self._child, tree)
            case AnyElement():
                return UNDECIDED
            case Negation(term):
                return self.of(term).negated()
            case AllOf(terms):
                return _all([self.of(term) for term in terms])
            case AnyOf(terms):
                return _any([self.of(term) for term in terms])


def _rest(compare: Compare) -> tuple[Any, ...]:
    return (compare.operator, compare.value, compare.type, compare.case_exact)


def _turned(compare: Compare) -> Compare:
    return Compare(compare.field, "eq", compare.value, compare.type, compare.case_exact)


def _searched(value: Value) -> str | None:
    return as_text(value) if value is not None else None


def _matched(operand: Any, operator: str, text: str, also: Any = None) -> Bool:
    """``operand operator text``; ``also`` is applied to the bound value too."""
    if operator == "eq":
        bound: Any = sa.literal(text, sa.String)
        same: Bool = operand == (also(bound) if also else bound)
        return same
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    pattern = {"co": f"%{escaped}%", "sw": f"{escaped}%", "ew": f"%{escaped}"}[operator]
    bound = sa.literal(pattern, sa.String)
    like: Bool = operand.like(also(bound) if also else bound, escape="/")
    return like


def _same_number(column: Any, compare: Compare) -> Condition:
    """A number that the document shows as text: only the text as it is written equals it."""
    text = as_text(compare.value)
    if compare.operator != "eq" or text is None or not isinstance(column.type, sa.Integer):
        return UNDECIDED
    value = key_value(text if compare.case_exact else key(text), "integer")
    return (
        NOBODY
        if value is None
        else Condition(sa.and_(column.isnot(None), column == sa.literal(value, sa.BigInteger)), True)
    )


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        value = uuid.UUID(text)
    except ValueError:
        return None
    return value if str(value) == text else None


def _all(parts: list[Condition]) -> Condition:
    said = [part.sql for part in parts if part.sql is not None]
    exact = all(part.exact for part in parts)
    return Condition(sa.and_(*said), exact) if said else UNDECIDED


def _any(parts: list[Condition]) -> Condition:
    said = [part.sql for part in parts if part.sql is not None]
    if not said or len(said) < len(parts):
        return UNDECIDED
    return Condition(sa.or_(*said), all(part.exact for part in parts))
