"""A SQL database as a source: its tables looked up once, then read in pages and streams."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import sqlalchemy as sa

from proxeny.connectors.errors import ConnectorError, NotFoundError, PropertyError, UnsupportedError
from proxeny.connectors.filtering import NativeFilter
from proxeny.connectors.outbound.probe import walk
from proxeny.connectors.spec import Connection
from proxeny.connectors.spi import Entity, EntityType, Page, Search, TestStep
from proxeny.connectors.sql import kinds
from proxeny.connectors.sql.comparing import Condition
from proxeny.connectors.sql.filter import translate
from proxeny.connectors.sql.layout import read_layouts
from proxeny.connectors.sql.link import Link, Login
from proxeny.connectors.sql.link import run as run_on
from proxeny.connectors.sql.manners import manners_of
from proxeny.connectors.sql.ordering import key_order, sort_order
from proxeny.connectors.sql.reading import (
    AT_ONCE,
    NO_FIELDS,
    Key,
    Reading,
    beyond,
    binding,
    key_in,
    own_condition,
    rows_of,
    sealed,
    select,
    unsealed,
)
from proxeny.connectors.sql.tables import EntityTable, reflect

T = TypeVar("T")
Where = Sequence[sa.ColumnElement[bool]]


class SqlSource:
    """Reader, Searcher and SchemaTeller of one database."""

    def __init__(self, connection: Connection) -> None:
        values = connection.properties
        self._layouts, problems = read_layouts(values)
        if problems:
            raise PropertyError(" ".join(f"{problem.name} {problem.message}." for problem in problems))
        self._login = Login(connection)
        self._refuse_unmapped = values.text("sql.unmapped", "drop") == "refuse"
        self._overlap = values.integer("sql.delta.overlap", 60)
        self._manners = manners_of(self._login.address.dialect)
        self._types = {name: kinds.declared(layout) for name, layout in self._layouts.items()}
        self._link: Link | None = None
        self._tables: Mapping[str, EntityTable] | None = None
        self._told: Mapping[str, EntityTable] | None = None
        self._asked = False
        self._reflecting = asyncio.Lock()

    @property
    def entity_types(self) -> Mapping[str, EntityType]:
        return self._types

    async def learn_schemas(self) -> bool:
        """Takes over what the tables are found to be. They are looked for once; if the database is away then, they are
        known as soon as somebody has read from them."""
        if self._tables is None and not self._asked:
            self._asked = True
            with suppress(ConnectorError):
                await self._all()
        if self._tables is None or self._tables is self._told:
            return False
        self._told = self._tables
        types = {name: kinds.found(entity) for name, entity in self._told.items()}
        changed, self._types = types != self._types, types
        return changed

    async def open(self) -> None:
        """Prepare the pool; connects to nothing."""
        if self._link is None:
            self._link = self._login.link()

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def test(self) -> Sequence[TestStep]:
        """Name and address, sign-in, tables and columns, one row of each type."""
        steps = [("address", self._try_address), ("sign-in", self._try_sign_in), ("tables", self._try_tables)]
        return await walk([*steps, ("read one", self._try_read)])

    async def _try_address(self) -> str:
        login, loop = self._login, asyncio.get_running_loop()
        found = await loop.run_in_executor(None, login.resolve)
        return f"{login.address.host} is {', '.join(host for host, _ in found)}"

    async def _try_sign_in(self) -> str:
        await self.run(lambda connection: connection.execute(sa.select(sa.literal(1))).all())
        return f"{self._login.address.dialect} lets {self._login.user or 'us'} in"

    async def _try_tables(self) -> str:
        self._tables = None
        return ", ".join(f"{name}: {entity.table.fullname}" for name, entity in (await self._all()).items())

    async def _try_read(self) -> str:
        counts = [(name, len((await self.search(name, Search(count=1))).entities)) for name in self._types]
        return ", ".join(f"{name}: {'read' if count else 'none there'}" for name, count in counts)

    # -- reading --------------------------------------------------------------------------------------------------

    async def read(self, entity_type: str, entity_id: str, *, omit: frozenset[str] = NO_FIELDS) -> Entity:
        entity = await self.table(entity_type)
        key = entity.key_of(entity_id)
        found = None
        if key is not None:
            found = await self.run(lambda connection: Reading(connection, entity).one(key, omit))
        if found is None or found.id != entity_id:
            raise NotFoundError(f"There is no {entity_type} {entity_id[:200]!r}.")
        return found

    async def read_all(
        self, entity_type: str, where: NativeFilter | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Entity]:
        entity = await self.table(entity_type)
        condition = self._condition(entity, where)
        terms = self._terms(entity, condition, native_filter)
        after: Key | None = None
        while True:
            portion, after = await self.portion(entity, terms, after, AT_ONCE, NO_FIELDS)
            for found in portion:
                yield found
            if after is None:
                return

    async def portion(
        self, entity: EntityTable, terms: Where, after: Key | None, count: int, omit: frozenset[str]
    ) -> tuple[list[Entity], Key | None]:
        """Entities behind a key, and the key after which to go on, if there is more."""
        statement = select(entity).where(*terms).order_by(*key_order(entity)).limit(count + 1)
        if after is not None:
            statement = statement.where(beyond(entity, after))

        def work(connection: sa.Connection) -> tuple[list[Entity], Key | None]:
            rows = rows_of(connection, statement)
            more = key_in(entity, rows[count - 1]) if len(rows) > count and count else None
            return Reading(connection, entity).entities(rows[:count], omit), more

        return await self.run(work)

    async def search(self, entity_type: str, search: Search) -> Page:
        entity = await self.table(entity_type)
        condition = self._condition(entity, search.filter)
        terms = self._terms(entity, condition, search.native_filter)
        exact = search.filter is None or condition.exact
        bound = binding(entity, search)
        if search.cursor is not None:
            parts = unsealed(search.cursor, 2)
            after = entity.key_of(parts[1]) if parts[0] == bound else None
            if after is None:
                unsealed("", 2)
            found, more = await self.portion(entity, terms, after, search.count, search.omit)
            return Page(found, None, exact, self._cursor(entity, bound, more))
        order = sort_order(entity, self._manners, search.sort)
        page = await self.run(lambda connection: self._page(connection, entity, terms, search, order))
        entities, total, more = page
        following = self._cursor(entity, bound, more) if search.sort is None else None
        return Page(entities, total, exact and order is not None, following)

    def _page(
        self,
        connection: sa.Connection,
        entity: EntityTable,
        terms: Where,
        search: Search,
        order: Sequence[sa.ColumnElement[object]] | None,
    ) -> tuple[list[Entity], int, Key | None]:
        statement = select(entity).where(*terms).order_by(*(order or key_order(entity)))
        rows = []
        if search.count:
            paged = statement.limit(search.count + 1).offset(search.start)
            rows = rows_of(connection, paged)
        shown, beyond_page = rows[: search.count], len(rows) > search.count
        if rows and not beyond_page:
            total = search.start + len(shown)
        else:
            counted = statement.with_only_columns(sa.func.count(), maintain_column_froms=True).order_by(None)
            total = connection.execute(counted).scalar_one()
        more = key_in(entity, shown[-1]) if beyond_page and shown else None
        return Reading(connection, entity).entities(shown, search.omit), total, more

    @staticmethod
    def _cursor(entity: EntityTable, bound: str, after: Key | None) -> str | None:
        return None if after is None else sealed(bound, entity.id_of(after))

    # -- what both need -------------------------------------------------------------------------------------------

    def _condition(self, entity: EntityTable, where: NativeFilter | None) -> Condition:
        if where is None:
            return Condition(None, True)
        return translate(entity, self._manners, where)

    def _terms(self, entity: EntityTable, condition: Condition, native_filter: str | None) -> Where:
        own = own_condition(native_filter)
        return own if condition.sql is None else [*own, condition.sql]

    async def table(self, name: str) -> EntityTable:
        found = (await self._all()).get(name)
        if found is None:
            raise UnsupportedError(f"This system has no {name[:60]!r}: there is no property sql.{name[:60]}.table.")
        return found

    async def _all(self) -> Mapping[str, EntityTable]:
        """The tables, looked at when they are first needed."""
        async with self._reflecting:
            if self._tables is None:
                self._tables = await self.run(lambda connection: reflect(connection, self._layouts))
            return self._tables

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        if self._link is None:
            raise ConnectorError("The connector is not open.")
        try:
            return await run_on(self._link, work, self._login.address)
        except PropertyError:
            self._tables = None  # the tables may have changed: look again the next time
            raise
