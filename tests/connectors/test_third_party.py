"""A connector that somebody else wrote: found by its entry points, and held to the same contract."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.connectors.kit import connection

from proxeny.connectors import registry
from proxeny.connectors.contract import ConnectorContract
from proxeny.connectors.spi import Capabilities, Connector
from proxeny.documents import Document

ENTRY_POINTS = """
[proxeny.connectors]
memo = tests.connectors.memo:SPEC
[proxeny.system_types]
memo = tests.connectors.memo:system_types
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As pip would leave it: a folder on the path with the metadata of the package."""
    metadata = tmp_path / "memo-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: memo\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    registry.forget()
    yield
    registry.forget()


@pytest.mark.usefixtures("installed")
class TestMemo(ConnectorContract):
    @pytest.fixture
    async def connector(self, installed: None) -> AsyncIterator[Connector]:
        opened = registry.spec("memo").build(connection("http://unused.example", type_name="MEMO"))
        await opened.open()
        yield opened
        await opened.close()

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: {"userName": f"memo{number}"}

    async def test_it_is_asked_only_for_what_it_can(self, connector: Connector) -> None:
        can = Capabilities.of(connector)
        assert (can.read, can.create, can.patch, can.delete, can.changes) == (True, True, False, False, False)


def test_what_is_not_installed_is_not_known() -> None:
    registry.forget()
    assert "memo" not in registry.protocols()
    assert "MEMO" not in {known.name for known in registry.system_types()}
