"""What stands behind the web: providers of SCIM, and who tells whether they are well."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from proxeny.provisioning.endpoints.exchange import Answer, Call, Params


class Provider(Protocol):
    """One SCIM service provider (a proxy system or the directory). Every method answers, or raises ScimError. Whoever
    calls one is in ``use`` meanwhile."""

    @property
    def use(self) -> AbstractContextManager[None]: ...

    async def search(self, endpoint: str, params: Params, call: Call) -> Answer: ...

    async def search_document(self, endpoint: str | None, document: Any, call: Call) -> Answer:
        """``POST …/.search``; ``endpoint`` is None at the root."""
        ...

    async def read(self, endpoint: str, entity_id: str, params: Params, call: Call) -> Answer: ...

    async def create(self, endpoint: str, document: Any, params: Params, call: Call) -> Answer: ...

    async def replace(self, endpoint: str, entity_id: str, document: Any, params: Params, call: Call) -> Answer: ...

    async def patch(self, endpoint: str, entity_id: str, document: Any, params: Params, call: Call) -> Answer: ...

    async def delete(self, endpoint: str, entity_id: str, call: Call) -> Answer: ...

    async def bulk(self, document: Any, call: Call) -> Answer: ...

    async def me(self, params: Params, call: Call) -> Answer: ...

    async def service_provider_config(self, call: Call) -> Answer: ...

    async def resource_types(self, call: Call) -> Answer: ...

    async def resource_type(self, name: str, call: Call) -> Answer: ...

    async def schemas(self, call: Call) -> Answer: ...

    async def schema(self, urn: str, call: Call) -> Answer: ...

    async def create_schema(self, document: Any, call: Call) -> Answer: ...

    async def delete_schema(self, urn: str, call: Call) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Health:
    """``problems`` by part (``database``): what is wrong; none means ready. ``warnings`` do not count."""

    problems: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return not self.problems


class Gateway(Protocol):
    @property
    def directory(self) -> Provider: ...

    async def provider(self, system: str) -> Provider:
        """The proxy system of that id or name; raises UnknownSystemError or SystemNotReadyError."""
        ...

    def names(self, system: str) -> frozenset[str]:
        """Id and name of the system that is meant; empty if there is none."""
        ...

    async def health(self) -> Health: ...
