"""What has changed in a SQL database: rows in the order of the time of their last change."""

from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from proxeny.connectors.errors import UnsupportedError
from proxeny.connectors.spi import Change, Entity
from proxeny.connectors.sql.connector import SqlConnector
from proxeny.connectors.sql.ordering import key_order
from proxeny.connectors.sql.reading import (
    AT_ONCE,
    NO_FIELDS,
    Key,
    Reading,
    further,
    key_in,
    marked,
    rows_of,
    sealed,
    unsealed,
)
from proxeny.connectors.sql.tables import AnyColumn, EntityTable
from proxeny.connectors.sql.values import later, shown_time
from proxeny.scim.values import moment

Row = dict[str, Any]
_BEGINNING = "0001-01-01T00:00:00Z"


class ChangingSqlConnector(SqlConnector):
    """A ChangeReader and Marker too: rows in the order of the time of their last change."""

    async def mark(self, entity_type: str) -> str:
        """The newest time of a change there is; what is under way has got its time within ``sql.delta.overlap``."""
        entity = await self.table(entity_type)
        column = _column(entity, entity_type)
        newest = await self.run(lambda connection: connection.execute(sa.select(sa.func.max(column))).scalar())
        return sealed((shown_time(newest) if newest is not None else None) or _BEGINNING, "")

    async def read_changes(self, entity_type: str, cursor: str | None) -> AsyncIterator[Change]:
        """Changes from a little before ``cursor`` on (sql.delta.overlap), so some are seen again and none is missed.

        Deletions are seen where rows are marked as deleted, not where they vanish.
        """
        entity = await self.table(entity_type)
        column = _column(entity, entity_type)
        zoned = bool(getattr(column.type, "timezone", False))
        order = [column, *key_order(entity)]
        terms: list[sa.ColumnElement[bool]] = [] if cursor is not None else [sa.not_(marked(entity))]
        if cursor is None:
            terms.append(column.isnot(None))
            async for change in self._without_time(entity):
                yield change
        else:
            since = moment(unsealed(cursor, 2)[0])
            if since is None:
                unsealed("", 2)
            else:
                start = later(since, -self._overlap)
                terms.append(column >= (start if zoned else start.astimezone(UTC).replace(tzinfo=None)))
        shown = (*entity.shown, marked(entity).label("marked as deleted"))
        behind: list[sa.ColumnElement[bool]] = []
        while True:
            statement = sa.select(*shown).where(*terms, *behind).order_by(*order).limit(AT_ONCE)
            rows, entities = await self._changed(entity, statement)
            for row, found in zip(rows, entities, strict=True):
                mark = sealed(shown_time(row[column.name]) or "", found.id)
                yield Change(found.id, None if row["marked as deleted"] else found, mark)
            if len(rows) < AT_ONCE:
                return
            behind = [further(order, [rows[-1][column.name], *key_in(entity, rows[-1])])]

    async def _changed(self, entity: EntityTable, statement: sa.Select[Any]) -> tuple[list[Row], list[Entity]]:
        def work(connection: sa.Connection) -> tuple[list[Row], list[Entity]]:
            rows = rows_of(connection, statement)
            return rows, Reading(connection, entity).entities(rows, NO_FIELDS)

        return await self.run(work)

    async def _without_time(self, entity: EntityTable) -> AsyncIterator[Change]:
        """Rows that never got a time: part of everything there is, and of no delta."""
        never = [entity.modified.is_(None)] if entity.modified is not None else []
        after: Key | None = None
        while True:
            portion, after = await self.portion(entity, never, after, AT_ONCE, NO_FIELDS)
            for found in portion:
                yield Change(found.id, found, sealed(_BEGINNING, found.id))
            if after is None:
                return


def _column(entity: EntityTable, name: str) -> AnyColumn:
    if entity.modified is None:
        raise UnsupportedError(f"There is no property sql.{name}.modified, so changes cannot be told.")
    return entity.modified
