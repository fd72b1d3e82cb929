"""Systems that change while the gateway serves, and one that cannot be used: the others, and who is at work, go on."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.app.served import Whole, system, whole
from tests.connectors.farside import FarSide, Request, document, far_side, listing
from tests.fixtures.gateways import COPY, COPY_PATCH

from proxeny.app.gateway import Gateway
from proxeny.store.systems import Systems
from proxeny.store.vault import Vault

USERS = {"idm": {"permissions": ["proxy"]}, "boss": {"permissions": ["admin"]}}
LOCKED = {"name": "Locked", "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY", "accessMode": "PROXY"}


class Slow:
    """A SCIM server that answers when it is told to; ``asked`` is set while somebody waits."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may = asyncio.Event()

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/Users":
            self.asked.set()
            await self.may.wait()
        writer.write(document(200, listing([], 0)) if request.path == "/Users" else document(404, {}))


def far(url: str, **properties: str) -> dict[str, Any]:
    return {
        "id": "far",
        "name": "Far",
        "connectorTypeString": "SCIM_SYSTEM",
        "accessMode": "PROXY",
        "properties": {"URL": url, "ips.failed.request.retry.attempts": "0", **properties},
        "readTransformation": COPY,
        "writeTransformation": COPY_PATCH,
    }


async def lock(gateway: Gateway) -> None:
    """A stored system whose secret was sealed with a key that nobody has."""
    elsewhere = Systems(gateway.store.database, Vault({"gone": b"k" * 32}))
    await elsewhere.add("locked", "Locked", LOCKED, {"Password": "far-secret"})


async def test_a_system_whose_secret_cannot_be_opened_is_told_and_keeps_nobody_from_working(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with whole(tmp_path, [system("near")], USERS) as app:
        await lock(app.gateway)
        async with Gateway.open(app.gateway.settings) as another:
            assert set(another.catalog.systems()) == {"near"}
            assert "cannot be opened with the keys at hand" in (await another.health()).warnings["locked"]
        await app.gateway.reload()
        assert (await app.ask("GET", "/proxy/near/Users", "idm")).status_code == 200
        for name in ("locked", "Locked"):
            refused = await app.ask("GET", f"/proxy/{name}/Users", "idm")
            assert refused.status_code == 503
            assert "The secret Password of system locked cannot be opened" in refused.json()["detail"]
        shown = (await app.ask("GET", "/api/v1/systems/locked", "boss")).json()
        assert shown["usable"] is False
        assert "Enter it again" in shown["problem"]
        told = [one for one in caplog.records if getattr(one, "system", "") == "locked"]
        assert told
        assert all("Enter it again" in one.getMessage() for one in told)


async def test_a_secret_that_cannot_be_opened_is_entered_again_and_not_lost_unseen(tmp_path: Path) -> None:
    async with whole(tmp_path, [], USERS) as app:
        await lock(app.gateway)
        await app.gateway.reload()
        refused = await app.ask("PUT", "/api/v1/systems/locked", "boss", json={**LOCKED, "description": "New"})
        assert refused.status_code == 400
        assert "Enter it again" in refused.text
        given = {**LOCKED, "encryptedProperties": {"Password": "entered-again"}}
        assert (await app.ask("PUT", "/api/v1/systems/locked", "boss", json=given)).status_code == 200
        assert (await app.ask("GET", "/proxy/locked/Users", "idm")).status_code == 200
        assert "locked" not in (await app.gateway.health()).warnings


async def test_a_system_that_is_removed_is_no_longer_told_of(tmp_path: Path) -> None:
    async with whole(tmp_path, [], USERS) as app:
        await lock(app.gateway)
        await app.gateway.reload()
        assert "locked" in (await app.gateway.health()).warnings
        assert (await app.ask("DELETE", "/api/v1/systems/locked", "boss")).status_code == 204
        assert "locked" not in (await app.gateway.health()).warnings
        assert (await app.ask("GET", "/proxy/locked/Users", "idm")).status_code == 404


async def replaced_under(app: Whole, backend: Slow, folder: Path, url: str) -> "asyncio.Task[Any]":
    """A request that is under way on a system which was replaced meanwhile."""
    asked = asyncio.create_task(app.ask("GET", "/proxy/far/Users", "idm"))
    await backend.asked.wait()
    changed = far(url, **{"page.max": "50"})
    (folder / "systems" / "far.json").write_bytes(orjson.dumps(changed))
    await app.gateway.reload()
    return asked


async def test_a_request_under_way_ends_on_the_system_that_was_replaced(tmp_path: Path) -> None:
    backend = Slow()
    async with far_side(backend) as side, whole(tmp_path, [far(side.url)], USERS) as app:
        before = app.gateway.catalog.system("far")
        asked = await replaced_under(app, backend, tmp_path, side.url)
        assert app.gateway.catalog.system("far") is not before
        assert before.use.at_work == 1
        backend.may.set()
        assert (await asked).status_code == 200
        assert before.use.at_work == 0
        async with asyncio.timeout(5):
            while app.gateway.catalog.leaving:  # noqa: ASYNC110  # it is closed beside us
                await asyncio.sleep(0.01)


async def test_a_replaced_system_waits_for_nobody_longer_than_the_graceful_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = Slow()
    extra = "[server]\nstop_seconds = 1\n"
    async with far_side(backend) as side, whole(tmp_path, [far(side.url)], USERS, extra) as app:
        asked = await replaced_under(app, backend, tmp_path, side.url)
        async with asyncio.timeout(10):
            while app.gateway.catalog.leaving:  # noqa: ASYNC110  # it is closed beside us
                await asyncio.sleep(0.01)
        assert any("closed under requests or runs" in one.message for one in caplog.records)
        backend.may.set()
        await asked


async def test_requests_are_answered_while_files_are_read_anew(tmp_path: Path) -> None:
    """The file of a transformation that nobody writes to holds up whoever reads it."""
    one = {**system("near"), "readTransformation": "slow.read"}
    async with whole(tmp_path, [system("near")], USERS) as app:
        folder = tmp_path / "systems"
        os.mkfifo(folder / "slow.read")
        (folder / "near.json").write_bytes(orjson.dumps(one))
        loop, lives = asyncio.get_running_loop(), threading.Event()
        answered: list[bool] = []

        def write() -> None:
            with (folder / "slow.read").open("wb") as pipe:  # opens when somebody reads
                loop.call_soon_threadsafe(lives.set)
                answered.append(lives.wait(5))
                pipe.write(orjson.dumps(COPY))

        writer = threading.Thread(target=write)
        writer.start()
        await app.gateway.reload()
        await asyncio.to_thread(writer.join)
        assert answered == [True]
        assert app.gateway.catalog.system("near").blueprint.definition.read is not None
