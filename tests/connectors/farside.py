"""A far side that misbehaves on purpose: an HTTP server, each of whose answers is written by the test, byte by byte."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float


Behave = Callable[["FarSide", Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class FarSide:
    """``requests`` is the ledger of all that arrived; ``open`` counts the connections that stand now."""

    behave: Behave
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    open: int = 0
    tasks: set["asyncio.Task[None] | None"] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.tasks.add(asyncio.current_task())
        try:
            while request := await _read(reader):
                self.requests.append(request)
                await self.behave(self, request, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, unquote(parts.path), query, headers, body, asyncio.get_running_loop().time())


@asynccontextmanager
async def far_side(behave: Behave) -> AsyncIterator[FarSide]:
    side = FarSide(behave)
    server = await asyncio.start_server(side.serve, "127.0.0.1", 0)
    side.port = server.sockets[0].getsockname()[1]
    try:
        yield side
    finally:
        server.close()
        for task in side.tasks - {None}:
            task.cancel()
        await asyncio.gather(*(side.tasks - {None}), return_exceptions=True)
        await server.wait_closed()


def raw(
    status: int, body: bytes, content_type: str = "application/scim+json", *extra: str, length: int | None = None
) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body) if length is None else length}",
        *extra,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def document(status: int, value: object, *extra: str) -> bytes:
    return raw(status, orjson.dumps(value), "application/scim+json", *extra)


def listing(
    items: list[dict[str, object]], total: int | None = None, start: int = 1, **more: object
) -> dict[str, object]:
    found: dict[str, object] = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "startIndex": start,
        "itemsPerPage": len(items),
        "Resources": items,
        **more,
    }
    if total is not None:
        found["totalResults"] = total
    return {name: value for name, value in found.items() if value is not None}


def always(answer: bytes) -> Behave:
    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return behave


async def black_hole(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def reset(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionResetError


async def headers_only(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(raw(200, b"", length=100))
    await asyncio.sleep(3600)


async def half_body(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(raw(200, b'{"Resources": [', length=100))
    await writer.drain()
    writer.close()
    raise ConnectionResetError


async def slow_drip(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(raw(200, b"", length=10_000))
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)
