"""Native filters as SQL conditions with bound values.

Conditions are two-valued: a column without a value makes them false, never unknown, so that ``not`` is right. Texts
compare as SCIM says (comparison.key). SQL's ``lower`` does the same to ASCII letters, and only to these is it trusted:
a row with other letters in the column passes, and the gateway decides on it. Fields that are declared ASCII are
decided here alone. What cannot be said is left out; ``exact`` tells whether anything was.
"""

from typing import Any

import sqlalchemy as sa

from proxeny.connectors.filtering import AllOf, AnyElement, AnyOf, Compare, Field, NativeFilter, Negation
from proxeny.connectors.sql.comparing import NOBODY, UNDECIDED, Comparing, Condition
from proxeny.connectors.sql.manners import Manners
from proxeny.connectors.sql.tables import EntityTable, ListTable

Bool = sa.ColumnElement[bool]
CREATED, MODIFIED = ("meta", "created"), ("meta", "lastModified")


def translate(entity: EntityTable, manners: Manners, tree: NativeFilter) -> Condition:
    """The condition that admits at least what ``tree`` admits."""
    return _Translation(entity, manners).of(tree)


class _Translation:
    def __init__(self, entity: EntityTable, manners: Manners) -> None:
        self._entity = entity
        self._comparing = Comparing(manners)

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
            return UNDECIDED if column is None else self._comparing.time(column, compare)
        child = self._list(compare.field)
        if child is not None:
            return self._exists(child, self._in_list(child, compare))
        found = [column for column in self._entity.columns if column.place.field == compare.field]
        if len(found) != 1:
            return UNDECIDED
        return self._comparing.column(found[0], compare, ".".join(compare.field) in self._entity.layout.ascii)

    def _list(self, field: Field) -> ListTable | None:
        return next((child for child in self._entity.lists if child.name == field[0]), None)

    def _in_list(self, child: ListTable, compare: Compare) -> Condition:
        rest = compare.field[1:]
        if not rest and not child.plain:
            return Condition(sa.true(), False) if compare.operator == "pr" else UNDECIDED
        found = [column for column in child.columns if (not rest and child.plain) or column.place.field == rest]
        if len(found) != 1:
            return UNDECIDED
        return self._comparing.column(found[0], compare, ".".join(compare.field) in self._entity.layout.ascii)

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
            return self._comparing.text(self._entity.key[0], compare, "id" in self._entity.layout.ascii)
        if not compare.case_exact and any(column.kind in ("text", "word") for column in self._entity.key):
            return UNDECIDED
        values = self._entity.key_of(compare.value if compare.case_exact else compare.value.lower())
        if values is None:
            return NOBODY
        same = (column.column == value for column, value in zip(self._entity.key, values, strict=True))
        return Condition(sa.and_(*same), all(column.kind in ("integer", "uuid") for column in self._entity.key))


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


def _all(parts: list[Condition]) -> Condition:
    said = [part.sql for part in parts if part.sql is not None]
    exact = all(part.exact for part in parts)
    return Condition(sa.and_(*said), exact) if said else UNDECIDED


def _any(parts: list[Condition]) -> Condition:
    said = [part.sql for part in parts if part.sql is not None]
    if not said or len(said) < len(parts):
        return UNDECIDED
    return Condition(sa.or_(*said), all(part.exact for part in parts))
