"""Import and export of the whole directory."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.connectors.embedded import CUSTOM_GROUP, ENTERPRISE_USER, SAP_USER, member_ids, user

from proxeny.connectors.directory import DirectoryConnector
from proxeny.connectors.directory.load import LineProblem, export_lines, export_table, import_lines
from proxeny.connectors.filtering import Compare
from proxeny.connectors.spi import Entity, Search
from proxeny.database import Database

PROGRAM = Path(__file__).with_name("directory_writer.py")


def lines(*documents: object) -> Iterator[bytes]:
    for document in documents:
        yield json.dumps(document).encode() + b"\n"


async def only(directory: DirectoryConnector, kind: str, field: tuple[str, ...], value: str) -> Entity:
    page = await directory.search(kind, Search(Compare(field, "eq", value)))
    assert len(page.entities) == 1
    return page.entities[0]


async def test_users_and_groups_come_in_whatever_their_order(directory: DirectoryConnector, database: Database) -> None:
    done: list[int] = []
    report = await import_lines(
        database,
        lines(
            {"displayName": "Outer", "members": [{"value": "Inner"}]},
            {"displayName": "Inner", "members": [{"value": "anna"}, {"value": "ID-7"}]},
            {"USERNAME": "anna", "Emails": [{"VALUE": "a@x"}]},
            {"id": "ID-7", "userName": "bert", "schemas": [ENTERPRISE_USER], ENTERPRISE_USER: {"department": "D"}},
        ),
        done.append,
    )
    assert (report.created, report.updated, report.unchanged, report.problems) == (4, 0, 0, [])
    assert done[-1] == 4
    anna = await only(directory, "user", ("userName",), "anna")
    assert anna.document["emails"] == [{"value": "a@x"}]
    assert [each["display"] for each in anna.document["groups"]] == ["Outer", "Inner"]
    bert = await directory.read("user", "ID-7")
    assert bert.document[ENTERPRISE_USER] == {"department": "D"}
    inner = await only(directory, "group", (CUSTOM_GROUP, "name"), "inner")
    assert sorted(await member_ids(directory, inner.id)) == sorted([anna.id, "ID-7"])
    assert (await directory.search("user", Search())).total == 2


async def test_a_broken_line_is_reported_and_the_rest_comes_in(
    directory: DirectoryConnector, database: Database
) -> None:
    good = list(
        lines({"userName": "anna"}, {"userName": "ANNA"}, {"title": "x"}, {"userName": 7}, {"userName": "bert"})
    )
    report = await import_lines(database, [good[0], b"{broken\n", b"\n", b"[1]\n", *good[1:]])
    assert [problem.line for problem in report.problems] == [2, 4, 6, 7]
    assert not report.ok
    assert (report.created, report.updated) == (2, 1)  # ANNA is anna
    assert (await directory.search("user", Search())).total == 2


async def test_the_same_import_again_changes_nothing(directory: DirectoryConnector, database: Database) -> None:
    source = [*lines(*({"userName": f"user{number}", "title": "x"} for number in range(50)))]
    source += lines({"displayName": "G", "members": [{"value": "user1"}]})
    await import_lines(database, source)
    before = [entity async for entity in directory.read_all("user")]
    again = await import_lines(database, source)
    assert (again.created, again.updated, again.unchanged, again.problems) == (0, 0, 51, [])
    assert [entity async for entity in directory.read_all("user")] == before
    changed = await import_lines(database, lines({"userName": "USER1", "title": "y"}))
    assert (changed.updated, changed.unchanged) == (1, 0)


async def test_who_is_there_can_be_reported_instead(directory: DirectoryConnector, database: Database) -> None:
    anna = await user(directory, "anna")
    report = await import_lines(database, lines({"userName": "Anna", "title": "x"}), existing="report")
    assert [problem.line for problem in report.problems] == [1]
    assert "'Anna' is taken" in report.problems[0].message
    assert await directory.read("user", anna.id) == anna


async def test_unknown_members_are_named_and_the_others_join(directory: DirectoryConnector, database: Database) -> None:
    source = lines({"userName": "anna"}, {"displayName": "G", "members": [{"value": "anna"}, {"value": "nobody"}]})
    report = await import_lines(database, source)
    assert report.problems == [LineProblem(2, "unknown members were left out: nobody")]
    made = await only(directory, "group", ("displayName",), "G")
    assert len(await member_ids(directory, made.id)) == 1


async def test_a_password_comes_in_as_a_hash(directory: DirectoryConnector, database: Database) -> None:
    report = await import_lines(database, lines({"userName": "anna", "password": "secret"}))
    assert report.created == 1
    exported = b"".join([line async for line in export_lines(database)])
    assert b"secret" not in exported
    assert b"argon2" not in exported


@pytest.mark.parametrize("kind", ["json", "csv"])
async def test_what_was_exported_comes_in_again_as_it_was(
    directory: DirectoryConnector, database: Database, kind: str, tmp_path: Path
) -> None:
    people = [
        {"userName": "anna", "active": True, "emails": [{"value": "a@x", "primary": True}, {"value": "b@x"}]},
        {"userName": "=cmd", "title": "@x", "nickName": "'quoted", "displayName": 'a "b", c\nd'},
        {"userName": "ünï", ENTERPRISE_USER: {"manager": {"value": "x"}}, SAP_USER: {"sourceSystem": 39}},
    ]
    await import_lines(database, lines(*people, {"displayName": "G", "members": [{"value": "anna"}]}))
    export = export_table if kind == "csv" else export_lines
    exported = b"".join([line async for line in export(database)])
    other = await Database.open(f"sqlite:///{tmp_path / 'other.db'}")
    copy = DirectoryConnector(other)
    await copy.open()
    report = await import_lines(other, exported.splitlines(keepends=True), format="csv" if kind == "csv" else "json")
    assert report.problems == []
    for entity_type in ("user", "group"):
        originals = [entity.document async for entity in directory.read_all(entity_type)]
        copies = [entity.document async for entity in copy.read_all(entity_type)]
        assert [{**each, "meta": None} for each in copies] == [{**each, "meta": None} for each in originals]
    await other.close()


async def test_no_cell_of_a_table_is_a_formula(directory: DirectoryConnector, database: Database) -> None:
    for number, start in enumerate("=+-@\t"):
        await user(directory, f"{start}x{number}", title=f"{start}1")
    table = b"".join([line async for line in export_table(database)]).decode()
    cells = [cell for line in table.splitlines()[1:] for cell in line.split(",")]
    assert not [cell for cell in cells if cell.strip('"').startswith(("=", "+", "-", "@", "\t"))]


@pytest.mark.parametrize("header", ["userName,nothing[", "\ufeffuserName,name.givenName", "userName"])
async def test_a_table_has_a_header(directory: DirectoryConnector, database: Database, header: str) -> None:
    source = f"{header}\r\nanna,Anna\r\n\r\nbert\r\n".encode().splitlines(keepends=True)
    report = await import_lines(database, source, format="csv")
    names = [entity.document["userName"] async for entity in directory.read_all("user")]
    assert names == (["bert"] if header == "userName" else ["anna", "bert"])
    assert report.ok == (header != "userName")


def killed_while_writing(url: str, mode: str, after: int) -> list[str]:
    """Start a writer, kill -9 it when it has acknowledged so many times; all that it acknowledged."""
    arguments = [sys.executable, str(PROGRAM), url, mode, str(after)]
    acknowledged = []
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            acknowledged.append(line.decode().strip())
            if len(acknowledged) == after:
                process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    return acknowledged


async def opened_again(url: str) -> set[str]:
    """The names in the database, which agree with its counts."""
    database = await Database.open(url)
    directory = DirectoryConnector(database)
    await directory.open()
    names = {entity.document["userName"] async for entity in directory.read_all("user")}
    assert (await directory.search("user", Search())).total == len(names)
    await database.close()
    return names


@pytest.mark.parametrize(("mode", "moments"), [("create", (1, 50, 120)), ("import", (1, 3, 5))])
def test_killed_while_writing_it_opens_and_holds_all_that_was_acknowledged(
    tmp_path: Path, mode: str, moments: tuple[int, ...]
) -> None:
    file = tmp_path / "proxeny.db"
    acknowledged: list[str] = []
    for after in moments:
        acknowledged += killed_while_writing(f"sqlite:///{file}", mode, after)
        names = asyncio.run(opened_again(f"sqlite:///{file}"))
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if mode == "create":
            assert names >= set(acknowledged)
        else:
            assert len(names) >= max(map(int, acknowledged))


async def test_a_table_knows_the_types_of_custom_schemas(directory: DirectoryConnector, database: Database) -> None:
    urn = "urn:sap:cloud:scim:schemas:extension:custom:2.0:Badge"
    kinds = {"level": "integer", "weight": "decimal", "open": "boolean", "name": "string"}
    made = {"id": urn, "name": "Badge", "attributes": [{"name": name, "type": kind} for name, kind in kinds.items()]}
    await directory.add_schema(made, 20)
    header = ["userName", *(f"{urn}:{name}" for name in kinds)]
    rows = (header, ["ann", "7", "1.5", "True", "7"], ["bob", "many", "", "", ""])
    report = await import_lines(database, (",".join(row).encode() + b"\n" for row in rows), format="csv")
    assert (report.created, [problem.line for problem in report.problems]) == (1, [3])
    assert f"{urn}:level" in report.problems[0].message
    ann = await only(directory, "user", ("userName",), "ann")
    assert ann.document[urn] == {"level": 7, "weight": 1.5, "open": True, "name": "7"}
    again = await import_lines(database, [line async for line in export_table(database)], format="csv")
    assert (again.unchanged, again.problems) == (1, [])
