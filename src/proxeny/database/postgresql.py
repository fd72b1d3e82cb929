"""PostgreSQL through asyncpg: a pool, prepared statements, and transactions that are tried again after a deadlock."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import asyncpg

from proxeny.database import errors
from proxeny.database.base import NOTHING, Database
from proxeny.database.statements import Parameters, Request, Row, Statement

T = TypeVar("T")
ATTEMPTS = 8
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 60.0
BY_CODE: tuple[tuple[str, type[errors.DatabaseError], str], ...] = (
    ("53100", errors.StorageFullError, "No room is left for the database. Nothing was written. Free space."),
    ("23", errors.ConstraintError, "An entry contradicts another one. Nothing was written."),
    ("40", errors.StorageBusyError, "Other writers were in the way. Try again."),
    ("53", errors.StorageBusyError, "The database server is at its limits. Try again."),
    ("55", errors.StorageBusyError, "Other writers were in the way. Try again."),
    ("57", errors.StorageUnavailableError, "The database server stopped the call. Try again."),
    ("08", errors.StorageUnavailableError, "The connection to the database broke. Try again."),
    ("28", errors.StorageUnavailableError, "The database server refuses our credentials. Check the url."),
    ("3D", errors.StorageUnavailableError, "The database server has no such database. Check the url."),
    ("XX", errors.DatabaseCorruptError, "The database server reports an internal error or damage."),
)
"""SQLSTATE codes or their classes (PostgreSQL, Appendix A); the first that fits."""

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, asyncio.TimeoutError)


def _translate(error: BaseException) -> errors.DatabaseError:
    code = getattr(error, "sqlstate", None)
    if code is None:
        return errors.StorageUnavailableError(f"The database server does not answer ({type(error).__name__}).")
    for prefix, kind, message in BY_CODE:
        if code.startswith(prefix):
            return kind(f"{message} [{code}]")
    return errors.DatabaseError(f"The database refused a statement: {error}")


class PostgresqlDatabase(Database):
    """See the module."""

    dialect = "postgresql"

    def __init__(self, pool: "asyncpg.Pool") -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str) -> "PostgresqlDatabase":
        try:
            pool = await asyncpg.create_pool(
                url, min_size=1, max_size=10, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS
            )
        except (*FAILURES, ValueError) as error:
            raise _translate(error) from error
        return cls(pool)

    async def fetch(self, statement: Statement, parameters: Parameters = NOTHING, *, heavy: bool = False) -> list[Row]:
        prepared = statement.prepared("postgresql")
        try:
            records = await self._pool.fetch(prepared.sql, *prepared.bind(parameters))
        except FAILURES as error:
            raise _translate(error) from error
        return [tuple(record) for record in records]

    async def transaction(self, steps: Callable[[], Generator[Request, list[Row], T]]) -> T:
        for attempt in range(ATTEMPTS):
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    return await self._drive(connection, steps())
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
                if attempt + 1 == ATTEMPTS:
                    raise _translate(error) from error
            except FAILURES as error:
                raise _translate(error) from error
        raise AssertionError  # the last attempt returned or raised

    async def _drive(self, connection: Any, steps: Generator[Request, list[Row], T]) -> T:
        try:
            statement, parameters = next(steps)
            while True:
                rows = await self._execute(connection, statement, parameters)
                statement, parameters = steps.send(rows)
        except StopIteration as stop:
            result: T = stop.value
            return result

    async def _execute(self, connection: Any, statement: Statement, parameters: Any) -> list[Row]:
        prepared = statement.prepared("postgresql")
        if isinstance(parameters, list):
            await connection.executemany(prepared.sql, map(prepared.bind, parameters))
            return []
        return [tuple(record) for record in await connection.fetch(prepared.sql, *prepared.bind(parameters))]

    async def close(self) -> None:
        await self._pool.close()
