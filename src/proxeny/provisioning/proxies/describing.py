"""What one system says of itself: ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644 §4), true of what is
behind it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from proxeny.connectors.spi import Capabilities
from proxeny.documents import Document
from proxeny.provisioning.endpoints.cursors import LIFETIME
from proxeny.provisioning.endpoints.endpoint import Endpoint
from proxeny.provisioning.systems.switches import Switches
from proxeny.scim.discovery import (
    Features,
    resource_type_document,
    schema_document,
    service_provider_config,
)
from proxeny.scim.errors import ResourceNotFoundError
from proxeny.scim.messages import list_response
from proxeny.scim.schema import Schema, builtin_schema

BULK_OPERATIONS = 100

_OWN_SCHEMAS = ("service-provider-config", "resource-type", "schema")


class Description:
    """The discovery documents of one system."""

    def __init__(self, endpoints: Sequence[Endpoint], switches: Switches) -> None:
        self._endpoints = endpoints
        self._switches = switches

    def service_provider_config(self, base: str, body_bytes: int) -> Document:
        """``body_bytes``: the most that the body of a request may have, a bulk request's too."""
        return service_provider_config(replace(self._features, bulk_max_payload_size=body_bytes), base)

    def resource_types(self, base: str) -> Document:
        documents = [resource_type_document(each.described, base) for each in self._endpoints]
        return list_response(documents, total=len(documents), start_index=1)

    def resource_type(self, name: str, base: str) -> Document:
        for each in self._endpoints:
            if each.described.name.lower() == name.lower():
                return resource_type_document(each.described, base)
        raise ResourceNotFoundError(f"There is no resource type {name!r}; see /ResourceTypes.")

    def schemas(self, base: str) -> Document:
        documents = [schema_document(schema, base) for schema in self._schemas.values()]
        return list_response(documents, total=len(documents), start_index=1)

    def schema(self, urn: str, base: str) -> Document:
        schema = self._schemas.get(urn.lower())
        if schema is None:
            raise ResourceNotFoundError(f"There is no schema {urn!r}; see /Schemas.")
        return schema_document(schema, base)

    @cached_property
    def _schemas(self) -> Mapping[str, Schema]:
        own = [schema for each in self._endpoints for schema in each.described.schemas]
        return {schema.id.lower(): schema for schema in (*own, *map(builtin_schema, _OWN_SCHEMAS))}

    @cached_property
    def _features(self) -> Features:
        abilities = [Capabilities.of(each.connector) for each in self._endpoints]
        writes = not self._switches.read_only
        return Features(
            patch=writes and any(each.patch or each.replace for each in abilities),
            bulk=writes and any(each.create or each.replace or each.delete for each in abilities),
            bulk_max_operations=BULK_OPERATIONS,
            max_results=self._switches.page_max,
            default_page_size=self._switches.page_default,
            change_password=writes and any(_takes_password(each) for each in self._endpoints),
            cursor_timeout=LIFETIME,
        )


def _takes_password(endpoint: Endpoint) -> bool:
    return endpoint.described.schema.attribute("password") is not None
