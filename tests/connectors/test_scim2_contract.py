"""The contract of the port, on an independent SCIM server and on a second gateway."""

from collections.abc import AsyncIterator, Callable

import pytest
from tests.connectors.kit import connection

from proxeny.connectors.contract import ConnectorContract
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
