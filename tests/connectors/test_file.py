"""Files as systems: the contract of the port on CSV and JSON lines, what a file may hold, and where it may lie."""

import asyncio
import io
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.connectors.kit import connection

from proxeny.connectors.contract import ConnectorContract
from proxeny.connectors.errors import ConflictError, PropertyError, RefusedError, VersionConflictError
from proxeny.connectors.file.formats import Form, flat
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.places import parse_place
from proxeny.connectors.registry import spec, system_type
from proxeny.connectors.spi import Capabilities, Connector, Search
from proxeny.documents import Document

BASE = {"file.user.path": "people.csv", "file.group.path": "teams.jsonl"}


def connector(folder: Path | None, **changed: str) -> Any:
    given = {**BASE, **{name.replace("__", "."): value for name, value in changed.items()}}
    settings = OutboundSettings(files=str(folder) if folder else None)
    return spec("file").build(connection("http://unused.example", given, type_name="FILE", settings=settings))


class TestCsv(ConnectorContract):
    path = "people.csv"

    @pytest.fixture
    async def connector(self, tmp_path: Path) -> AsyncIterator[Connector]:
        opened = connector(tmp_path, file__user__path=self.path)
        await opened.open()
        yield opened
        await opened.close()

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: {
            "userName": f"contract{number}",
            "name": {"familyName": f"=1+{number}"},
            "emails": [{"value": f"contract{number}@example.org", "type": "work"}],
            "active": True,
        }


class TestJsonLines(TestCsv):
    path = "people.jsonl"


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


async def read(folder: Path, text: str | bytes, entity_type: str = "user", **changed: str) -> list[Document]:
    name = "people.csv" if entity_type == "user" else "teams.jsonl"
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return [entity.document async for entity in connector(folder, **changed).read_all(entity_type)]


async def test_a_header_names_places(tmp_path: Path) -> None:
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    header = f"id,userName,name.givenName,emails[0].value,emails[1].value,active,{urn}:department"
    found = await read(tmp_path, f'\ufeff{header}\r\n7,anna,\'=Anna,a@x.org,b@x.org,TRUE,"Sales, EU"\r\n')
    assert found == [
        {
            "id": "7",
            "userName": "anna",
            "name": {"givenName": "=Anna"},
            "emails": [{"value": "a@x.org"}, {"value": "b@x.org"}],
            "active": True,
            urn: {"department": "Sales, EU"},
        }
    ]


async def test_other_keys_and_delimiters(tmp_path: Path) -> None:
    changed = {"file__delimiter": "semicolon", "file__user__key": "login", "file__user__boolean": "open"}
    found = await read(tmp_path, "login;open;active\nanna;false;true\n", **changed)
    assert found == [{"id": "anna", "login": "anna", "open": False, "active": "true"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,userName\n1,a\n2,b,c\n", "Line 3 has 3 cells under 2 columns"),
        ('id,userName\n1,"a\n', "Line"),
        (b"id,userName\n1,\xff\n", "not in UTF-8"),
        ("id,a..b\n1,x\n", "no header"),
        ("id,a[999]\n1,x\n", "no header"),
        ("userName\nanna\n", "has no id"),
    ],
)
async def test_a_broken_line_fails_the_read_because_a_gap_would_look_like_a_leaver(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        await read(tmp_path, text)


async def test_broken_json_lines_are_named(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="Line 3 is no JSON"):
        await read(tmp_path, '{"id":"1"}\n\n{"id":\n', "group")
    with pytest.raises(RefusedError, match="Line 1 is no JSON object"):
        await read(tmp_path, "[]\n", "group")


async def test_cells_that_spreadsheets_would_run_are_written_as_text(tmp_path: Path) -> None:
    opened = connector(tmp_path)
    names = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "'quoted", "plain", "a,b", 'a"b', "two\nlines", "00123"]
    for number, name in enumerate(names):
        await opened.create("user", {"userName": f"u{number}", "displayName": name})
    text = (tmp_path / "people.csv").read_text()
    assert "'=HYPERLINK(1)" in text
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in text.splitlines() for cell in line.split(","))
    assert [entity.document["displayName"] async for entity in opened.read_all("user")] == names


async def test_null_takes_away_and_is_not_written(tmp_path: Path) -> None:
    opened = connector(tmp_path)
    made = await opened.create("group", {"displayName": "All", "note": "x"})
    held = await opened.replace("group", made.id, {"displayName": "All", "note": None})
    assert held.document == {"id": made.id, "displayName": "All"}
    assert "null" not in (tmp_path / "teams.jsonl").read_text()


async def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    opened = connector(tmp_path)
    first = await opened.create("user", {"userName": "a"})
    path = tmp_path / "people.csv"
    path.chmod(0o640)
    before = path.stat().st_ino
    with path.open("rb") as reader:
        await opened.create("user", {"userName": "b", "title": "new column"})
        assert b"new column" not in reader.read(), "who reads the old file sees nothing of the new one"
    assert path.stat().st_ino != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names_in(tmp_path) == ["people.csv"], "nothing is left beside it"
    assert (await opened.read("user", first.id)).document == {"id": first.id, "userName": "a"}


