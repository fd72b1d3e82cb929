"""A resource of the directory: from what a client sends to what is stored, and from a stored row to an Entity.

The directory makes what a client leaves out (decision 20) and keeps what it made when a client replaces the rest
(decision 5). ``schemas`` always tells what the content is made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from proxeny.connectors.directory.fields import RESOURCE_NAMES, RESOURCE_TYPES
from proxeny.connectors.errors import RefusedError
from proxeny.connectors.spi import Entity
from proxeny.database import Row
from proxeny.documents import Document
from proxeny.scim.schema import CUSTOM_GROUP, SAP_USER

COMPUTED = ("schemas", "id", "meta", "groups", "members", "password")
"""Top-level attributes that are not part of the stored content: made, computed, or kept elsewhere."""

SERVER_MADE = ("userUuid", "userId", "sourceSystem", "passwordDetails")
"""What the directory keeps of a user in SAP's extension: it can be replaced, not removed (decision 5)."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a client wants a resource to be. ``members`` is None where it says nothing of them; ids, without doubles.
    ``password`` is None where it says nothing, ``""`` where it takes the password away."""

    content: Document
    members: tuple[str, ...] | None
    password: str | None


def incoming(entity_type: str, document: Document) -> Incoming:
    """Take a document apart; RefusedError if it lacks what the directory cannot make."""
    required = "userName" if entity_type == "user" else "displayName"
    if not isinstance(document.get(required), str) or not document[required].strip():
        raise RefusedError(
            f"A {entity_type} needs a {required} that is text and not empty. Nothing was written.", status=400
        )
    members = document.get("members") if entity_type == "group" and "members" in document else None
    password = document.get("password") if "password" in document else None
    content = {name: value for name, value in document.items() if name not in COMPUTED and value not in (None, [], {})}
    return Incoming(
        content,
        None if "members" not in document or entity_type != "group" else member_ids(members),
        None if "password" not in document else password or "",
    )


def member_ids(members: object) -> tuple[str, ...]:
    """The ids in a value of ``members``, in order, each once."""
    if members is None:
        return ()
    elements = members if isinstance(members, list) else [members]
    values: list[Any] = [element.get("value") if isinstance(element, dict) else element for element in elements]
    if not all(isinstance(value, str) and value for value in values):
        raise RefusedError("Each member needs a 'value': the id of a user or group. Nothing was written.", status=400)
    return tuple(dict.fromkeys(values))


def new_id() -> str:
    return str(uuid4())


def complete(entity_type: str, content: Document, seq: int) -> Document:
    """The content of a new resource with what the directory makes, where the client gave none (decision 20)."""
    if entity_type == "group":
        named = content.get(CUSTOM_GROUP) or {}
        return content if named.get("name") else {**content, CUSTOM_GROUP: {**named, "name": content["displayName"]}}
    sap = dict(content.get(SAP_USER) or {})
    sap["userUuid"] = sap.get("userUuid") or str(uuid4())
    sap["userId"] = sap.get("userId") or f"P{seq:06d}"
    return {**content, "active": content.get("active", True), SAP_USER: sap}


def retained(entity_type: str, old: Document, new: Document, *, partial: bool = False) -> Document:
    """The new content with what survives a full update that leaves it out (decision 5). A ``partial`` update leaves out
    only what it has removed, so there the client is told that it cannot be: RefusedError."""
    if entity_type == "group":
        name = old[CUSTOM_GROUP]["name"]
        named = new.get(CUSTOM_GROUP) or {}
        if partial and "name" not in named:
            raise _not_removable(f"{CUSTOM_GROUP}:name")
        if named.get("name", name) != name:
            raise RefusedError(
                f"The attribute {CUSTOM_GROUP}:name is immutable: it stays '{name}'. Nothing was written; "
                "leave it out or send its present value.",
                status=400,
                scim_type="mutability",
            )
        return {**new, CUSTOM_GROUP: {**named, "name": name}}
    before, sap = old[SAP_USER], dict(new.get(SAP_USER) or {})
    for attribute in SERVER_MADE:
        if attribute in before and sap.get(attribute) in (None, "", {}):
            if partial:
                raise _not_removable(f"{SAP_USER}:{attribute}")
            sap[attribute] = before[attribute]
    if "emails" in before:
        sap["emails"] = _with_verified(before["emails"], sap.get("emails"), new)
    return {**new, SAP_USER: {name: value for name, value in sap.items() if value not in (None, [], {})}}


def refuse_to_forget(document: Document) -> None:
    """RefusedError if an address of the user was verified."""
    emails = (document.get(SAP_USER) or {}).get("emails") or ()
    if any("verified" in each for each in emails):
        raise _not_removable(f"{SAP_USER}:emails.verified")


def _not_removable(path: str) -> RefusedError:
    return RefusedError(
        f"{path} is made by the directory and cannot be removed. Nothing was written; leave it out, or replace it.",
        status=400,
        scim_type="mutability",
    )


def _with_verified(before: object, emails: object, new: Document) -> object:
    """``verified`` of each address that is still there, where the client does not say."""
    known = {each.get("value"): each for each in before if isinstance(each, dict)} if isinstance(before, list) else {}
    if emails is None:
        core = new.get("emails")
        kept = [each.get("value") for each in core if isinstance(each, dict)] if isinstance(core, list) else []
        return [known[value] for value in kept if value in known]
    if not isinstance(emails, list):
        return emails
    return [
        {**each, "verified": known[each.get("value")]["verified"]}
        if isinstance(each, dict) and "verified" not in each and "verified" in known.get(each.get("value"), {})
        else each
        for each in emails
    ]


def stored(entity_type: str, entity_id: str, content: Document) -> bytes:
    """The JSON that is kept; RefusedError if it holds what JSON cannot."""
    urns = [urn for urn in content if urn.startswith("urn:")]
    core, *extensions = (schema.id for schema in RESOURCE_TYPES[entity_type].schemas)
    known = [urn for urn in extensions if urn in urns]
    schemas = [core, *known, *(urn for urn in urns if urn not in known)]
    try:
        return orjson.dumps({"schemas": schemas, "id": entity_id, **content})
    except (TypeError, ValueError) as error:
        raise RefusedError(f"The resource is no JSON: {error}. Nothing was written.", status=400) from error


def content_of(document: Document) -> Document:
    """A stored document without what ``stored`` added."""
    return {name: value for name, value in document.items() if name not in COMPUTED}


def display_of(content: Document) -> str:
    """The name that people see where this resource is a member or a group of another."""
    shown = content.get("displayName") or content.get("userName")
    return shown.replace("\0", "\ufffd") if isinstance(shown, str) else ""


def entity_of(entity_type: str, row: Row) -> Entity:
    """The entity of a row with the columns ``tables.SHOWN``; without members and groups."""
    return Entity(row[1], document_of(entity_type, row), str(row[2]), row[3], row[4])


def document_of(entity_type: str, row: Row) -> Document:
    """The document of such an entity."""
    document: Document = orjson.loads(row[6])
    document["meta"] = {
        "resourceType": RESOURCE_NAMES[entity_type],
        "created": row[3],
        "lastModified": row[4],
        "version": f'W/"{row[2]}"',
    }
    return document


def members_value(rows: Sequence[Row]) -> list[Document]:
    """``members`` of rows (anything, id, type, display)."""
    return [
        {"value": row[1], "type": RESOURCE_NAMES[row[2]], **({"display": row[3]} if row[3] else {})} for row in rows
    ]


def groups_value(rows: Sequence[Row]) -> list[Document]:
    """``groups`` of rows (anything, id, display, direct)."""
    return [{"value": row[1], "display": row[2], "type": "direct" if row[3] else "indirect"} for row in rows]
