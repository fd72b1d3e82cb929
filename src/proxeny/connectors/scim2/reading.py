"""Reading from a SCIM server: one by id, pages by index or cursor, everything, what has changed; and the test."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2b

from proxeny.connectors.errors import ConnectorError, NotFoundError
from proxeny.connectors.filtering import Compare, NativeFilter
from proxeny.connectors.outbound import tls
from proxeny.connectors.outbound.paging import Batch, by_cursor, by_index
from proxeny.connectors.outbound.probe import network_steps, walk
from proxeny.connectors.scim2.discovery import Abilities, Discovery
from proxeny.connectors.scim2.filter import filter_text, path_of
from proxeny.connectors.scim2.longlists import LongLists
from proxeny.connectors.scim2.origins import Origins
from proxeny.connectors.scim2.schemas import SchemaDiscovery
from proxeny.connectors.scim2.wire import Wire, to_batch, to_entity
from proxeny.connectors.spec import Connection
from proxeny.connectors.spi import Change, Entity, EntityType, Page, Portion, Search, TestStep
from proxeny.connectors.unique import NAMES
from proxeny.documents import Document
from proxeny.scim.schema import builtin_schema

PAGE = 100
CREATED, MODIFIED = ("meta", "created"), ("meta", "lastModified")
_SCHEMAS = {
    "user": ("user", "enterprise-user", "sap-user", "custom-user"),
    "group": ("group", "sap-group", "custom-group"),
}


class ScimReader:
    """Reader, Searcher, PortionReader, Marker, ChangeReader and SchemaTeller of one SCIM server."""

    def __init__(self, connection: Connection) -> None:
        values, quirks = connection.properties, connection.type.quirks_for(connection.properties)
        self._wire = Wire(connection)
        self._guard = connection.outbound.guard
        self._connection = connection
        asks = not quirks.get("no_discovery")
        self._discovery = Discovery(self._wire.client, self._wire.base_path, self._wire.read_headers, asks=asks)
        self._types = {name: _entity_type(name) for name in ("user", "group")}
        self._schemas = (
            SchemaDiscovery(self._wire.client, self._wire.base_path, self._wire.read_headers, connection.system_id)
            if asks
            else None
        )
        self._page = min(values.family_integer("page.size", PAGE) or PAGE, 1000)
        self._origins = Origins.of(values)
        self._long = LongLists(self._wire, values, quirks)

    @property
    def entity_types(self) -> Mapping[str, EntityType]:
        return self._types

    async def learn_schemas(self) -> bool:
        """Takes over what the server says of its schemas; until it has said so, and where it does not, the standard's
        own count."""
        if self._schemas is None or not self._schemas.due:
            return False
        told = await self._schemas.told()
        types = {
            name: replace(known, schemas=told[name], told=True) if name in told else _entity_type(name)
            for name, known in self._types.items()
        }
        changed, self._types = types != self._types, types
        return changed

    async def open(self) -> None:
        await self._wire.client.open()

    async def close(self) -> None:
        await self._wire.client.close()

    async def test(self) -> Sequence[TestStep]:
        """Name, TCP, TLS, sign-in, one user read."""
        client = self._wire.client
        context = tls.context(self._connection.properties, self._connection.outbound.settings)
        steps = network_steps(client.base, self._guard, context)
        return await walk([*steps, ("sign-in", self._try_sign_in), ("read one user", self._try_read)])

    async def _try_sign_in(self) -> str:
        header = await self._wire.client.sign_in.header()
        said = "no credentials sent" if header is None else f"accepted ({header.split()[0]})"
        try:
            await self._wire.get(self._wire.path("user"), [("startIndex", "1"), ("count", "1")])
        except NotFoundError:
            return said.replace("accepted", "not refused")
        return said

    async def _try_read(self) -> str:
        path = self._wire.path("user")
        try:
            batch = to_batch(await self._wire.get(path, [("startIndex", "1"), ("count", "1")]))
        except NotFoundError as error:
            where = f"{self._wire.client.base}{path}"
            raise NotFoundError(
                f"There is nothing at {where} (404): check the path of URL, below which /Users is looked for.",
                backend_message=error.backend_message,
            ) from error
        return f"{len(batch.items)} read, {'unknown number' if batch.total is None else batch.total} in all"

    async def read(self, entity_type: str, entity_id: str, *, omit: frozenset[str] = frozenset()) -> Entity:
        query = [("excludedAttributes", ",".join(sorted(omit)))] if omit else []
        path = self._wire.path(entity_type, entity_id)
        answer = await self._wire.ask(path, query)
        entity = to_entity(answer.json(), None, entity_id)  # an ETag header may be the web framework's own
        if entity is None:
            raise ConnectorError(f"The backend answered the read of {entity_type} {entity_id!r} with no resource.")
        self._origins.check(entity_type, entity)
        if self._long.cut(entity_type, entity.document):
            await self._long.complete(entity_type, entity.document)
        else:
            entity.content = (entity_id, blake2b(answer.body, digest_size=16).digest())
        return entity

    async def read_all(
        self, entity_type: str, where: NativeFilter | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Entity]:
        abilities = await self._discovery.abilities()
        own = self._origins.within(entity_type, native_filter)
        text, _ = filter_text(where if abilities.filter is not False else None, own)
        async for portion in self._pages(entity_type, text, abilities, None):
            for entity in portion.entities:
                yield entity

    async def read_portions(
        self, entity_type: str, position: str | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Portion]:
        text = self._origins.within(entity_type, native_filter)
        async for portion in self._pages(entity_type, text, await self._discovery.abilities(), position):
            yield portion

    async def _pages(
        self, entity_type: str, text: str | None, abilities: Abilities, position: str | None
    ) -> AsyncIterator[Portion]:
        """Page by page. A position is the index of the next entity, or the server's cursor after a ``c``."""
        path = self._wire.path(entity_type)
        query = [("filter", text)] if text else []
        count = min(self._page, abilities.max_results or self._page, abilities.max_page or self._page)

        async def at(start: int, size: int) -> Batch:
            where = [("startIndex", str(start)), ("count", str(size)), *query]
            return to_batch(await self._wire.get(path, where))

        async def behind(cursor: str, size: int) -> Batch:
            where = [("cursor", cursor), ("count", str(size)), *query]
            return to_batch(await self._wire.get(path, where))

        if abilities.cursor and not (position and position.isdigit()):
            async for items, following in by_cursor(behind, count, (position or "c")[1:]):
                yield Portion(await self._whole(entity_type, items), None if following is None else f"c{following}")
            return
        start = int(position) if position and position.isdigit() else 1
        async for items, begin in by_index(at, count, start):
            yield Portion(await self._whole(entity_type, items), str(begin))

    async def _whole(self, entity_type: str, items: Sequence[Document]) -> list[Entity]:
        """The items as entities, with what the server cut off their lists."""
        for item in items:
            if self._long.cut(entity_type, item):
                await self._long.complete(entity_type, item)
        return [entity for item in items if (entity := to_entity(item)) is not None]

    async def mark(self, entity_type: str) -> str:
        """The server's own time, one second back; of a server without clock, ours ten minutes back."""
        answer = await self._wire.ask(self._wire.path(entity_type), [("startIndex", "1"), ("count", "1")])
        try:
            now = parsedate_to_datetime(answer.headers.get("Date", "")) - timedelta(seconds=1)
        except ValueError:
            now = datetime.now(UTC) - timedelta(minutes=10)
        return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    async def search(self, entity_type: str, search: Search) -> Page:
        abilities = await self._discovery.abilities()
        own = self._origins.within(entity_type, search.native_filter)
        text, said = filter_text(search.filter if abilities.filter is not False else None, own)
        by = path_of(search.sort.field) if search.sort is not None and abilities.sort is True else None
        count = min(search.count, abilities.max_results or search.count, abilities.max_page or search.count)
        query = _place(search, count, cursors=search.walk and abilities.cursor)
        if text:
            query.append(("filter", text))
        if search.sort is not None and by is not None:
            query += [("sortBy", str(by)), ("sortOrder", "descending" if search.sort.descending else "ascending")]
        if search.omit:
            query.append(("excludedAttributes", ",".join(sorted(search.omit))))
        batch = to_batch(await self._wire.get(self._wire.path(entity_type), query))
        behind = search.cursor is None and batch.total is not None and search.start >= batch.total
        entities = [] if behind else await self._whole(entity_type, batch.items)  # some begin again behind the end
        filtered = search.filter is None or (said and abilities.filter is True)
        return Page(entities, batch.total, filtered and (search.sort is None or by is not None), batch.next_cursor)

    async def read_changes(self, entity_type: str, cursor: str | None) -> AsyncIterator[Change]:
        """What was modified after ``cursor`` (a time of the backend). Deletions cannot be seen this way.

        The backend's order is not known, so only the last change moves the cursor; one second is read twice where
        the backend's times have no fraction.
        """
        abilities = await self._discovery.abilities()
        since = _since(cursor) if cursor else None
        where = Compare(MODIFIED, "gt", since, "dateTime") if since and abilities.filter is not False else None
        newest, pending = cursor or "", None
        async for entity in self.read_all(entity_type, where):
            if pending is not None:
                yield Change(pending.id, pending, cursor or "")
            pending = entity
            newest = max(newest, entity.last_modified or "", key=_moment)
        if pending is not None:
            yield Change(pending.id, pending, newest)


def _entity_type(name: str) -> EntityType:
    schemas = tuple(builtin_schema(file) for file in _SCHEMAS[name])
    return EntityType(name, ("id",), CREATED, MODIFIED, unique=(NAMES[name],), schemas=schemas)


def _place(search: Search, count: int, *, cursors: bool) -> list[tuple[str, str]]:
    if search.cursor is not None or (cursors and not search.start):
        return [("cursor", search.cursor or ""), ("count", str(count))]
    return [("startIndex", str(search.start + 1)), ("count", str(count))]


def _moment(text: str) -> datetime:
    """A time to compare by; what cannot be read counts as the oldest."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _since(cursor: str) -> str:
    if "." in cursor:
        return cursor
    earlier = _moment(cursor)
    return (earlier - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ") if earlier.year > 1 else cursor
