"""A SQL database as a system: what a source does, and writes, each in a transaction of its own."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from proxeny.connectors.errors import ConflictError, ConnectorError, NotFoundError
from proxeny.connectors.spi import Accept, Entity
from proxeny.connectors.sql import failures
from proxeny.connectors.sql.reading import Key
from proxeny.connectors.sql.source import SqlSource
from proxeny.connectors.sql.tables import EntityTable
from proxeny.connectors.sql.writing import Writing
from proxeny.documents import Document

T = TypeVar("T")


class SqlConnector(SqlSource):
    """Reader, Searcher, Creator, Replacer and Deleter of one database."""

    async def create(self, entity_type: str, document: Document, *, accept: Accept | None = None) -> Entity:
        entity = await self.table(entity_type)
        return await self._write(entity, document, lambda writing: writing.create(document, accept))

    async def replace(
        self,
        entity_type: str,
        entity_id: str,
        document: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity:
        entity = await self.table(entity_type)
        key = self._key(entity, entity_id)
        return await self._write(entity, document, lambda writing: writing.replace(key, document, version, accept))

    async def delete(self, entity_type: str, entity_id: str, *, version: str | None = None) -> None:
        entity = await self.table(entity_type)
        key = self._key(entity, entity_id)
        await self._write(entity, {}, lambda writing: writing.delete(key, version))

    def _key(self, entity: EntityTable, entity_id: str) -> Key:
        key = entity.key_of(entity_id)
        if key is None:
            raise NotFoundError(f"There is no {entity.name} {entity_id[:200]!r}.")
        return key

    async def _write(self, entity: EntityTable, document: Document, write: Callable[[Writing], T]) -> T:
        try:
            return await self.run(lambda connection: write(Writing(connection, entity, self._refuse_unmapped)))
        except ConflictError as plain:
            error = plain.__cause__
            if error is None:
                raise
            conflict = failures.conflict_of(error, entity, document)
            conflict.other_id = await self._other(entity, document, failures.taken_columns(error, entity))
            raise conflict from error

    async def _other(self, entity: EntityTable, document: Document, taken: Sequence[str]) -> str | None:
        """Who has the taken values; None if nobody can be told for certain."""
        columns = [column for column in entity.columns if column.column.name in taken]
        values = [column.place.take(document) for column in columns]
        if not columns or len(columns) < len(taken) or any(value is None for value in values):
            return None
        same = [column.column == column.stored(value) for column, value in zip(columns, values, strict=True)]
        try:
            found = await self.portion(entity, same, None, 2, frozenset(child.name for child in entity.lists))
        except ConnectorError:
            return None
        return found[0][0].id if len(found[0]) == 1 else None
