"""SQLite: reads on a connection of the event loop's own thread, writes on one writer thread with shared commits.

A prepared point read takes a few microseconds, less than a hop to another thread costs; reads that look at many rows
go to two reader threads. Writers queue up, and those that wait together are committed together: each is a savepoint of
one ``BEGIN IMMEDIATE``, and one sync to disk (``synchronous=FULL``) serves them all.
"""

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from proxeny.database import errors
from proxeny.database.base import NOTHING, Database
from proxeny.database.statements import Parameters, Request, Row, Statement

T = TypeVar("T")
BUSY_SECONDS = 10.0
UNITS_PER_COMMIT = 128
SECONDS_PER_COMMIT = 0.02
"""A commit is not put off for longer, so that the first of those who share it does not wait for the last."""

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-16384",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA journal_size_limit=67108864",
)
ERRORS: dict[int, tuple[type[errors.DatabaseError], str]] = {
    sqlite3.SQLITE_BUSY: (errors.StorageBusyError, "Another process holds the database file. Try again."),
    sqlite3.SQLITE_LOCKED: (errors.StorageBusyError, "Another process holds the database file. Try again."),
    sqlite3.SQLITE_FULL: (
        errors.StorageFullError,
        "No room is left for the database. Nothing was written. Free space.",
    ),
    sqlite3.SQLITE_CONSTRAINT: (errors.ConstraintError, "An entry contradicts another one. Nothing was written."),
    sqlite3.SQLITE_CORRUPT: (errors.DatabaseCorruptError, "The database file is damaged. Restore a backup."),
    sqlite3.SQLITE_NOTADB: (errors.DatabaseCorruptError, "The database file is no SQLite database. Check the url."),
    sqlite3.SQLITE_IOERR: (errors.StorageUnavailableError, "The database file cannot be read or written."),
    sqlite3.SQLITE_CANTOPEN: (errors.StorageUnavailableError, "The database file cannot be opened. Check its folder."),
    sqlite3.SQLITE_READONLY: (errors.StorageUnavailableError, "The database file is read-only. Check its permissions."),
}


def _translate(error: sqlite3.Error) -> errors.DatabaseError:
    code = getattr(error, "sqlite_errorcode", None)
    kind, message = ERRORS.get(code & 0xFF, (errors.DatabaseError, "")) if code else (errors.DatabaseError, "")
    return kind(f"{message} [{error}]" if message else f"The database refused a statement: {error}")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        for pragma in PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error as error:
        translated = _translate(error)
        raise type(translated)(f"{path}: {translated}") from error
    return connection


def _execute(connection: sqlite3.Connection, statement: Statement, parameters: Any) -> list[Row]:
    prepared = statement.prepared("sqlite")
    if isinstance(parameters, list):
        connection.executemany(prepared.sql, map(prepared.bind, parameters))
        return []
    return connection.execute(prepared.sql, prepared.bind(parameters)).fetchall()


@dataclass(slots=True)
class _Unit:
    """One transaction waiting for the writer, and what became of it."""

    steps: Callable[[], Generator[Request, list[Row], Any]]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():  # the caller has gone; what it asked for is done or not, as for any lost answer
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


@dataclass(slots=True)
class _Writer:
    """The one thread that writes."""

    connection: sqlite3.Connection
    units: queue.SimpleQueue[_Unit | None] = field(default_factory=queue.SimpleQueue)

    def work(self) -> None:
        """Until a None comes: take what waits, commit it together, tell the waiting."""
        more = True
        while more and (unit := self.units.get()) is not None:
            done, more = self._commit_together(unit)
            for unit in done:
                unit.loop.call_soon_threadsafe(unit.settle)
        self.connection.close()

    def _commit_together(self, unit: _Unit | None) -> tuple[list[_Unit], bool]:
        done: list[_Unit] = []
        latest = time.monotonic() + SECONDS_PER_COMMIT
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            while unit is not None:
                done.append(unit)
                self._run(unit)
                if len(done) >= UNITS_PER_COMMIT or time.monotonic() > latest or self.units.empty():
                    break
                unit = self.units.get()
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._fail(done or [unit] if unit else done, error)
            return done or ([unit] if unit else []), unit is not None
        return done, unit is not None

    def _run(self, unit: _Unit) -> None:
        """One unit in its savepoint; a failing one takes back only itself."""
        self.connection.execute("SAVEPOINT unit")
        try:
            unit.result = _drive(self.connection, unit.steps())
        except BaseException as error:  # whatever it is belongs to the caller; the writer goes on
            if isinstance(error, sqlite3.Error):
                if not self.connection.in_transaction:  # a full disk takes back the whole transaction
                    raise
                error = _translate(error)
            unit.error = error
            self.connection.execute("ROLLBACK TO unit")
        self.connection.execute("RELEASE unit")

    def _fail(self, units: list[_Unit], error: sqlite3.Error) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        for unit in units:
            unit.error = unit.error or _translate(error)


def _drive(connection: sqlite3.Connection, steps: Generator[Request, list[Row], T]) -> T:
    try:
        statement, parameters = next(steps)
        while True:
            statement, parameters = steps.send(_execute(connection, statement, parameters))
    except StopIteration as stop:
        result: T = stop.value
        return result


class SqliteDatabase(Database):
    """See the module. One object belongs to one event loop."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = _Writer(_connect(path))
        self._reader = _connect(path)
        self._scans = ThreadPoolExecutor(max_workers=2, thread_name_prefix="database-scan")
        self._local = threading.local()
        self._scanning: list[sqlite3.Connection] = []
        self._thread = threading.Thread(target=self._writer.work, name="database-writer", daemon=True)
        self._thread.start()

    @classmethod
    def connect(cls, path: Path) -> "SqliteDatabase":
        """Open the file; made with mode 0600 (its folder too) when absent, for it holds people's data."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise errors.StorageUnavailableError(f"The database {path} cannot be opened: {error.strerror}.") from error
        return cls(path)

    async def fetch(self, statement: Statement, parameters: Parameters = NOTHING, *, heavy: bool = False) -> list[Row]:
        try:
            if heavy:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._scans, self._scan, statement, parameters)
            prepared = statement.prepared("sqlite")
            return self._reader.execute(prepared.sql, prepared.bind(parameters)).fetchall()
        except sqlite3.Error as error:
            raise _translate(error) from error

    def state(self) -> int | None:
        try:
            number: int = self._reader.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            return None
        return number

    def _scan(self, statement: Statement, parameters: Parameters) -> list[Row]:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self._path)
            self._scanning.append(connection)
        return _execute(connection, statement, parameters)

    async def transaction(self, steps: Callable[[], Generator[Request, list[Row], T]]) -> T:
        if not self._thread.is_alive():
            raise errors.StorageUnavailableError("The database is closed.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._writer.units.put(_Unit(steps, loop, future))
        return await future

    async def close(self) -> None:
        """Finish what waits to be written, then let go of the file."""
        self._writer.units.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._scans.shutdown()
        for connection in (self._reader, *self._scanning):
            connection.close()
