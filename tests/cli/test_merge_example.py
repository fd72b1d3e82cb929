"""The example of the README: two sources into one directory (config/merge)."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.cli.running import run

EXAMPLE = Path(__file__).parents[2] / "config/merge"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def _jobs(home: Path, *sources: str) -> list[dict[str, Any]]:
    """What each run says of the directory."""
    found = []
    for source in sources:
        done = run("job", "run", source, "--json", PROXENY_CONFIG=str(home / "proxeny.toml"))
        assert done.exit_code == 0, done.output
        (row,) = (one for one in json.loads(done.output)["statistics"] if one["system"].startswith("Directory"))
        found.append(row)
    return found


def test_two_sources_make_one_account_and_neither_overwrites_the_other(tmp_path: Path) -> None:
    home = tmp_path / "try"
    shutil.copytree(EXAMPLE, home)
    first, second = _jobs(home, "SuccessFactors", "Entra")
    assert (first["numberCreated"], second["numberCreated"], second["numberUpdated"]) == (32, 0, 2)
    people = home / "people/successfactors.jsonl"
    people.write_text(people.read_text().replace('"North"', '"West"'))
    (third,) = _jobs(home, "SuccessFactors")
    assert (third["numberUpdated"], third["numberUnchanged"]) == (1, 31)
    exported = run("directory", "export", str(home / "all.jsonl"), PROXENY_CONFIG=str(home / "proxeny.toml"))
    assert exported.exit_code == 0
    users = [json.loads(line) for line in (home / "all.jsonl").read_text().splitlines()]
    (anna,) = (user for user in users if user["userName"] == "anna")
    assert (len(users), anna["displayName"]) == (32, "Anna Arendt")
    assert anna[ENTERPRISE] == {"division": "West", "department": "Sales"}
