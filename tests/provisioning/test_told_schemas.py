"""Schemas of a proxy over a SCIM server: what the server says of itself, together with what the mappings name."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.connectors.farside import FarSide, Request, document, far_side, listing
from tests.fixtures.gateways import COPY, COPY_PATCH

from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.scim2 import schemas
from proxeny.database import Database
from proxeny.provisioning.catalog import Catalog
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.endpoints.exchange import Answer, Call
from proxeny.provisioning.systems.definition import SystemDefinition, TransformationText
from proxeny.scim.errors import BackendFailedError, InvalidFilterError
from proxeny.scim.schema import ENTERPRISE_USER, SAP_USER, USER

OWN = "urn:example:params:scim:schemas:extension:badge:2.0:User"
CALL = Call("https://gw.example/proxy/crm")
CORE: list[Any] = [
    {"name": "userName", "type": "string", "required": True, "uniqueness": "server"},
    {"name": "nickName", "type": "String", "mutability": "readOnly", "returned": "sometimes"},
    {"name": "age", "type": "integer"},
    {"name": "password", "returned": "always"},
    {"name": "name", "type": "complex", "subAttributes": [{"name": "familyName"}, {"nothing": 1}, 5]},
    {"name": "id", "type": "integer"},
    {"name": "USERNAME"},
    "no attribute",
]
BADGE = {"id": OWN, "name": "Badge", "attributes": [{"name": "number", "type": "integer"}]}
TYPES = [{"name": "User", "endpoint": "/Users", "schema": USER, "schemaExtensions": [{"schema": OWN}, {"schema": 5}]}]
SCHEMAS: list[Any] = [{"id": USER, "attributes": CORE}, BADGE, {"id": 5}, {"id": "urn:example:Other", "attributes": {}}]
ANN = {"schemas": [USER], "id": "1", "userName": "ann", "age": 30, "nickName": "A", OWN: {"number": 7}}


class Backend:
    """A server of which the tests say what it tells; ``asked`` are the paths."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {
            "/Schemas": document(200, listing(SCHEMAS, len(SCHEMAS))),
            "/ResourceTypes": document(200, listing(TYPES, len(TYPES))),
            "/Users": document(200, listing([ANN], 1)),
            "/Users/1": document(200, ANN),
        }
        self.asked: list[str] = []
        self.got: list[Any] = []
        self.held: asyncio.Event | None = None  # /Schemas is not answered before
        self.waiting = asyncio.Event()  # somebody waits for that

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        self.asked.append(f"{request.method} {request.path}")
        if self.held is not None and request.path == "/Schemas":
            self.waiting.set()
            await self.held.wait()
        if request.body:
            self.got.append(orjson.loads(request.body))
        writer.write(
            document(201, ANN) if request.method == "POST" else self.answers.get(request.path) or document(404, {})
        )

    def asks(self, name: str) -> int:
        return self.asked.count(f"GET /{name}")


class Proxy:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    async def schemas(self) -> dict[str, dict[str, Any]]:
        """The attributes of each schema by name."""
        found = self.read(await (await self.catalog.learned("crm")).schemas(CALL))
        return {each["id"]: {one["name"]: one for one in each["attributes"]} for each in found["Resources"]}

    @staticmethod
    def read(answer: Answer) -> Any:
        return orjson.loads(answer.body or b"")

    async def users(self, **params: str) -> list[Any]:
        provider = await self.catalog.learned("crm")
        found: list[Any] = self.read(await provider.search("Users", tuple(params.items()), CALL))["Resources"]
        return found


Opened = Callable[..., AbstractAsyncContextManager[Proxy]]


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def opened(tmp_path: Path, backend: Backend) -> Opened:
    @asynccontextmanager
    async def proxy(read: Any = COPY, write: Any = COPY_PATCH) -> AsyncIterator[Proxy]:
        database = await Database.open(f"sqlite:///{tmp_path}/gateway.db")
        catalog = Catalog(database, Outbound(), Cursors(b"k" * 32))
        async with far_side(backend) as side:
            definition = SystemDefinition(
                id="crm",
                name="CRM",
                type="SCIM_SYSTEM",
                access_mode="PROXY",
                properties={"URL": side.url, "ips.failed.request.retry.attempts": "0"},
                read=TransformationText("read", orjson.dumps(read).decode()),
                write=TransformationText("write", orjson.dumps(write).decode()),
            )
            await catalog.open((definition,))
            try:
                yield Proxy(catalog)
            finally:
                await catalog.close()
                await database.close()

    return proxy


