"""What the gateway itself writes into a resource before a client sees it: meta, location and ``$ref`` (decision 1)."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from proxeny.connectors.spi import Entity
from proxeny.documents import Document, fingerprint
from proxeny.scim.etag import etag, opaque
from proxeny.scim.schema import ENTERPRISE_USER, ResourceType

_PLAIN_ID = re.compile(r"[A-Za-z0-9._~-]+")
References = Mapping[str, str]
"""Which endpoint serves an entity type: ``user`` → ``Users``."""


def encoded_id(entity_id: str) -> str:
    """The id as one path segment of a URL (RFC 3986 §3.3)."""
    return entity_id if _PLAIN_ID.fullmatch(entity_id) else quote(entity_id, safe="")


def version_of(entity: Entity, document: Document) -> str:
    """The backend's version; where it has none, the fingerprint of what the client sees."""
    return opaque(entity.version) if entity.version is not None else fingerprint(document)


def present(
    document: Document, entity: Entity, *, base: str, endpoint: str, resource_type: ResourceType, references: References
) -> tuple[str, str]:
    """Completes ``document`` in place; returns location and version. No address of the backend leaks."""
    if not document.get("schemas"):
        document["schemas"] = [resource_type.schema.id, *(name for name in document if resource_type.extension(name))]
    entity_id = document.get("id")
    if not isinstance(entity_id, str):
        entity_id = document["id"] = entity.id if entity_id is None else str(entity_id)
    location = f"{base}/{endpoint}/{encoded_id(entity_id)}"
    written = document.get("meta")
    meta: Document = {"resourceType": resource_type.name}
    for key, declared in (("created", entity.created), ("lastModified", entity.last_modified)):
        value = declared or (written.get(key) if type(written) is dict else None)
        if value is not None:
            meta[key] = value
    meta["location"] = location
    _refer(document, base, references)
    document.pop("meta", None)
    version = version_of(entity, document)
    meta["version"] = etag(version)
    document["meta"] = meta
    return location, version


def _refer(document: Document, base: str, references: References) -> None:
    """Every ``$ref`` of the resource is ours or none; the values of other resources get one."""
    for name, value in document.items():
        kind = type(value)
        if kind is list:
            if name == "members":
                _refer_members(value, base, references)
            else:
                _refer_list(value, base, references.get("group") if name == "groups" else None)
        elif kind is dict and ":" in name:
            _refer_extension(name, value, base, references)
        elif kind is dict:
            value.pop("$ref", None)


def _refer_list(values: list[Document], base: str, endpoint: str | None) -> None:
    for value in values:
        if type(value) is dict:
            _refer_value(value, base, endpoint)


def _refer_value(value: Document, base: str, endpoint: str | None) -> None:
    if endpoint is not None and type(target := value.get("value")) is str:
        value["$ref"] = f"{base}/{endpoint}/{encoded_id(target)}"
    else:
        value.pop("$ref", None)


def _refer_members(members: list[Document], base: str, references: References) -> None:
    for member in members:
        if type(member) is dict:
            kind = member.get("type")
            _refer_value(member, base, references.get(kind.lower()) if type(kind) is str else None)


def _refer_extension(urn: str, extension: Document, base: str, references: References) -> None:
    for name, value in extension.items():
        if type(value) is list:
            _refer_list(value, base, None)
        elif type(value) is dict:
            manager = urn == ENTERPRISE_USER and name == "manager"
            _refer_value(value, base, references.get("user") if manager else None)
