"""Technical users that the command line or the admin API made; those of the configuration file are not here.

A user has at most two secrets, so that one can be replaced while the other still works. Only hashes are kept; a new
secret is given out once. Every change counts up ``version``, by which whoever remembers a user sees that it is old.
"""

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from proxeny.database import Database, Request, Row, Statement
from proxeny.store.errors import AlreadyExistsError, UnknownError
from proxeny.store.secrets import hash_secret, new_secret

SECRETS = 2

_COLUMNS = "c.id, c.document, c.version, u.last_used, u.last_address, u.failed_tries"
_JOINED = f"SELECT {_COLUMNS} FROM store_clients c LEFT JOIN store_client_use u ON u.id = c.id"  # noqa: S608  # constant
ALL = Statement(f"{_JOINED} ORDER BY c.id")
ONE = Statement(f"{_JOINED} WHERE c.id = :id")
NEAREST = Statement("SELECT id, document, version FROM store_clients WHERE id <= :id ORDER BY id DESC LIMIT 1")
INSERT = Statement(
    "INSERT INTO store_clients (id, document, version) VALUES (:id, :document, :version) "
    "ON CONFLICT (id) DO NOTHING RETURNING id"
)
UPDATE = Statement("UPDATE store_clients SET document = :document, version = :version WHERE id = :id")
DELETE = Statement("DELETE FROM store_clients WHERE id = :id RETURNING id")
DELETE_USE = Statement("DELETE FROM store_client_use WHERE id = :id")
COUNT_UP = Statement("UPDATE store_versions SET version = version + 1 WHERE name = 'clients' RETURNING version")
VERSION = Statement("SELECT version FROM store_versions WHERE name = 'clients'")
USED = Statement(
    "INSERT INTO store_client_use (id, last_used, last_address, failed_tries) VALUES (:id, :at, :address, 0) "
    "ON CONFLICT (id) DO UPDATE SET last_used = excluded.last_used, last_address = excluded.last_address, "
    "failed_tries = 0"
)
FAILED = Statement(
    "INSERT INTO store_client_use (id, failed_tries) "
    "SELECT COALESCE((SELECT id FROM store_clients WHERE id = :id), ''), 1 WHERE true "
    "ON CONFLICT (id) DO UPDATE SET failed_tries = store_client_use.failed_tries + 1"
)


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """The hash of a secret; ``expires`` None: never."""

    hash: str = field(repr=False)
    created: datetime
    expires: datetime | None = None

    def is_valid(self, at: datetime) -> bool:
        return self.expires is None or self.expires > at


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClient:
    """A technical user. ``systems`` None: all. ``certificates``: objects with subject, issuer, uri or thumbprint
    (and ``expires``, when the certificate ends). ``keys``: the JWK Set for private_key_jwt. The last four tell of its
    use and are not part of ``version``."""

    id: str
    permissions: frozenset[str] = frozenset()
    systems: frozenset[str] | None = None
    read_only: bool = False
    dialect: tuple[str, ...] | None = None
    enabled: bool = True
    description: str = ""
    secrets: tuple[StoredSecret, ...] = ()
    certificates: tuple[Mapping[str, str], ...] = ()
    keys: Mapping[str, Any] | None = None
    token_format: str = "jwt"  # noqa: S105  # a format, no secret
    bind_tokens: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    version: int = 0
    last_used: datetime | None = None
    last_address: str | None = None
    failed_tries: int = 0


_USE = ("id", "version", "last_used", "last_address", "failed_tries")


