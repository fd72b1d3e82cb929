"""Several writes in one request (RFC 7644 §3.7): what jobs write at the same time to a system with bulk switched on.

Each caller gets the answer to its own operation, as if it had been sent alone; so nothing behind this knows of bulk.
Answers are matched by bulkId, which every operation carries; some servers give it back for POST only, then by order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from proxeny.connectors.errors import (
    ConnectorError,
    NotFoundError,
    RefusedError,
    TimedOutError,
    UnsupportedError,
)
from proxeny.connectors.outbound.answers import HttpAnswer, error_of
from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.scim2.discovery import Abilities
from proxeny.documents import Document

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
LINGER = 0.02
DEFAULT, MOST = 20, 100
_ROOM = 200
"""Bytes around the document of an operation."""

Send = Callable[[str, str, bytes | None, str | None], Awaitable[HttpAnswer]]
"""Method, path below the base path, body, version → the answer to one request."""


@dataclass(slots=True)
class Operation:
    """One write that waits. ``path`` is below the base path: ``/Users/1``."""

    method: str
    path: str
    body: bytes | None
    version: str | None
    answer: "asyncio.Future[HttpAnswer]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def document(self, bulk_id: str) -> Document:
        made: Document = {"method": self.method, "path": self.path, "bulkId": bulk_id}
        if self.version is not None:
            made["version"] = self.version
        return made if self.body is None else {**made, "data": orjson.Fragment(self.body)}


class Bulk:
    """Collects writes of one system for a moment and sends them together."""

    def __init__(self, send: Send, abilities: Callable[[], Awaitable[Abilities]], limit: int, kinds: str) -> None:
        """``kinds``: what may go into a bulk request, ``user,group`` or with a method ``user:POST``."""
        self._send = send
        self._abilities = abilities
        self._limit = limit
        self._kinds = frozenset(kind for kind in kinds.split(",") if kind)
        self._usable = True
        self._waiting: list[Operation] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def limit(self) -> int:
        """How many writes at once fill a request."""
        return self._limit if self._usable else 1

    def takes(self, method: str, entity_type: str) -> bool:
        return self._usable and (entity_type in self._kinds or f"{entity_type}:{method}" in self._kinds)

    async def write(self, method: str, path: str, body: bytes | None, version: str | None) -> HttpAnswer:
        """One write among others; its error status raises the ConnectorError that it would have raised alone."""
        operation = Operation(method, path, body, version)
        self._waiting.append(operation)
        if len(self._waiting) >= self._limit:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._flush)
        answer = await operation.answer
        error = error_of(answer, method, path)
        if error is not None:
            raise error
        return answer

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        together, self._waiting = [one for one in self._waiting if not one.answer.done()], []
        if together:
            task = asyncio.get_running_loop().create_task(self._deliver(together))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, together: Sequence[Operation]) -> None:
        try:
            for part in self._portions(together, await self._abilities()):
                await self._together(part)
        except BaseException as error:
            for one in together:
                if not one.answer.done():
                    one.answer.set_exception(error if isinstance(error, ConnectorError) else _unknown())
            if not isinstance(error, ConnectorError):
                raise

    def _portions(self, together: Sequence[Operation], abilities: Abilities) -> list[list[Operation]]:
        """In requests that the server says it takes."""
        if abilities.bulk is False:
            self._usable = False
        most = min(self.limit, abilities.bulk_operations or self.limit)
        parts: list[list[Operation]] = [[]]
        size = 0
        for one in together:
            weight = len(one.body or b"") + len(one.path) + _ROOM
            full = abilities.bulk_bytes is not None and size + weight > abilities.bulk_bytes
            if parts[-1] and (len(parts[-1]) >= most or full):
                parts.append([])
                size = 0
            parts[-1].append(one)
            size += weight
        return parts

    async def _together(self, part: Sequence[Operation]) -> None:
        if len(part) == 1 or not self._usable:
            await asyncio.gather(*map(self._alone, part))
            return
        operations = [one.document(str(number)) for number, one in enumerate(part)]
        body = orjson.dumps({"schemas": [BULK_REQUEST], "Operations": operations})
        try:
            answer = await self._send("POST", "/Bulk", body, None)
        except RefusedError as error:
            if error.status != 413:
                raise
            await self._halved(part)
        except (NotFoundError, UnsupportedError):
            self._usable = False  # the server has no bulk after all
            await self._together(part)
        else:
            _share(part, answer)

    async def _halved(self, part: Sequence[Operation]) -> None:
        """Too much for the server at once: in two halves, and never so many again."""
        middle = (len(part) + 1) // 2
        self._limit = max(1, min(self._limit, middle))
        await self._together(part[:middle])
        await self._together(part[middle:])

    async def _alone(self, one: Operation) -> None:
        try:
            answer = await self._send(one.method, one.path, one.body, one.version)
        except ConnectorError as error:
            if not one.answer.done():
                one.answer.set_exception(error)
        else:
            if not one.answer.done():
                one.answer.set_result(answer)


def bulk_limit(values: PropertyValues, quirks_limit: object = None) -> int:
    """``*.bulk.operations.max.count``; a number over 100 counts as the default, as documented."""
    usual = int(str(quirks_limit)) if quirks_limit else DEFAULT
    asked = values.family_integer("bulk.operations.max.count", usual) or usual
    return asked if 1 <= asked <= MOST else usual


def _share(part: Sequence[Operation], answer: HttpAnswer) -> None:
    """Give everyone the answer to their own operation; TimedOutError to whom the server did not answer."""
    document = answer.json()
    given = document.get("Operations") if isinstance(document, dict) else None
    found = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    named = {str(one["bulkId"]): one for one in found if "bulkId" in one}
    for number, one in enumerate(part):
        mine = named.get(str(number))
        if mine is None and len(found) == len(part) and "bulkId" not in found[number]:
            mine = found[number]
        if one.answer.done():
            continue
        if mine is None:
            one.answer.set_exception(_unknown())
        else:
            one.answer.set_result(_as_answer(mine))


def _as_answer(given: Document) -> HttpAnswer:
    """One operation of a bulk answer as the HTTP answer that it stands for; SCIM 1.1 has the status in ``code``."""
    status = given.get("status")
    code = status.get("code") if isinstance(status, dict) else status
    headers = {"Content-Type": "application/json"}
    for name, key in (("Location", "location"), ("ETag", "version")):
        if isinstance(given.get(key), str):
            headers[name] = given[key]
    body: Any = given.get("response")
    number = int(str(code)) if str(code).isdecimal() else 500
    return HttpAnswer(number, headers, orjson.dumps(body) if isinstance(body, dict) else b"")


def _unknown() -> TimedOutError:
    return TimedOutError("The backend's bulk answer does not say what became of this write: it may be done.")
