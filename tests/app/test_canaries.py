"""Secrets never come back: canaries in every secret field, looked for wherever anything is told (reliability T70)."""

import asyncio
import base64
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from tests.app.served import BASE, system
from tests.cli.running import run
from tests.web.pki import SERVER, Authority

from proxeny import logs
from proxeny.app.gateway import Gateway
from proxeny.settings import load_settings

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
CANARY = "canary-7f3a"


def canary(where: str) -> str:
    return f"{CANARY}-{where}-0123456789"


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    """Everything that is logged, down to debug."""
    root, stream = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    logs.configure("debug", "json", stream)
    yield stream
    root.handlers[:], root.level = before


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    authority = Authority(tmp_path)
    server = authority.issue("CN=localhost", SERVER)
    lock = BestAvailableEncryption(canary("key-password").encode())
    (tmp_path / "server.key").write_bytes(server.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    (tmp_path / "server.crt").write_text(server.pem)
    (tmp_path / "systems").mkdir()
    filed = {**system("filed"), "encryptedProperties": {"Password": "${env:FILED}", "initial.password": "${env:FILED}"}}
    (tmp_path / "systems/filed.json").write_bytes(orjson.dumps(filed))
    (tmp_path / "proxeny.toml").write_text(
        f"""
        [server]
        port = 8443
        [server.tls]
        certificate = "server.crt"
        key = "server.key"
        key_password = "${{env:KEY_PASSWORD}}"
        [[oauth.issuer]]
        url = "https://issuer.example"
        audience = "proxeny"
        introspection_id = "me"
        introspection_secret = "{canary("introspection")}"
        [[client]]
        id = "filed"
        secret = "{canary("configured-client")}"
        permissions = ["proxy", "directory.read", "directory.write", "admin", "metrics"]
        """
    )
    return tmp_path


ENVIRON = {"FILED": canary("system-file"), "KEY_PASSWORD": canary("key-password")}
FAR = ("--type", "SCIM_SYSTEM", "--property", "URL=http://127.0.0.1:9/scim")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("system", "add", "Far", *FAR, "--credential", f"Password={canary('stored-system')}"),
    ("system", "add", "Odd", *FAR, "--credential", f"Password={canary('odd')}", "--property", f"put.x={canary('odd')}"),
    ("client", "add", "made", "--permission", "proxy"),
    ("client", "show", "made"),
    ("client", "show", "filed", "--json"),
    ("client", "list", "--json"),
    ("system", "list", "--json"),
    ("system", "show", "Far", "--json"),
    ("system", "show", "filed", "--json"),
    ("system", "export", "Far"),
    ("system", "export", "filed"),
    ("system", "export", "filed", "--format", "csv"),
    ("system", "test", "Far"),
    ("system", "change", "Far", "--credential", f"Password={canary('changed')}", "--description", "x"),
    ("system", "change", "Far", "--property", "URL=http://127.0.0.1:10/scim"),
    ("secrets", "rotate"),
    ("secrets", "list", "--json"),
    ("audit", "list", "--json"),
    ("audit", "verify"),
    ("check",),
)


async def requests(config: Path) -> str:
    """Bodies and headers of answers to all kinds of requests, right and wrong."""
    told = []
    settings = load_settings(config, os.environ)
    async with Gateway.open(settings) as gateway, gateway.served() as served:
        transport = httpx.ASGITransport(served.app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            me = ("filed", canary("configured-client"))
            person = {"schemas": [USER], "userName": "a", "password": canary("password")}
            replaced = {"op": "replace", "path": "password", "value": canary("patched")}
            patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [replaced]}
            made = await client.post("/scim/Users", auth=me, json=person)
            place = f"/scim/Users/{made.json()['id']}"
            told = [
                made,
                await client.patch(place, auth=me, json=patch),
                await client.get(f"{place}?attributes=password", auth=me),
                await client.get("/scim/Users", auth=me, params={"filter": f'password eq "{canary("password")}"'}),
                await client.get("/proxy/filed/Users", auth=me),
                await client.get("/proxy/Far/Users", auth=me),
                await client.post("/scim/Users", auth=me, json={**person, "password": [canary("wrong-kind")]}),
                await client.post("/scim/Users", auth=me, content=f'{{"password": "{canary("broken")}"'),
                await client.get("/scim/Users", auth=("nobody", canary("guess"))),
                await client.get("/scim/Users", headers={"Authorization": f"Bearer {canary('bearer')}"}),
                await client.get("/scim/Users", headers={"Authorization": f"Odd {canary('odd-scheme')}"}),
                await client.post("/oauth2/token", data={"client_id": "x", "client_secret": canary("post-secret")}),
                await client.get("/scim/Users", auth=me, headers={"Cookie": f"session={canary('cookie')}"}),
                await client.get("/metrics", auth=me),
                await client.get("/health/ready"),
            ]
            told += [
                await client.get(route.template, auth=me) for route in served.app.routes if "{" not in route.template
            ]
    return "\n".join(f"{answer.headers}\n{answer.text}" for answer in told)


def test_no_canary_comes_back(home: Path, heard: io.StringIO) -> None:
    environ = {"PROXENY_CONFIG": str(home / "proxeny.toml")}
    output = [run(*command, **environ) for command in COMMANDS]
    assert [result.exit_code for result in output if result.exit_code == 2] == []
    made = output[2].stdout.splitlines()[-1]
    answers = asyncio.run(requests(home / "proxeny.toml"))
    trail = run("audit", "list", "--limit", "1000", "--json", **environ).stdout
    places = {
        "commands": "\n".join(result.output + str(result.exception or "") for result in output),
        "answers": answers,
        "log": heard.getvalue(),
        "audit": trail,
        **{str(path): path.read_bytes().decode("latin-1") for path in (home / "var").iterdir()},
    }
    assert "authentication.failed" in trail
    assert len(heard.getvalue().splitlines()) > 20
    hidden = [CANARY, *(base64.b64encode(f"{name}:{CANARY}".encode()).decode()[:20] for name in ("filed", "nobody"))]
    found = {
        place: text[max(0, at - 80) : at + 60]
        for place, text in places.items()
        for word in hidden
        if (at := text.find(word)) >= 0
    }
    assert found == {}
    later = [text for place, text in places.items() if place != "commands"] + [result.output for result in output[3:]]
    assert not any(made in text for text in later)


def test_secrets_are_in_no_repr(home: Path) -> None:
    settings = load_settings(home / "proxeny.toml", os.environ)
    assert CANARY not in repr(settings) + str(settings)
