"""What the gateway itself writes into a resource before a client sees it: meta, location and ``$ref`` (decision 1)."""

import re
from urllib.parse import quote

from proxeny.connectors.spi import Entity
from proxeny.documents import Document, fingerprint
from proxeny.scim.etag import etag
from proxeny.scim.schema import ENTERPRISE_USER

_PLAIN_ID = re.compile(r"[A-Za-z0-9._~-]+")
_TYPE_ENDPOINTS = {"user": "Users", "group": "Groups"}
_REFERENCE_ENDPOINTS = {"groups": "Groups"}


def encoded_id(entity_id: str) -> str:
    """The id as one path segment of a URL (RFC 3986 §3.3)."""
    return entity_id if _PLAIN_ID.fullmatch(entity_id) else quote(entity_id, safe="")


def version_of(entity: Entity, document: Document) -> str:
    """The backend's version; where it has none, the fingerprint of what the client sees."""
    return entity.version if entity.version is not None else fingerprint(document)


def present(document: Document, entity: Entity, *, base: str, endpoint: str, resource_type: str) -> tuple[str, str]:
    """Completes ``document`` in place; returns location and version. No address of the backend leaks."""
    entity_id = document.get("id")
    if not isinstance(entity_id, str):
        entity_id = document["id"] = entity.id if entity_id is None else str(entity_id)
    location = f"{base}/{endpoint}/{encoded_id(entity_id)}"
    written = document.get("meta")
    meta: Document = {"resourceType": resource_type}
    for key, declared in (("created", entity.created), ("lastModified", entity.last_modified)):
        value = declared or (written.get(key) if type(written) is dict else None)
        if value is not None:
            meta[key] = value
    meta["location"] = location
    _refer(document, base)
    document.pop("meta", None)
    version = version_of(entity, document)
    meta["version"] = etag(version)
    document["meta"] = meta
    return location, version


def _refer(document: Document, base: str) -> None:
    """Every ``$ref`` of the resource is ours or none; the values of other resources get one."""
    for name, value in document.items():
        kind = type(value)
        if kind is list:
            _refer_list(name, value, base)
        elif kind is dict and ":" in name:
            _refer_extension(name, value, base)
        elif kind is dict:
            value.pop("$ref", None)


def _refer_list(name: str, values: list[Document], base: str) -> None:
    if name == "members":
        for value in values:
            if type(value) is dict:
                _refer_member(value, base)
        return
    endpoint = _REFERENCE_ENDPOINTS.get(name)
    for value in values:
        if type(value) is not dict:
            continue
        if endpoint is not None and type(target := value.get("value")) is str:
            value["$ref"] = f"{base}/{endpoint}/{encoded_id(target)}"
        else:
            value.pop("$ref", None)


def _refer_member(member: Document, base: str) -> None:
    kind, target = member.get("type"), member.get("value")
    endpoint = _TYPE_ENDPOINTS.get(kind.lower()) if type(kind) is str else None
    if endpoint is not None and type(target) is str:
        member["$ref"] = f"{base}/{endpoint}/{encoded_id(target)}"
    else:
        member.pop("$ref", None)


def _refer_extension(urn: str, extension: Document, base: str) -> None:
    for name, value in extension.items():
        if type(value) is list:
            _refer_list("", value, base)
        elif type(value) is dict:
            if urn == ENTERPRISE_USER and name == "manager" and type(target := value.get("value")) is str:
                value["$ref"] = f"{base}/Users/{encoded_id(target)}"
            else:
                value.pop("$ref", None)
