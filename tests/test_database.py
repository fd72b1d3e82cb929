"""The database's face, on SQLite and on PostgreSQL."""

import asyncio
import stat
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from proxeny.database import Database, Migration, Request, Row, Statement, any_of
from proxeny.database.errors import (
    ConstraintError,
    DatabaseError,
    DatabaseUrlError,
    SchemaTooNewError,
    StorageUnavailableError,
)

NOTES = sa.table("notes", sa.column("id", sa.BigInteger), sa.column("text", sa.Text))
FIRST = Migration("notes", (Statement.ddl("CREATE TABLE notes (id BIGINT PRIMARY KEY, text {TEXT} NOT NULL)"),))
SECOND = Migration("kinds", (Statement.ddl("CREATE TABLE kinds (name {TEXT} PRIMARY KEY) {CLUSTERED}"),))
ADD = Statement(sa.insert(NOTES))
ALL = Statement(sa.select(NOTES.c.id, NOTES.c.text).order_by(NOTES.c.id))
SOME = Statement(sa.select(NOTES.c.id).where(any_of(NOTES.c.text, "texts")).order_by(NOTES.c.id))
PAGE = Statement("SELECT id, text FROM notes WHERE id > :after ORDER BY id LIMIT :limit")


def add(*rows: tuple[int, str], fail: bool = False) -> Any:
    def steps() -> Generator[Request, list[Row], int]:
        for number, text in rows:
            yield ADD, {"id": number, "text": text}
        if fail:
            raise LookupError("no")
        return len(rows)

    return steps


@pytest.fixture
async def notes(database: Database) -> Database:
    await database.migrate("notes", [FIRST])
    return database


async def test_what_a_transaction_wrote_can_be_read(notes: Database) -> None:
    assert await notes.transaction(add((1, "a"), (2, "b"))) == 2
    assert await notes.fetch(ALL) == [(1, "a"), (2, "b")]
    assert await notes.fetch(ALL, heavy=True) == [(1, "a"), (2, "b")]
    assert await notes.fetch_one(ALL) == (1, "a")


async def test_an_error_takes_everything_back(notes: Database) -> None:
    with pytest.raises(LookupError):
        await notes.transaction(add((1, "a"), fail=True))
    assert await notes.fetch(ALL) == []


async def test_a_failing_transaction_does_not_harm_those_that_share_its_commit(notes: Database) -> None:
    units = [notes.transaction(add((number, "x"), fail=number % 3 == 0)) for number in range(60)]
    results = await asyncio.gather(*units, return_exceptions=True)
    assert [isinstance(result, LookupError) for result in results] == [number % 3 == 0 for number in range(60)]
    assert [row[0] for row in await notes.fetch(ALL)] == [number for number in range(60) if number % 3]


async def test_a_broken_constraint_is_named_as_such(notes: Database) -> None:
    await notes.transaction(add((1, "a")))
    with pytest.raises(ConstraintError):
        await notes.transaction(add((1, "again")))


async def test_a_wrong_statement_is_a_database_error(notes: Database) -> None:
    with pytest.raises(DatabaseError):
        await notes.fetch(Statement("SELECT nothing FROM nowhere"))


async def test_a_statement_runs_for_each_of_a_list(notes: Database) -> None:
    def steps() -> Generator[Request, list[Row], None]:
        yield ADD, [{"id": number, "text": "x"} for number in range(1000)]

    await notes.transaction(steps)
    assert len(await notes.fetch(ALL)) == 1000


async def test_a_list_as_parameter_may_be_long(notes: Database) -> None:
    await notes.transaction(add((1, "ä'"), (2, "b"), (3, "c")))
    texts = ["ä'", "c", *(f"other {number}" for number in range(40_000))]
    assert await notes.fetch(SOME, {"texts": texts}) == [(1,), (3,)]
    assert await notes.fetch(SOME, {"texts": []}) == []


async def test_text_is_ordered_by_code_point(notes: Database) -> None:
    words = ["Z", "a", "ß", "é", "Å", "a b", "a-b", "\U0001f600", "\ufb01"]
    await notes.transaction(add(*enumerate(words)))
    rows = await notes.fetch(Statement("SELECT text FROM notes ORDER BY text"))
    assert [row[0] for row in rows] == sorted(words)


async def test_a_stream_gives_every_row_once_though_others_write(notes: Database) -> None:
    await notes.transaction(add(*((number, "x") for number in range(0, 1000, 2))))
    seen = []
    async for row in notes.stream(PAGE, chunk=100):
        seen.append(row[0])
        if len(seen) == 150:
            await notes.transaction(add((1, "behind"), (999, "ahead")))
    assert seen == [*range(0, 1000, 2), 999]


async def test_a_migration_runs_once_though_replicas_start_together(database_url: str) -> None:
    replicas = [await Database.open(database_url) for _ in range(4)]
    await asyncio.gather(*(replica.migrate("notes", [FIRST, SECOND]) for replica in replicas))
    await replicas[0].transaction(add((1, "a")))
    assert await replicas[3].fetch(ALL) == [(1, "a")]
    for replica in replicas:
        await replica.close()


async def test_an_older_program_refuses_a_newer_schema(notes: Database) -> None:
    await notes.migrate("notes", [FIRST, SECOND])
    with pytest.raises(SchemaTooNewError, match="version 2"):
        await notes.migrate("notes", [FIRST])


async def test_ping_answers(notes: Database) -> None:
    await notes.ping()


@pytest.mark.parametrize("url", ["", "mysql://host/x", "sqlite://", "sqlite://x.db", "postgresql"])
async def test_an_unknown_url_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlError):
        await Database.open(url)


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError):
        await Database.open(f"postgresql://nobody@/none?host={tmp_path}")


async def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/var/deep/proxeny.db")
    assert stat.S_IMODE((tmp_path / "var/deep/proxeny.db").stat().st_mode) == 0o600
    await database.close()


async def test_a_file_that_is_no_database_is_named_so(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all, but some text that is long enough to be looked at" * 20)
    with pytest.raises(DatabaseError, match="no SQLite database"):
        await Database.open(f"sqlite:///{tmp_path / 'x.db'}")


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'x.db'}")
    await database.close()
    with pytest.raises(StorageUnavailableError):
        await database.transaction(add((1, "a")))
