"""A proxy over a SCIM backend, over HTTP: requests per second to a Starlette route of the same bytes, processor time to
a bare Starlette and aiohttp pass-through, and what a backend that takes five seconds does to the others.
``python -m bench.scim_proxy``, with ``wrk``.
"""

import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.load import Load, alternating, in_turn, need_wrk
from bench.runner import Goal, report
from bench.scim_backend import backend
from bench.serving import HEADERS, SECRET, Server, free_port, running, static

READS = 1500
WAITING = 40
PATH = "/proxy/far/Users/1"
SLOW = "/proxy/slow/Users/1"

_CONFIG = """
[server]
port = {port}
[database]
url = "sqlite:///{folder}/proxeny.db"
[secrets]
key_file = "{folder}/secret.key"
[systems]
directory = "{folder}/systems"
[[client]]
id = "bench"
secret = "{secret}"
permissions = ["proxy"]
"""

_PASS = """
import sys, aiohttp, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
sessions = []
async def answer(request):
    if not sessions:
        sessions.append(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
    async with sessions[0].get(sys.argv[2], headers={"Authorization": "Basic YmVuY2g6YmVuY2g="}) as far:
        return Response(await far.read(), media_type="application/scim+json")
app = Starlette(routes=[Route("/", answer)])
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, loop="uvloop", http="httptools")
"""


@contextmanager
def far_side(delay: float = 0.0) -> Iterator[str]:
    """A backend in a process of its own; the URL at which it listens."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=backend, args=(port, 1, delay), daemon=True)
    process.start()
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until and socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join()


@contextmanager
def gateway(folder: Path, backends: dict[str, str]) -> Iterator[Server]:
    """A gateway with a proxy over each backend."""
    port = free_port()
    (folder / "systems").mkdir(parents=True)
    for name, url in backends.items():
        system = {"id": name, "name": name, "connectorTypeString": "SCIM_SYSTEM", "accessMode": "PROXY"}
        system |= {"properties": {"URL": url, "User": "bench"}, "encryptedProperties": {"Password": "bench"}}
        (folder / "systems" / f"{name}.json").write_text(json.dumps(system))
    config = folder / "proxeny.toml"
    config.write_text(_CONFIG.format(port=port, folder=folder, secret=SECRET))
    environment = {**os.environ, "PROXENY_CONFIG": str(config)}
    command = [sys.executable, "-m", "proxeny", "serve"]
    with running(command, environment, f"http://127.0.0.1:{port}", "/health/ready") as server:
        yield server


@contextmanager
def passing(url: str) -> Iterator[Server]:
    """The least that a proxy can be."""
    port = free_port()
    command = [sys.executable, "-c", _PASS, str(port), f"{url}/Users/1"]
    with running(command, dict(os.environ), f"http://127.0.0.1:{port}", "/") as server:
        yield server


def p95(server: Server) -> float:
    """Of reads one after the other on one connection, in seconds."""
    spent = []
    with server.connection() as connection:
        for _ in range(READS):
            started = time.perf_counter()
            connection.request("GET", PATH, headers=HEADERS)
            connection.getresponse().read()
            spent.append(time.perf_counter() - started)
    return statistics.quantiles(spent, n=20)[-1]


def p95_beside(server: Server) -> float:
    """The same while many clients wait for the slow system."""
    command = ["wrk", "-t1", f"-c{WAITING}", "-d60s", "--timeout", "60s"]
    for name, value in HEADERS.items():
        command += ["-H", f"{name}: {value}"]
    waiting = subprocess.Popen([*command, server.base + SLOW], stdout=subprocess.DEVNULL)
    try:
        time.sleep(1.0)
        return p95(server)
    finally:
        waiting.kill()
        waiting.wait()


def main() -> int:
    need_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        far, slow = stack.enter_context(far_side()), stack.enter_context(far_side(5.0))
        ours = stack.enter_context(gateway(folder / "gateway", {"far": far, "slow": slow}))
        route = stack.enter_context(static(folder, ours.get(PATH)))
        plain = stack.enter_context(passing(far))
        loads = {"static route": Load(route, "/"), "pass-through": Load(plain, "/"), "proxy": Load(ours, PATH)}
        figures = in_turn(loads)
        for name, each in figures.items():
            print(f"  {name:<20}{each.rate:9.0f}/s{each.processor * 1e6:9.0f} µs of processor")
        ours.get(SLOW)  # signs in, so that the clients that wait need not
        felt = alternating({"alone": lambda: p95(ours), "beside": lambda: p95_beside(ours)})
        alone, beside = felt["alone"] * 1e3, felt["beside"] * 1e3
        print(f"  95 of 100 reads within {alone:.2f} ms alone, {beside:.2f} ms beside a slow system")
    return report(
        [
            Goal(
                "GET by id through a SCIM backend to the static route",
                figures["proxy"].rate / figures["static route"].rate,
                0.16,
                at_least=True,
            ),
            Goal(
                "processor time of the proxy to a bare pass-through",
                figures["proxy"].processor / figures["pass-through"].processor,
                1.4,
            ),
            Goal("p95 beside a system that takes 5 s, to alone", beside / alone, 1.2),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
