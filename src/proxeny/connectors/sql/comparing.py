"""One column compared with a value: as SCIM compares, as far as the database is known to do the same."""

import uuid
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from proxeny.connectors.filtering import Compare, Value
from proxeny.connectors.sql.manners import Manners
from proxeny.connectors.sql.tables import MappedColumn
from proxeny.connectors.sql.values import LONGEST, key_value, storable
from proxeny.scim.comparison import key
from proxeny.scim.values import moment, number, truth
from proxeny.scim.values import text as as_text

Bool = sa.ColumnElement[bool]
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


class Comparing:
    """Compares columns in the manners of one dialect."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners

    def column(self, column: MappedColumn, compare: Compare, ascii_only: bool) -> Condition:
        match column.kind:
            case "text" | "word":
                return self.text(column, compare, ascii_only)
            case "boolean":
                return self._boolean(column.column, compare)
            case "integer" | "decimal":
                return self._number(column.column, compare)
            case "time":
                return self.time(column.column, compare)
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

    def time(self, column: Any, compare: Compare) -> Condition:
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

    def text(self, column: MappedColumn, compare: Compare, ascii_only: bool) -> Condition:
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
