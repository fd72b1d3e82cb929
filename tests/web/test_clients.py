"""Technical users of the database and of the configuration, as callers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.web.running import CHEAP, SECRET, running, user

from proxeny.database import Database
from proxeny.store.clients import Clients, StoredClient
from proxeny.store.migrations import migrate
from proxeny.web.auth.caller import Secret
from proxeny.web.auth.clients import ConfiguredClients, SeveralSources, StoredClients


@pytest.fixture
async def clients(tmp_path: Path) -> AsyncIterator[Clients]:
    opened = await Database.open(f"sqlite:///{tmp_path / 'clients.db'}")
    await migrate(opened)
    yield Clients(opened)
    await opened.close()


async def test_a_stored_user_comes_in_with_its_secrets_until_they_are_rotated_out(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxeny.web.auth.remembered._LOOK_EVERY", 0.0)
    _, first = await clients.add(StoredClient(id="stored", permissions=frozenset({"proxy"})))
    async with running() as gateway:
        source = SeveralSources(ConfiguredClients([user("idm", "proxy")]), StoredClients(clients))
        gateway.security._basic._checker._source = source
        gateway.security._ports = replace(gateway.security._ports, source=source)
        gateway.security.authenticate._source = source

        async def status(secret: str | None) -> int:
            auth = httpx.BasicAuth("stored", secret or "")
            return (await gateway.client.get("/proxy/hr/Users", auth=auth)).status_code

        assert await status(first) == 200
        second = await clients.rotate("stored")
        assert (await status(first), await status(second)) == (200, 200)
        third = await clients.rotate("stored", keep_old_for=timedelta(0))
        assert (await status(first), await status(second), await status(third)) == (401, 401, 200)
        await asyncio.sleep(0.05)
        kept = await clients.find("stored")
        assert kept is not None
        assert (kept.last_address, kept.failed_tries) == ("127.0.0.1", 2)
        await clients.change("stored", enabled=False)
        assert await status(third) == 401


async def test_what_the_configuration_says_cannot_be_shadowed(clients: Clients) -> None:
    await clients.add(StoredClient(id="idm", permissions=frozenset({"admin"})))
    source = SeveralSources(ConfiguredClients([user("idm", "proxy")]), StoredClients(clients))
    found = await source.find("idm")
    assert found is not None
    assert found.permissions == {"proxy"}
    version = await source.version()
    await clients.add(StoredClient(id="other"))
    assert await source.version() != version


async def test_a_remembered_secret_does_not_outlive_its_end() -> None:
    ends = datetime.now(UTC) + timedelta(seconds=0.5)
    short = user("short", "proxy", secrets=(Secret(CHEAP.hash(SECRET), ends),))
    async with running(users=[short]) as gateway:
        assert (await gateway.client.get("/proxy/hr/Users", auth=gateway.auth("short"))).status_code == 200
        await asyncio.sleep(0.6)
        assert (await gateway.client.get("/proxy/hr/Users", auth=gateway.auth("short"))).status_code == 401
