"""What the gateway remembers, opened: the database, brought to the newest version, and the stores in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from proxeny.connectors.directory import DirectoryConnector
from proxeny.database import Database
from proxeny.provisioning.systems.definition import SystemDefinition, read_definition
from proxeny.settings import Settings
from proxeny.store import migrations
from proxeny.store.administration import Administration
from proxeny.store.anchor import Anchor
from proxeny.store.audit import Audit
from proxeny.store.clients import Clients
from proxeny.store.systems import StoredSystem, Systems
from proxeny.store.vault import Vault

DERIVED = ("audit", "cursors")
"""What keys are derived for beside those that seal; they outlive every rotation."""

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

    def administration(self, by: str) -> Administration:
        """For changes that ``by`` makes, each with its record in the audit trail."""
        return Administration(self.clients, self.systems, self.audit, by)


def anchor_file(settings: Settings) -> Path:
    """Where the audit trail had got to is noted beside the key file, out of reach of those who write the database."""
    key_file = settings.secrets.key_file
    return key_file.with_name(f"{key_file.name}.audit")


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Opens key file, database and stores, and closes them."""
    vault = await asyncio.to_thread(Vault.open, settings.secrets.key_file)
    database = await Database.open(settings.database.url.get_secret_value())
    try:
        await migrations.migrate(database)
        audit = Audit(database, vault.derived("audit"), Anchor(anchor_file(settings)))
        yield Store(database, vault, Clients(database), Systems(database, vault), audit)
    finally:
        await database.close()


@asynccontextmanager
async def open_directory(settings: Settings) -> AsyncIterator[Store]:
    """The store, with the tables of the Identity Directory as this version wants them."""
    async with open_store(settings) as store:
        await DirectoryConnector(store.database).open()
        yield store


def stored_definition(system: StoredSystem) -> SystemDefinition:
    """A system of the database; its texts hold no references, and none would be looked up. DefinitionError."""
    document = {**system.definition, "id": system.id, "name": system.name}
    document["encryptedProperties"] = dict(system.credentials)
    return read_definition(document, file=f"{STORED}: {system.name}")
