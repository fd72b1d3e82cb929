"""What the tests of the embedded directory share."""

from typing import Any

from proxeny.connectors.directory import DirectoryConnector
from proxeny.connectors.spi import Entity
from proxeny.documents import Document
from proxeny.scim.patch import PATCH_SCHEMA
from proxeny.scim.schema import CUSTOM_GROUP, ENTERPRISE_USER, SAP_USER

__all__ = ["CUSTOM_GROUP", "ENTERPRISE_USER", "SAP_USER", "group", "member_ids", "patch", "user"]


def patch(*operations: Document) -> Document:
    return {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}


async def user(directory: DirectoryConnector, name: str, **attributes: Any) -> Entity:
    return await directory.create("user", {"userName": name, **attributes})


async def group(directory: DirectoryConnector, name: str, *members: str, **attributes: Any) -> Entity:
    values = [{"value": member} for member in members]
    return await directory.create("group", {"displayName": name, "members": values, **attributes})


async def member_ids(directory: DirectoryConnector, group_id: str) -> list[str]:
    entity = await directory.read("group", group_id)
    return [member["value"] for member in entity.document.get("members", [])]
