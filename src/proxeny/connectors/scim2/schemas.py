"""What a SCIM server says of its resources (RFC 7643 §6, §7, RFC 7644 §4): /ResourceTypes and /Schemas, as values.

Servers are careless here, so what is of another kind than the standard says is left out, and what is missing has the
standard's default. A server that names no core schema of a type says nothing of that type.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from proxeny.connectors.errors import ConnectorError
from proxeny.connectors.outbound.client import Client
from proxeny.documents import Document
from proxeny.scim.schema import COMMON, GROUP_TYPE, USER_TYPE, Attribute, Schema

logger = logging.getLogger("proxeny.scim2")

SECONDS, SECONDS_AFTER_FAILURE = 600.0, 60.0
_PATIENCE = 10.0  # seconds that a client's request waits for discovery
_MOST_SCHEMAS, _DEPTH = 200, 3

Told = Mapping[str, tuple[Schema, ...]]
"""The schemas of entity types, core first."""

_KNOWN = {"user": USER_TYPE, "group": GROUP_TYPE}
_TYPES = {
    name.lower(): name
    for name in ("string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex")
}
_WORDS = {
    "mutability": ("readOnly", "readWrite", "immutable", "writeOnly"),
    "returned": ("always", "never", "default", "request"),
    "uniqueness": ("none", "server", "global"),
}


class SchemaDiscovery:
    """The schemas of one server, asked for when they are first needed and again every ten minutes."""

    def __init__(self, client: Client, base_path: str, headers: Mapping[str, str], system: str) -> None:
        self._client, self._base_path, self._headers, self._system = client, base_path, headers, system
        self._told: Told = {}
        self._until = 0.0
        self._asking = asyncio.Lock()

    @property
    def due(self) -> bool:
        """Whether it is time to ask (again)."""
        return time.monotonic() > self._until

    async def told(self) -> Told:
        """What the server says; the last answer, or nothing, where it cannot be asked. Never raises.

        Only the first answer is waited for by everyone; later one caller asks again, and the last answer serves others.
        """
        if self._until and self._asking.locked():
            return self._told
        async with self._asking:
            if self.due:
                self._until = time.monotonic() + (SECONDS if await self._ask() else SECONDS_AFTER_FAILURE)
        return self._told

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                schemas = read_schemas(await self._list("Schemas"))
                told = by_entity_type(schemas, await self._resource_types())
        except (ConnectorError, TimeoutError) as error:
            self._tell(str(error) or "it takes too long")
            return False
        if not told:
            self._tell("it names no core schema of users or groups")
        self._told = told
        return True

    def _tell(self, why: str) -> None:
        known = "its last answer counts" if self._told else "the standard's own schemas count"
        logger.warning("the backend does not tell its /Schemas, so %s: %s", known, why, extra={"system": self._system})

    async def _resource_types(self) -> list[Document]:
        try:
            return await self._list("ResourceTypes")
        except ConnectorError:  # then the names of the schemas tell where they belong
            return []

    async def _list(self, name: str) -> list[Document]:
        answer = await self._client.call("GET", f"{self._base_path}/{name}", headers=self._headers)
        body = answer.json()
        items = body.get("Resources") if isinstance(body, dict) else body
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def read_schemas(documents: Iterable[Document]) -> dict[str, Schema]:
    """Schemas by their id in lower case."""
    found: dict[str, Schema] = {}
    for document in [*documents][:_MOST_SCHEMAS]:
        urn, name = document.get("id"), document.get("name")
        if not isinstance(urn, str) or not urn.lower().startswith("urn:"):
            continue
        attributes = tuple(each for each in _attributes(document.get("attributes"), 0) if not _is_common(each))
        label = name if isinstance(name, str) else urn.rsplit(":", 1)[-1]
        found[urn.lower()] = Schema(urn, label, _text(document.get("description")), attributes)
    return found


def by_entity_type(schemas: Mapping[str, Schema], resource_types: Iterable[Document]) -> Told:
    """The schemas of users and groups: as /ResourceTypes has it, else by the last part of the schemas' names."""
    endpoints = {str(each.get("endpoint", "")).strip("/").lower(): each for each in resource_types}
    told: dict[str, tuple[Schema, ...]] = {}
    for entity_type, known in _KNOWN.items():
        core = schemas.get(known.schema.id.lower())
        if core is None or not core.attributes:
            continue
        described = endpoints.get(known.endpoint.lower())
        urns = _named_alike(schemas, known.name) if described is None else _extensions(described)
        told[entity_type] = (core, *(schemas[urn] for urn in urns if urn in schemas and urn != core.id.lower()))
    return told


def _extensions(resource_type: Document) -> list[str]:
    listed = resource_type.get("schemaExtensions")
    named = [each.get("schema") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [urn.lower() for urn in dict.fromkeys(named) if isinstance(urn, str)]


def _named_alike(schemas: Mapping[str, Schema], name: str) -> list[str]:
    return [urn for urn in schemas if urn.rpartition(":")[2] == name.lower()]


def _is_common(attribute: Attribute) -> bool:
    return COMMON.attribute(attribute.name) is not None


def _attributes(listed: Any, depth: int) -> Iterable[Attribute]:
    seen: set[str] = set()
    for document in listed if isinstance(listed, list) else ():
        name = document.get("name") if isinstance(document, dict) else None
        if isinstance(name, str) and name and name.lower() not in seen:
            seen.add(name.lower())
            yield _attribute(name, document, depth)


def _attribute(name: str, document: Document, depth: int) -> Attribute:
    kind = _TYPES.get(_text(document.get("type")).lower(), "string")
    complex_ = kind == "complex" and depth + 1 < _DEPTH
    words = {key: said for key, known in _WORDS.items() if (said := document.get(key)) in known}
    return Attribute(
        name=name,
        type=kind,
        multi_valued=document.get("multiValued") is True,
        description=_text(document.get("description")),
        required=document.get("required") is True,
        canonical_values=_texts(document.get("canonicalValues")),
        case_exact=document.get("caseExact") is True,
        reference_types=_texts(document.get("referenceTypes")),
        sub_attributes=tuple(_attributes(document.get("subAttributes"), depth + 1)) if complex_ else (),
        **words,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
