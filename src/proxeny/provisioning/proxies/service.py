"""One endpoint with its two sides, and how its queries are read and its answers made."""

import orjson

from proxeny.connectors.spi import Watched
from proxeny.documents import Document
from proxeny.provisioning.endpoints.answers import Answers
from proxeny.provisioning.endpoints.endpoint import Endpoint, Resource
from proxeny.provisioning.endpoints.exchange import Answer, Call, Headers, Params
from proxeny.provisioning.endpoints.listing import Listing
from proxeny.provisioning.endpoints.reading import Reading
from proxeny.provisioning.endpoints.showing import Shown
from proxeny.provisioning.systems.switches import Switches
from proxeny.provisioning.writes.writing import Writing
from proxeny.scim.dialects import GROUP_PATCH_WITHOUT_BODY
from proxeny.scim.messages import list_response
from proxeny.scim.query import Query, parse_query, parse_search_request
from proxeny.scim.schema import ResourceType


class Service:
    """One endpoint with its two sides; ``plain`` is the query of a request without parameters, ``answers`` what was
    answered to reads."""

    __slots__ = ("answers", "endpoint", "plain", "reading", "writing")

    def __init__(self, endpoint: Endpoint, reading: Reading, writing: Writing) -> None:
        self.endpoint = endpoint
        self.reading = reading
        self.writing = writing
        watched = endpoint.connector if isinstance(endpoint.connector, Watched) else None
        self.answers = Answers(watched.state if watched and endpoint.crossing.repeatable else _unknown)
        switches = endpoint.switches
        self.plain = parse_query((), default_count=switches.page_default, max_count=switches.page_max)

    def query(self, params: Params, call: Call) -> Query:
        """What the query string of a request asks for."""
        if not params:
            return self.plain
        switches = self.endpoint.switches
        return parse_query(
            params,
            default_count=switches.page_default,
            max_count=switches.page_max,
            resource_type=self.endpoint.readable,
            lenient=is_lenient(switches, call),
        )

    async def listed(self, query: Query, call: Call) -> Answer:
        """The page that a query asks for."""
        return list_answer(await self.reading.listing(query, call.base))

    def answer(self, status: int, resource: Resource, query: Query) -> Answer:
        """What a query asks for of one resource."""
        shown = self.reading.shown(resource, query)
        return json_answer(status, shown, location=resource.location, etag=resource.etag)

    async def written(self, status: int, resource: Resource | None, query: Query, call: Call) -> Answer:
        """After a write; a resource that the read condition hides now has no body to show. Members that were asked for
        are read, if the backend left them out because they are many."""
        if resource is None:
            return Answer(204)
        if self.endpoint.entity_type != "group":
            return self.answer(status, resource, query)
        asked, members = _asks_for_members(query), resource.document.get("members")
        if asked and members is None:
            resource = await self.reading.one(resource.document["id"], call.base)
        elif members is not None and len(members) > self.endpoint.switches.members_limit and not asked:
            fewer = {name: value for name, value in resource.document.items() if name != "members"}
            resource = Resource(resource.entity, fewer, resource.location, resource.version)
        return self.answer(status, resource, query)

    def answers_replace_without_body(self, query: Query) -> bool:
        """Whether a full update is answered 204, by a property of the system; what a client asks for it gets."""
        asked = query.attributes or query.excluded_attributes
        return self.endpoint.switches.replace_no_content and not asked

    def answers_patch_without_body(self, query: Query, call: Call) -> bool:
        """Whether a PATCH is answered 204: by a switch of the system, or for groups in a client's dialect."""
        switches = self.endpoint.switches
        if query.attributes or query.excluded_attributes:
            return False
        dialect = switches.dialect if call.dialect is None else call.dialect
        bodiless = GROUP_PATCH_WITHOUT_BODY in dialect and self.endpoint.entity_type == "group"
        return switches.patch_no_content or bodiless


def _unknown() -> None:
    """The state of a backend that cannot tell it."""


def is_lenient(switches: Switches, call: Call) -> bool:
    """Whether anything but the standard is understood (dialect ``strict``: nothing)."""
    return bool(switches.dialect if call.dialect is None else call.dialect)


def search_request(document: Document, resource_type: ResourceType | None, switches: Switches, call: Call) -> Query:
    """What the body of a ``POST .search`` asks for; without a type: of all of them."""
    return parse_search_request(
        document,
        default_count=switches.page_default,
        max_count=switches.page_max,
        resource_type=resource_type,
        lenient=is_lenient(switches, call),
    )


def _asks_for_members(query: Query) -> bool:
    return any(asked.rsplit(":", 1)[-1].split(".")[0].lower() == "members" for asked in query.attributes)


def list_answer(listing: Listing) -> Answer:
    """A page as a ListResponse."""
    document = list_response(
        listing.resources,
        total=listing.total,
        start_index=listing.start_index,
        items_per_page=listing.items_per_page,
        next_cursor=listing.next_cursor,
    )
    return json_answer(200, document, headers=listing.headers)


def json_answer(
    status: int,
    document: Shown,
    *,
    location: str | None = None,
    etag: str | None = None,
    headers: Headers = (),
) -> Answer:
    """An answer with a body."""
    return Answer(status, orjson.dumps(document), location, etag, headers)
