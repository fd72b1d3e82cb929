"""``proxeny cert``: what it makes, what it says, and what it never overwrites."""

import json
from pathlib import Path

from tests.cli.running import run


def test_an_authority_signs_a_server_and_a_client(tmp_path: Path) -> None:
    folder = ["--directory", str(tmp_path)]
    assert run("cert", "ca", *folder).exit_code == 0
    assert run("cert", "server", "localhost", "127.0.0.1", *folder).exit_code == 0
    assert run("cert", "client", "idm(P000001)", *folder).exit_code == 0
    rows = json.loads(run("cert", "list", *folder, "--json").stdout)
    assert {row["file"]: (row["subject"], row["issuer"]) for row in rows} == {
        "ca.crt": ("CN=proxeny development CA", "CN=proxeny development CA"),
        "idm_P000001_.crt": ("CN=idm(P000001)", "CN=proxeny development CA"),
        "server.crt": ("CN=localhost", "CN=proxeny development CA"),
    }
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("server")) == [
        "server.crt",
        "server.key",
        "server.p12",
    ]


def test_the_password_of_the_archive_is_shown_unless_it_was_given(tmp_path: Path) -> None:
    made = json.loads(run("cert", "ca", "--directory", str(tmp_path), "--json").stdout)
    assert len(made["p12_password"]) >= 12
    given = run("cert", "client", "a", "--directory", str(tmp_path), "--p12-password", "my own", "--json")
    assert "my own" not in given.stdout


def test_existing_keys_are_kept_unless_forced(tmp_path: Path) -> None:
    run("cert", "ca", "--directory", str(tmp_path))
    key = (tmp_path / "ca.key").read_bytes()
    again = run("cert", "ca", "--directory", str(tmp_path))
    assert (again.exit_code, (tmp_path / "ca.key").read_bytes()) == (1, key)
    assert "--force" in again.stderr
    assert run("cert", "ca", "--directory", str(tmp_path), "--force").exit_code == 0
    assert (tmp_path / "ca.key").read_bytes() != key


def test_without_an_authority_the_way_to_make_one_is_said(tmp_path: Path) -> None:
    result = run("cert", "client", "a", "--directory", str(tmp_path))
    assert result.exit_code == 1
    assert "proxeny cert ca" in result.stderr


def test_wrong_usage_is_status_2() -> None:
    for arguments in (
        ["cert", "client"],
        ["cert", "ca", "--days", "0"],
        ["nothing"],
        ["cert", "ca", "--no-such-option"],
    ):
        assert run(*arguments).exit_code == 2
