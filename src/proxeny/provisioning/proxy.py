"""SCIM operations on one system: what web calls for every request below a SCIM base."""

from typing import cast

from proxeny.documents import Document
from proxeny.provisioning.endpoints.exchange import Answer, Call, Params
from proxeny.provisioning.endpoints.root_search import everywhere
from proxeny.provisioning.proxies.bulk import carry_out
from proxeny.provisioning.proxies.custom_schemas import CustomSchemas
from proxeny.provisioning.proxies.describing import Description
from proxeny.provisioning.proxies.service import Service, json_answer, list_answer, search_request
from proxeny.provisioning.systems.switches import Switches
from proxeny.provisioning.systems.use import Use
from proxeny.scim.discovery import schema_document
from proxeny.scim.errors import NotImplementedByBackendError, ResourceNotFoundError
from proxeny.scim.etag import Preconditions
from proxeny.scim.filter.ast import AttributePath, Comparison
from proxeny.scim.query import Query


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
        use: Use | None = None,
    ) -> None:
        """``callers`` is the endpoint where a caller may be found by userName (``/Me``), if there is one; whoever calls
        is at work in ``use`` meanwhile."""
        self.use = use or Use()
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
        query = service.query(params, call)
        answer = await service.listed(query, call)
        if query.cursor is None:
            service.answers.keep(key, since, answer)
        return answer

    async def search_document(self, endpoint: str | None, document: Document, call: Call) -> Answer:
        """``POST .search`` (RFC 7644 §3.4.3) on an endpoint; on the root over every endpoint, one after the other."""
        if endpoint is not None:
            service = self._service(endpoint)
            return await service.listed(search_request(document, service.endpoint.readable, self.switches, call), call)
        listing = await everywhere(
            [each.reading for each in self._services.values()],
            search_request(document, None, self.switches, call),
            call.base,
        )
        return list_answer(listing)

    async def read(self, endpoint: str, entity_id: str, params: Params, call: Call) -> Answer:
        service = self._service(endpoint)
        if call.conditional:
            return await self._read(service, entity_id, params, call)
        key = (entity_id, params, call.base, call.dialect)
        if (known := service.answers.find(key)) is not None:
            return known
        since = service.answers.state
        answer = await self._read(service, entity_id, params, call)
        service.answers.keep(key, since, answer)
        return answer

    async def _read(self, service: Service, entity_id: str, params: Params, call: Call) -> Answer:
        query = service.query(params, call)
        conditions = Preconditions.of(call.if_match, call.if_none_match)
        resource = await service.reading.one(entity_id, call.base, omit=service.reading.omitted(query))
        if not conditions.is_empty and not resource.version:  # it is made of all that there is
            resource = await service.reading.one(entity_id, call.base)
        if not conditions.is_empty and conditions.decide(resource.version, reading=True) == "not-modified":
            return Answer(304, etag=resource.etag)
        return service.answer(200, resource, query)

    async def create(self, endpoint: str, document: Document, params: Params, call: Call) -> Answer:
        service = self._service(endpoint)
        query = service.query(params, call)
        resource = await service.writing.create(document, call)
        return await service.written(201, resource, query, call)

    async def replace(self, endpoint: str, entity_id: str, document: Document, params: Params, call: Call) -> Answer:
        service = self._service(endpoint)
        query = service.query(params, call)
        resource = await service.writing.replace(entity_id, document, call)
        if resource is not None and service.answers_replace_without_body(query):
            return Answer(204, location=resource.location, etag=resource.etag)
        return await service.written(200, resource, query, call)

    async def patch(self, endpoint: str, entity_id: str, document: Document, params: Params, call: Call) -> Answer:
        service = self._service(endpoint)
        query = service.query(params, call)
        resource = await service.writing.patch(entity_id, document, call)
        if resource is not None and service.answers_patch_without_body(query, call):
            return Answer(204, location=resource.location, etag=resource.etag)
        return await service.written(200, resource, query, call)

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
        return json_answer(201, made, location=made["meta"]["location"])

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
        return await self.read(self._callers, entity_id, params, call)

    # -- description ----------------------------------------------------------------------------------------------

    async def service_provider_config(self, call: Call) -> Answer:
        return json_answer(200, self._description.service_provider_config(call.base, call.body_bytes))

    async def resource_types(self, call: Call) -> Answer:
        return json_answer(200, self._description.resource_types(call.base))

    async def resource_type(self, name: str, call: Call) -> Answer:
        return json_answer(200, self._description.resource_type(name, call.base))

    async def schemas(self, call: Call) -> Answer:
        return json_answer(200, self._description.schemas(call.base))

    async def schema(self, urn: str, call: Call) -> Answer:
        return json_answer(200, self._description.schema(urn, call.base))

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
