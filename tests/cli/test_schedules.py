"""``proxeny job schedule``, as it is typed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
SOURCE = {
    "id": "lid",
    "name": "People",
    "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY",
    "accessMode": "READ",
}


@pytest.fixture
def people(home: Path, proxeny: Run) -> Run:
    (home / "systems/lid.json").write_text(json.dumps(SOURCE))
    return proxeny


def told(people: Run, *arguments: str) -> dict[str, dict[str, object]]:
    """The schedules of the source, by kind."""
    done = people("job", "schedule", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return {str(row["type"]): row for row in json.loads(done.stdout)}


def test_reads_and_resyncs_have_schedules_of_their_own(people: Run) -> None:
    assert told(people) == {}
    assert told(people, "People", "--every", "60")["READ"]["times"] == "every 60 minutes"
    days = ("--on", "monday", "--on", "friday", "--at", "06:00", "--zone", "Europe/Berlin")
    both = told(people, "lid", "--resync", *days)
    assert sorted(both) == ["READ", "RESYNC"]
    assert both["RESYNC"]["times"] == "monday, friday at 06:00 Europe/Berlin"
    assert both["READ"]["next"] is not None
    off = told(people, "lid", "--resync", "--disable")
    assert (off["RESYNC"]["enabled"], off["RESYNC"]["next"], off["READ"]["enabled"]) == (False, None, True)
    assert off["RESYNC"]["times"] == both["RESYNC"]["times"]
    assert told(people, "lid", "--resync", "--enable")["RESYNC"]["next"] == both["RESYNC"]["next"]
    assert people("job", "schedule", "lid", "--remove").exit_code == 0
    assert list(told(people)) == ["RESYNC"]


def test_what_cannot_be_meant_is_refused(people: Run) -> None:
    for arguments, status in (
        (("--every", "60"), 2),
        (("--resync",), 2),
        (("lid", "--remove", "--every", "60"), 2),
        (("lid", "--on", "someday", "--at", "06:00"), 2),
        (("lid", "--every", "60", "--at", "06:00", "--on", "monday"), 1),
        (("lid", "--on", "monday", "--at", "25:00"), 1),
        (("lid", "--disable"), 1),
        (("lid", "--remove"), 1),
        (("hr", "--every", "60"), 1),
    ):
        assert people("job", "schedule", *arguments).exit_code == status, arguments
    assert told(people) == {}


def test_a_schedule_that_sap_would_not_take_is_set_with_a_word_about_it(people: Run) -> None:
    done = people("job", "schedule", "lid", "--every", "5")
    assert (done.exit_code, "more than 30 minutes" in done.output) == (0, True)
