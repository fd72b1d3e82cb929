"""Starts what is measured over HTTP: a gateway over sample people, and a Starlette route of fixed bytes."""

import json
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
SECRET = "bench-secret-0123456789"
AUTHORIZATION = "Basic " + b64encode(f"bench:{SECRET}".encode()).decode()

_CONFIG = """
[server]
host = "127.0.0.1"
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
permissions = ["proxy", "directory.read", "directory.write"]
"""

_STATIC = """
import pathlib, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
body = pathlib.Path(sys.argv[2]).read_bytes()
async def answer(request): return Response(body, media_type="application/scim+json")
app = Starlette(routes=[Route("/", answer)])
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, loop="uvloop", http="httptools")
"""


@dataclass(frozen=True)
class Server:
    """A process that answers on ``base``."""

    base: str
    process: "subprocess.Popen[bytes]"

    def get(self, path: str) -> bytes:
        with urlopen(Request(self.base + path, headers={"Authorization": AUTHORIZATION})) as answer:
            body: bytes = answer.read()
            return body

    def peak_memory(self) -> float:
        """VmHWM in megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def person(number: int) -> dict[str, object]:
    """One of any number of sample people, about 2 KB as the directory returns it."""
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise],
        "userName": f"user{number:06}",
        "externalId": f"E{number:06}",
        "active": True,
        "displayName": f"Person Number {number}",
        "name": {"givenName": "Person", "familyName": f"Number{number}", "honorificPrefix": "Dr."},
        "emails": [
            {"value": f"user{number:06}@nordwind.example", "type": "work", "primary": True},
            {"value": f"user{number:06}@home.example", "type": "home"},
        ],
        "phoneNumbers": [{"value": f"+49 30 {number:06}", "type": "work"}],
        "addresses": [{"type": "work", "streetAddress": f"Street {number}", "locality": "Berlin", "country": "DE"}],
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "userType": "employee",
        enterprise: {"employeeNumber": f"{number:06}", "costCenter": "4130", "department": "Tours"},
    }


@contextmanager
def gateway(folder: Path, people: int) -> Iterator[Server]:
    """A gateway whose directory holds that many people, and a proxy system ``hr`` over it."""
    port = free_port()
    (folder / "systems").mkdir(parents=True)
    seeds = ROOT.parent / "shared" / "corpus" / "seeds"
    system = {"id": "hr", "name": "HR", "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY", "accessMode": "PROXY"}
    if seeds.is_dir():
        for direction in ("read", "write"):
            name = f"{direction}.json"
            (folder / "systems" / name).write_text(
                (seeds / f"local-identity-directory.proxy.{direction}.json").read_text()
            )
            system[f"{direction}Transformation"] = name
    (folder / "systems" / "hr.json").write_text(json.dumps(system))
    config = folder / "proxeny.toml"
    config.write_text(_CONFIG.format(port=port, folder=folder, secret=SECRET))
    lines = folder / "people.jsonl"
    with lines.open("w") as out:
        for number in range(people):
            out.write(json.dumps(person(number)) + "\n")
    command = [sys.executable, "-m", "proxeny"]
    environment = {**os.environ, "PROXENY_CONFIG": str(config)}
    subprocess.run([*command, "directory", "import", str(lines)], env=environment, check=True, capture_output=True)
    with _running([*command, "serve"], environment, f"http://127.0.0.1:{port}", "/health/ready") as server:
        yield server


@contextmanager
def static(folder: Path, body: bytes) -> Iterator[Server]:
    """A Starlette application with one route that returns ``body``."""
    port = free_port()
    (folder / "body.json").write_bytes(body)
    command = [sys.executable, "-c", _STATIC, str(port), str(folder / "body.json")]
    with _running(command, dict(os.environ), f"http://127.0.0.1:{port}", "/") as server:
        yield server


@contextmanager
def _running(command: list[str], environment: dict[str, str], base: str, path: str) -> Iterator[Server]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server = Server(base, process)
        _await(server, path)
        yield server
    finally:
        process.terminate()
        process.wait(15)


def _await(server: Server, path: str) -> None:
    for _ in range(200):
        try:
            server.get(path)
        except HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{server.base} did not start")
