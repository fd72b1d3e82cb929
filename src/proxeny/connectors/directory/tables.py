"""The directory's tables and the statements on them.

``entities`` holds the documents, without what is computed (meta, members, groups). ``unique_keys`` and ``keys`` are
fields.py's keys; a deletion finds its rows by computing them again. ``positions`` counts the entities of each range of
``BUCKET`` sequence numbers, so that the page at 90,000 costs as much as the first, and so does the total. ``change``
numbers are given last in a transaction, under a lock that ends with it, so that they appear in their order.
"""

from typing import Any

import sqlalchemy as sa

from proxeny.database import Statement, any_of

BUCKET = 1024


def _columns(text: str, **types: Any) -> list[sa.ColumnClause[Any]]:
    return [sa.column(name, types.get(name, sa.BigInteger)) for name in text.split()]


ENTITIES = sa.table(
    "directory_entities",
    *_columns(
        "seq type id version created modified change members display password document",
        **dict.fromkeys(("type", "id", "created", "modified", "display", "password"), sa.Text),
        document=sa.LargeBinary,
    ),
)
UNIQUE = sa.table("directory_unique", *_columns("field key entity", key=sa.Text))
KEYS = sa.table("directory_keys", *_columns("field key entity", key=sa.Text))
MEMBERSHIPS = sa.table("directory_memberships", *_columns("holder member"))

SHOWN = ("seq", "id", "version", "created", "modified", "members", "document")
"""Columns of an entity that is read, in this order; see resources.entity_of."""

e = ENTITIES.c
shown = [e[name] for name in SHOWN]


def number(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.BigInteger)


IS_MEMBER = sa.exists(sa.select(sa.literal_column("1")).where(MEMBERSHIPS.c.member == e.seq)).label("is_member")
"""Behind the columns ``SHOWN`` where few rows are read: whether there are groups to ask for."""

READ = Statement(sa.select(*shown, IS_MEMBER).where(e.id == sa.bindparam("id"), e.type == sa.bindparam("type")))
LOCK = Statement(
    sa.select(*shown, e.password).where(e.id == sa.bindparam("id"), e.type == sa.bindparam("type")).with_for_update()
)
LOCK_MANY = Statement(
    sa.select(e.seq, e.modified).where(any_of(e.seq, "seqs")).order_by(e.seq).with_for_update(),
)
ALLOCATE = Statement.per_dialect(
    "UPDATE directory_counters SET value = value + :n WHERE name = 'seq' RETURNING value",
    "SELECT nextval('directory_seq') FROM generate_series(1, :n)",
)
"""The last of ``n`` new sequence numbers (SQLite), or all of them (PostgreSQL, where others may take some between)."""

NEXT_CHANGE = Statement("UPDATE directory_counters SET value = value + :n WHERE name = 'change' RETURNING value")
INSERT = Statement(sa.insert(ENTITIES))
UPDATE = Statement(
    sa.update(ENTITIES)
    .where(e.seq == sa.bindparam("which"))
    .values(
        {
            name: sa.bindparam(name)
            for name in ("version", "modified", "change", "members", "display", "password", "document")
        }
    )
)
TOUCH = Statement(
    sa.update(ENTITIES)
    .where(e.seq == sa.bindparam("which"))
    .values(
        version=e.version + 1,
        modified=sa.bindparam("modified"),
        change=sa.bindparam("change"),
        members=e.members + number("more"),
    )
)
DELETE = Statement(sa.delete(ENTITIES).where(e.seq == sa.bindparam("seq")))
BURY = Statement("INSERT INTO directory_tombstones (change, type, id, at) VALUES (:change, :type, :id, :at)")
COUNT = Statement(
    "INSERT INTO directory_positions (type, bucket, entities) VALUES (:type, :bucket, :more) "
    "ON CONFLICT (type, bucket) DO UPDATE SET entities = directory_positions.entities + excluded.entities"
)
POSITIONS = Statement("SELECT bucket, entities FROM directory_positions WHERE type = :type ORDER BY bucket")

