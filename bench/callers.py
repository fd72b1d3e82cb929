"""What a caller costs: each of the three ways over TLS against the same gateway with the check switched off, and a
remembered caller's waiting while others guess.

``python -m bench.callers``. The application without the check exists in this benchmark alone. One process serves both,
and a header says which is meant; what is compared is its processor time per request.
"""

import asyncio
import itertools
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop
from starlette.types import Receive, Scope, Send

from bench.authentication import anyone
from bench.runner import Goal, report
from bench.serving import SECRET, Server, id_of, prepare
from proxeny import certificates, logs
from proxeny.app.conversions import server_settings, web_settings
from proxeny.app.gateway import Gateway
from proxeny.settings import load_settings
from proxeny.web import server
from proxeny.web.routes import create_app

PEOPLE = 1_000
CONNECTIONS = 8
SECONDS = 3.0
ROUNDS = 5
WRONG_A_SECOND = 500
STORM_ROUNDS = 3
GUESSERS = 80
STORM_SECONDS = 6.0
PACE = 0.01

_MORE = """
[server.tls]
certificate = "{folder}/certs/server.crt"
key = "{folder}/certs/server.key"
client_ca = "{folder}/certs/ca.crt"
[[client]]
id = "robot"
permissions = ["proxy"]
certificates = [{{ subject = "CN=robot", issuer = "CN=proxeny development CA" }}]
"""


async def serve(config: Path) -> None:
    """Both applications over one gateway."""
    settings = load_settings(config, os.environ)
    logs.configure(settings.logs.level, settings.logs.form)
    async with Gateway.open(settings) as gateway, gateway.served() as served:
        unchecked = create_app(gateway, web_settings(settings), anyone)

        async def either(scope: Scope, receive: Receive, send: Send) -> None:
            chosen = unchecked if (b"x-check", b"off") in scope["headers"] else served.app
            await chosen(scope, receive, send)

        await server.serve(either, server_settings(settings), tls=served.tls, metrics=gateway.metrics)


@dataclass(frozen=True)
class Caller:
    """One way to sign in: what a request says, and the TLS of its connection."""

    port: int
    tls: ssl.SSLContext
    header: str = ""

    def request(self, number: int) -> bytes:
        path = f"/proxy/hr/Users/{id_of(number % PEOPLE)}"
        return f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n{self.header}\r\n".encode()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("localhost", self.port, ssl=self.tls)


async def ask(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes) -> int:
    """The status of the answer."""
    reader, writer = streams
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head[9:12])


async def load(caller: Caller) -> int:
    """How many requests were answered in a round; all must be good."""
    end = time.perf_counter() + SECONDS

    async def one(start: int) -> int:
        streams, done = await caller.connect(), 0
        while time.perf_counter() < end:
            if (status := await ask(streams, caller.request(start + done * 7))) != 200:
                raise SystemExit(f"{caller.header or 'certificate'}: {status}")
            done += 1
        streams[1].close()
        return done

    return sum(await asyncio.gather(*(one(number * 101) for number in range(CONNECTIONS))))


def added(gateway: Server, ways: Mapping[str, Caller]) -> dict[str, float]:
    """By way: percent that the check adds to the processor time of a request; medians of rounds in turn."""
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(ROUNDS + 1):
        for way, caller in ways.items():
            for check in ("on", "off") if number % 2 else ("off", "on"):
                asking = replace(caller, header=f"{caller.header}X-Check: {check}\r\n")
                before = gateway.processor_seconds()
                answered = uvloop.run(load(asking))
                used = (gateway.processor_seconds() - before) / answered
                if number:
                    found.setdefault((way, check), []).append(used)
    costs = {key: statistics.median(figures) for key, figures in found.items()}
    print("\nGET by id over TLS, processor time of the server")
    for way in ways:
        off, on = costs[way, "off"], costs[way, "on"]
        print(f"  {way:<20}{on * 1e6:9.0f} µs   without the check{off * 1e6:9.0f} µs{(on / off - 1) * 100:9.1f} %")
    return {way: (costs[way, "on"] / costs[way, "off"] - 1) * 100 for way in ways}


async def waits(caller: Caller) -> list[float]:
    """Seconds that a caller at an even pace waits for its answers."""
    streams, found = await caller.connect(), []
    end = time.perf_counter() + STORM_SECONDS
    number = 0
    while (now := time.perf_counter()) < end:
        number += 1
        if (status := await ask(streams, caller.request(number))) != 200:
            raise SystemExit(f"the remembered caller got {status}")
        found.append(time.perf_counter() - now)
        await asyncio.sleep(max(0.0, PACE - found[-1]))
    streams[1].close()
    return found


