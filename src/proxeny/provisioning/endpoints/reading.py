"""The reading side of one endpoint: one resource by its id, and lists."""

from proxeny.connectors.errors import ConnectorError, NotFoundError
from proxeny.connectors.spi import Entity
from proxeny.provisioning.endpoints.endpoint import Hidden, Resource
from proxeny.provisioning.endpoints.failures import without_filter
from proxeny.provisioning.endpoints.listing import Lists
from proxeny.scim.errors import ResourceNotFoundError, ScimError


class Reading(Lists):
    """The reading side of one endpoint."""

    async def one(self, url_id: str, base: str, *, omit: frozenset[str] = frozenset()) -> Resource:
        """The visible resource of that id, or ResourceNotFoundError; 500 if the read transformation fails on it."""
        entity = await self.native(url_id, omit=omit)
        seen = self._endpoint.see(entity, base, keep=True, partial=bool(omit))
        if isinstance(seen, Resource):
            return seen
        if isinstance(seen, Hidden):
            raise self._not_found(url_id)
        raise self._endpoint.unreadable(entity.id, seen.message)

    async def native(self, url_id: str, *, omit: frozenset[str] = frozenset()) -> Entity:
        """The native entity behind an id of a URL, within the system's property filter."""
        endpoint = self._endpoint
        try:
            native_id = endpoint.identity.native(url_id)
            if native_id is None or endpoint.property_filter is not None:
                return await self._searched(url_id)
            return await self._reader.read(endpoint.entity_type, native_id, omit=omit)
        except NotFoundError:
            raise self._not_found(url_id) from None
        except ConnectorError as error:
            raise endpoint.failure(without_filter(error)) from error

    async def _searched(self, url_id: str) -> Entity:
        """Where the SCIM id is another field than the backend's, or a property filter limits what exists here (decision
        3).
        """
        endpoint = self._endpoint
        matches = self._reader.read_all(
            endpoint.entity_type, endpoint.identity.filter(url_id), native_filter=endpoint.property_filter
        )
        async for entity in matches:
            if endpoint.identity.matches(entity, url_id):
                return entity
        raise self._not_found(url_id)

    async def by_native_id(self, native_id: str) -> Entity:
        """The entity after a write, by the id that the backend knows."""
        endpoint = self._endpoint
        try:
            return await self._reader.read(endpoint.entity_type, native_id)
        except ConnectorError as error:
            raise endpoint.failure(error) from error

    def _not_found(self, url_id: str) -> ScimError:
        return ResourceNotFoundError(f"{self._endpoint.resource_type.name} {url_id!r} was not found.")
