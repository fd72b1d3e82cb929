"""What the gateway remembers, opened: the database, brought to the newest version, and the stores in it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from proxeny.connectors.directory import DirectoryConnector
from proxeny.database import Database
from proxeny.provisioning.definition import SystemDefinition, read_definition
from proxeny.settings import Settings
from proxeny.store import migrations
from proxeny.store.audit import Audit
from proxeny.store.clients import Clients, StoredClient
from proxeny.store.systems import StoredSystem, Systems
from proxeny.store.vault import Vault
from proxeny.web.auth.caller import CertificateRule, Secret, TechnicalUser

_FORMATS: dict[str, Literal["jwt", "opaque"]] = {"jwt": "jwt", "opaque": "opaque"}

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


class StoredClientSource:
    """The technical users of the database, as authentication asks for them."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def find(self, client_id: str) -> TechnicalUser | None:
        found = await self._clients.find(client_id)
        return _technical_user(found) if found else None

    async def with_certificates(self) -> Sequence[TechnicalUser]:
        return [_technical_user(client) for client in await self._clients.with_certificates()]

    async def version(self) -> str:
        return await self._clients.version()

    async def succeeded(self, client_id: str, address: str) -> None:
        await self._clients.succeeded(client_id, address)

    async def failed(self, client_id: str, address: str) -> None:
        await self._clients.failed(client_id, address)


def _technical_user(client: StoredClient) -> TechnicalUser:
    return TechnicalUser(
        id=client.id,
        permissions=client.permissions,
        systems=client.systems,
        read_only=client.read_only,
        dialect=None if client.dialect is None else frozenset(client.dialect),
        enabled=client.enabled,
        secrets=tuple(Secret(secret.hash, secret.expires) for secret in client.secrets),
        certificates=tuple(CertificateRule(**rule) for rule in client.certificates),
        keys=client.keys,
        token_format=_FORMATS[client.token_format],
        bind_tokens=client.bind_tokens,
        version=str(client.version),
    )
