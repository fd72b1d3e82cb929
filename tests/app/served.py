"""The whole application in this process, over a configuration that a test writes; what a caller sees of it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from tests.web.running import CHEAP

from proxeny.app.gateway import Gateway, Served
from proxeny.settings import load_settings
from proxeny.store import secrets as hashing
from proxeny.store.clients import StoredClient

BASE = "http://gateway.example"


@dataclass
class Whole:
    """``secrets``: of the technical users that were made, by id."""

    gateway: Gateway
    served: Served
    client: httpx.AsyncClient
    secrets: Mapping[str, str]

    async def ask(self, method: str, path: str, as_: str | None = None, **more: Any) -> httpx.Response:
        auth = (as_, self.secrets[as_]) if as_ is not None else None
        return await self.client.request(method, path, auth=auth, **more)


def system(system_id: str, **properties: str) -> dict[str, Any]:
    """A proxy system over the directory."""
    return {
        "id": system_id,
        "name": system_id.title(),
        "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY",
        "accessMode": "PROXY",
        "properties": properties,
    }


@contextmanager
def cheap_hashes() -> Iterator[None]:
    """Hashes of secrets cost next to nothing meanwhile; that they cost what they should is checked elsewhere."""
    real, hashing._HASHER = hashing._HASHER, CHEAP
    try:
        yield
    finally:
        hashing._HASHER = real


@asynccontextmanager
async def whole(
    folder: Path, systems: list[dict[str, Any]], users: Mapping[str, Mapping[str, Any]], extra: str = ""
) -> AsyncIterator[Whole]:
    (folder / "systems").mkdir()
    for one in systems:
        (folder / "systems" / f"{one['id']}.json").write_bytes(orjson.dumps(one))
    (folder / "proxeny.toml").write_text(extra)
    settings = load_settings(folder / "proxeny.toml", {})
    async with AsyncExitStack() as stack:
        stack.enter_context(cheap_hashes())
        gateway = await stack.enter_async_context(Gateway.open(settings))
        secrets = {}
        for name, about in users.items():
            sets = {key: frozenset(value) if isinstance(value, list) else value for key, value in about.items()}
            _, secrets[name] = await gateway.store.clients.add(StoredClient(id=name, **sets))
        served = await stack.enter_async_context(gateway.served())
        transport = httpx.ASGITransport(served.app)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=BASE, timeout=20))
        yield Whole(gateway, served, client, {name: secret or "" for name, secret in secrets.items()})
