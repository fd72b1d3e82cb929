"""A SCIM backend over HTTP: what the connector adds to a bare aiohttp call, and the memory of reading very many people.

The backend answers from its own process with bytes that it computes from the number asked for.
"""

import asyncio
import multiprocessing
import resource
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import orjson
import uvloop

from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.registry import system_type
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.spec import Connection

CALLS = 6000
IN_FLIGHT = 16
ROUNDS = 5


def person(number: int) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": f"u{number:07d}",
        "userName": f"user{number:07d}",
        "name": {"givenName": "Given", "familyName": f"Family {number}"},
        "emails": [{"value": f"user{number}@x.example", "type": "work", "primary": True}],
        "active": True,
        "meta": {"resourceType": "User", "version": 'W/"1"', "lastModified": "2026-01-01T00:00:00Z"},
    }


def backend(port: int, people: int, delay: float = 0.0) -> None:
    """Serve ``people`` people on ``port`` until terminated; every answer takes ``delay`` seconds."""
    one = orjson.dumps(person(1))

    def answer(target: str) -> tuple[int, bytes]:
        path, _, query = target.partition("?")
        if path == "/Users/1":
            return 200, one
        if path != "/Users":
            return 404, b"{}"
        asked = dict(parse_qsl(query))
        start, count = int(asked["startIndex"]), int(asked["count"])
        found = [person(number) for number in range(start, min(start + count, people + 1))]
        page = {"totalResults": people, "startIndex": start, "itemsPerPage": len(found), "Resources": found}
        return 200, orjson.dumps(page)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                status, body = answer(head.split(b" ", 2)[1].decode())
                if delay:
                    await asyncio.sleep(delay)
                kind = b"Content-Type: application/scim+json\r\n"
                writer.write(b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, kind, len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def forever() -> None:
        await (await asyncio.start_server(serve, "127.0.0.1", port)).serve_forever()

    uvloop.run(forever())


async def processor(call: Callable[[], Awaitable[object]]) -> float:
    """Microseconds of this process's processor per call, ``IN_FLIGHT`` at a time."""

    async def worker() -> None:
        for _ in range(CALLS // IN_FLIGHT):
            await call()

    started = time.process_time()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return (time.process_time() - started) / CALLS * 1e6


def connector(port: int) -> ScimConnector:
    known = system_type("SCIM_SYSTEM")
    values = known.values({"URL": f"http://127.0.0.1:{port}", "User": "bench"}, {"Password": "bench"})
    no_database: Any = None
    return ScimConnector(Connection("bench", "Bench", known, values, no_database, Outbound()))


async def measure(port: int, people: int) -> None:
    system = connector(port)
    await system.open()
    headers = {"Accept": "application/scim+json", "Authorization": "Basic YmVuY2g6YmVuY2g="}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def bare() -> None:
            async with session.get(f"http://127.0.0.1:{port}/Users/1", headers=headers) as answer:
                orjson.loads(await answer.read())

        rounds = [(await processor(bare), await processor(lambda: system.read("user", "1"))) for _ in range(ROUNDS)]
    plain, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"read by id: bare aiohttp {plain:.0f} µs, connector {ours:.0f} µs of processor: {ours / plain:.2f} ×")
    started, before, number = time.perf_counter(), _peak(), 0
    async for _ in system.read_all("user"):
        number += 1
    await system.close()
    spent = time.perf_counter() - started
    print(f"read all: {number} people in {spent:.1f} s, {number / spent:.0f}/s, peak {before} → {_peak()} MB")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main(people: int = 200_000) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = multiprocessing.get_context("spawn").Process(target=backend, args=(port, people), daemon=True)
    process.start()
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until and socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.1)
        uvloop.run(measure(port, people))
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
