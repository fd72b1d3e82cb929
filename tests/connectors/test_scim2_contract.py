"""The contract of the port, on an independent SCIM server."""

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
