"""Schema versions: each component of the gateway brings an ordered list of migrations and says ``migrate``.

Each migration is its own transaction that first takes a lock, so that replicas which start together run it once. A
component that finds a newer version than it knows refuses to start.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from proxeny.database.errors import SchemaTooNewError
from proxeny.database.statements import Request, Row, Statement

CREATE_VERSIONS = Statement.ddl(
    "CREATE TABLE IF NOT EXISTS schema_versions (component {TEXT} PRIMARY KEY, version BIGINT NOT NULL)"
)
LOCK = Statement.per_dialect("SELECT 1", "SELECT pg_advisory_xact_lock(7426901)")
READ_VERSION = Statement("SELECT version FROM schema_versions WHERE component = :component")
WRITE_VERSION = Statement(
    "INSERT INTO schema_versions (component, version) VALUES (:component, :version)"
    " ON CONFLICT (component) DO UPDATE SET version = excluded.version"
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a schema's history; never changed once released."""

    name: str
    statements: tuple[Statement, ...]


def step(component: str, migrations: Sequence[Migration]) -> Generator[Request, list[Row], bool]:
    """Run the next migration that is missing; the result says whether there was one."""
    yield LOCK, {}
    yield CREATE_VERSIONS, {}
    rows = yield READ_VERSION, {"component": component}
    version = rows[0][0] if rows else 0
    if version > len(migrations):
        raise SchemaTooNewError(
            f"The database's schema of '{component}' is version {version}; this program knows {len(migrations)}. "
            "Nothing was changed. Start the newer program, or restore a backup made before it."
        )
    if version == len(migrations):
        return False
    for statement in migrations[version].statements:
        yield statement, {}
    yield WRITE_VERSION, {"component": component, "version": version + 1}
    return True
