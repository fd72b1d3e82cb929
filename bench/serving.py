"""Starts what is measured over HTTP: a gateway over sample people, and a Starlette route of fixed bytes."""

import json
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from proxeny.connectors import registry

ROOT = Path(__file__).resolve().parent.parent
SECRET = "bench-secret-0123456789"
AUTHORIZATION = "Basic " + b64encode(f"bench:{SECRET}".encode()).decode()
HEADERS = {"Authorization": AUTHORIZATION, "Content-Type": "application/scim+json"}
GROUPS = {"small": 1_000, "large": 100_000}
"""Groups by id, and how many of the people are members."""

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

    @contextmanager
    def connection(self) -> Iterator[HTTPConnection]:
        connection = HTTPConnection(self.base.removeprefix("http://"))
        try:
            yield connection
        finally:
            connection.close()

    def peak_memory(self) -> float:
        """VmHWM in megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def processor_seconds(self) -> float:
        """What the process has used up to now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def id_of(number: int) -> str:
    return f"{number:08x}-5f1c-4b7e-9a3d-{number:012x}"


def person(number: int) -> dict[str, object]:
    """One of any number of sample people, about 1.2 KB as the gateway returns it."""
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


def everyone(people: int) -> Iterator[dict[str, object]]:
    for number in range(people):
        yield {"id": id_of(number), **person(number)}


def groups(people: int) -> Iterator[dict[str, object]]:
    """The groups of ``GROUPS``."""
    for name, size in GROUPS.items():
        members = [{"value": id_of(number)} for number in range(min(people, size))]
        yield {"id": name, "displayName": name, "members": members}


def transformation(direction: str) -> str:
    """The proxy transformation of the Local Identity Directory: the seed, or the gateway's own default."""
    seed = ROOT.parent / "shared" / "corpus" / "seeds" / f"local-identity-directory.proxy.{direction}.json"
    if seed.is_file():
        return seed.read_text()
    known = registry.system_type("LOCAL_IDENTITY_DIRECTORY")
    return known.transformation("proxy", "read" if direction == "read" else "write", known.values({}, {})) or ""


def prepare(folder: Path, people: int) -> tuple[dict[str, str], int]:
    """A configuration with a proxy system ``hr`` over that many people; the environment that names it, and its port."""
    port = free_port()
    (folder / "systems").mkdir(parents=True)
    system = {"id": "hr", "name": "HR", "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY", "accessMode": "PROXY"}
    for direction in ("read", "write"):
        name = f"{direction}.json"
        (folder / "systems" / name).write_text(transformation(direction))
        system[f"{direction}Transformation"] = name
    (folder / "systems" / "hr.json").write_text(json.dumps(system))
    config = folder / "proxeny.toml"
    config.write_text(_CONFIG.format(port=port, folder=folder, secret=SECRET))
    imported(folder, everyone(people))
    return {**os.environ, "PROXENY_CONFIG": str(config)}, port


def imported(folder: Path, entities: Iterable[dict[str, object]]) -> None:
    """Imports into the directory of the configuration in ``folder``, whether or not a gateway is running."""
    lines = folder / "entities.jsonl"
    with lines.open("w") as out:
        for entity in entities:
            out.write(json.dumps(entity) + "\n")
    command = [sys.executable, "-m", "proxeny", "directory", "import", str(lines)]
    environment = {**os.environ, "PROXENY_CONFIG": str(folder / "proxeny.toml")}
    subprocess.run(command, env=environment, check=True, capture_output=True)


@contextmanager
def gateway(folder: Path, people: int) -> Iterator[Server]:
    """A gateway whose directory holds that many people, and a proxy system ``hr`` over it."""
    environment, port = prepare(folder, people)
    command = [sys.executable, "-m", "proxeny", "serve"]
    with running(command, environment, f"http://127.0.0.1:{port}", "/health/ready") as server:
        yield server


@contextmanager
def static(folder: Path, body: bytes) -> Iterator[Server]:
    """A Starlette application with one route that returns ``body``."""
    port = free_port()
    file = folder / f"body-{port}.json"
    file.write_bytes(body)
    command = [sys.executable, "-c", _STATIC, str(port), str(file)]
    with running(command, dict(os.environ), f"http://127.0.0.1:{port}", "/") as server:
        yield server


@contextmanager
def running(command: list[str], environment: dict[str, str], base: str, path: str) -> Iterator[Server]:
    """A server in a process of its own, once it answers at ``path``."""
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
