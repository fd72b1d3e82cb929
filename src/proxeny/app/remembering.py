"""What the gateway remembers, opened: the database, brought to the newest version, and the stores in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from proxeny.connectors.directory import DirectoryConnector
from proxeny.database import Database
from proxeny.provisioning.definition import SystemDefinition, read_definition
from proxeny.settings import Settings
from proxeny.store import migrations
from proxeny.store.audit import Audit
from proxeny.store.clients import Clients
from proxeny.store.systems import StoredSystem, Systems
from proxeny.store.vault import Vault

STORED = "database"
"""Where a stored system comes from, in messages: ``database: Name``."""


@dataclass(frozen=True, slots=True)
class Store:
    database: Database
    vault: Vault
    clients: Clients
    systems: Systems
    audit: Audit

    @property
    def cursor_key(self) -> bytes:
        """Seals cursors; the same for all replicas that share the key file."""
        return self.vault.derived("cursors")


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Opens key file, database and stores, and closes them."""
    vault = await asyncio.to_thread(Vault.open, settings.secrets.key_file)
    database = await Database.open(settings.database.url.get_secret_value())
    try:
        await migrations.migrate(database)
        audit = Audit(database, vault.derived("audit"))
        yield Store(database, vault, Clients(database), Systems(database, vault), audit)
    finally:
        await database.close()


@asynccontextmanager
async def open_directory(settings: Settings) -> AsyncIterator[Database]:
    """Only the database, with the tables of the Identity Directory as this version wants them."""
    database = await Database.open(settings.database.url.get_secret_value())
    try:
        await DirectoryConnector(database).open()
        yield database
    finally:
        await database.close()


def stored_definition(system: StoredSystem) -> SystemDefinition:
    """A system of the database; its texts hold no references, and none would be looked up. DefinitionError."""
    document = {**system.definition, "id": system.id, "name": system.name}
    document["encryptedProperties"] = dict(system.credentials)
    return read_definition(document, file=f"{STORED}: {system.name}")