class Clients:
    """The technical users of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[StoredClient]:
        """All of them, by id."""
        return [_from_row(row) for row in await self._database.fetch(ALL)]

    async def find(self, client_id: str) -> StoredClient | None:
        if "\0" in client_id:
            return None
        row = await self._database.fetch_one(ONE, {"id": client_id})
        return _from_row(row) if row else None

    async def known(self, client_id: str) -> StoredClient | None:
        """As ``find``, without what is known of its use. To find nobody takes as long, as somebody is read in any case:
        the one before, or one who stands in where there is none."""
        wanted = "" if "\0" in client_id else client_id
        row = await self._database.fetch_one(NEAREST, {"id": wanted})
        found = _from_row((*(row or ("", _NOBODY, 0)), None, None, 0))
        return found if found.id and found.id == client_id else None

    async def with_certificates(self) -> list[StoredClient]:
        return [client for client in await self.all() if client.certificates]

    async def version(self) -> str:
        """Changes whenever any technical user does; their use does not count."""
        row = await self._database.fetch_one(VERSION)
        return str(row[0]) if row else ""

    async def add(
        self, client: StoredClient, *, secret: bool = True, expires: datetime | None = None
    ) -> tuple[StoredClient, str | None]:
        """Keep a new technical user; what is kept, and its new secret if one was wanted. AlreadyExistsError."""
        made = new_secret() if secret else None
        if made is not None:
            client = replace(client, secrets=(await _hashed(made, expires),))

        def steps() -> Generator[Request, list[Row], StoredClient]:
            kept = replace(client, version=(yield COUNT_UP, {})[0][0])
            inserted = yield INSERT, {"id": kept.id, "document": _document(kept), "version": kept.version}
            if not inserted:
                raise AlreadyExistsError(f"There is a technical user '{kept.id}' already. Nothing was made.")
            yield DELETE_USE, {"id": kept.id}
            return kept

        return await self._database.transaction(steps), made

    async def change(self, client_id: str, **changes: Any) -> StoredClient:
        """Change fields of StoredClient (``enabled=False``, ``permissions=…``); UnknownError."""
        return await self.edit(client_id, lambda client: replace(client, **changes))

    async def rotate(
        self, client_id: str, *, keep_old_for: timedelta = timedelta(days=1), expires: datetime | None = None
    ) -> str:
        """A new secret; the newest of the old ones works for a while longer, others end now. UnknownError."""
        made = new_secret()
        stored = await _hashed(made, expires)
        until = stored.created + keep_old_for

        def exchanged(client: StoredClient) -> StoredClient:
            valid = sorted((old for old in client.secrets if old.is_valid(stored.created)), key=lambda old: old.created)
            kept = [replace(old, expires=min(old.expires or until, until)) for old in valid[1 - SECRETS :]]
            return replace(client, secrets=(stored, *(kept if keep_old_for else ())))

        await self.edit(client_id, exchanged)
        return made

    async def remove(self, client_id: str) -> None:
        """UnknownError if there is none."""

        def steps() -> Generator[Request, list[Row], None]:
            yield COUNT_UP, {}
            if not (yield DELETE, {"id": client_id}):
                raise _unknown(client_id)
            yield DELETE_USE, {"id": client_id}

        await self._database.transaction(steps)

    async def succeeded(self, client_id: str, address: str) -> None:
        """Remember last use and address, and forget failed tries."""
        values = {"id": client_id, "at": datetime.now(UTC).isoformat(timespec="seconds"), "address": address}
        await self._database.transaction(lambda: _single(USED, values))

    async def failed(self, client_id: str, address: str) -> None:
        """Count a failed try; those of ids that nobody has are counted together, so that they cost as much."""
        known = "" if "\0" in client_id else client_id
        await self._database.transaction(lambda: _single(FAILED, {"id": known}))

    async def edit(self, client_id: str, edit: Callable[[StoredClient], StoredClient]) -> StoredClient:
        """Keeps what ``edit`` makes of a technical user, as it is at that moment; UnknownError."""

        def steps() -> Generator[Request, list[Row], StoredClient]:
            version = (yield COUNT_UP, {})[0][0]  # also the lock: edits of technical users come one after the other
            rows = yield ONE, {"id": client_id}
            if not rows:
                raise _unknown(client_id)
            edited = replace(edit(_from_row(rows[0])), version=version)
            yield UPDATE, {"id": client_id, "document": _document(edited), "version": version}
            return edited

        return await self._database.transaction(steps)


def _single(statement: Statement, values: Mapping[str, Any]) -> Generator[Request, list[Row], None]:
    yield statement, values


async def _hashed(secret: str, expires: datetime | None) -> StoredSecret:
    loop = asyncio.get_running_loop()
    return StoredSecret(await loop.run_in_executor(None, hash_secret, secret), datetime.now(UTC), expires)


def _unknown(client_id: str) -> UnknownError:
    return UnknownError(f"There is no technical user '{client_id}' in the database. Nothing was changed.")


def _document(client: StoredClient) -> bytes:
    values = {name: value for name, value in asdict(client).items() if name not in _USE}
    return orjson.dumps(values, default=sorted)


def _from_row(row: Row) -> StoredClient:
    client_id, document, version, last_used, last_address, failed_tries = row
    values = orjson.loads(document)
    secrets = values.pop("secrets")
    return StoredClient(
        id=client_id,
        permissions=frozenset(values.pop("permissions")),
        systems=_set(values.pop("systems")),
        dialect=_tuple(values.pop("dialect")),
        secrets=tuple(StoredSecret(each["hash"], _time(each["created"]), _moment(each["expires"])) for each in secrets),
        certificates=tuple(values.pop("certificates")),
        created=_time(values.pop("created")),
        version=version,
        last_used=_moment(last_used),
        last_address=last_address,
        failed_tries=failed_tries or 0,
        **values,
    )


def _set(value: Sequence[str] | None) -> frozenset[str] | None:
    return None if value is None else frozenset(value)


def _tuple(value: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


NOBODY = StoredClient(
    id="", permissions=frozenset({"proxy"}), secrets=(StoredSecret("-" * 97, datetime.now(UTC)),), enabled=False
)
"""Stands in for a technical user that there is not, so that it costs as much not to find one."""
_NOBODY = _document(NOBODY)
