"""What the gateway itself writes into a resource before a client sees it: meta, location and ``$ref`` (decision 1)."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from proxeny.connectors.spi import Entity
from proxeny.documents import Document, fingerprint
from proxeny.scim.etag import etag, opaque
from proxeny.scim.schema import ENTERPRISE_USER, ResourceType

_PLAIN_ID = re.compile(r"[A-Za-z0-9._~-]+")
_NOTHING: Document = {}
References = Mapping[str, str]
"""Which endpoint serves an entity type: ``user`` → ``Users``."""


def encoded_id(entity_id: str) -> str:
    """The id as one path segment of a URL (RFC 3986 §3.3)."""
    return entity_id if _PLAIN_ID.fullmatch(entity_id) else quote(entity_id, safe="")


def version_of(entity: Entity, document: Document) -> str:
    """The backend's version; where it has none, the fingerprint of what the client sees."""
    return opaque(entity.version) if entity.version is not None else fingerprint(document)


def schemas_of(document: Document, resource_type: ResourceType) -> list[str]:
    """The core schema, and those whose extensions are there."""
    return [resource_type.schema.id, *(name for name in document if resource_type.extension(name))]


def own_id(document: Document, entity: Entity) -> str:
    """The id that the document shows, which it gets where it has none."""
    shown = document.get("id")
    if not isinstance(shown, str):
        shown = document["id"] = entity.id if shown is None else str(shown)
    return shown


def present(
    document: Document, entity: Entity, location: str, base: str, resource_type: str, references: References
) -> str:
    """Completes ``document``, which has its id, in place; returns its version. No address of the backend leaks."""
    written = document.pop("meta", None)
    if type(written) is not dict:
        written = _NOTHING
    meta: Document = {"resourceType": resource_type}
    if (created := entity.created or written.get("created")) is not None:
        meta["created"] = created
    if (modified := entity.last_modified or written.get("lastModified")) is not None:
        meta["lastModified"] = modified
    meta["location"] = location
    _refer(document, base, references)
    version = version_of(entity, document)
    meta["version"] = etag(version)
    document["meta"] = meta
    return version


def _refer(document: Document, base: str, references: References) -> None:
    """Every ``$ref`` of the resource is ours or none; the values of other resources get one."""
    for name, value in document.items():
        kind = value.__class__
        if kind is str:
            continue
        if kind is list:
            if name == "members":
                _refer_members(value, base, references)
            elif name == "groups":
                _refer_groups(value, base, references.get("group"))
            else:
                for each in value:
                    if each.__class__ is dict and "$ref" in each:
                        del each["$ref"]
        elif kind is dict:
            if ":" in name:
                _refer_extension(name, value, base, references)
            elif "$ref" in value:
                del value["$ref"]


def _refer_nowhere(values: list[Document]) -> None:
    for value in values:
        if value.__class__ is dict and "$ref" in value:
            del value["$ref"]


def _refer_groups(groups: list[Document], base: str, endpoint: str | None) -> None:
    for group in groups:
        if type(group) is dict:
            _refer_value(group, base, endpoint)


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
        kind = value.__class__
        if kind is str:
            continue
        if kind is list:
            _refer_nowhere(value)
        elif kind is dict:
            manager = urn == ENTERPRISE_USER and name == "manager"
            _refer_value(value, base, references.get("user") if manager else None)
