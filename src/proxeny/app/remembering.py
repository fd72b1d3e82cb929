"""What the gateway remembers, opened: the database, brought to the newest version, and the stores in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from proxeny.connectors.directory import DirectoryConnector
from proxeny.database import Database
from proxeny.provisioning.definition import SystemDefinition
from proxeny.settings import Settings
from proxeny.web.auth.caller import AuditSink, ClientSource
from proxeny.web.auth.clients import ConfiguredClients


@dataclass(frozen=True, slots=True)
class Store:
    """``cursor_key`` seals cursors and is the same for all replicas."""

    database: Database
    cursor_key: bytes
    client_source: ClientSource
    audit_sink: AuditSink | None = None

    async def definitions(self) -> tuple[SystemDefinition, ...]:
        """The systems that were made by API or command line."""
        return ()


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Opens database and stores, and closes them."""
    database = await Database.open(settings.database.url.get_secret_value())
    try:
        yield Store(database, b"0" * 32, ConfiguredClients(()))
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
