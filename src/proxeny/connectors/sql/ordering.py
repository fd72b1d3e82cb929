"""The order of rows by one column, where the database orders as the gateway would.

Numbers and times have one order everywhere. Texts do not: a collation puts ``a_b``, ``Ä`` and ``ﬁ`` where its language
wants them, so they are ordered code point by code point, which the gateway does; without regard to case only where the
column is declared to hold ASCII, as ``lower`` is no more than SCIM's folding there. A number that clients see as text
has the order of texts. Any other order is left to the gateway.
"""

from typing import Any

import sqlalchemy as sa

from proxeny.connectors.spi import Sort
from proxeny.connectors.sql.filter import CREATED, MODIFIED
from proxeny.connectors.sql.manners import Manners
from proxeny.connectors.sql.tables import AnyColumn, EntityTable, MappedColumn
from proxeny.connectors.sql.values import Kind

_TEXTS = frozenset({"string", "reference"})
_ALIKE: frozenset[tuple[Kind, str]] = frozenset(
    {
        ("integer", "integer"),
        ("integer", "decimal"),
        ("decimal", "integer"),
        ("decimal", "decimal"),
        ("time", "dateTime"),
    }
)
"""Kinds of columns whose own order is that of the SCIM type."""


def key_order(entity: EntityTable) -> list[Any]:
    return [column.column for column in entity.key]


def sort_order(entity: EntityTable, manners: Manners, sort: Sort | None) -> list[Any] | None:
    """The columns to order by, those without a value last (first when descending); None if there is no such order."""
    if sort is None:
        return key_order(entity)
    operand = _operand(entity, manners, sort)
    if operand is None:
        return None
    missing = sa.case((operand.is_(None), 1), else_=0)
    terms = [missing, operand, *key_order(entity)]
    return [term.desc() for term in terms] if sort.descending else terms


def _operand(entity: EntityTable, manners: Manners, sort: Sort) -> Any:
    times = {CREATED: entity.created, MODIFIED: entity.modified}
    if sort.field in times:
        return _time(times[sort.field], sort)
    column = _column(entity, sort)
    if column is None:
        return None
    if (column.kind, sort.type) in _ALIKE:
        return column.column
    if sort.type not in _TEXTS or manners.ordered is None:
        return None
    ascii_only = ".".join(sort.field) in entity.layout.ascii
    return _text(column, manners, exactly=sort.case_exact, ascii_only=ascii_only)


def _time(column: AnyColumn | None, sort: Sort) -> Any:
    return column if column is not None and isinstance(column.type, sa.DateTime) and sort.type == "dateTime" else None


def _column(entity: EntityTable, sort: Sort) -> MappedColumn | None:
    """The one column of a single value; of a list another element may be the one that counts."""
    known = entity.key if sort.field == ("id",) else entity.columns
    same = [column for column in known if column.place.field == sort.field]
    single = len(same) == 1 and all(isinstance(step, str) for step in same[0].place.steps)
    return same[0] if single and sort.field[0] not in {child.name for child in entity.lists} else None


def _text(column: MappedColumn, manners: Manners, *, exactly: bool, ascii_only: bool) -> Any:
    """The column as text in the order of code points."""
    assert manners.ordered is not None  # noqa: S101  # asked by the only caller
    if column.kind == "integer" and not getattr(column.column.type, "zerofill", False):
        return manners.ordered(sa.cast(column.column, sa.Text))
    if column.kind != "text" or not (exactly or ascii_only):
        return None
    plain: Any = sa.func.rtrim(column.column) if column.padded else column.column
    return manners.ordered(plain if exactly else sa.func.lower(plain))
