"""What the gateway itself writes into a resource before a client sees it: meta, location and ``$ref`` (decision 1)."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
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


def locations_of(ids: Sequence[str], collection: str) -> list[str]:
    """Where the resources of these ids are in ``collection``, which ends in ``/``."""
    if _PLAIN_ID.fullmatch("".join(ids)):
        return [collection + each for each in ids]
    return [collection + encoded_id(each) for each in ids]


@lru_cache(maxsize=1024)
def _tagged(version: str) -> tuple[str, str]:
    """A backend's version without its marks, and the ETag of it."""
    bare = opaque(version)
    return bare, etag(bare)


def _version_of(entity: Entity, document: Document, partial: bool) -> tuple[str, str | None]:
    """The backend's version and its ETag; where it has none, the fingerprint of what the client sees, if that is all:
    of a part it would be a version that the resource never has."""
    if entity.version is not None:
        return _tagged(entity.version)
    if partial:
        return "", None
    version = fingerprint(document)
    return version, etag(version)


def schemas_of(document: Document, resource_type: ResourceType) -> list[str]:
    """The core schema, and those whose extensions are there."""
    return [resource_type.schema.id, *(name for name in document if resource_type.extension(name))]


def own_id(document: Document, entity: Entity) -> str:
    """The id that the document shows, which it gets where it has none."""
    shown = document.get("id")
    if not isinstance(shown, str):
        shown = document["id"] = entity.id if shown is None else str(shown)
    return shown


def complete(document: Document, entity: Entity, location: str, resource_type: str, *, partial: bool = False) -> str:
    """Gives ``document``, which has its id and ``refer`` behind it, its meta in place; returns its version, or "" where
    it is not known: the backend has none, and the entity is ``partial``."""
    written = document.pop("meta", None)
    version, tag = _version_of(entity, document, partial)
    created, modified = entity.created, entity.last_modified
    if type(written) is dict:
        created = created or written.get("created")
        modified = modified or written.get("lastModified")
    meta: Document = {"resourceType": resource_type}
    if created is not None:
        meta["created"] = created
    if modified is not None:
        meta["lastModified"] = modified
    meta["location"] = location
    if tag is not None:
        meta["version"] = tag
    document["meta"] = meta
    return version


def names_others(document: Document) -> bool:
    """Whether ``document`` may name other resources, which ``refer`` gives a ``$ref``."""
    if "members" in document or "groups" in document:
        return True
    enterprise = document.get(ENTERPRISE_USER)
    return type(enterprise) is dict and "manager" in enterprise


def refer(document: Document, base: str, references: References) -> None:
    """Every ``$ref`` of the resource is ours or none, so that no address of the backend leaks; what names another
    resource gets one. A version that is a fingerprint is made after it."""
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