async def storm(port: int, authority: str) -> None:
    """Wrong logins at an even pace, each for another user, so that no lock-out spares the hashing; counts answers."""
    tls = ssl.create_default_context(cafile=authority)
    answers: dict[int, int] = {}
    began = time.perf_counter()

    numbers = itertools.count()

    async def one() -> None:
        streams = await Caller(port, tls).connect()
        while (number := next(numbers)) < WRONG_A_SECOND * STORM_SECONDS:
            await asyncio.sleep(max(0.0, began + number / WRONG_A_SECOND - time.perf_counter()))
            wrong = b64encode(f"guess{number}:wrong".encode()).decode()
            status = await ask(streams, Caller(port, tls, f"Authorization: Basic {wrong}\r\n").request(1))
            answers[status] = answers.get(status, 0) + 1
        streams[1].close()

    await asyncio.gather(*(one() for _ in range(GUESSERS)))
    print(json.dumps(answers))


def storms(caller: Caller, authority: str) -> tuple[float, dict[int, int]]:
    """How many times as long a remembered caller waits (p95) in a storm, and what the guesses got."""
    quiet, stormy, answers = [], [], dict[int, int]()
    for _ in range(STORM_ROUNDS):
        quiet.append(_p95(uvloop.run(waits(caller))))
        command = [sys.executable, "-m", "bench.callers", "storm", str(caller.port), authority]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            time.sleep(1.0)
            stormy.append(_p95(uvloop.run(waits(caller))))
            said, _ = process.communicate()
        for status, count in json.loads(said).items():
            answers[int(status)] = answers.get(int(status), 0) + count
    calm, wild = statistics.median(quiet), statistics.median(stormy)
    print(f"\nremembered caller, p95: {calm * 1e3:.2f} ms; while others guess: {wild * 1e3:.2f} ms")
    print(f"answers to guesses by status: {answers}")
    return wild / calm, answers


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]


@contextmanager
def started(folder: Path) -> Iterator[tuple[Server, int]]:
    """A gateway with TLS, once it answers."""
    environment, port = prepare(folder, PEOPLE)
    authority = certificates.create_authority()
    authority.write(folder / "certs", "ca")
    certificates.issue_server(authority, ["localhost", "127.0.0.1"]).write(folder / "certs", "server")
    certificates.issue_client(authority, "robot").write(folder / "certs", "robot")
    config = folder / "proxeny.toml"
    config.write_text(config.read_text() + _MORE.format(folder=folder))
    command = [sys.executable, "-m", "bench.callers", str(config)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                uvloop.run(Caller(port, _trust(folder)).connect())
                break
            except OSError:
                time.sleep(0.1)
        yield Server(f"https://localhost:{port}", process), port
    finally:
        process.terminate()
        process.wait(15)


def _trust(folder: Path, certificate: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "certs/ca.crt"))
    if certificate:
        context.load_cert_chain(folder / f"certs/{certificate}.crt", folder / f"certs/{certificate}.key")
    return context


async def token(port: int, tls: ssl.SSLContext) -> str:
    """A fresh access token of the technical user ``bench``."""
    reader, writer = await Caller(port, tls).connect()
    pair, form = b64encode(f"bench:{SECRET}".encode()).decode(), "grant_type=client_credentials"
    writer.write(
        f"POST /oauth2/token HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Basic {pair}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
        f"Connection: close\r\n\r\n{form}".encode()
    )
    said = await reader.read()
    writer.close()
    return str(json.loads(said.partition(b"\r\n\r\n")[2])["access_token"])


def main() -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        gateway, port = stack.enter_context(started(folder))
        pair, bearer = b64encode(f"bench:{SECRET}".encode()).decode(), uvloop.run(token(port, _trust(folder)))
        ways = {
            "basic": Caller(port, _trust(folder), f"Authorization: Basic {pair}\r\n"),
            "token": Caller(port, _trust(folder), f"Authorization: Bearer {bearer}\r\n"),
            "certificate": Caller(port, _trust(folder, "robot")),
        }
        percent = added(gateway, ways)
        ratio, answers = storms(ways["basic"], str(folder / "certs/ca.crt"))
    refused = answers.get(429, 0) + answers.get(401, 0)
    return report(
        [
            *(Goal(f"what the {way} of a remembered caller adds", more, 15, unit="%") for way, more in percent.items()),
            Goal("p95 of a remembered caller in a storm of guesses", ratio, 1.5),
            Goal("guesses that got anything but 401 or 429", sum(answers.values()) - refused, 0, unit=""),
        ]
    )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        uvloop.run(storm(int(sys.argv[2]), sys.argv[3]))
    elif len(sys.argv) == 2:
        uvloop.run(serve(Path(sys.argv[1])))
    else:
        raise SystemExit(main())
