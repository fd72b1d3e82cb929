"""Reading the directory: by id, by search, everything, and what has changed."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from proxeny.connectors.directory import native_filter, resources, searching, tables, writing
from proxeny.connectors.directory.belonging import groups_of, members_of
from proxeny.connectors.directory.failures import translated
from proxeny.connectors.directory.fields import RESOURCE_TYPES, storable
from proxeny.connectors.directory.places import Places
from proxeny.connectors.directory.searching import Statements
from proxeny.connectors.directory.stored import Stored
from proxeny.connectors.filtering import AllOf, NativeFilter
from proxeny.connectors.spi import Change, Entity, Page, Portion, Search
from proxeny.database import Database, Row, Statement
from proxeny.database.errors import DatabaseError
from proxeny.documents import Document
from proxeny.scim.schema import ResourceType

CHUNK = 500


def _with_members(row: Row, held: list[Document]) -> Entity:
    entity = resources.entity_of("group", row)
    entity.document["members"] = held
    return entity


class DirectoryReader:
    """Reader, Searcher and ChangeReader of the directory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._resource_types: Callable[[], Mapping[str, ResourceType]] = lambda: RESOURCE_TYPES
        self._places = Places(database.state, self._fetch)

    def state(self) -> int | None:
        """As of ``spi.Watched``."""
        return self._database.state()

    async def read(self, entity_type: str, entity_id: str, *, omit: frozenset[str] = frozenset()) -> Entity:
        rows = await self._fetch(tables.READ, {"type": entity_type, "id": storable(entity_id)})
        if not rows:
            raise writing.missing(entity_type, entity_id)
        return (await self._entities(entity_type, rows, omit, tell_members=True))[0]

    async def read_all(
        self, entity_type: str, where: NativeFilter | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Entity]:
        async for portion in self._portions(entity_type, Search(where, native_filter, count=CHUNK)):
            for entity in portion.entities:
                yield entity

    def read_portions(
        self, entity_type: str, position: str | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Portion]:
        return self._portions(entity_type, Search(None, native_filter, count=100, cursor=position))

    async def _portions(self, entity_type: str, search: Search) -> AsyncIterator[Portion]:
        while True:
            page = await self._page(entity_type, search, counted=False)
            if page.entities:
                yield Portion(page.entities, page.next_cursor)
            if page.next_cursor is None:
                return
            search = replace(search, cursor=page.next_cursor)

    async def search(self, entity_type: str, search: Search) -> Page:
        return await self._page(entity_type, search, counted=True)

    async def read_changes(self, entity_type: str, cursor: str | None) -> AsyncIterator[Change]:
        after = int(cursor) if cursor and cursor.isdigit() else 0
        while True:
            latest = (await self._fetch(tables.LATEST_CHANGE, {}))[0][0]
            span = {"type": entity_type, "after": after, "limit": CHUNK}
            buried = await self._fetch(tables.BURIED, {**span, "until": latest}) if cursor is not None else []
            until = buried[-1][0] if len(buried) == CHUNK else latest
            changed = await self._fetch(tables.CHANGED, {**span, "until": until})
            until = changed[-1][0] if len(changed) == CHUNK else until
            entities = await self._entities(entity_type, [row[1:] for row in changed], frozenset())
            changes = [Change(each.id, each, str(row[0])) for row, each in zip(changed, entities, strict=True)]
            changes += [Change(row[1], None, str(row[0])) for row in buried if row[0] <= until]
            for change in sorted(changes, key=lambda change: int(change.cursor)):
                yield change
            after = until
            if until >= latest:
                return

    async def _page(self, entity_type: str, search: Search, *, counted: bool) -> Page:
        tree, residue = search.filter, None
        if search.native_filter:
            own, residue = native_filter.compiled(
                entity_type, self._resource_types()[entity_type], search.native_filter
            )
            tree = own if tree is None else AllOf((own, tree))
        statements, parameters = searching.prepare(entity_type, tree, search.sort)
        if residue is not None:
            bound = searching.binding(entity_type, search)
            return await self._sifted(entity_type, search, statements, parameters, bound, residue)
        if search.cursor is not None:
            bound = searching.binding(entity_type, search)
            rows = await self._after(statements, parameters, search.cursor, search.count, bound)
            total = await self._counted(statements, parameters) if counted else None
        else:
            rows, total = await self._from_start(statements, parameters, search, counted=counted)
        more = len(rows) > search.count
        rows = rows[: search.count]
        entities = await self._entities(entity_type, rows, search.omit, tell_members=statements.tell_members)
        following = None
        if more and rows:
            last = rows[-1]
            following = searching.cursor(searching.binding(entity_type, search), statements.place(last), last[0])
        return Page(entities, total, statements.condition.exact and statements.sorted, following)

    async def _from_start(
        self, statements: Statements, parameters: dict[str, Any], search: Search, *, counted: bool
    ) -> tuple[list[Row], int | None]:
        """The page at an index, with one row more if there is one, and the total."""
        limit = search.count + 1
        if statements.plan is None and search.sort is None:
            total, after, offset = searching.locate(await self._places.of(parameters["type"]), search.start)
            if search.start >= total:
                return [], total
            values = {**parameters, "after": after, "limit": limit, "offset": offset}
            return await self._fetch(statements.after, values), total
        heavy = not statements.condition.point and (statements.plan is not None or search.start > searching.DEEP)
        rows = await self._fetch(statements.page, {**parameters, "limit": limit, "offset": search.start}, heavy)
        if len(rows) < limit and (rows or search.start == 0):
            return rows, search.start + len(rows)
        return rows, await self._counted(statements, parameters) if counted else None

    async def _after(
        self, statements: Statements, parameters: dict[str, Any], cursor: str, count: int, bound: str
    ) -> list[Row]:
        place, seq = searching.read_cursor(cursor, bound)
        heavy = statements.plan is not None and not statements.condition.point
        return await self._fetch(
            statements.after, {**parameters, "place": place, "after": seq, "limit": count + 1, "offset": 0}, heavy
        )

    async def _counted(self, statements: Statements, parameters: dict[str, Any]) -> int:
        if statements.plan is None:
            return searching.locate(await self._places.of(parameters["type"]), 0)[0]
        total: int = (await self._fetch(statements.total, parameters, not statements.condition.point))[0][0]
        return total

    async def _sifted(
        self,
        entity_type: str,
        search: Search,
        statements: Statements,
        parameters: dict[str, Any],
        bound: str,
        admits: native_filter.Predicate,
    ) -> Page:
        """A page by a filter property that the keys cannot decide alone: every candidate is looked at."""
        place, seq = searching.read_cursor(search.cursor, bound) if search.cursor else (None, -1)
        skip = 0 if search.cursor else search.start
        found: list[Entity] = []
        seen: list[tuple[Any, int]] = []
        first = search.cursor is None
        while len(found) <= search.count:
            values = {**parameters, "place": place, "after": seq, "limit": CHUNK, "offset": 0}
            rows = await self._fetch(statements.page if first else statements.after, values, heavy=True)
            first = False
            entities = await self._entities(entity_type, rows, search.omit, tell_members=statements.tell_members)
            for row, entity in zip(rows, entities, strict=True):
                if admits(entity.document):
                    skip -= 1
                    if skip < 0:
                        found.append(entity)
                        seen.append((statements.place(row), row[0]))
            if len(rows) < CHUNK:
                break
            place, seq = statements.place(rows[-1]), rows[-1][0]
        more = len(found) > search.count
        following = searching.cursor(bound, *seen[search.count - 1]) if more and search.count else None
        total = None if more or search.cursor else search.start - skip
        asked = searching.prepare(entity_type, search.filter, search.sort)[0].condition
        return Page(found[: search.count], total, asked.exact and statements.sorted, following)

    async def _entities(
        self, entity_type: str, rows: Sequence[Row], omit: frozenset[str], *, tell_members: bool = False
    ) -> list[Entity]:
        """The entities of rows that begin with ``tables.SHOWN``, with members or groups. ``tell_members``: the
        next column is ``tables.IS_MEMBER``."""
        if entity_type == "user":
            if "groups" in omit:
                return [Stored(entity_type, row) for row in rows]
            told = len(tables.SHOWN)
            asked = [row[0] for row in rows if not tell_members or row[told]]
            groups = await groups_of(asked, self._fetch)
            return [Stored(entity_type, row, groups.get(row[0], ())) for row in rows]
        if "members" in omit:
            return [Stored(entity_type, row) for row in rows]
        limit = min((int(name[8:]) for name in omit if name.startswith("members:")), default=None)
        shown = [row for row in rows if row[5] and (limit is None or row[5] <= limit)]
        held = await members_of(shown, self._fetch)
        return [_with_members(row, held[row[0]]) if row[0] in held else Stored("group", row) for row in rows]

    async def _fetch(self, statement: Statement, parameters: dict[str, Any], heavy: bool = False) -> list[Row]:
        try:
            return await self._database.fetch(statement, parameters, heavy=heavy)
        except DatabaseError as error:
            raise translated(error) from error
