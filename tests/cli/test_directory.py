"""``proxeny directory``: what goes in comes out, a broken line is said, and importing again changes nothing."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.conftest import ROOT

PEOPLE, GROUPS = (str(ROOT / f"config/demo/{name}.jsonl") for name in ("people", "groups"))


def counts(output: str) -> tuple[int, int, int]:
    report = json.loads(output)
    return report["created"], report["updated"], report["unchanged"]


def test_the_samples_are_imported_and_importing_again_changes_nothing(proxeny: Run) -> None:
    assert counts(proxeny("directory", "import", PEOPLE, "--json").stdout) == (25, 0, 0)
    assert counts(proxeny("directory", "import", GROUPS, "--json").stdout) == (6, 0, 0)
    assert counts(proxeny("directory", "import", PEOPLE, "--json").stdout) == (0, 0, 25)
    assert counts(proxeny("directory", "import", GROUPS, "--json").stdout) == (0, 0, 6)


def test_an_export_imports_into_another_directory_as_it_was(proxeny: Run, home: Path) -> None:
    for file in (PEOPLE, GROUPS):
        proxeny("directory", "import", file)
    for name in ("all.jsonl", "all.csv"):
        assert proxeny("directory", "export", str(home / name)).exit_code == 0
        for path in (home / "var").glob("proxeny.db*"):
            path.rename(path.with_name(f"{name}.{path.name}"))
        result = proxeny("directory", "import", str(home / name), "--json")
        assert (result.exit_code, counts(result.stdout)) == (0, (31, 0, 0))
        again = proxeny("directory", "export", "-").stdout.splitlines()
        sales = next(group for line in again if (group := json.loads(line)).get("displayName") == "Sales")
        assert len(sales["members"]) == 6


def test_a_broken_line_is_said_and_the_others_go_on(proxeny: Run, home: Path) -> None:
    file = home / "people.jsonl"
    file.write_text('{"userName": "a"}\n{broken\n{"userName": "A"}\n{"userName": "b"}\n')
    result = proxeny("directory", "import", str(file), "--existing", "report")
    assert result.exit_code == 1
    assert f"{file}:2:" in result.stderr
    assert f"{file}:3:" in result.stderr
    assert "2 created" in result.stdout


def test_importing_an_export_where_it_came_from_changes_nothing(proxeny: Run, home: Path) -> None:
    for file in (PEOPLE, GROUPS):
        proxeny("directory", "import", file)
    for name in ("all.jsonl", "all.csv"):
        assert "31 people and groups written" in proxeny("directory", "export", str(home / name)).stdout
        assert counts(proxeny("directory", "import", str(home / name), "--json").stdout) == (0, 0, 31)


def test_a_table_without_a_header_is_said_once(proxeny: Run, home: Path) -> None:
    file = home / "people.csv"
    file.write_text("anna,Anna\nben,Ben\n")
    result = proxeny("directory", "import", str(file))
    assert (result.exit_code, result.stderr.count(str(file))) == (1, 1)
    assert f"{file}:1: is no header" in result.stderr


def test_a_file_that_cannot_be_written_is_said_in_a_sentence(proxeny: Run, home: Path) -> None:
    result = proxeny("directory", "export", str(home / "none" / "all.csv"))
    assert (result.exit_code, result.stderr.splitlines()) == (
        1,
        [f"{home / 'none' / 'all.csv'} cannot be used (No such file or directory). Correct that, or name another."],
    )


def test_a_missing_file_is_wrong_usage(proxeny: Run) -> None:
    assert proxeny("directory", "import", "none.jsonl").exit_code == 2


SENDER = {
    "id": "lid",
    "name": "People",
    "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY",
    "accessMode": "READ",
    "properties": {"realtime.send": "true"},
}
APPLICATION = {
    "id": "crm",
    "name": "CRM",
    "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY",
    "accessMode": "WRITE",
    "sources": ["People"],
    "properties": {"realtime.application": "true", "ips.application.id": "finance"},
}

TARGET = {**APPLICATION, "properties": {}}


@pytest.mark.parametrize(
    ("systems", "told"),
    [
        ([], 0),
        ([SENDER], 0),  # to nobody
        ([SENDER, TARGET], 25),
        ([SENDER, {**TARGET, "sources": ["Others"]}], 0),
        ([SENDER, {**TARGET, "state": "DISABLED"}], 0),
        ([{**SENDER, "properties": {}}, TARGET], 0),
        ([{**SENDER, "state": "DISABLED"}, TARGET], 0),
        ([{**SENDER, "properties": {}}, APPLICATION], 25),
        ([{**SENDER, "properties": {}}, {**APPLICATION, "properties": {"realtime.application": "true"}}], 0),
    ],
)
def test_the_first_import_of_all_is_announced_if_a_source_sends_in_real_time(
    proxeny: Run, home: Path, systems: list[dict[str, object]], told: int
) -> None:
    """No gateway has ever run over this database; the first one finds what it has to send."""
    for system in systems:
        (home / f"systems/{system['id']}.json").write_text(json.dumps(system))
    assert proxeny("directory", "import", PEOPLE).exit_code == 0
    with closing(sqlite3.connect(home / "var/proxeny.db")) as database:
        assert database.execute("SELECT COUNT(*) FROM directory_announcements").fetchone() == (told,)


def test_a_system_that_is_wrong_keeps_nobody_from_importing(proxeny: Run, home: Path) -> None:
    (home / "systems/wrong.json").write_text("{")
    assert proxeny("directory", "import", PEOPLE).exit_code == 0


def test_a_full_disk_is_said_with_the_file(proxeny: Run) -> None:
    for file in (PEOPLE, GROUPS):
        proxeny("directory", "import", file)
    result = proxeny("directory", "export", "/dev/full", "--format", "json")
    assert (result.exit_code, result.stderr.splitlines()) == (
        1,
        ["/dev/full cannot be used (No space left on device). Correct that, or name another."],
    )
