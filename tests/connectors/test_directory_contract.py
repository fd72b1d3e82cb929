"""The contract of the port, on the embedded directory over both databases."""

from collections.abc import Callable

import pytest

from proxeny.connectors.contract import ConnectorContract
from proxeny.connectors.directory import DirectoryConnector
from proxeny.documents import Document


class TestDirectory(ConnectorContract):
    @pytest.fixture
    def connector(self, directory: DirectoryConnector) -> DirectoryConnector:
        return directory

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: {"userName": f"contract{number}", "displayName": f"Contract {number}"}
