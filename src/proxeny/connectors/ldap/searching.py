"""Reading: one entry, all as a stream, and pages by index over a protocol that only goes forwards."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from proxeny.connectors.errors import ConnectorError, NotFoundError
from proxeny.connectors.filtering import NativeFilter
from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.entries import Entries
from proxeny.connectors.ldap.filter import Said, Speech, joined, references
from proxeny.connectors.ldap.layout import DN, Kind, Layout
from proxeny.connectors.ldap.link import BASE, NOTHING, SUBTREE, Link, Raw
from proxeny.connectors.ldap.members import Members
from proxeny.connectors.ldap.pool import Pool
from proxeny.connectors.ldap.references import References, Sight
from proxeny.connectors.ldap.schema import Server
from proxeny.connectors.spi import Entity, Page, Search

_SKIP_PAGE = 1000
_PLACES = 4
_PLACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Far:
    """What is known once a server has answered for the first time."""

    server: Server
    references: References
    members: Members


Known = Callable[[], Awaitable[Far]]


@dataclass(slots=True)
class _Walk:
    """A paged search that stands somewhere. Its cookie belongs to its link, which it keeps until it is dropped."""

    kind: Kind
    filter: str
    attributes: tuple[str, ...]
    leave: Callable[[], Awaitable[None]]
    link: Link
    at: int = 0
    cookie: bytes = b""
    ended: bool = False
    rest: list[Raw] = field(default_factory=list)
    touched: float = field(default_factory=time.monotonic)


class Searching:
    """The reading side of one system."""

    def __init__(self, layout: Layout, pool: Pool, entries: Entries, known: Known) -> None:
        self._layout = layout
        self._pool = pool
        self._entries = entries
        self._known = known
        self._walks: list[_Walk] = []

    async def close(self) -> None:
        walks, self._walks = self._walks, []
        for walk in walks:
            await walk.leave()

    # -- one entry --------------------------------------------------------------------------------------------------

    async def read(self, kind: Kind, entity_id: str, omit: frozenset[str] = frozenset()) -> Entity:
        far = await self._known()

        async def look(link: Link) -> Entity:
            raw = await link.run(self.find, kind, entity_id, far, omit)
            found = await link.run(self._entities, kind, [raw], far, omit, Sight())
            return found[0]

        return await self._pool.reading(look)

    def find(self, link: Link, kind: Kind, entity_id: str, far: Far, omit: frozenset[str] = frozenset()) -> Raw:
        """The entry of that id, exactly as written, or NotFoundError; runs in a thread."""
        wanted = self._entries.attributes(kind, omit)
        if kind.id == DN:
            inside = names.is_dn(entity_id) and kind.has(names.normal(entity_id))
            found = link.find((entity_id, BASE, joined(kind.class_filter), wanted)) if inside else []
        else:
            text = joined(kind.class_filter, far.members.id_filter(kind, entity_id))
            found = link.find((kind.base, SUBTREE, text, wanted))
        matches = [raw for raw in found if (made := self._entries.entity(kind, raw)) and made.id == entity_id]
        if not matches:
            raise NotFoundError(f"The directory has no {kind.name} with {kind.id} {entity_id[:80]!r}.")
        if len(matches) > 1:
            places = " and ".join(dn for dn, _ in matches[:3])
            raise ConnectorError(
                f"{kind.id} {entity_id!r} is not unique: {places} have it; choose another id attribute."
            )
        return matches[0]

    def _entities(
        self, link: Link, kind: Kind, raws: Sequence[Raw], far: Far, omit: frozenset[str], sight: Sight
    ) -> list[Entity]:
        """Entities with ids in place of DNs; runs in a thread."""
        found = [made for raw in raws if (made := self._entries.entity(kind, raw)) is not None]
        documents = [entity.document for entity in found]
        for name in omit:
            for document in documents:
                document.pop(name, None)
        if (self._layout.member_of if kind.name == "user" else self._layout.member) not in omit:
            far.references.show(link, kind, documents, sight)
        return found

    # -- streams ----------------------------------------------------------------------------------------------------

    async def read_all(
        self, kind: Kind, where: NativeFilter | None, native_filter: str | None
    ) -> AsyncIterator[Entity]:
        """Every entry, page by page; the next page is on its way while this one is looked at."""
        far = await self._known()
        async with self._pool.link() as link:
            filter_, _ = await self._filter(link, kind, where, native_filter, far)
            async with aclosing(self.pages(link, kind, filter_, far)) as pages:
                async for page in pages:
                    for entity in page:
                        yield entity

    async def pages(self, link: Link, kind: Kind, filter_: str, far: Far) -> AsyncGenerator[list[Entity], None]:
        sight = Sight()

        def fetch(link: Link, cookie: bytes) -> tuple[list[Entity], bytes]:
            raws, following = link.page(kind.base, filter_, self._entries.attributes(kind), self._layout.page, cookie)
            return self._entities(link, kind, raws, far, frozenset(), sight), following

        coming: asyncio.Task[tuple[list[Entity], bytes]] | None = asyncio.create_task(link.run(fetch, b""))
        try:
            while coming is not None:
                entities, cookie = await coming
                coming = asyncio.create_task(link.run(fetch, cookie)) if cookie else None
                yield entities
        finally:
            if coming is not None and not coming.done():
                coming.cancel()
                link.cut()

    async def _filter(
        self, link: Link, kind: Kind, where: NativeFilter | None, native_filter: str | None, far: Far
    ) -> tuple[str, bool]:
        """The whole filter text, and whether it admits just what was asked for."""
        if where is None:
            return joined(kind.class_filter, native_filter), True
        wanted = list(references(where, self._layout))
        dns = await link.run(lambda link: far.members.dns(link, wanted)) if wanted else {}
        further = await link.run(far.references.primary.terms, dns) if dns and self._layout.active_directory else {}
        said: Said | None = Speech(self._layout, far.server, dns, further).say(where)
        return joined(kind.class_filter, native_filter, said.text if said else None), said is not None and said.exact

    # -- pages by index ---------------------------------------------------------------------------------------------

    async def search(self, kind: Kind, search: Search) -> Page:
        far = await self._known()

        async def look(link: Link) -> tuple[str, bool]:
            return await self._filter(link, kind, search.filter, search.native_filter, far)

        filter_, said = await self._pool.reading(look)
        exact = said and search.sort is None
        if search.count <= 0:
            return Page([], await self._counted(kind, filter_), exact)
        walk = await self._walk(kind, filter_, self._entries.attributes(kind, search.omit), search.start)
        try:
            raws = await self._page_of(walk, search.count)
            sight = Sight()
            entities = await walk.link.run(self._entities, kind, raws, far, search.omit, sight)
        except BaseException:
            await walk.leave()
            raise
        total = walk.at if walk.ended and not walk.rest and (raws or search.start == 0) else None
        await self._park(walk)
        return Page(entities, total, exact)

    async def _counted(self, kind: Kind, filter_: str) -> int:
        number, cookie, first = 0, b"", True
        async with self._pool.link() as link:
            while first or cookie:
                raws, cookie = await link.run(Link.page, kind.base, filter_, NOTHING, _SKIP_PAGE, cookie)
                number, first = number + len(raws), False
        return number

    async def _walk(self, kind: Kind, filter_: str, attributes: tuple[str, ...], start: int) -> _Walk:
        """A search that stands at ``start``: one that was left there, else a new one that goes there."""
        await self._drop_old()
        for walk in self._walks:
            same = walk.kind is kind and walk.filter == filter_ and walk.attributes == attributes
            if same and walk.at == start and walk.link.usable():
                self._walks.remove(walk)
                return walk
        context = self._pool.link()
        link = await context.__aenter__()

        async def leave() -> None:
            await context.__aexit__(None, None, None)

        walk = _Walk(kind, filter_, attributes, leave, link)
        try:
            await self._forward(walk, start)
        except BaseException:
            await leave()
            raise
        return walk

    async def _forward(self, walk: _Walk, start: int) -> None:
        """Past the first ``start`` entries, of which nothing but their number is asked for."""
        strict = self._layout.active_directory  # it wants the same attributes with every cookie
        skimmed = walk.attributes if strict else NOTHING
        while walk.at < start and not walk.ended:
            await self._next(walk, skimmed, min(_SKIP_PAGE, start - walk.at))
            walk.at += len(walk.rest)
            walk.rest = []

    async def _page_of(self, walk: _Walk, count: int) -> list[Raw]:
        found: list[Raw] = []
        while len(found) < count and not walk.ended:
            await self._next(walk, walk.attributes, min(_SKIP_PAGE, count - len(found)))
            found += walk.rest
            walk.rest = []
        walk.at += len(found)
        return found

    async def _next(self, walk: _Walk, attributes: Sequence[str], size: int) -> None:
        walk.rest, walk.cookie = await walk.link.run(
            Link.page, walk.kind.base, walk.filter, attributes, size, walk.cookie
        )
        walk.ended = not walk.cookie

    async def _park(self, walk: _Walk) -> None:
        """Keep a search that a client may go on with; never so many that nobody else gets a connection."""
        walk.touched = time.monotonic()
        if walk.ended or self._layout.connections < 2:
            await walk.leave()
            return
        self._walks.append(walk)
        while len(self._walks) > min(_PLACES, self._layout.connections // 2):
            await self._walks.pop(0).leave()

    async def _drop_old(self) -> None:
        old = [walk for walk in self._walks if time.monotonic() - walk.touched > _PLACE_SECONDS]
        for walk in old:
            self._walks.remove(walk)
            await walk.leave()
