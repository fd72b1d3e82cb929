"""The contract of the port, on two independent SCIM servers and on a second gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from tests.connectors.kit import connection

from proxeny.connectors.contract import ConnectorContract
from proxeny.connectors.errors import ConflictError
from proxeny.connectors.outbound.throttle import purpose
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.documents import Document


class TestScimServer(ConnectorContract):
    @pytest.fixture
    async def connector(self, scim_server: str) -> AsyncIterator[ScimConnector]:
        opened = ScimConnector(connection(f"{scim_server}/v2"))
        await opened.open()
        async for left in opened.read_all("user"):
            await opened.delete("user", left.id)
        yield opened
        await opened.close()

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": f"contract{number}",
            "displayName": f"Contract {number}",
        }


class TestOtherGateway(TestScimServer):
    @pytest.fixture
    async def connector(self, other_proxeny: str) -> AsyncIterator[ScimConnector]:
        opened = ScimConnector(connection(other_proxeny, {"User": "near"}, {"Password": "far-away-secret-1"}))
        await opened.open()
        async for left in opened.read_all("user"):
            await opened.delete("user", left.id)
        yield opened
        await opened.close()


class TestGroups(TestScimServer):
    """Groups of the independent server, whose names may be taken twice."""

    entity_type = "group"
    name_field = ("displayName",)

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        group = "urn:ietf:params:scim:schemas:core:2.0:Group"
        return lambda number: {"schemas": [group], "displayName": f"Contract {number}"}

    async def test_a_taken_name_is_a_conflict_and_changes_nothing(self) -> None:
        """Nothing to check: RFC 7643 lets two groups have one displayName, and this server does."""


SIGN_IN = {"User": "near"}
SECRET = {"Password": "far-away-secret-1"}


class TestScimmy(TestScimServer):
    @pytest.fixture
    async def connector(self, scimmy: str) -> AsyncIterator[ScimConnector]:
        opened = ScimConnector(connection(scimmy, SIGN_IN, SECRET))
        await opened.open()
        async for left in opened.read_all("user"):
            await opened.delete("user", left.id)
        yield opened
        await opened.close()


class TestScimmyGroups(TestScimmy):
    entity_type = "group"
    name_field = ("displayName",)

    @pytest.fixture
    async def connector(self, scimmy: str) -> AsyncIterator[ScimConnector]:
        opened = ScimConnector(connection(scimmy, SIGN_IN, SECRET))
        await opened.open()
        async for left in opened.read_all("group"):
            await opened.delete("group", left.id)
        yield opened
        await opened.close()

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        group = "urn:ietf:params:scim:schemas:core:2.0:Group"
        return lambda number: {"schemas": [group], "displayName": f"Contract {number}"}


@pytest.mark.parametrize("server", ["scimmy", "other_proxeny"])
async def test_bulk_requests_reach_servers_that_we_did_not_make_for_it(
    server: str, request: pytest.FixtureRequest
) -> None:
    purpose.set("job")
    url = request.getfixturevalue(server)
    connector = ScimConnector(connection(url, {**SIGN_IN, "scim.support.bulk.operation": "true"}, SECRET))
    core = "urn:ietf:params:scim:schemas:core:2.0:User"
    people = [{"schemas": [core], "userName": f"bulk{number}"} for number in range(50)]
    made = await asyncio.gather(*(connector.create("user", dict(person)) for person in people))
    assert len({entity.id for entity in made}) == 50
    taken, replaced = await asyncio.gather(
        connector.create("user", {"schemas": [core], "userName": "bulk7"}),
        connector.replace("user", made[0].id, {"schemas": [core], "userName": "bulk0", "title": "new"}),
        return_exceptions=True,
    )
    assert isinstance(taken, ConflictError)
    assert taken.other_id == made[7].id
    assert not isinstance(replaced, Exception)
    assert (await connector.read("user", made[0].id)).document["title"] == "new"
    await asyncio.gather(*(connector.delete("user", entity.id) for entity in made))
    left = [entity.id async for entity in connector.read_all("user")]
    await connector.close()
    assert not {entity.id for entity in made} & set(left)
