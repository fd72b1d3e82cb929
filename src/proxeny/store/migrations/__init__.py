"""The store's tables, version by version."""

from proxeny.database import Database, Migration
from proxeny.store.migrations.contents import CONTENTS
from proxeny.store.migrations.first import FIRST
from proxeny.store.migrations.jobs import JOBS
from proxeny.store.migrations.kept import KEPT
from proxeny.store.migrations.limits import LIMITS
from proxeny.store.migrations.realtime import NATIVE, REALTIME
from proxeny.store.migrations.tokens import TOKENS
from proxeny.store.migrations.trail import TRAIL

COMPONENT = "store"
MIGRATIONS: tuple[Migration, ...] = (FIRST, TOKENS, LIMITS, JOBS, REALTIME, TRAIL, NATIVE, KEPT, CONTENTS)


async def migrate(database: Database) -> None:
    """Bring the store's tables to the newest version."""
    await database.migrate(COMPONENT, MIGRATIONS)
