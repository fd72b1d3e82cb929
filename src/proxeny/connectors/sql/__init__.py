"""SQL databases: tables and views as entity types, declared by properties of the system."""

from dataclasses import replace

from proxeny.connectors.spec import WHOLE, Connection, Spec
from proxeny.connectors.spi import Connector
from proxeny.connectors.sql.changes import ChangingSqlConnector
from proxeny.connectors.sql.connector import SqlConnector
from proxeny.connectors.sql.declarations import PROPERTIES, problems
from proxeny.connectors.sql.layout import read_layouts


def _build(connection: Connection) -> Connector:
    """One that reads changes, if an entity type has a column for the time of the last change."""
    changes = any(layout.modified for layout in read_layouts(connection.properties)[0].values())
    return ChangingSqlConnector(connection) if changes else SqlConnector(connection)


DOES = replace(WHOLE, changes=True)  # of entity types with a column for the time of the last change
SPEC = Spec("sql", "SQL database", PROPERTIES, _build, (problems,), DOES)
