"""Searches of the directory: pages by index and by cursor, in the order of creation or sorted by an indexed field.

Without a filter, the counts of ``positions`` say how many there are and where a page begins. With one, the total is
counted only when the page does not show it. A cursor holds the place after the last entity, so that a walk sees every
entity that stays, once, whatever is written meanwhile; it belongs to one filter and order.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson
import sqlalchemy as sa

from proxeny.connectors.directory import filter as filters
from proxeny.connectors.directory.fields import BY_FIELD, IndexedField
from proxeny.connectors.directory.filter import Condition, Plan
from proxeny.connectors.directory.tables import BUCKET, ENTITIES, IS_MEMBER, KEYS, UNIQUE, number, shown
from proxeny.connectors.errors import RefusedError
from proxeny.connectors.filtering import NativeFilter, Value
from proxeny.connectors.spi import Search, Sort
from proxeny.database import Row, Statement

Positions = Sequence[Row]
e = ENTITIES.c
COLUMNS: dict[tuple[str, ...], sa.ColumnElement[Any]] = {("id",): e.id, **filters.TIMES}
DEEP = 2000
"""A page that begins further on, in an order that is not that of creation, is looked for off the event loop."""


@dataclass(frozen=True, slots=True)
class Order:
    """How entities are sorted: by a column, or by the key of a field that every entity has once."""

    column: sa.ColumnElement[Any]
    field: IndexedField | None = None
    descending: bool = False


def order_of(entity_type: str, sort: Sort | None) -> Order | None:
    """The order that the database can give, or None."""
    if sort is None:
        return Order(e.seq)
    if sort.field in COLUMNS:
        return Order(COLUMNS[sort.field], None, sort.descending)
    field = BY_FIELD.get((entity_type, sort.field))
    if field is None or not field.always:
        return None
    table = UNIQUE if field.unique else KEYS
    return Order(table.c.key, field, sort.descending)


@dataclass(frozen=True, slots=True)
class Statements:
    """The three statements of one shape of search. ``page`` and ``after`` give the columns ``tables.SHOWN``, then
    ``tables.IS_MEMBER`` if the rows ``tell_members``, and last the place, where it is not the number of the row."""

    condition: Condition
    plan: Plan | None
    page: Statement
    after: Statement
    total: Statement
    sorted: bool
    tell_members: bool
    placed: bool

    def place(self, row: Row) -> Any:
        """Where a row stands in the order."""
        return row[-1] if self.placed else row[0]


@lru_cache(maxsize=512)
def _cached(entity_type: str, shape: object, sort: Sort | None, tree: "_Unhashed") -> Statements:
    plan = filters.plan(entity_type, tree.filter) if tree.filter is not None else None
    condition = plan.condition if plan else filters.EVERYTHING
    wanted = order_of(entity_type, sort)
    order = wanted or Order(e.seq)
    kept = e.type == sa.bindparam("type", type_=sa.Text)
    if condition.sql is not None:
        kept = sa.and_(kept, condition.sql)
    source: Any = ENTITIES
    if order.field is not None:
        table = UNIQUE if order.field.unique else KEYS
        source = sa.join(ENTITIES, table, table.c.entity == e.seq)
        kept = sa.and_(kept, table.c.field == sa.literal_column(str(order.field.code)))
    ordered = (order.column.desc(), e.seq.desc()) if order.descending else (order.column, e.seq)
    tell_members, placed = condition.point and entity_type == "user", order.column is not e.seq
    columns = [*shown, *[IS_MEMBER] * tell_members, *[order.column.label("place")] * placed]
    chosen = sa.select(*columns).select_from(source).order_by(*ordered).limit(number("limit"))
    place = sa.bindparam("place", type_=order.column.type)
    here, there = sa.tuple_(order.column, e.seq), sa.tuple_(place, number("after"))
    beyond = here < there if order.descending else here > there
    if sort is None:  # where few can match, they are found by their key, not by walking on from the place
        beyond = (e.seq + sa.literal_column("0") if condition.point else e.seq) > number("after")
    return Statements(
        condition,
        plan,
        Statement(chosen.where(kept).offset(number("offset"))),
        Statement(chosen.where(kept, beyond).offset(number("offset"))),
        Statement(sa.select(sa.func.count()).select_from(source).where(kept)),
        wanted is not None,
        tell_members,
        placed,
    )


@dataclass(frozen=True, slots=True)
class _Unhashed:
    """A filter that rides along with its shape: all filters of one shape are the same to the cache."""

    filter: NativeFilter | None

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def prepare(entity_type: str, tree: NativeFilter | None, sort: Sort | None) -> tuple[Statements, dict[str, Any]]:
    """The statements for a search, and the parameters that its filter gives."""
    values: list[Value] = []
    shape = filters.outline(tree, values) if tree is not None else None
    statements = _cached(entity_type, shape, sort, _Unhashed(tree))
    parameters = statements.plan.bind(values) if statements.plan else {}
    parameters["type"] = entity_type
    return statements, parameters


def locate(positions: Positions, start: int) -> tuple[int, int, int]:
    """From (bucket, count) rows: how many there are, and after which seq, at what offset, ``start`` is.

    Nothing need be passed over in a bucket that has lost nobody and holds nothing else: its numbers are its places.
    """
    total, bucket, before, held = 0, 0, 0, 0
    for each, entities in positions:
        if total <= start:
            bucket, before, held = each, total, entities
        total += entities
    first = bucket * BUCKET or 1  # numbers begin with 1
    offset = start - before
    if held == (bucket + 1) * BUCKET - first:
        return total, first - 1 + offset, 0
    return total, first - 1, offset


def binding(entity_type: str, search: Search) -> str:
    """What a cursor belongs to: a digest of type, filters and order."""
    text = repr((entity_type, search.filter, search.native_filter, search.sort))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def cursor(bound: str, place: Any, seq: int) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([bound, place, seq])).decode().rstrip("=")


def read_cursor(text: str, bound: str) -> tuple[Any, int]:
    """The place of a cursor; RefusedError if it is none or belongs to another search."""
    try:
        was_bound, place, seq = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, TypeError):
        was_bound, place, seq = "", None, None
    if was_bound != bound or type(seq) is not int:
        raise RefusedError("This cursor belongs to no such search. Start again without a cursor.", status=400)
    return place, seq
