"""The face of the database: prepared reads, streams of bounded memory, transactions, migrations."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from proxeny.database import migrations as history
from proxeny.database.errors import DatabaseUrlError
from proxeny.database.migrations import Migration
from proxeny.database.statements import Dialect, Parameters, Request, Row, Statement

T = TypeVar("T")
NOTHING: Parameters = {}


class Database(ABC):
    """One open database. ``open`` connects; every method raises only errors of database/errors.py."""

    dialect: ClassVar[Dialect]

    @staticmethod
    async def open(url: str) -> "Database":
        """``sqlite:///relative/path``, ``sqlite:////absolute/path`` or ``postgresql://user:password@host/name``."""
        scheme, separator, rest = url.partition("://")
        if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
            from proxeny.database.sqlite import SqliteDatabase

            return SqliteDatabase.connect(Path(rest[1:]))
        if separator and scheme in ("postgresql", "postgres"):
            try:
                from proxeny.database.postgresql import PostgresqlDatabase
            except ModuleNotFoundError as error:
                raise DatabaseUrlError(
                    f"PostgreSQL needs the package {error.name}, which is not installed. Nothing was opened. Install "
                    "proxeny with its extra: pip install 'proxeny[postgresql]'."
                ) from error
            return await PostgresqlDatabase.connect(url)
        raise DatabaseUrlError(
            f"A database url starts with sqlite:/// or postgresql://, not '{scheme}'. Nothing was opened."
        )

    @abstractmethod
    async def fetch(self, statement: Statement, parameters: Parameters = NOTHING, *, heavy: bool = False) -> list[Row]:
        """The rows of a read. ``heavy``: it may look at many rows, so keep it off the event loop."""

    @abstractmethod
    async def transaction(self, steps: Callable[[], Generator[Request, list[Row], T]]) -> T:
        """Run ``steps`` (see statements.Steps) and commit; whatever it raises takes everything back.

        When this returns, the change survives a power failure.
        """

    @abstractmethod
    async def close(self) -> None: ...

    def state(self) -> int | None:
        """A number that changes with every commit, whoever made it; None where that cannot be told at once."""
        return None

    async def fetch_one(self, statement: Statement, parameters: Parameters = NOTHING) -> Row | None:
        """The first row, or None."""
        rows = await self.fetch(statement, parameters)
        return rows[0] if rows else None

    async def stream(
        self, statement: Statement, parameters: Parameters = NOTHING, *, after: Any = -1, chunk: int = 500
    ) -> AsyncIterator[Row]:
        """Rows in chunks, with neither a long read nor a held snapshot.

        The statement is ordered by its first column and takes ``:after`` (rows beyond it) and ``:limit``.
        """
        while True:
            rows = await self.fetch(statement, {**parameters, "after": after, "limit": chunk})
            for row in rows:
                yield row
            if len(rows) < chunk:
                return
            after = rows[-1][0]

    async def migrate(self, component: str, migrations: Sequence[Migration]) -> None:
        """Bring the component's tables to the newest version; safe when several replicas do it at once."""
        while await self.transaction(lambda: history.step(component, migrations)):
            pass

    async def ping(self) -> None:
        """Raise when the database does not answer."""
        await self.fetch(_PING)


_PING = Statement("SELECT 1")