CLAIM = Statement(
    "INSERT INTO directory_unique (field, key, entity) VALUES (:field, :key, :entity) "
    "ON CONFLICT (field, key) DO NOTHING RETURNING entity"
)
CLAIM_ALL = Statement(sa.insert(UNIQUE))
HOLDER = Statement(
    sa.select(e.id)
    .select_from(sa.join(UNIQUE, ENTITIES, UNIQUE.c.entity == e.seq))
    .where(UNIQUE.c.field == number("field"), UNIQUE.c.key == sa.bindparam("key"))
)
TAKEN = Statement(
    sa.select(UNIQUE.c.field, UNIQUE.c.key, e.id)
    .select_from(sa.join(UNIQUE, ENTITIES, UNIQUE.c.entity == e.seq))
    .where(any_of(UNIQUE.c.field, "fields"), any_of(UNIQUE.c.key, "keys"))
)
RELEASE = Statement("DELETE FROM directory_unique WHERE field = :field AND key = :key AND entity = :entity")
ADD_KEY = Statement(
    "INSERT INTO directory_keys (field, key, entity) VALUES (:field, :key, :entity) "
    "ON CONFLICT (field, key, entity) DO NOTHING"
)
DROP_KEYS = Statement(
    sa.delete(KEYS).where(
        KEYS.c.field == number("field"), KEYS.c.entity == number("entity"), any_of(KEYS.c.key, "keys")
    )
)
"""All of one field at once: an entity may have a hundred thousand of them."""

FIND = Statement(sa.select(e.id, e.seq, e.type, e.display).where(any_of(e.id, "ids")))
JOIN_ALL = Statement(
    "INSERT INTO directory_memberships (holder, member) VALUES (:holder, :member) "
    "ON CONFLICT (holder, member) DO NOTHING"
)
LEAVE_ALL = Statement("DELETE FROM directory_memberships WHERE holder = :holder AND member = :member")
DISSOLVE = Statement("DELETE FROM directory_memberships WHERE holder = :holder")
FORGET_MEMBER = Statement("DELETE FROM directory_memberships WHERE member = :member RETURNING holder")
HOLDERS = Statement("SELECT holder FROM directory_memberships WHERE member = :member")
PRESENT = Statement(
    sa.select(MEMBERSHIPS.c.member).where(
        MEMBERSHIPS.c.holder == number("holder"), any_of(MEMBERSHIPS.c.member, "members")
    )
)
MEMBER_SEQS = Statement("SELECT member FROM directory_memberships WHERE holder = :holder")

_m = MEMBERSHIPS.c
MEMBERS = Statement(
    sa.select(_m.member, e.id, e.type, e.display)
    .select_from(sa.join(MEMBERSHIPS, ENTITIES, _m.member == e.seq))
    .where(_m.holder == number("holder"), _m.member > number("after"))
    .order_by(_m.member)
    .limit(number("limit"))
)
MEMBERS_OF_MANY = Statement(
    sa.select(_m.holder, e.id, e.type, e.display)
    .select_from(sa.join(MEMBERSHIPS, ENTITIES, _m.member == e.seq))
    .where(any_of(_m.holder, "holders"))
    .order_by(_m.holder, _m.member)
)


def _groups_of(start: sa.ColumnElement[bool]) -> Statement:
    """Every group of an entity, its own (1) or through another group (0): (entity, id, display, direct, group)."""
    up = (
        sa.select(_m.member.label("origin"), _m.holder.label("holder"), sa.literal_column("1").label("direct"))
        .where(start)
        .cte("up", recursive=True)
    )
    outer = MEMBERSHIPS.alias("outer_memberships")
    up = up.union(sa.select(up.c.origin, outer.c.holder, sa.literal_column("0")).where(outer.c.member == up.c.holder))
    return Statement(
        sa.select(up.c.origin, e.id, e.display, sa.func.max(up.c.direct), e.seq)
        .select_from(sa.join(up, ENTITIES, up.c.holder == e.seq))
        .group_by(up.c.origin, e.seq, e.id, e.display)
        .order_by(up.c.origin, e.seq)
    )


GROUPS = _groups_of(_m.member == number("seq"))
GROUPS_OF_MANY = _groups_of(any_of(_m.member, "seqs"))

HOLDERS_OF_MANY = Statement(sa.select(_m.member, _m.holder).where(any_of(_m.member, "members")).order_by(_m.member))
HOLDERS_BETWEEN = Statement(
    sa.select(_m.member, _m.holder).where(_m.member.between(number("first"), number("last"))).order_by(_m.member)
)
NAMES = Statement(sa.select(e.seq, e.id, e.display).where(any_of(e.seq, "seqs")))

CHANGED = Statement(
    sa.select(e.change, *shown)
    .where(e.type == sa.bindparam("type"), e.change > number("after"), e.change <= number("until"))
    .order_by(e.change)
    .limit(number("limit"))
)
BURIED = Statement(
    "SELECT change, id FROM directory_tombstones WHERE type = :type AND change > :after AND change <= :until "
    "ORDER BY change LIMIT :limit"
)
LATEST_CHANGE = Statement("SELECT value FROM directory_counters WHERE name = 'change'")
