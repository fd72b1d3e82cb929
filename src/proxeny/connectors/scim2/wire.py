"""Requests to one SCIM server: paths, headers, the CSRF token, and answers as entities."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from proxeny.connectors.errors import NotFoundError, RefusedError, UnreachableError, UnsupportedError
from proxeny.connectors.outbound.answers import HttpAnswer
from proxeny.connectors.outbound.client import Client, Query
from proxeny.connectors.outbound.paging import Batch
from proxeny.connectors.outbound.throttle import purpose
from proxeny.connectors.scim2.bulk import Bulk
from proxeny.connectors.scim2.discovery import Abilities
from proxeny.connectors.spec import Connection
from proxeny.connectors.spi import Entity
from proxeny.documents import Document

ACCEPT = "application/scim+json, application/json;q=0.9"
ENDPOINTS = {"user": "Users", "group": "Groups"}
COLLECTIONS = {collection: entity_type for entity_type, collection in ENDPOINTS.items()}
_CSRF = "X-CSRF-Token"
_PLAIN_ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
"""Ids that are their own percent-encoding, as nearly all are."""


class Wire:
    """How one server is addressed. Everything that does not depend on the call is decided here once."""

    def __init__(self, connection: Connection) -> None:
        values, quirks = connection.properties, _quirks(connection)
        self._csrf_path = self._csrf(connection)
        self.client: Client = connection.outbound.client(connection, cookies=self._csrf_path is not None)
        base_path = str(quirks.get("base_path", ""))
        self.base_path = "" if self.client.base.endswith(base_path) else base_path
        self.read_headers = {"Accept": ACCEPT}
        content = values.family("content.type") or "application/scim+json"
        self.write_headers = {"Accept": ACCEPT, "Content-Type": content}
        if values.family_flag("include.if.match.wildcard.header") or quirks.get("if_match_always"):
            self.write_headers["If-Match"] = "*"
        from_properties = named_by_properties(quirks, "header.", values)
        self.read_headers |= from_properties
        self.write_headers |= from_properties
        self._query = [*named_by_properties(quirks, "query_from.", values).items()]
        self._group_query = [*named_by_properties(quirks, "group_query_from.", values).items()]
        self._groups = f"{self.base_path}/Groups"
        self._token: str | None = None
        self.bulk: Bulk | None = None

    def gather(self, abilities: Callable[[], Awaitable[Abilities]], limit: int, kinds: str) -> None:
        """From now on writes of jobs go out together."""

        async def send(method: str, path: str, body: bytes | None, version: str | None) -> HttpAnswer:
            return await self._send(method, self.base_path + path, body, version)

        self.bulk = Bulk(send, abilities, limit, kinds)

    @staticmethod
    def _csrf(connection: Connection) -> str | None:
        values = connection.properties
        if not values.family_flag("api.csrf.protection"):
            return None
        path = values.family("csrf.token.path") or values.text("csrf.token.path")
        return "/" + path.lstrip("/") if path else None

    def path(self, entity_type: str, entity_id: str | None = None) -> str:
        """The path of a collection or one resource; the id is percent-encoded whole, so it stays one segment."""
        collection = f"{self.base_path}/{ENDPOINTS.get(entity_type) or _named(entity_type)}"
        return collection if entity_id is None else self.path_below(collection, entity_id)

    @staticmethod
    def path_below(collection: str, entity_id: str) -> str:
        """The path of one entity below ``collection``; NotFoundError for an id that would lead out of it."""
        if entity_id in ("", ".", ".."):
            raise NotFoundError(f"There is nothing with the id {entity_id!r} in {collection}.")
        return f"{collection}/{entity_id if _PLAIN_ID.fullmatch(entity_id) else quote(entity_id, safe='')}"

    async def ask(self, path: str, query: Query = ()) -> HttpAnswer:
        if self._query or self._group_query:
            more = self._group_query if self._group_query and path.startswith(self._groups) else ()
            query = [*query, *self._query, *more]
        return await self.client.call("GET", path, query=query, headers=self.read_headers)

    async def get(self, path: str, query: Query = ()) -> Any:
        return (await self.ask(path, query)).json()

    async def write(self, method: str, path: str, document: Document | None, if_match: str | None = None) -> HttpAnswer:
        """A write: of a job among others, where the system takes bulk requests; else by itself."""
        body = None if document is None else orjson.dumps(document)
        if self.bulk is not None and purpose.get() == "job":
            below = path.removeprefix(self.base_path)
            if self.bulk.takes(method, COLLECTIONS.get(below.split("/")[1], "")):
                return await self.bulk.write(method, below, body, if_match)
        answer = await self._send(method, path, body, if_match)
        answer.require_no_page()
        return answer

    async def _send(self, method: str, path: str, body: bytes | None, if_match: str | None) -> HttpAnswer:
        """A write by itself, with a CSRF token where the server wants one."""
        headers = self.write_headers if body is not None else self._bodiless()
        if if_match is not None:
            headers = {**headers, "If-Match": if_match}
        if self._csrf_path is None:
            return await self.client.call(method, path, query=self._query, body=body, headers=headers)
        return await self._protected(method, path, body, headers)

    def _bodiless(self) -> Mapping[str, str]:
        return {name: value for name, value in self.write_headers.items() if name != "Content-Type"}

    async def _protected(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        """With a token; a refused one is fetched anew once (its session may have ended)."""
        fresh = self._token is None
        token = self._token or await self._fetch_token()
        try:
            return await self.client.call(method, path, query=self._query, body=body, headers={**headers, _CSRF: token})
        except RefusedError as error:
            if error.status != 403 or fresh:
                raise
        token = await self._fetch_token()
        return await self.client.call(method, path, query=self._query, body=body, headers={**headers, _CSRF: token})

    async def _fetch_token(self) -> str:
        assert self._csrf_path is not None  # noqa: S101  # asked by the only caller
        answer = await self.client.call("GET", self._csrf_path, headers={**self.read_headers, _CSRF: "Fetch"})
        token = answer.headers.get(_CSRF)
        if not token:
            raise RefusedError(f"{self._csrf_path} gave no {_CSRF} header; check the property csrf.token.path.")
        self._token = token
        return token


def named_by_properties(quirks: Mapping[str, Any], kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """What the type's quirks say is sent from a property: ``header.apiKey: ariba.applications.api.key``."""
    found = {name.removeprefix(kind): values.get(str(key), "") for name, key in quirks.items() if name.startswith(kind)}
    return {name: value for name, value in found.items() if value}


