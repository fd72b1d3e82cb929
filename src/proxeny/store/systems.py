"""Systems that the command line or the admin API made; those of the configured folder are not here.

The definition is the JSON that SAP Identity Provisioning exports, without its secrets; these are kept beside it, each
sealed for its system and property.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import orjson

from proxeny.database import Database, Request, Row, Statement
from proxeny.documents import Document
from proxeny.store.errors import AlreadyExistsError, UnknownError, VaultError
from proxeny.store.vault import Vault

_SELECT = "SELECT id, name, document, credentials, created, changed, version FROM store_systems"
ALL = Statement(f"{_SELECT} ORDER BY name")
ONE = Statement(f"{_SELECT} WHERE id = :which OR name = :which ORDER BY CASE WHEN id = :which THEN 0 ELSE 1 END")
INSERT = Statement(
    "INSERT INTO store_systems (id, name, document, credentials, created, changed, version) "
    "VALUES (:id, :name, :document, :credentials, :created, :created, :version) ON CONFLICT DO NOTHING RETURNING id"
)
UPDATE = Statement(
    "UPDATE store_systems SET name = :name, document = :document, credentials = :credentials, changed = :changed, "
    "version = :version WHERE id = :id"
)
RESEAL = Statement("UPDATE store_systems SET credentials = :credentials WHERE id = :id AND version = :version")
OTHER = Statement("SELECT id FROM store_systems WHERE (id = :name OR name IN (:name, :id)) AND id <> :id")
"""Ids and names share one space: an address, or what a technical user is restricted to, may be either."""
DELETE = Statement("DELETE FROM store_systems WHERE id = :id RETURNING id")
COUNT_UP = Statement("UPDATE store_versions SET version = version + 1 WHERE name = 'systems' RETURNING version")
VERSION = Statement("SELECT version FROM store_versions WHERE name = 'systems'")


@dataclass(frozen=True, slots=True)
class StoredSystem:
    """A system. ``credentials`` are in clear here and sealed in the database. Times are RFC 3339 in UTC.

    ``unopened`` are credentials that cannot be opened with the keys at hand, and why; they are not among the others.
    """

    id: str
    name: str
    definition: Document
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    created: str = ""
    changed: str = ""
    version: int = 0
    unopened: Mapping[str, str] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """Why it cannot be used as it is stored; empty if nothing speaks against it."""
        return " ".join(self.unopened.values())


class Systems:
    """The systems of the database."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def all(self) -> list[StoredSystem]:
        """All of them, by name; one whose secrets cannot be opened says so (``problem``) and keeps nobody else back."""
        return [self._from_row(row) for row in await self._database.fetch(ALL)]

    async def find(self, id_or_name: str) -> StoredSystem | None:
        if "\0" in id_or_name:
            return None
        row = await self._database.fetch_one(ONE, {"which": id_or_name})
        return self._from_row(row) if row else None

    async def version(self) -> str:
        """Changes whenever any system does."""
        row = await self._database.fetch_one(VERSION)
        return str(row[0]) if row else ""

    async def add(
        self, system_id: str, name: str, definition: Document, credentials: Mapping[str, str]
    ) -> StoredSystem:
        """Keep a new system; AlreadyExistsError if its id or name is taken."""

        def steps() -> Generator[Request, list[Row], None]:
            version = (yield COUNT_UP, {})[0][0]
            values = {**self._values(system_id, name, definition, credentials), "created": _now(), "version": version}
            if (yield OTHER, {"name": name, "id": system_id}) or not (yield INSERT, values):
                raise _taken(system_id, name)

        await self._database.transaction(steps)
        return await self._present(system_id)

    async def replace(
        self, system_id: str, name: str, definition: Document, credentials: Mapping[str, str]
    ) -> StoredSystem:
        """Replace a system, credentials included; UnknownError, AlreadyExistsError (a name or id of another)."""

        def steps() -> Generator[Request, list[Row], None]:
            version = (yield COUNT_UP, {})[0][0]
            if not [row for row in (yield ONE, {"which": system_id}) if row[0] == system_id]:
                raise _unknown(system_id)
            if (yield OTHER, {"name": name, "id": system_id}):
                raise _taken(system_id, name)
            values = self._values(system_id, name, definition, credentials)
            yield UPDATE, {**values, "changed": _now(), "version": version}

        await self._database.transaction(steps)
        return await self._present(system_id)

    async def remove(self, system_id: str) -> None:
        """UnknownError if there is none."""

        def steps() -> Generator[Request, list[Row], None]:
            yield COUNT_UP, {}
            if not (yield DELETE, {"id": system_id}):
                raise _unknown(system_id)

        await self._database.transaction(steps)

    async def reseal(self) -> int:
        """After a rotation of keys: seal again what an older key sealed; how many systems that were. VaultError, as
        what cannot be opened cannot be sealed again, and its key is not to go."""
        stale = [
            row for row in await self._database.fetch(ALL) if any(map(self._vault.is_stale, _sealed(row).values()))
        ]
        for row in stale:
            system = self._from_row(row)
            if system.unopened:
                raise VaultError(system.problem)
            sealed = self._values(system.id, system.name, {}, system.credentials)["credentials"]
            values = {"id": system.id, "version": system.version, "credentials": sealed}
            await self._database.transaction(partial(_single, RESEAL, values))
        return len(stale)

    async def _present(self, system_id: str) -> StoredSystem:
        system = await self.find(system_id)
        if system is None:
            raise _unknown(system_id)
        return system

    def _values(
        self, system_id: str, name: str, definition: Document, credentials: Mapping[str, str]
    ) -> dict[str, object]:
        sealed = {key: self._vault.seal(system_id, key, secret) for key, secret in credentials.items()}
        return {
            "id": system_id,
            "name": name,
            "document": orjson.dumps(definition),
            "credentials": orjson.dumps(sealed),
        }

    def _from_row(self, row: Row) -> StoredSystem:
        system_id, name, document, _, created, changed, version = row
        opened, unopened = {}, {}
        for key, sealed in _sealed(row).items():
            try:
                opened[key] = self._vault.open_sealed(system_id, key, sealed)
            except VaultError as error:
                unopened[key] = str(error)
        return StoredSystem(system_id, name, orjson.loads(document), opened, created, changed, version, unopened)


def _single(statement: Statement, values: Mapping[str, object]) -> Generator[Request, list[Row], None]:
    yield statement, values


def _sealed(row: Row) -> dict[str, str]:
    sealed: dict[str, str] = orjson.loads(row[3])
    return sealed


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _taken(system_id: str, name: str) -> AlreadyExistsError:
    return AlreadyExistsError(f"There is a system with the id '{system_id}' or the name '{name}'. Nothing was changed.")


def _unknown(system_id: str) -> UnknownError:
    return UnknownError(f"There is no system '{system_id}' in the database. Nothing was changed.")
