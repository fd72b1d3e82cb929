"""The content of failed entities is kept for one job: shown by the admin API; a stored system says false again."""

import asyncio
from pathlib import Path
from typing import Any

from tests.app.served import Whole, whole

USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}
WISH = "ips.trace.failed.entity.content"
SOURCE = {
    "name": "People",
    "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY",
    "accessMode": "READ",
    "properties": {WISH: "true"},
    "readTransformation": {
        "user": {
            "mappings": [
                {"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"},
                {"sourcePath": "$.title", "targetPath": "$.title"},
            ]
        }
    },
}
USERS = {"boss": {"permissions": ["admin", "directory.write"]}}


async def failed(app: Whole) -> list[dict[str, Any]]:
    """What a job says of those that failed."""
    started = await app.ask("POST", "/api/v1/systems/people/jobs/READ", "boss")
    run = started.json()["jobId"]
    async with asyncio.timeout(20):
        while (await app.ask("GET", f"/api/v1/runs/{run}", "boss")).json()["status"] in ("queued", "running"):  # noqa: ASYNC110  # as a client asks
            await asyncio.sleep(0.02)
    found = await app.ask("GET", f"/api/v1/runs/{run}/outcomes?outcome=failed&content=true", "boss")
    plain = await app.ask("GET", f"/api/v1/runs/{run}/outcomes?outcome=failed", "boss")
    assert "content" not in plain.json()["items"][0]
    items: list[dict[str, Any]] = found.json()["items"]
    return items


async def test_a_stored_system_says_false_after_the_job_that_kept_contents(tmp_path: Path) -> None:
    async with whole(tmp_path, [], USERS) as app:
        await app.gateway.store.systems.add("people", "People", SOURCE, {})
        await app.gateway.reload()
        await app.ask("POST", "/scim/Users", "boss", json={**USER, "userName": "anna", "nickName": "An"})
        (item,) = await failed(app)
        assert '"nickName":"An"' in item["content"]
        async with asyncio.timeout(10):
            while True:
                stored = await app.gateway.store.systems.find("people")
                assert stored is not None
                if stored.definition["properties"][WISH] == "false":
                    break
                await asyncio.sleep(0.02)
        (item,) = await failed(app)
        assert item["content"] is None
        await app.gateway.reload()
        await app.gateway.store.systems.replace("people", "People", SOURCE, {})
        await app.gateway.reload()
        (item,) = await failed(app)
        assert '"nickName":"An"' in item["content"], "switched on anew"


async def test_only_sources_that_name_somebody_are_looked_after_for_them(tmp_path: Path) -> None:
    source = {**SOURCE, "id": "people", "emailSubscribers": ["anna@example.org"]}
    silent = {**SOURCE, "id": "silent", "name": "Silent"}
    proxy = {**source, "id": "proxy", "name": "Proxy", "accessMode": "PROXY", "properties": {}}
    async with whole(tmp_path, [source, silent, proxy], USERS) as app:
        assert app.gateway.provisioning.naming() == ["people"]
        assert app.gateway.provisioning.source("proxy") is None
        known = app.gateway.provisioning.source("people")
        assert known is not None
        assert known.mails == ("anna@example.org",)