def _quirks(connection: Connection) -> Mapping[str, bool | int | str]:
    return connection.type.quirks_for(connection.properties)


def _named(entity_type: str) -> str:
    if not entity_type.replace("-", "").replace("_", "").isalnum():
        raise UnsupportedError(f"{entity_type!r} is no kind of entity that a SCIM server can have.")
    return entity_type


def to_entity(document: Any, etag: str | None = None, fallback_id: str | None = None) -> Entity | None:
    """A resource as an entity; None for something without an id, which nobody could address."""
    if not isinstance(document, dict):
        return None
    found = document.get("id", fallback_id)
    if found is None or found == "":
        return None
    meta = document.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    version = etag or meta.get("version")
    created, modified = meta.get("created"), meta.get("lastModified")
    return Entity(
        str(found),
        document,
        str(version) if version else None,
        created if isinstance(created, str) else None,
        modified if isinstance(modified, str) else None,
    )


def to_batch(document: Any) -> Batch:
    """A list answer; UnreachableError if it is none, because an error page must not pass for an empty list."""
    if isinstance(document, dict) and ("Resources" in document or "totalResults" in document):
        items = document.get("Resources") or []
        if isinstance(items, list):
            cursor = document.get("nextCursor")
            return Batch(
                [item for item in items if isinstance(item, dict)],
                _number(document.get("totalResults")),
                _number(document.get("itemsPerPage")),
                cursor if isinstance(cursor, str) and cursor else None,
            )
    raise UnreachableError("The backend answered a list request with JSON that is no list of resources.")


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 12:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
