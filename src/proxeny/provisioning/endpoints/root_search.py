"""``POST /.search`` on the root: one list over several resource types (RFC 7644 §3.4.3), users before groups."""

from collections.abc import Sequence
from dataclasses import replace

from proxeny.provisioning.endpoints.listing import Listing, Lists
from proxeny.scim.errors import InvalidValueError
from proxeny.scim.query import Query


async def everywhere(readings: Sequence[Lists], query: Query, base: str) -> Listing:
    """A page over every endpoint in their order. A type that lacks an attribute of the filter has no matches.

    An attribute that no type has is InvalidFilterError. Sorting and cursors need one type: InvalidValueError.
    """
    if query.sort_by is not None or query.cursor is not None:
        raise InvalidValueError("A search over several resource types cannot sort or use cursors; search one endpoint.")
    page = Listing([], 0, query.start_index, 0, 0)
    among = [reading.resource_type for reading in readings]
    for reading in readings:
        before = page.total or 0
        start = max(1, query.start_index - before)
        found = await reading.listing(_part(query, start, query.count - page.returned), base, among=among)
        page.resources += found.resources
        page.returned += found.returned
        page.items_per_page += found.items_per_page
        page.skipped += found.skipped
        page.total = before + (found.total or 0)
    return page


def _part(query: Query, start: int, count: int) -> Query:
    return replace(query, start_index=start, count=max(0, count))