async def test_writes_that_wait_are_written_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = 0
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        nonlocal synced
        synced += 1
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    opened = connector(tmp_path)
    outcomes = await asyncio.gather(
        *(opened.create("user", {"userName": f"u{number % 150}"}) for number in range(200)), return_exceptions=True
    )
    assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 50
    assert len([entity async for entity in opened.read_all("user")]) == 150
    assert synced < 20


async def test_conflicts_versions_and_refusals(tmp_path: Path) -> None:
    opened = connector(tmp_path)
    first = await opened.create("user", {"userName": "Anna"})
    with pytest.raises(ConflictError) as caught:
        await opened.create("user", {"userName": "ANNA"})
    assert (caught.value.attribute, caught.value.other_id) == ("userName", first.id)
    await opened.replace("user", first.id, {"userName": "Bea"}, version=first.version)
    await opened.create("user", {"userName": "anna"})
    with pytest.raises(VersionConflictError):
        await opened.delete("user", first.id, version=first.version)
    for document in ({"userName": "x", "a'b": "c"}, {"userName": "\ud800"}, {"userName": "x", "a\nb": "c"}):
        with pytest.raises(RefusedError):
            await opened.create("user", document)

    class NoError(Exception):
        pass

    def refuse(_: Any) -> None:
        raise NoError

    before = (tmp_path / "people.csv").read_bytes()
    with pytest.raises(NoError):
        await opened.create("user", {"userName": "c"}, accept=refuse)
    assert (tmp_path / "people.csv").read_bytes() == before


async def test_members_of_groups(tmp_path: Path) -> None:
    opened = connector(tmp_path, file__group__path="teams.csv")
    made = await opened.create("group", {"displayName": "All", "members": [{"value": "1"}, {"value": "2"}]})
    assert "1 2" in (tmp_path / "teams.csv").read_text()
    assert (await opened.read("group", made.id)).document["members"] == [{"value": "1"}, {"value": "2"}]


@pytest.mark.parametrize("path", ["../people.csv", "/etc/passwd", "a/../../b.csv", "link/b.csv", ".", "a\x00.csv"])
async def test_no_path_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(PropertyError):
        connector(folder, file__user__path=path, file__user__format="csv")


async def test_a_link_that_is_laid_later_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("id\n1\n")
    opened = connector(folder)
    (folder / "people.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(PropertyError, match="outside"):
        _ = [entity async for entity in opened.read_all("user")]
    os.mkfifo(folder / "teams.jsonl")
    with pytest.raises(PropertyError, match="no ordinary file"):
        _ = [entity async for entity in opened.read_all("group")]
    steps = await opened.test()
    assert [step.ok for step in steps] == [False]


def test_without_a_folder_there_are_no_files() -> None:
    with pytest.raises(PropertyError, match="files"):
        connector(None)


def test_it_can_all_but_changes_and_patches(tmp_path: Path) -> None:
    can = Capabilities.of(connector(tmp_path))
    assert (can.read, can.search, can.create, can.replace, can.delete) == (True,) * 5
    assert (can.patch, can.changes) == (False, False)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, "file.user.path"),
        ({"file.user.path": "people.txt"}, "file.user.path"),
        ({"file.user.path": "people.csv", "file.user.key": "a..b"}, "file.user.key"),
        ({"file.user.path": "people.csv", "file.user.format": "xml"}, "file.user.format"),
        ({"file.user.path": "people.csv", "file.user.paht": "x"}, "file.user.paht"),
    ],
)
def test_properties_are_checked_without_looking(given: dict[str, str], place: str) -> None:
    assert place in [problem.name for problem in spec("file").check(given, system_type("FILE"))]


_names = st.text("abcXYZ.:[] äß-", min_size=1, max_size=6).filter(lambda name: name.lower() != "members")
_values = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1),
    lambda inner: st.dictionaries(_names, inner, min_size=1, max_size=3) | st.lists(inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(_names, _values, min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_is_written_is_what_is_read(documents: list[Document]) -> None:
    for form in (Form("csv"), Form("csv", "\t"), Form("jsonl")):
        written = b"".join(form.write(documents))
        assert list(form.read(io.BytesIO(written))) == documents


@given(st.dictionaries(_names, _values, min_size=1, max_size=4))
def test_every_cell_is_found_again_by_its_place(document: Document) -> None:
    for column, cell in flat(document).items():
        assert parse_place(column).take(document) == cell


async def test_a_large_file_is_read_as_a_stream(tmp_path: Path) -> None:
    with (tmp_path / "teams.jsonl").open("wb") as lines:
        for number in range(3000):
            lines.write(orjson.dumps({"id": str(number), "displayName": f"g{number}"}) + b"\n")
    opened = connector(tmp_path)
    seen = 0
    async for _ in opened.read_all("group"):
        seen += 1
        if seen == 600:
            break
    page = await opened.search("group", Search(start=2990, count=50))
    assert (len(page.entities), page.total, page.exact) == (10, 3000, True)
