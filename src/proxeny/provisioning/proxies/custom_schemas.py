"""Adding schemas to the Identity Directory and taking them away (``POST``/``DELETE /scim/Schemas``, operations.md §15).

A schema adds attributes to users. It does not change: whoever wants another deletes it, which drops its values.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proxeny.connectors.errors import ConnectorError
from proxeny.connectors.spi import SchemaKeeper
from proxeny.documents import Document
from proxeny.provisioning.endpoints.failures import as_scim_error
from proxeny.scim.custom_schema import MOST_SCHEMAS, custom_schema
from proxeny.scim.discovery import schema_document
from proxeny.scim.errors import ForbiddenToAllError
from proxeny.scim.schema import GROUP_TYPE, USER_TYPE, Schema, builtin_schema

PREDEFINED = frozenset(
    schema.id.lower()
    for schema in (
        *USER_TYPE.schemas,
        *GROUP_TYPE.schemas,
        *map(builtin_schema, ("service-provider-config", "resource-type", "schema")),
    )
)
"""The ids, in lower case, of schemas that are always there."""

Changed = Callable[[], Awaitable[None]]
"""Told after every change, so that all systems over the same directory know of it."""


@dataclass(frozen=True, slots=True)
class CustomSchemas:
    """The schemas that clients may make and take away; ``predefined`` (ids in lower case): those that they may not."""

    keeper: SchemaKeeper
    predefined: frozenset[str]
    changed: Changed

    async def create(self, document: Document) -> Schema:
        """InvalidValueError, InvalidSyntaxError; UniquenessError if there is one of that id."""
        schema = custom_schema(document)
        kept = schema_document(schema, "")
        try:
            await self.keeper.add_schema({name: kept[name] for name in _KEPT}, MOST_SCHEMAS)
        except ConnectorError as error:
            raise as_scim_error(error) from error
        await self.changed()
        return schema

    async def delete(self, urn: str) -> None:
        """ForbiddenToAllError for a predefined one, ResourceNotFoundError for one that is not there."""
        if urn.lower() in self.predefined:
            raise ForbiddenToAllError(f"{urn} is predefined and cannot be deleted; only custom schemas can.")
        try:
            await self.keeper.remove_schema(urn)
        except ConnectorError as error:
            raise as_scim_error(error) from error
        await self.changed()


_KEPT = ("id", "name", "description", "attributes")
