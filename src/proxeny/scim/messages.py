"""Messages of the protocol (RFC 7644 §3.4, §3.7; RFC 9865 §2): list answers, search and bulk bodies."""

from collections.abc import Iterable, Sequence

import orjson

from proxeny.documents import Document
from proxeny.scim.query import SEARCH_REQUEST_SCHEMA, Query

LIST_RESPONSE_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
BULK_REQUEST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def list_response(
    resources: Sequence[Document | orjson.Fragment],
    *,
    total: int | None,
    start_index: int | None = None,
    items_per_page: int | None = None,
    next_cursor: str | None = None,
    previous_cursor: str | None = None,
) -> Document:
    """An answer with resources; ``Resources`` is there even when it is empty.

    ``items_per_page`` is the number of resources unless said otherwise. With cursors, ``start_index`` is left out, and
    a total that is not known may be.
    """
    document: Document = {"schemas": [LIST_RESPONSE_SCHEMA]}
    optional = {
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": len(resources) if items_per_page is None else items_per_page,
        "nextCursor": next_cursor,
        "previousCursor": previous_cursor,
    }
    document.update((name, value) for name, value in optional.items() if value is not None)
    document["Resources"] = list(resources)
    return document


def search_request(query: Query) -> Document:
    """The body of a ``POST …/.search`` that asks for the same as ``query``."""
    document: Document = {"schemas": [SEARCH_REQUEST_SCHEMA], "count": query.count}
    if query.cursor is None:
        document["startIndex"] = query.start_index
    optional = {
        "filter": query.filter_text,
        "cursor": query.cursor,
        "attributes": list(query.attributes) or None,
        "excludedAttributes": list(query.excluded_attributes) or None,
    }
    if query.sort_by is not None:
        optional |= {"sortBy": str(query.sort_by), "sortOrder": query.sort_order}
    document.update((name, value) for name, value in optional.items() if value is not None)
    return document


def bulk_response(results: Iterable[Document]) -> Document:
    """The answer to a bulk request; each result says method, location, status (as text) and, on errors, response."""
    return {"schemas": [BULK_RESPONSE_SCHEMA], "Operations": list(results)}
