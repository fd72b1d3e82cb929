"""The contract of the port on PostgreSQL and MariaDB: users with lists, groups with members, and plain tables."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.connectors.sqlside import Side

from proxeny.connectors.contract import ConnectorContract
from proxeny.connectors.errors import UnsupportedError
from proxeny.connectors.spi import Connector
from proxeny.documents import Document


class TestUsers(ConnectorContract):
    @pytest.fixture
    async def connector(self, side: Side) -> AsyncIterator[Connector]:
        opened = side.connector()
        await opened.open()
        yield opened
        await opened.close()

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: {
            "userName": f"contract{number}",
            "name": {"givenName": "Con", "familyName": f"Tract {number}"},
            "emails": [{"value": f"contract{number}@example.org", "type": "work", "primary": True}],
            "active": True,
        }


class TestNotDeclaredAscii(TestUsers):
    """Without the promise that names are ASCII, filters let through more and never less."""

    @pytest.fixture
    async def connector(self, side: Side) -> AsyncIterator[Connector]:
        opened = side.connector(sql__user__ascii=None)
        await opened.open()
        yield opened
        await opened.close()


class TestSoftDeletion(TestUsers):
    """Rows are marked instead of removed."""

    @pytest.fixture
    async def connector(self, side: Side) -> AsyncIterator[Connector]:
        opened = side.connector(sql__user__deleted="gone")
        await opened.open()
        yield opened
        await opened.close()


class TestGroups(TestUsers):
    """A text key that the document does not give, and a version column."""

    entity_type = "group"
    name_field = ("displayName",)

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: {"displayName": f"Contract {number}", "members": []}

    async def test_changes_resume_where_they_stopped(self) -> None:
        """Nothing to check: this table has no column for the time of the last change."""

    async def test_a_mark_is_where_a_delta_read_goes_on(self, connector: Any) -> None:
        """There is none, and a job reads everything."""
        with pytest.raises(UnsupportedError, match=r"sql\.group\.modified"):
            await connector.mark("group")


class TestPlainTable(TestUsers):
    """No columns declared: every column is a field of its own name."""

    name_field = ("login",)

    @pytest.fixture
    async def connector(self, side: Side) -> AsyncIterator[Connector]:
        declared = [name for name in side_properties() if name.startswith(("sql.user.column.", "sql.user.list."))]
        opened = side.connector(**{name.replace(".", "__"): None for name in declared}, sql__user__ascii="login")
        await opened.open()
        yield opened
        await opened.close()

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: {"login": f"contract{number}", "first_name": "Con"}


def side_properties() -> dict[str, str]:
    from tests.connectors.sqlside import PROPERTIES

    return PROPERTIES
