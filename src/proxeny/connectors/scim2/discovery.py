"""What a SCIM server says that it can do (RFC 7643 §5, RFC 9865): read once in a while, believed where it is given."""

import time
from dataclasses import dataclass
from typing import Any

from proxeny.connectors.errors import NotFoundError, RefusedError, UnreachableError, UnsupportedError
from proxeny.connectors.outbound.client import Client
from proxeny.documents import Document

SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Abilities:
    """None where the server does not say."""

    patch: bool | None = None
    filter: bool | None = None
    max_results: int | None = None
    sort: bool | None = None
    etag: bool | None = None
    bulk: bool | None = None
    bulk_operations: int | None = None
    bulk_bytes: int | None = None
    cursor: bool = False
    max_page: int | None = None


class Discovery:
    """The abilities of one server. A server without discovery, or one that refuses it, says nothing; of some types it
    is known that there is no use in asking (``asks``)."""

    def __init__(self, client: Client, base_path: str, headers: dict[str, str], *, asks: bool = True) -> None:
        self._client = client
        self._path = f"{base_path}/ServiceProviderConfig"
        self._headers = headers
        self._known: Abilities | None = None if asks else Abilities()
        self._until = 0.0 if asks else float("inf")

    async def abilities(self) -> Abilities:
        """What the server can do, asked again every ten minutes. Errors of sign-in and connection go up."""
        if self._known is None or time.monotonic() > self._until:
            self._known = await self._ask()
            self._until = time.monotonic() + SECONDS
        return self._known

    async def _ask(self) -> Abilities:
        try:
            answer = await self._client.call("GET", self._path, headers=self._headers)
        except (NotFoundError, RefusedError, UnsupportedError):
            return Abilities()
        try:
            document = answer.json()
        except UnreachableError:  # a page for people where the document should be
            return Abilities()
        return read_abilities(document) if isinstance(document, dict) else Abilities()


def read_abilities(document: Document) -> Abilities:
    """A ServiceProviderConfig as abilities; whatever is of another kind than the RFC says counts as not said."""
    paging = document.get("pagination")
    paging = paging if isinstance(paging, dict) else {}
    return Abilities(
        patch=_flag(document, "patch"),
        filter=_flag(document, "filter"),
        max_results=_number(document.get("filter"), "maxResults"),
        sort=_flag(document, "sort"),
        etag=_flag(document, "etag"),
        bulk=_flag(document, "bulk"),
        bulk_operations=_number(document.get("bulk"), "maxOperations"),
        bulk_bytes=_number(document.get("bulk"), "maxPayloadSize"),
        cursor=paging.get("cursor") is True,
        max_page=_number(paging, "maxPageSize"),
    )


def _flag(document: Document, name: str) -> bool | None:
    part = document.get(name)
    said = part.get("supported") if isinstance(part, dict) else None
    return said if isinstance(said, bool) else None


def _number(part: Any, name: str) -> int | None:
    said = part.get(name) if isinstance(part, dict) else None
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else None
