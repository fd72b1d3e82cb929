"""``proxeny system``: files and database side by side, exports that others import, and no secret in any output."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from proxeny.app.remembering import open_store
from proxeny.settings import load_settings

COLUMNS = (
    "Name,Description,Type,Disabled,TypeQN,AUTH_PASSWORD,AUTH_TYPE,AUTH_USER,CONNECT_TIMEOUT,CONNECTION_KEEPALIVE,"
    "MX_PRIV_GROUPING_ATTRIBUTE,OAUTH_URL,PROXY_HOST,PROXY_PASSWORD,PROXY_PORT,PROXY_USER,READ_TIMEOUT,"
    "SCIM_ASSIGNMENT_METHOD,SCIM_HOST,SCIM_PATH,SCIM_PORT,SCIM_PROTOCOL,SYSTEM_PRIVILEGE,TRUSTSTORE,"
    "TRUSTSTORE_PASSWORD,"
)

REMOTE = (
    *("system", "add", "Remote", "--type", "SCIM_SYSTEM", "--property", "URL=https://far.example/scim"),
    *("--property", "Authentication=BasicAuthentication", "--property", "User=me"),
)


def test_systems_of_files_and_of_the_database_are_listed(proxeny: Run) -> None:
    assert proxeny(*REMOTE, "--credential", "Password=far-secret").exit_code == 0
    rows = json.loads(proxeny("system", "list", "--json").stdout)
    assert [(row["name"], row["type"], row["mode"]) for row in rows] == [
        ("Human Resources", "LOCAL_IDENTITY_DIRECTORY", "PROXY"),
        ("Remote", "SCIM_SYSTEM", "PROXY"),
    ]
    assert [row["origin"].endswith("hr.json") or row["origin"] for row in rows] == [True, "database"]
    assert "Human Resources" in proxeny("system", "list").stdout


def test_the_repository_of_identity_management_has_saps_columns(proxeny: Run) -> None:
    text = proxeny("system", "export", "hr", "--format", "csv", "--url", "https://gateway.example/idm").stdout
    assert text == (
        f"{COLUMNS}\n"
        '"Human Resources","People, ""all"" of them",,"0","com.sap.idm.connector.scim:reptype.SCIM",,"basic",,'
        '"60000","60000",,,,,,,"60000","PUT","gateway.example","/idm/ipsproxy/service/api/v1/scim/hr","443","https",'
        '"PRIV:SYSTEM:Human Resources",,,\n'
    )


def test_an_export_is_saps_layout_without_secrets_and_can_be_imported(proxeny: Run, home: Path) -> None:
    file = home / "export.json"
    assert proxeny("system", "export", "hr", "--out", str(file)).exit_code == 0
    document = json.loads(file.read_text())
    assert document["connectorTypeString"] == "LOCAL_IDENTITY_DIRECTORY"
    assert document["encryptedProperties"] == {"Password": None}
    assert document["properties"] == {"page.max": "50"}
    assert "name" in proxeny("system", "import", str(file)).stderr
    made = json.loads(proxeny("system", "import", str(file), "--name", "Copy", "--json").stdout)
    assert made["id"] != "hr"
    assert json.loads(proxeny("system", "show", "Copy", "--json").stdout)["properties"] == {"page.max": "50"}


def test_no_command_shows_a_secret_and_the_database_does_not_hold_it(proxeny: Run, home: Path) -> None:
    secret = home / "secret"
    secret.write_text("far-secret\n")
    proxeny(*REMOTE, "--credential", f"Password=@{secret}")
    for arguments in (["show", "Remote"], ["show", "Remote", "--json"], ["export", "Remote"], ["list", "--json"]):
        result = proxeny("system", *arguments)
        assert result.exit_code == 0
        assert "far-secret" not in result.output
    assert "backend-secret" not in proxeny("system", "show", "hr", "--json").output
    assert all(b"far-secret" not in path.read_bytes() for path in (home / "var").iterdir())


def test_a_wrong_system_is_not_kept(proxeny: Run) -> None:
    result = proxeny("system", "add", "Wrong", "--type", "SCIM_SYSTEM", "--property", "put.activ=keep")
    assert result.exit_code == 1
    assert "put.activ" in result.stderr
    assert "Wrong" not in proxeny("system", "list").stdout


def test_references_of_imported_systems_are_plain_text(proxeny: Run) -> None:
    assert proxeny(*REMOTE, "--credential", "Password=${env:HR_PASSWORD}").exit_code == 0
    shown = proxeny(
        "system", "add", "Other", "--type", "LOCAL_IDENTITY_DIRECTORY", "--description", "${env:HR_PASSWORD}"
    )
    assert shown.exit_code == 0
    assert json.loads(proxeny("system", "show", "Other", "--json").stdout)["description"] == "${env:HR_PASSWORD}"


def test_systems_of_the_database_are_removed_and_files_are_not(proxeny: Run) -> None:
    proxeny(*REMOTE, "--credential", "Password=x")
    assert proxeny("system", "remove", "Remote").exit_code == 0
    assert "Remote" not in proxeny("system", "list").stdout
    refused = proxeny("system", "remove", "hr")
    assert (refused.exit_code, "Delete the file" in refused.stderr) == (1, True)


def test_testing_a_system_says_each_step(proxeny: Run) -> None:
    good = proxeny("system", "test", "hr", "--json")
    assert (good.exit_code, [step["ok"] for step in json.loads(good.stdout)]) == (0, [True])
    proxeny("system", "add", "Gone", "--type", "SCIM_SYSTEM", "--property", "URL=http://127.0.0.1:9/scim")
    bad = proxeny("system", "test", "Gone", "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)[-1]["ok"] is False


@pytest.mark.parametrize("command", [["show"], ["export"], ["remove"], ["test"]])
def test_an_unknown_system_is_said_with_those_there_are(proxeny: Run, command: list[str]) -> None:
    result = proxeny("system", *command, "nowhere")
    assert result.exit_code == 1
    assert "hr" in result.stderr


def test_the_types_are_listed_with_what_works_and_why_others_do_not(proxeny: Run) -> None:
    types = {row["type"]: row for row in json.loads(proxeny("system", "list", "--types", "--json").stdout)}
    assert len(types) >= 58
    works = ("usable", "read", "write", "proxy", "delta", "patch", "bulk", "reason")
    assert {name: types["SCIM_SYSTEM"][name] for name in works} == {
        **dict.fromkeys(("usable", "read", "write", "proxy", "delta", "bulk"), True),
        "patch": False,
        "reason": None,
    }
    assert types["SAP_ENTERPRISE_PORTAL"]["write"] is False
    assert "RFC" in types["SAP_APPLICATION_SERVER_ABAP"]["reason"]
    lines = {line.split()[0]: line for line in proxeny("system", "list", "--types").stdout.splitlines()}
    assert lines["LDAP_SERVER"].endswith("read, write, proxy, delta")
    assert lines["SAP_DOCUMENT_CENTER"].endswith("are not documented.")


def test_a_type_is_shown_with_its_properties(proxeny: Run) -> None:
    text = proxeny("system", "show", "--type", "ldap").stdout
    assert "read, write, proxy, delta" in text
    assert "ldap.user.path" in text
    shown = json.loads(proxeny("system", "show", "--type", "ldap", "--json").stdout)
    named = {each["name"]: each for each in shown["properties"]}
    assert (named["ldap.start.tls"]["default"], named["ldap.password"]["secret"]) == ("false", True)
    assert "SCIM_SYSTEM" in proxeny("system", "show", "--type", "SCIM_SYSTM").stderr
    assert proxeny("system", "show").exit_code == 2
    assert proxeny("system", "show", "hr", "--type", "ldap").exit_code == 2


def change_to(proxeny: Run, *changes: str) -> list[str]:
    """What a change of the remote system drops."""
    done = proxeny("system", "change", "Remote", *changes, "--json")
    assert done.exit_code == 0, done.output
    dropped: list[str] = json.loads(done.stdout)["dropped"]
    return dropped


def credentials(home: Path, name: str = "Remote") -> dict[str, str]:
    async def read() -> dict[str, str]:
        async with open_store(load_settings(home / "proxeny.toml", os.environ)) as store:
            found = await store.systems.find(name)
            assert found is not None
            return dict(found.credentials)

    return asyncio.run(read())


@pytest.mark.parametrize(
    "moving",
    [
        "URL=https://elsewhere.example/scim",
        "URL=https://far.example:8443/scim",
        "URL=http://far.example/scim",
        "OAuth2TokenServiceURL=https://login.elsewhere.example/token",
        "ProxyType=OnPremise",
    ],
)
def test_a_system_that_is_led_elsewhere_loses_its_stored_credentials(proxeny: Run, home: Path, moving: str) -> None:
    proxeny(*REMOTE, "--credential", "Password=far-secret")
    assert change_to(proxeny, "--property", moving) == ["Password"]
    assert credentials(home) == {}


def test_a_credential_that_is_typed_with_the_new_place_is_kept(proxeny: Run, home: Path) -> None:
    proxeny(*REMOTE, "--credential", "Password=far-secret")
    moving = ("--property", "URL=https://elsewhere.example/scim")
    assert change_to(proxeny, *moving, "--credential", "Password=typed-again") == []
    assert credentials(home) == {"Password": "typed-again"}


@pytest.mark.parametrize(
    "staying", ["URL=https://far.example:443/other", "User=other", "scim.support.patch.operation=true", "page.max=7"]
)
def test_a_change_in_the_same_place_keeps_the_credentials(proxeny: Run, home: Path, staying: str) -> None:
    proxeny(*REMOTE, "--credential", "Password=far-secret")
    assert change_to(proxeny, "--property", staying) == []
    assert credentials(home) == {"Password": "far-secret"}


def test_an_import_that_leads_a_system_elsewhere_drops_its_credentials_too(proxeny: Run, home: Path) -> None:
    proxeny(*REMOTE, "--credential", "Password=far-secret")
    file = home / "export.json"
    proxeny("system", "export", "Remote", "--out", str(file))
    assert json.loads(proxeny("system", "import", str(file), "--replace", "--json").stdout)["dropped"] == []
    assert credentials(home) == {"Password": "far-secret"}
    file.write_text(file.read_text().replace("far.example", "elsewhere.example"))
    done = proxeny("system", "import", str(file), "--replace")
    assert (done.exit_code, "leads elsewhere now (URL)" in done.stdout) == (0, True)
    assert credentials(home) == {}


def test_a_change_is_checked_and_a_wrong_one_changes_nothing(proxeny: Run) -> None:
    proxeny(*REMOTE, "--credential", "Password=x")
    assert proxeny("system", "change", "Remote", "--property", "put.activ=keep").exit_code == 1
    refused = proxeny("system", "change", "Remote", "--name", "Human Resources")
    assert (refused.exit_code, "name of a system file" in refused.stderr) == (1, True)
    assert "Edit the file" in proxeny("system", "change", "hr", "--disable").stderr
    shown = json.loads(proxeny("system", "show", "Remote", "--json").stdout)
    assert (shown["name"], "put.activ" in shown["properties"]) == ("Remote", False)


def test_trusting_every_server_is_warned_of(proxeny: Run) -> None:
    made = proxeny(*REMOTE, "--credential", "Password=x", "--property", "TrustAll=true")
    assert (made.exit_code, "For tests only" in made.stderr) == (0, True)


def test_a_secret_among_the_properties_is_kept_as_one_and_never_shown(proxeny: Run, home: Path) -> None:
    assert proxeny(*REMOTE, "--property", "Password=far-secret").exit_code == 0
    assert b"far-secret" not in b"".join(path.read_bytes() for path in (home / "var").glob("proxeny.db*"))
    for command in ("show", "export"):
        document = proxeny("system", command, "Remote").stdout
        assert "far-secret" not in document
    assert json.loads(proxeny("system", "export", "Remote").stdout)["encryptedProperties"] == {"Password": None}
    proxeny("system", "change", "Remote", "--property", "User=you")
    assert json.loads(proxeny("system", "export", "Remote").stdout)["encryptedProperties"] == {"Password": None}


def test_a_secret_among_the_properties_of_a_file_is_a_warning_and_not_exported(proxeny: Run, home: Path) -> None:
    file = home / "systems/hr.json"
    file.write_text(file.read_text().replace('"page.max": "50"', '"page.max": "50", "Password": "far-secret"'))
    assert "warning: " in proxeny("check").stderr
    assert "encryptedProperties" in proxeny("check").stderr
    assert "far-secret" not in proxeny("system", "export", "hr").stdout + proxeny("system", "show", "hr").stdout


def test_a_system_whose_secret_cannot_be_opened_is_listed_with_the_reason(proxeny: Run, home: Path) -> None:
    assert proxeny(*REMOTE, "--credential", "Password=far-secret").exit_code == 0
    (home / "var/secret.key").unlink()
    rows = json.loads(proxeny("system", "list", "--json").stdout)
    assert [(row["name"], bool(row["problem"])) for row in rows] == [("Human Resources", False), ("Remote", True)]
    assert "Enter it again" in rows[1]["problem"]
    tested = proxeny("system", "test", "Remote")
    assert tested.exit_code == 1
    assert "The secret Password of system" in tested.stderr
    assert "Enter it again" in proxeny("system", "change", "Remote", "--description", "x").stderr
    assert proxeny("system", "change", "Remote", "--credential", "Password=again").exit_code == 0
    assert json.loads(proxeny("system", "list", "--json").stdout)[1]["problem"] is None