async def test_they_are_the_backends_own_and_asked_for_when_they_are_first_needed(
    opened: Opened, backend: Backend
) -> None:
    async with opened() as proxy:
        assert backend.asked == []
        found = await proxy.schemas()
        assert {SAP_USER, ENTERPRISE_USER}.isdisjoint(found)
        assert set(found[USER]) == {"userName", "nickName", "age", "password", "name"}
        assert found[USER]["age"]["type"] == "integer"
        assert [sub["name"] for sub in found[USER]["name"]["subAttributes"]] == ["familyName"]
        nick = found[USER]["nickName"]
        assert (nick["type"], nick["mutability"], nick["returned"]) == ("string", "readOnly", "default")
        assert found[USER]["password"]["returned"] == "never"
        assert found[OWN]["number"]["type"] == "integer"
        types = Proxy.read(await (await proxy.catalog.learned("crm")).resource_types(CALL))["Resources"]
        user = next(each for each in types if each["name"] == "User")
        assert [each["schema"] for each in user["schemaExtensions"]] == [OWN]


async def test_requests_are_judged_by_them_and_they_are_asked_for_once(opened: Opened, backend: Backend) -> None:
    async with opened() as proxy:
        for _ in range(3):
            assert [each["age"] for each in await proxy.users(filter="age ge 30")] == [30]
        with pytest.raises(InvalidFilterError):
            await proxy.users(filter='title eq "Boss"')
        provider = await proxy.catalog.learned("crm")
        made = await provider.create("Users", {"schemas": [USER], "userName": "ann", OWN: {"number": 7}}, (), CALL)
        assert Proxy.read(made)[OWN] == {"number": 7}
        assert (backend.asks("Schemas"), backend.asks("ResourceTypes")) == (1, 1)


UNLISTED = {
    "userName": "ann",
    "title": "Boss",
    "name": {"familyName": "Ash", "givenName": "Ann"},
    "emails": [{"value": "ann@example.org", "type": "work"}],
    ENTERPRISE_USER: {"employeeNumber": "7"},
}


async def test_what_a_backend_takes_and_does_not_list_goes_through(opened: Opened, backend: Backend) -> None:
    """It was dropped with a word in the log, and the client was told 2xx."""
    async with opened() as proxy:
        provider = await proxy.catalog.learned("crm")
        sent = {"schemas": [USER, ENTERPRISE_USER], **UNLISTED, "shoeSize": 44}
        await provider.create("Users", sent, (), CALL)
        await provider.replace("Users", "1", sent, (), CALL)
        operations = [{"op": "replace", "path": "title", "value": "Chief"}, {"op": "add", "value": {"nickname": "A"}}]
        await provider.patch("Users", "1", {"Operations": operations}, (), CALL)
        made, put, patch = backend.got
        for got in (made, put):
            assert {name: got.get(name) for name in UNLISTED} == UNLISTED
            assert "shoeSize" not in got, "nobody knows it"
        assert [each.get("path") for each in patch["Operations"]][:1] == ["title"]
        assert set((await proxy.schemas())[USER]) == {"userName", "nickName", "age", "password", "name"}


async def test_what_a_mapping_takes_goes_through_where_no_schema_has_it(opened: Opened, backend: Backend) -> None:
    write = {
        "user": {
            "mappings": [
                {"sourcePath": "$.userName", "targetPath": "$.userName"},
                {"sourcePath": "$.shoeSize", "targetPath": "$.shoe", "optional": True},
                {"sourcePath": f"$['{ENTERPRISE_USER}']['wing']", "targetPath": "$.wing", "optional": True},
                {"sourcePath": "$['urn:example:hat']['size']", "targetPath": "$.hat", "optional": True},
            ]
        }
    }
    sent = {"userName": "ann", "shoeSize": "44", ENTERPRISE_USER: {"wing": "B"}, "urn:example:hat": {"size": "L"}}
    async with opened(COPY, write) as proxy:
        provider = await proxy.catalog.learned("crm")
        await provider.create("Users", {"schemas": [USER], **sent}, (), CALL)
    assert backend.got == [{"userName": "ann", "shoe": "44", "wing": "B", "hat": "L"}]


