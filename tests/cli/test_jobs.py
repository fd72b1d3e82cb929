"""``proxeny job`` and ``proxeny why``, as they are typed."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from tests.fixtures.fakes import Fake, started
from tests.provisioning.jobrig import READ, WRITE

Run = Callable[..., Result]


@pytest.fixture
def crm() -> Iterator[Fake]:
    with started("sink") as fake:
        yield fake


@pytest.fixture
def people(home: Path, proxeny: Run, crm: Fake) -> Run:
    """Three people, one without a mail address; the directory is the source, CRM the target."""
    source = {
        "id": "lid", "name": "People", "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY", "accessMode": "READ",
        "readTransformation": READ,
    }  # fmt: skip
    target = {
        "id": "crm", "name": "CRM", "connectorTypeString": "SCIM_SYSTEM", "accessMode": "WRITE", "sources": ["People"],
        "properties": {"URL": crm.url, "Authentication": "NoAuthentication"},
        "writeTransformation": {**WRITE, "user": {**WRITE["user"], "condition": "$.emails EMPTY false"}},
    }  # fmt: skip
    (home / "systems/lid.json").write_text(json.dumps(source))
    (home / "systems/crm.json").write_text(json.dumps(target))
    (home / "people.csv").write_text("userName,emails[0].value\nanna,anna@example.org\nben,ben@example.org\ncarl,\n")
    assert proxeny("directory", "import", str(home / "people.csv")).exit_code == 0
    return proxeny


def test_a_job_is_run_shown_and_explained(people: Run, crm: Fake) -> None:
    assert "No runs yet" in people("job", "list").output
    foreseen = json.loads(people("job", "simulate", "People", "--json").output)
    assert crm.state()["Users"] == {}
    done = people("job", "run", "lid", "--json")
    assert done.exit_code == 0, done.output
    run = json.loads(done.output)
    assert (run["statusText"], run["triggeredBy"].startswith("cli:")) == ("Success", True)
    assert run["statistics"] == foreseen["statistics"]
    assert sorted(user["userName"] for user in crm.state()["Users"].values()) == ["anna", "ben"]
    shown = people("job", "show", run["id"]).output
    assert "CREATED" in shown
    assert "CRM" in shown
    skipped = json.loads(people("job", "show", run["id"], "--outcomes", "skipped", "--json").output)["outcomes"]
    assert [row["reason"] for row in skipped] == ["condition"]
    assert run["id"] in people("job", "list", "--source", "People").output
    said = people("why", "carl")
    assert said.exit_code == 0
    assert "not in CRM: condition of the write transformation of CRM, version " in said.output
    assert "is false: emails is empty." in said.output
    (verdict,) = json.loads(people("why", "anna", "--json").output)
    assert verdict["provisioned"]
    assert people("why", "nobody").exit_code == 1


def test_a_run_can_be_queued_stopped_and_resumed(people: Run) -> None:
    queued = people("job", "run", "People", "--no-wait", "--json")
    number = json.loads(queued.output)["id"]
    assert people("job", "stop", number).exit_code == 0
    assert people("job", "stop", number).exit_code == 1
    assert json.loads(people("job", "show", number, "--json").output)["status"] == "stopped"
    assert people("job", "resume", number).exit_code == 0
    assert people("job", "stop", "17").exit_code == 1
    assert people("job", "show", "17").exit_code == 1
    assert people("job", "run", "CRM").exit_code == 1


def test_a_run_shows_how_far_it_is(people: Run) -> None:
    done = people("job", "run", "People", "--resync")
    assert done.exit_code == 0
    assert "RESYNC, Full Read, Success" in done.output


def test_records_are_validated_without_touching_anything(people: Run, home: Path, crm: Fake) -> None:
    rows = ["userName,$.name.familyName,emails[0].value,id", "dora,Doe,dora@example.org,1", "emil,Eck,,2"]
    (home / "users.csv").write_text(
        "\n".join([*rows, *(f"more{number},M,m@example.org,{number}" for number in range(20))])
    )
    packed = home / "out.zip"
    done = people("job", "validate", "People", "--users", str(home / "users.csv"), "--output", str(packed))
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(io.BytesIO(packed.read_bytes())) as archive:
        found = list(csv.DictReader(archive.read("users_CRM.csv").decode().splitlines()))
        trace = archive.read("trace.log").decode()
    assert len(found) == 9, "ten records, one of them skipped"
    assert (found[0]["userName"], found[0]["name.familyName"], found[0]["emails[0].value"]) == (
        "dora", "Doe", "dora@example.org",
    )  # fmt: skip
    assert "user 2, system CRM: skipped" in trace
    assert crm.state()["ledger"] == []
    (home / "users.csv").write_text("userName,id\nonly one\n")
    refused = people("job", "validate", "People", "--users", str(home / "users.csv"))
    assert (refused.exit_code, "Row 2 has 1 fields under 2 headers" in refused.output) == (1, True)
    assert people("job", "validate", "People").exit_code == 2


def test_nothing_is_held_at_first(people: Run) -> None:
    assert "Nothing is held." in people("job", "held").output
    assert json.loads(people("job", "held", "--approve", "x", "--json").output) == []


def test_why_says_whether_there_is_anybody_to_ask(people: Run, home: Path) -> None:
    assert "No source knows it. 1 asked: People." in people("why", "nobody").stderr
    assert "There is no source 'Other'" in people("why", "anna", "--source", "Other").stderr
    (home / "systems/lid.json").unlink()
    none = people("why", "anna")
    assert (none.exit_code, "There are no sources" in none.stderr) == (1, True)


def test_a_source_of_which_nothing_was_read_has_a_row_too(people: Run, home: Path, crm: Fake) -> None:
    for file in (home / "var").glob("*.db*"):
        file.unlink()
    run = json.loads(people("job", "run", "People", "--json").output)
    read = {row["entity"]: row["numberRead"] for row in run["statistics"] if row["action"] == "Read"}
    assert read["user"] == 0
    assert [row["system"] for row in run["statistics"] if row["entity"] == "user"] == ["People"]
