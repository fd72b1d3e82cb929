"""A real catalog over a real directory in a temporary database; systems are made by the tests."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.fixtures.fakes import Fake, started
from tests.provisioning.jobrig import JobRig, scim

from proxeny.connectors.outbound.client import Outbound
from proxeny.database import Database
from proxeny.provisioning.catalog import Catalog
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.endpoints.exchange import Answer, Call
from proxeny.provisioning.proxy import Provider
from proxeny.provisioning.systems.definition import SystemDefinition, TransformationText

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
DATA = Path(__file__).parent / "data"


@dataclass(slots=True)
class Client:
    """One system as a client sees it: documents in, (status, document) out; errors raise."""

    provider: Provider
    call: Call

    async def search(self, endpoint: str, **params: Any) -> dict[str, Any]:
        given = tuple((name, str(value)) for name, value in params.items())
        return _document(await self.provider.search(endpoint, given, self.call))

    async def names(self, endpoint: str, **params: Any) -> list[str]:
        """userName or displayName of what a search finds, sorted."""
        found = (await self.search(endpoint, **params))["Resources"]
        return sorted(resource.get("userName") or resource["displayName"] for resource in found)

    async def read(self, endpoint: str, entity_id: str, **params: Any) -> dict[str, Any]:
        given = tuple((name, str(value)) for name, value in params.items())
        return _document(await self.provider.read(endpoint, entity_id, given, self.call))

    async def create(self, endpoint: str, document: dict[str, Any]) -> dict[str, Any]:
        answer = await self.provider.create(endpoint, document, (), self.call)
        assert answer.status == 201
        return _document(answer)

    async def replace(self, endpoint: str, entity_id: str, document: dict[str, Any]) -> dict[str, Any]:
        return _document(await self.provider.replace(endpoint, entity_id, document, (), self.call))

    async def patch(self, endpoint: str, entity_id: str, *operations: dict[str, Any]) -> Answer:
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return await self.provider.patch(endpoint, entity_id, body, (), self.call)

    async def delete(self, endpoint: str, entity_id: str) -> None:
        assert (await self.provider.delete(endpoint, entity_id, self.call)).status == 204


def _document(answer: Answer) -> dict[str, Any]:
    assert answer.body is not None
    document: dict[str, Any] = orjson.loads(answer.body)
    return document


@dataclass(slots=True)
class Rig:
    """Makes systems over one directory."""

    catalog: Catalog
    definitions: dict[str, SystemDefinition]

    @property
    def directory(self) -> Client:
        return Client(self.catalog.directory, Call("https://gw.example/scim"))

    async def proxy(
        self,
        *,
        read: Mapping[str, Any] | str | None = None,
        write: Mapping[str, Any] | str | None = None,
        properties: Mapping[str, str] | None = None,
        name: str = "hr",
    ) -> Client:
        """A proxy system over the directory; a transformation by its document, by its file in data/, or the default."""
        self.definitions[name] = SystemDefinition(
            id=name,
            name=name.upper(),
            type="LOCAL_IDENTITY_DIRECTORY",
            access_mode="PROXY",
            properties=dict(properties or {}),
            read=_text(read, "read"),
            write=_text(write, "write"),
        )
        await self.catalog.replace(self.definitions.values())
        return Client(self.catalog.provider(name), Call(f"https://gw.example/proxy/{name}"))


def _text(given: Mapping[str, Any] | str | None, name: str) -> TransformationText | None:
    if given is None:
        return None
    if isinstance(given, str):
        return TransformationText(given, (DATA / given).read_text())
    return TransformationText(name, orjson.dumps(given).decode())


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    database = await Database.open(f"sqlite:///{tmp_path}/gateway.db")
    catalog = Catalog(database, Outbound(), Cursors(b"k" * 32))
    await catalog.open(())
    yield Rig(catalog, {})
    await catalog.close()
    await database.close()


def user(login: str, **more: Any) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": login,
        "emails": [{"value": f"{login}@example.org", "type": "work"}],
        "active": True,
        **more,
    }


@pytest.fixture(scope="session")
def running_source() -> Iterator[Fake]:
    with started("srcgen") as fake:
        yield fake


@pytest.fixture(scope="session")
def running_sink() -> Iterator[Fake]:
    with started("sink") as fake:
        yield fake


@pytest.fixture
def source(running_source: Fake) -> Fake:
    """A fake source as if newly started; see tests/fixtures/srcgen.py."""
    running_source.control(begin=True)
    return running_source


@pytest.fixture
def sink(running_sink: Fake) -> Fake:
    """A fake target as if newly started; see tests/fixtures/sink.py."""
    running_sink.control(begin=True)
    return running_sink


@pytest.fixture
async def jobs(tmp_path: Path, source: Fake, sink: Fake) -> AsyncIterator[JobRig]:
    """Jobs from the fake source to the fake target."""
    database = await Database.open(f"sqlite:///{tmp_path}/jobs.db")
    rig = await JobRig.open(database)
    await rig.systems(scim("src", "READ", source.url), scim("crm", "WRITE", sink.url))
    yield rig
    await rig.close()
    await database.close()