async def test_many_who_come_first_ask_once(opened: Opened, backend: Backend) -> None:
    async with opened() as proxy:
        await asyncio.gather(*(proxy.users() for _ in range(8)))
        assert backend.asks("Schemas") == 1


async def test_who_comes_while_it_is_asked_again_does_not_wait(
    opened: Opened, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "SECONDS", -1.0)
    async with opened() as proxy:
        await proxy.users()
        backend.held = asyncio.Event()
        asking = asyncio.create_task(proxy.users())
        await backend.waiting.wait()
        assert len(await proxy.users()) == 1
        assert not asking.done()
        backend.held.set()
        assert len(await asking) == 1


async def test_what_the_mappings_name_beyond_them_is_known_from_elsewhere(opened: Opened) -> None:
    read = {
        "user": {
            "scimEntityEndpoint": "Users",
            "mappings": [
                {"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"},
                {"sourcePath": "$.userName", "targetPath": "$.userName"},
                {"sourcePath": "$.age", "targetPath": f"$['{ENTERPRISE_USER}']['employeeNumber']", "optional": True},
                {"sourcePath": "$.nickName", "targetPath": "$.name.givenName", "optional": True},
            ],
        }
    }
    write = {
        "user": {
            "scimEntityEndpoint": "Users",
            "mappings": [
                {"sourcePath": "$.userName", "targetPath": "$.userName"},
                {"sourcePath": "$.active", "targetPath": "$.age", "optional": True},
            ],
        }
    }
    async with opened(read, write) as proxy:
        found = await proxy.schemas()
        assert set(found[USER]) == {"userName", "active", "name"}
        assert found[USER]["active"]["type"] == "boolean"
        assert [sub["name"] for sub in found[USER]["name"]["subAttributes"]] == ["givenName"]
        assert set(found[ENTERPRISE_USER]) == {"employeeNumber"}
        assert OWN not in found


async def test_without_resource_types_the_names_tell_where_schemas_belong(opened: Opened, backend: Backend) -> None:
    backend.answers["/ResourceTypes"] = document(403, {})
    async with opened() as proxy:
        assert OWN in await proxy.schemas()


@pytest.mark.parametrize(
    "answer",
    [
        document(404, {}),
        document(500, {}),
        document(200, {"Resources": "none"}),
        document(200, [{"id": "urn:example:Other", "attributes": [{"name": "a"}]}]),
        document(200, listing([{"id": USER, "attributes": []}], 1)),
    ],
    ids=["none", "failing", "no list", "others", "no attributes"],
)
async def test_a_backend_that_does_not_tell_has_those_that_ship_and_the_log_says_so(
    opened: Opened, backend: Backend, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    backend.answers["/Schemas"] = answer
    with caplog.at_level(logging.WARNING, "proxeny.scim2"):
        async with opened() as proxy:
            found = await proxy.schemas()
            assert {"title", "emails", "active"} <= set(found[USER])
            assert SAP_USER in found
            assert await proxy.users(filter="active eq true") == []
    assert [record.getMessage().startswith("the backend does not tell its /Schemas") for record in caplog.records] == [
        True
    ]


async def test_a_filter_that_no_client_sent_is_no_clients_mistake(opened: Opened, backend: Backend) -> None:
    async with opened() as proxy:
        await proxy.users()
        refusal = document(400, {"scimType": "invalidFilter", "detail": "not this one"})
        backend.answers["/Users"] = backend.answers["/Users/1"] = refusal
        with pytest.raises(InvalidFilterError, match="not this one"):
            await proxy.users(filter='userName eq "ann"')
        with pytest.raises(BackendFailedError, match="not this one"):
            await proxy.users()
        with pytest.raises(BackendFailedError, match="not this one"):
            await (await proxy.catalog.learned("crm")).read("Users", "1", (), CALL)
