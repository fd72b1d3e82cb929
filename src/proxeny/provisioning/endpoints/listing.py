"""Lists of one endpoint: filter, sorting, index paging and cursors, decided by the backend as far as it can."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import orjson

from proxeny.connectors.errors import ConnectorError
from proxeny.connectors.spi import Entity, Page, Search, Searcher, Sort
from proxeny.provisioning.endpoints.cursors import Cursor, Place, place_of
from proxeny.provisioning.endpoints.endpoint import Admits, Endpoint, Resource, Unreadable
from proxeny.provisioning.endpoints.exchange import Headers
from proxeny.provisioning.endpoints.failures import without_filter
from proxeny.provisioning.endpoints.showing import Showing, Shown
from proxeny.provisioning.pushdown import Pushed
from proxeny.scim.errors import TooManyError
from proxeny.scim.filter.ast import And, Comparison, Filter
from proxeny.scim.filter.evaluate import compile_filter
from proxeny.scim.query import Query
from proxeny.scim.schema import ResourceType
from proxeny.scim.sorting import sort_key

_CHUNK = 100  # entities asked for in one call when a whole set must be looked through
_FILL_LIMIT = 50  # calls to the backend for one page by cursor; a page may then be short, with a cursor to go on


@dataclass(slots=True)
class Listing:
    """One page for the client: ``returned`` resources, of which a Fragment may hold several, separated by commas.
    ``items_per_page`` is what the client adds to startIndex (spec: proxy-api.md §3); a page by cursor has no number."""

    resources: list[Shown]
    total: int | None
    start_index: int | None
    items_per_page: int
    returned: int
    next_cursor: str | None = None
    skipped: int = 0

    @property
    def headers(self) -> Headers:
        """``Proxeny-Skipped``: how many entities were left out because the read transformation fails on them."""
        return (("Proxeny-Skipped", str(self.skipped)),) if self.skipped else ()


@dataclass(slots=True)
class _Sight:
    """What one pass over entities found; counts what could not be read."""

    endpoint: Endpoint
    base: str
    admits: Admits | None
    keep: bool = False
    partial: bool = False
    skipped: int = 0

    def of(self, entity: Entity) -> Resource | None:
        """The resource if the client may see it and the filter admits it."""
        seen = self.endpoint.see(entity, self.base, keep=self.keep, partial=self.partial)
        if isinstance(seen, Resource):
            return seen if self.admits is None or self.admits(seen.document) else None
        if isinstance(seen, Unreadable):
            self.unreadable(entity.id, seen.message)
        return None

    def unreadable(self, entity_id: str, message: str) -> None:
        error = self.endpoint.unreadable(entity_id, message)
        if self.endpoint.switches.fail_unreadable:
            raise error
        self.skipped += 1


class Lists(Showing):
    """The lists of one endpoint."""

    async def listing(self, query: Query, base: str, *, among: Sequence[ResourceType] = ()) -> Listing:
        """The page that ``query`` asks for. ``among``: the types of a search over several of them, which needs an exact
        total from each."""
        if query.cursor is not None and query.count == 0:
            return await self._counted(query, base)
        endpoint = self._endpoint
        admits = compile_filter(query.filter, endpoint.readable, also=among) if query.filter is not None else None
        pushed = endpoint.pushdown.translate(query.filter) if query.filter is not None else Pushed(None, exact=True)
        one = query.filter is not None and _asks_for_one(query.filter)
        sight = _Sight(endpoint, base, admits, keep=one, partial=bool(self.omitted(query)))
        try:
            searcher = endpoint.able.searcher
            if searcher is not None and query.cursor is not None and query.sort_by is None:
                return await self._by_cursor(searcher, query, pushed, sight)
            if searcher is not None and self._pages_natively(query, pushed) and not (among and endpoint.conditioned):
                page = await self._native_page(searcher, query, pushed)
                if page.exact:
                    sight.admits = None  # the backend has decided
                    return self._by_index(query, page, sight)
            return await self._gathered(query, pushed, sight)
        except ConnectorError as error:
            raise endpoint.failure(error if pushed.native is not None else without_filter(error)) from error

    # -- index paging in the backend ------------------------------------------------------------------------------

    def _pages_natively(self, query: Query, pushed: Pushed) -> bool:
        if not pushed.exact or query.cursor is not None:
            return False
        if query.filter is not None and _asks_for_one(query.filter):
            return False
        return query.sort_by is None or _native_sort(self._endpoint, query) is not None

    async def _native_page(self, searcher: Searcher, query: Query, pushed: Pushed) -> Page:
        search = Search(
            filter=pushed.native,
            native_filter=self._endpoint.property_filter,
            start=query.start_index - 1,
            count=query.count,
            sort=_native_sort(self._endpoint, query),
            omit=self.omitted(query),
        )
        return await searcher.search(self._endpoint.entity_type, search)

    def _by_index(self, query: Query, page: Page, sight: _Sight) -> Listing:
        """The backend's own page: itemsPerPage counts what was read before the read condition (decision 8)."""
        resources, returned = self._written(page.entities, query, sight)
        total, read = _total(self._endpoint, query, page), len(page.entities)
        return Listing(resources, total, query.start_index, read, returned, skipped=sight.skipped)

    def _written(self, entities: list[Entity], query: Query, sight: _Sight) -> tuple[list[Shown], int]:
        """What the client gets of them, and how many those are. Only so many are held at once."""
        show = self.showing(query)
        written: list[Shown] = []
        returned = 0
        for start in range(0, len(entities), _CHUNK):
            some = entities[start : start + _CHUNK]
            portion = self._endpoint.write(some, sight.base, show, sight.admits, partial=sight.partial)
            for entity_id, message in portion.unreadable:
                sight.unreadable(entity_id, message)
            if portion.count:
                written.append(orjson.Fragment(portion.text))
            returned += portion.count
        return written, returned

    # -- decided in the gateway -----------------------------------------------------------------------------------

    async def _gathered(self, query: Query, pushed: Pushed, sight: _Sight) -> Listing:
        """Looks through all that the backend may mean, so that page and total are exact for what the client sees."""
        start = self._cursors.start(query, self._scope(query)) if query.cursor is not None else query.start_index - 1
        if query.sort_by is not None:
            return await self._sorted(query, pushed, sight, start)
        whole = await self._at_once(pushed, query, sight)
        if whole is not None:
            found = [resource for entity in whole if (resource := sight.of(entity)) is not None]
            total, page = len(found), found[start : start + query.count]
        else:
            total, page = await _streamed(self._all(pushed), query, sight, start)
        _refuse_ambiguous(self._endpoint, query, total)
        return self._sliced(query, page, total, start, sight)

    async def _sorted(self, query: Query, pushed: Pushed, sight: _Sight, start: int) -> Listing:
        assert query.sort_by is not None  # noqa: S101  # decided by _gathered
        whole = await self._at_once(pushed, query, sight)
        if whole is not None:
            found = [resource for entity in whole if (resource := sight.of(entity)) is not None]
        else:
            found = [each async for entity in self._all(pushed) if (each := sight.of(entity)) is not None]
        key = sort_key(query.sort_by, self._endpoint.readable)
        if query.cursor is not None:
            return self._after_place(
                query, [(place_of(key(each.document), each.entity.id), each) for each in found], sight
            )
        found.sort(key=lambda resource: key(resource.document), reverse=query.descending)
        return self._sliced(query, found[start : start + query.count], len(found), start, sight)

    def _after_place(self, query: Query, placed: list[tuple[Place, Resource]], sight: _Sight) -> Listing:
        """A page by cursor of an order: those beyond the last who was shown, so that no write moves anybody past it."""
        total, scope = len(placed), self._scope(query)
        last = self._cursors.place(query.cursor, scope)
        if last is not None:
            placed = [each for each in placed if (each[0] < last if query.descending else each[0] > last)]
        placed.sort(key=lambda each: each[0], reverse=query.descending)
        page = placed[: query.count]
        following = self._cursors.seal_place(page[-1][0], scope) if len(placed) > len(page) else None
        shown = self._projected([resource for _, resource in page], query)
        return Listing(shown, total, None, len(page), len(page), next_cursor=following, skipped=sight.skipped)

    def _sliced(self, query: Query, page: list[Resource], total: int, start: int, sight: _Sight) -> Listing:
        after = start + len(page)
        more = query.cursor is not None and after < total
        return Listing(
            self._projected(page, query),
            total,
            start + 1 if query.cursor is None else None,
            len(page),
            len(page),
            next_cursor=self._cursors.seal(Cursor(start=after), self._scope(query)) if more else None,
            skipped=sight.skipped,
        )

    async def _at_once(self, pushed: Pushed, query: Query, sight: _Sight) -> list[Entity] | None:
        """Every entity that the native filter admits, if one page holds them all; else None.

        Where filter and page are exact, the backend has decided already, and they are not looked at again.
        """
        endpoint, searcher = self._endpoint, self._endpoint.able.searcher
        if searcher is None or pushed.native is None:
            return None
        search = Search(
            filter=pushed.native, native_filter=endpoint.property_filter, count=_CHUNK, omit=self.omitted(query)
        )
        page = await searcher.search(endpoint.entity_type, search)
        if page.total is None or page.total > len(page.entities):
            return None
        if pushed.exact and page.exact:
            sight.admits = None
        return page.entities

    def _all(self, pushed: Pushed) -> AsyncIterator[Entity]:
        endpoint = self._endpoint
        return self._reader.read_all(endpoint.entity_type, pushed.native, native_filter=endpoint.property_filter)

    # -- cursor paging (RFC 9865) ---------------------------------------------------------------------------------

    async def _counted(self, query: Query, base: str) -> Listing:
        """Nothing but how many are visible, and no page that follows (RFC 9865 §2)."""
        self._cursors.open(query.cursor, self._scope(query))
        exactly = (self._endpoint.resource_type,)
        counted = await self.listing(replace(query, cursor=None, sort_by=None), base, among=exactly)
        counted.start_index = None
        return counted

    async def _by_cursor(self, searcher: Searcher, query: Query, pushed: Pushed, sight: _Sight) -> Listing:
        """Fills the page with visible resources: asks for as many as are missing, so a cursor never skips any."""
        scope = self._scope(query)
        cursor: Cursor | None = self._cursors.open(query.cursor, scope)
        found: list[Shown] = []
        returned = 0
        total: int | None = None
        for _ in range(_FILL_LIMIT):
            wanted = query.count - returned
            if wanted <= 0 or cursor is None:
                break
            page = await searcher.search(self._endpoint.entity_type, self._cursor_search(query, pushed, cursor, wanted))
            if pushed.exact and page.exact and not self._endpoint.conditioned:
                total = page.total
            cursor = _after(cursor, page)
            written, more = self._written(page.entities, query, sight)
            found += written
            returned += more
        return Listing(
            found,
            total,
            None,
            returned,
            returned,
            next_cursor=self._cursors.seal(cursor, scope) if cursor is not None else None,
            skipped=sight.skipped,
        )

    def _cursor_search(self, query: Query, pushed: Pushed, cursor: Cursor, count: int) -> Search:
        return Search(
            filter=pushed.native,
            native_filter=self._endpoint.property_filter,
            start=cursor.start,
            count=count,
            cursor=cursor.native,
            walk=True,
            omit=self.omitted(query),
        )


