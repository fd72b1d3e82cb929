"""A small SCIM provider that keeps users and groups in memory: enough to see what the web does with its port."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import orjson

from proxeny.provisioning.endpoints.exchange import Answer, Call, Params
from proxeny.provisioning.errors import SystemNotReadyError, UnknownSystemError
from proxeny.scim.errors import PreconditionFailedError, ResourceNotFoundError, UniquenessError
from proxeny.web.ports import Health


class MemoryProvider:
    """Resources by endpoint and id. ``calls`` keeps every call; ``slow`` is how long a search takes, in seconds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.use = nullcontext()
        self.resources: dict[str, dict[str, dict[str, Any]]] = {"Users": {}, "Groups": {}}
        self.calls: list[Call] = []
        self.slow = 0.0
        self.fail: Exception | None = None
        self._numbers = itertools.count(1)

    def _kind(self, endpoint: str) -> dict[str, dict[str, Any]]:
        if endpoint not in self.resources:
            raise ResourceNotFoundError(f"There is no endpoint {endpoint}.")
        return self.resources[endpoint]

    def _one(self, endpoint: str, entity_id: str) -> dict[str, Any]:
        try:
            return self._kind(endpoint)[entity_id]
        except KeyError:
            raise ResourceNotFoundError(f"There is no resource {entity_id!r}.") from None

    def _answer(self, status: int, endpoint: str, resource: dict[str, Any], call: Call) -> Answer:
        location = f"{call.base}/{endpoint}/{resource['id']}"
        body = {**resource, "meta": {"location": location}}
        version = f'W/"{resource.get("n", 0)}"'
        return Answer(status, orjson.dumps(body), location if status == 201 else None, version)

    async def search(self, endpoint: str, params: Params, call: Call) -> Answer:
        self.calls.append(call)
        if self.fail is not None:
            raise self.fail
        if self.slow:
            await asyncio.sleep(self.slow)
        found = list(self._kind(endpoint).values())
        return Answer(200, orjson.dumps({"totalResults": len(found), "Resources": found, "params": params}))

    async def search_document(self, endpoint: str | None, document: Any, call: Call) -> Answer:
        return await self.search(endpoint or "Users", tuple(document.items()), call)

    async def read(self, endpoint: str, entity_id: str, params: Params, call: Call) -> Answer:
        self.calls.append(call)
        return self._answer(200, endpoint, self._one(endpoint, entity_id), call)

    async def create(self, endpoint: str, document: Any, params: Params, call: Call) -> Answer:
        kind = self._kind(endpoint)
        if any(other.get("userName") == document.get("userName") for other in kind.values()):
            raise UniquenessError("The userName is taken.")
        resource = {**document, "id": document.get("id") or str(next(self._numbers))}
        kind[resource["id"]] = resource
        return self._answer(201, endpoint, resource, call)

    async def replace(self, endpoint: str, entity_id: str, document: Any, params: Params, call: Call) -> Answer:
        old = self._one(endpoint, entity_id)
        if call.if_match is not None and call.if_match != f'W/"{old.get("n", 0)}"':
            raise PreconditionFailedError("It has changed.")
        resource = {**document, "id": entity_id, "n": old.get("n", 0) + 1}
        self.resources[endpoint][entity_id] = resource
        return self._answer(200, endpoint, resource, call)

    async def patch(self, endpoint: str, entity_id: str, document: Any, params: Params, call: Call) -> Answer:
        resource = self._one(endpoint, entity_id)
        for operation in document["Operations"]:
            resource[operation["path"]] = operation["value"]
        return self._answer(200, endpoint, resource, call)

    async def delete(self, endpoint: str, entity_id: str, call: Call) -> Answer:
        self._one(endpoint, entity_id)
        del self.resources[endpoint][entity_id]
        return Answer(204)

    async def bulk(self, document: Any, call: Call) -> Answer:
        return Answer(200, orjson.dumps({"Operations": document["Operations"]}))

    async def me(self, params: Params, call: Call) -> Answer:
        return Answer(200, orjson.dumps({"id": call.caller}))

    async def service_provider_config(self, call: Call) -> Answer:
        return Answer(200, orjson.dumps({"base": call.base}))

    async def resource_types(self, call: Call) -> Answer:
        return Answer(200, orjson.dumps({"base": call.base}))

    async def resource_type(self, name: str, call: Call) -> Answer:
        return Answer(200, orjson.dumps({"name": name}))

    async def schemas(self, call: Call) -> Answer:
        return Answer(200, orjson.dumps({"base": call.base}))

    async def schema(self, urn: str, call: Call) -> Answer:
        return Answer(200, orjson.dumps({"id": urn}))

    async def create_schema(self, document: Any, call: Call) -> Answer:
        return Answer(201, orjson.dumps(document))

    async def delete_schema(self, urn: str, call: Call) -> Answer:
        return Answer(204)


class MemoryGateway:
    """Two proxy systems, ``hr`` (named HR) and ``crm``, one that is not ready, and a directory."""

    def __init__(self) -> None:
        self.systems = {"hr": MemoryProvider("hr"), "crm": MemoryProvider("crm")}
        self._directory = MemoryProvider("directory")
        self.state = Health()
        self.before_health: Callable[[], None] = lambda: None

    @property
    def directory(self) -> MemoryProvider:
        return self._directory

    async def provider(self, system: str) -> MemoryProvider:
        if system == "broken":
            raise SystemNotReadyError("The system cannot be opened at the moment.")
        try:
            return self.systems[system.lower()]
        except KeyError:
            raise UnknownSystemError(system) from None

    def names(self, system: str) -> frozenset[str]:
        known = system.lower()
        return frozenset({known, known.upper()}) if known in self.systems else frozenset()

    async def health(self) -> Health:
        return self.state
