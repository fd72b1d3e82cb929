"""SCIM operations on one system: what web calls for every request below a SCIM base."""

from typing import cast

import orjson

from proxeny.connectors.spi import Watched
from proxeny.documents import Document
from proxeny.provisioning.answers import Answers
from proxeny.provisioning.bulk import carry_out
from proxeny.provisioning.custom_schemas import CustomSchemas
from proxeny.provisioning.describing import Description
from proxeny.provisioning.endpoint import Endpoint, Resource
from proxeny.provisioning.exchange import Answer, Call, Headers, Params
from proxeny.provisioning.presenting import encoded_id
from proxeny.provisioning.reading import Listing, Reading, Shown
from proxeny.provisioning.root_search import everywhere
from proxeny.provisioning.switches import Switches
from proxeny.provisioning.writing import Writing
from proxeny.scim.dialects import GROUP_PATCH_WITHOUT_BODY
from proxeny.scim.discovery import schema_document
from proxeny.scim.errors import NotImplementedByBackendError, ResourceNotFoundError
from proxeny.scim.etag import Preconditions
from proxeny.scim.filter.ast import AttributePath, Comparison
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


def _unknown() -> None:
    """The state of a backend that cannot tell it."""


class Provider:
    """One system as a SCIM service provider. Every method returns an Answer or raises ScimError."""

    def __init__(
        self,
        system: str,
        services: dict[str, Service],
        switches: Switches,
        description: Description,
        custom_schemas: CustomSchemas | None = None,
        callers: str | None = None,
    ) -> None:
        """``callers`` is the endpoint where a caller may be found by userName (``/Me``), if there is one."""
        self.system = system
        self.switches = switches
        self._services = services
        self._by_lower_name = {name.lower(): service for name, service in services.items()}
        self._description = description
        self._custom_schemas = custom_schemas
        self._callers = callers

    # -- resources ------------------------------------------------------------------------------------------------

    async def search(self, endpoint: str, params: Params, call: Call) -> Answer:
        service = self._service(endpoint)
        key = (params, call.base, call.dialect)
        if (known := service.answers.find(key)) is not None:
            return known
        since = service.answers.state
        query = self._query(service, params, call)
        answer = await self._listed(service, query, call)
        if query.cursor is None:
            service.answers.keep(key, since, answer)
        return answer

    async def search_document(self, endpoint: str | None, document: Document, call: Call) -> Answer:
        """``POST .search`` (RFC 7644 §3.4.3) on an endpoint; on the root over every endpoint, one after the other."""
        if endpoint is not None:
            service = self._service(endpoint)
            return await self._listed(service, self._search_request(document, service.endpoint.readable, call), call)
        listing = await everywhere(
            [each.reading for each in self._services.values()], self._search_request(document, None, call), call.base
        )
        return _json(200, _list_document(listing), headers=listing.headers)

    async def read(self, endpoint: str, entity_id: str, params: Params, call: Call) -> Answer:
        service = self._service(endpoint)
        if call.if_match is not None or call.if_none_match is not None:
            return await self._read(service, entity_id, params, call)
        key = (entity_id, params, call.base, call.dialect)
        if (known := service.answers.find(key)) is not None:
            return known
        since = service.answers.state
        answer = await self._read(service, entity_id, params, call)
        service.answers.keep(key, since, answer)
        return answer

    async def _read(self, service: Service, entity_id: str, params: Params, call: Call) -> Answer:
        query = self._query(service, params, call)
        resource = await service.reading.one(entity_id, call.base, omit=service.reading.omitted(query))
        conditions = Preconditions.of(call.if_match, call.if_none_match)
        if not conditions.is_empty and conditions.decide(resource.version, reading=True) == "not-modified":
            return Answer(304, etag=resource.etag)
        return self._answer(200, service, resource, query)

    async def create(self, endpoint: str, document: Document, params: Params, call: Call) -> Answer:
        service = self._service(endpoint)
        query = self._query(service, params, call)
        resource = await service.writing.create(document, call)
        return await self._written(201, service, resource, query, call)

    async def replace(self, endpoint: str, entity_id: str, document: Document, params: Params, call: Call) -> Answer:
        service = self._service(endpoint)
        query = self._query(service, params, call)
        resource = await service.writing.replace(entity_id, document, call)
        return await self._written(200, service, resource, query, call)

    async def patch(self, endpoint: str, entity_id: str, document: Document, params: Params, call: Call) -> Answer:
        service = self._service(endpoint)
        query = self._query(service, params, call)
        resource = await service.writing.patch(entity_id, document, call)
        if resource is not None and self._answers_patch_without_body(service, query, call):
            return Answer(204, location=resource.location, etag=resource.etag)
        return await self._written(200, service, resource, query, call)

    async def delete(self, endpoint: str, entity_id: str, call: Call) -> Answer:
        await self._service(endpoint).writing.delete(entity_id, call)
        return Answer(204)

    async def bulk(self, document: Document, call: Call) -> Answer:
        """RFC 7644 §3.7: each operation by itself, in an order that references allow."""
        return await carry_out(self, document, call)

    async def create_schema(self, document: Document, call: Call) -> Answer:
        """A custom schema for the directory's users: 201 with the schema. Where there can be none: 501.

        At most 20, each with at most 20 attributes, a complex one with at most 20 sub-attributes; it never changes.
        """
        made = schema_document(await self._custom().create(document), call.base)
        return _json(201, made, location=made["meta"]["location"])

    async def delete_schema(self, urn: str, call: Call) -> Answer:
        """Takes a custom schema away, and all values that users have of it; a predefined one: 403."""
        await self._custom().delete(urn)
        return Answer(204)

    def _custom(self) -> CustomSchemas:
        if self._custom_schemas is None:
            raise NotImplementedByBackendError(f"{self.system} has no custom schemas; its transformation makes them.")
        return self._custom_schemas

    async def me(self, params: Params, call: Call) -> Answer:
        """The user whose userName is the caller's id (RFC 7644 §3.11); 404 if there is none, 501 on a proxy."""
        if self._callers is None:
            raise NotImplementedByBackendError(
                f"/Me is not supported: the caller is a technical user, not a resource of {self.system}."
            )
        same = Query(filter=Comparison(AttributePath("userName"), "eq", call.caller), count=1, attributes=("id",))
        found = (await self._service(self._callers).reading.listing(same, call.base)).resources
        if not found:
            raise ResourceNotFoundError(f"There is no user with the userName {call.caller!r}, which is your id.")
        entity_id = cast(Document, found[0])["id"]
        answer = await self.read(self._callers, entity_id, params, call)
        answer.location = f"{call.base}/{self._callers}/{encoded_id(entity_id)}"
        return answer

    # -- description ----------------------------------------------------------------------------------------------

    async def service_provider_config(self, call: Call) -> Answer:
        return _json(200, self._description.service_provider_config(call.base))

    async def resource_types(self, call: Call) -> Answer:
        return _json(200, self._description.resource_types(call.base))

    async def resource_type(self, name: str, call: Call) -> Answer:
        return _json(200, self._description.resource_type(name, call.base))

    async def schemas(self, call: Call) -> Answer:
        return _json(200, self._description.schemas(call.base))

    async def schema(self, urn: str, call: Call) -> Answer:
        return _json(200, self._description.schema(urn, call.base))

    # -- shared ---------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        for connector in {
            id(each.endpoint.connector): each.endpoint.connector for each in self._services.values()
        }.values():
            await connector.close()

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(self._services)

    def _service(self, endpoint: str) -> Service:
        service = self._services.get(endpoint) or self._by_lower_name.get(endpoint.lower())
        if service is None:
            offered = ", ".join(f"/{name}" for name in self._services)
            raise ResourceNotFoundError(f"{self.system} has no endpoint /{endpoint}. It has {offered}.")
        return service

    def _query(self, service: Service, params: Params, call: Call) -> Query:
        if not params:
            return service.plain
        switches = service.endpoint.switches
        return parse_query(
            params,
            default_count=switches.page_default,
            max_count=switches.page_max,
            resource_type=service.endpoint.readable,
            lenient=self._is_lenient(call),
        )

    def _is_lenient(self, call: Call) -> bool:
        """Whether anything but the standard is understood (dialect ``strict``: nothing)."""
        return bool(self.switches.dialect if call.dialect is None else call.dialect)

    def _search_request(self, document: Document, resource_type: ResourceType | None, call: Call) -> Query:
        return parse_search_request(
            document,
            default_count=self.switches.page_default,
            max_count=self.switches.page_max,
            resource_type=resource_type,
            lenient=self._is_lenient(call),
        )

    async def _listed(self, service: Service, query: Query, call: Call) -> Answer:
        listing = await service.reading.listing(query, call.base)
        return _json(200, _list_document(listing), headers=listing.headers)

    def _answer(self, status: int, service: Service, resource: Resource, query: Query) -> Answer:
        shown = service.reading.shown(resource, service.reading.projection(query), query.members_type)
        return _json(status, shown, location=resource.location, etag=resource.etag)

    async def _written(
        self, status: int, service: Service, resource: Resource | None, query: Query, call: Call
    ) -> Answer:
        """After a write; a resource that the read condition hides now has no body to show. Members that were asked for
        are read, if the backend left them out because they are many."""
        if resource is None:
            return Answer(204)
        if (
            service.endpoint.entity_type == "group"
            and _asks_for(query, "members")
            and "members" not in resource.document
        ):
            resource = await service.reading.one(resource.document["id"], call.base)
        limit = service.endpoint.switches.members_limit
        members = resource.document.get("members")
        if members is not None and len(members) > limit and not _asks_for(query, "members"):
            fewer = {name: value for name, value in resource.document.items() if name != "members"}
            resource = Resource(resource.entity, fewer, resource.location, resource.version)
        return self._answer(status, service, resource, query)

    def _answers_patch_without_body(self, service: Service, query: Query, call: Call) -> bool:
        switches = service.endpoint.switches
        if query.attributes or query.excluded_attributes:
            return False
        dialect = switches.dialect if call.dialect is None else call.dialect
        bodiless = GROUP_PATCH_WITHOUT_BODY in dialect and service.endpoint.entity_type == "group"
        return switches.patch_no_content or bodiless


def _asks_for(query: Query, name: str) -> bool:
    return any(asked.rsplit(":", 1)[-1].split(".")[0].lower() == name for asked in query.attributes)


def _list_document(listing: Listing) -> Document:
    return list_response(
        listing.resources,
        total=listing.total,
        start_index=listing.start_index,
        items_per_page=listing.items_per_page,
        next_cursor=listing.next_cursor,
    )


def _json(
    status: int,
    document: Shown,
    *,
    location: str | None = None,
    etag: str | None = None,
    headers: Headers = (),
) -> Answer:
    return Answer(status, orjson.dumps(document), location, etag, headers)
