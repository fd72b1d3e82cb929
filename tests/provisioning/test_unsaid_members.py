"""Members of a SCIM backend's group are not read for an update that says nothing of them, where PATCH leaves them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from tests.connectors.farside import FarSide, Request, document, far_side
from tests.fixtures.gateways import COPY, COPY_PATCH, COPY_PUT, GROUP, Document
from tests.provisioning.conftest import Client

from proxeny.connectors.outbound.client import Outbound
from proxeny.database import Database
from proxeny.provisioning.catalog import Catalog
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.systems.definition import SystemDefinition, TransformationText

MEMBERS = [{"value": "1"}, {"value": "2"}]


class Backend:
    """One group; what was asked of it, and what was written."""

    def __init__(self) -> None:
        self.group: Document = {"schemas": [GROUP], "id": "g", "displayName": "G", "meta": {"version": 'W/"1"'}}
        self.asked: list[str] = []
        self.written: list[tuple[str, Document]] = []

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if not request.path.startswith("/Groups"):
            writer.write(document(404, {}))
        elif request.method == "GET":
            spared = "members" in request.query.get("excludedAttributes", "").split(",")
            self.asked.append("without" if spared else "whole")
            writer.write(document(200, self.group if spared else {**self.group, "members": MEMBERS}))
        else:
            self.written.append((request.method, orjson.loads(request.body)))
            writer.write(document(200, {**self.group, "members": MEMBERS}))


@asynccontextmanager
async def proxied(backend: Backend, folder: Path, patching: str, write: Document) -> AsyncIterator[Client]:
    database = await Database.open(f"sqlite:///{folder}/gateway.db")
    catalog = Catalog(database, Outbound(), Cursors(b"k" * 32))
    async with far_side(backend) as side:
        definition = SystemDefinition(
            id="crm",
            name="CRM",
            type="SCIM_SYSTEM",
            access_mode="PROXY",
            properties={"URL": side.url, "scim.support.patch.operation": patching},
            read=TransformationText("read", orjson.dumps(COPY).decode()),
            write=TransformationText("write", orjson.dumps(write).decode()),
        )
        await catalog.open((definition,))
        try:
            yield Client(catalog.provider("crm"), Call("https://gw.example/proxy/crm"))
        finally:
            await catalog.close()
            await database.close()


@pytest.mark.parametrize(("patching", "first"), [("true", "without"), ("false", "whole")])
async def test_a_full_update_reads_them_only_where_a_put_would_lose_them(
    tmp_path: Path, patching: str, first: str
) -> None:
    backend = Backend()
    async with proxied(backend, tmp_path, patching, COPY_PUT) as crm:
        kept = await crm.replace("Groups", "g", {"displayName": "H"})
        assert [each["value"] for each in kept["members"]] == ["1", "2"]
        assert backend.asked[0] == first
        ((method, body),) = backend.written
        assert method == ("PATCH" if patching == "true" else "PUT")
        assert ("members" in orjson.dumps(body).decode()) is (patching == "false")


async def test_repeating_what_cannot_be_changed_looks_at_no_member(tmp_path: Path) -> None:
    backend = Backend()
    async with proxied(backend, tmp_path, "true", COPY_PATCH) as crm:
        meta = {"resourceType": "Group", "version": 'W/"1"'}
        await crm.patch("Groups", "g", {"op": "replace", "value": {"meta": meta, "displayName": "H"}})
        assert backend.asked == ["without"]
        ((_, body),) = backend.written
        assert body["Operations"] == [{"op": "replace", "path": "displayName", "value": "H"}]