async def _streamed(
    entities: AsyncIterator[Entity], query: Query, sight: _Sight, start: int
) -> tuple[int, list[Resource]]:
    """How many of them the client may see, and those of the page that begins at ``start``."""
    total, page = 0, []
    async for entity in entities:
        resource = sight.of(entity)
        if resource is None:
            continue
        if start <= total < start + query.count:
            page.append(resource)
        total += 1
    return total, page


def _native_sort(endpoint: Endpoint, query: Query) -> Sort | None:
    if query.sort_by is None:
        return None
    return endpoint.pushdown.order_by(query.sort_by, descending=query.descending)


def _total(endpoint: Endpoint, query: Query, page: Page) -> int:
    """proxy-api.md §3: the backend's total, or as much as is known on the way."""
    provided = endpoint.switches.provided_totals or not endpoint.conditioned
    if page.total is not None and (provided or query.count == 0):
        return page.total
    if page.entities:
        return query.start_index + query.count
    return page.total if page.total is not None else query.start_index - 1


def _refuse_ambiguous(endpoint: Endpoint, query: Query, total: int) -> None:
    """Decision 9: a unique value that several resources have must not look like one of them."""
    if total < 2 or not isinstance(query.filter, Comparison) or query.filter.operator != "eq":
        return
    located = endpoint.resource_type.find(query.filter.path)
    if located is not None and located.leaf.uniqueness in ("server", "global"):
        raise TooManyError(
            f"{total} resources have this {query.filter.path}, which should be unique. Correct the backend's data."
        )


def _after(cursor: Cursor, page: Page) -> Cursor | None:
    """From where to go on; None when the backend has no more."""
    if page.next_cursor is not None:
        return Cursor(native=page.next_cursor)
    if cursor.native is not None or not page.entities:
        return None
    start = cursor.start + len(page.entities)
    return Cursor(start=start) if page.total is None or start < page.total else None


def _asks_for_one(filter_: Filter) -> bool:
    """A query for a single entity: an ``eq``, alone or in a conjunction. Its answer must be exact on the first page."""
    match filter_:
        case Comparison(_, operator, _):
            return operator == "eq"
        case And(terms):
            return any(_asks_for_one(term) for term in terms)
        case _:
            return False
