"""``proxeny job show --content``: what was kept of entities that failed."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]
SOURCE = {
    "id": "lid",
    "name": "People",
    "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY",
    "accessMode": "READ",
    "properties": {"ips.trace.failed.entity.content": "true"},
    "readTransformation": {
        "user": {
            "mappings": [
                {"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"},
                {"sourcePath": "$.title", "targetPath": "$.title"},
            ]
        }
    },
}


def test_the_content_is_shown_when_it_is_asked_for(home: Path, proxeny: Run) -> None:
    (home / "systems/lid.json").write_text(json.dumps(SOURCE))
    (home / "people.csv").write_text("userName,nickName\nanna,An\n")
    assert proxeny("directory", "import", str(home / "people.csv")).exit_code == 0
    run = json.loads(proxeny("job", "run", "lid", "--json").output)["id"]
    shown = ("job", "show", run, "--outcomes", "failed")
    assert '"nickName":"An"' in proxeny(*shown, "--content").output
    (row,) = json.loads(proxeny(*shown, "--content", "--json").output)["outcomes"]
    assert json.loads(row["content"])["userName"] == "anna"
    assert "nickName" not in proxeny(*shown).output
    again = json.loads(proxeny("job", "run", "lid", "--json").output)["id"]
    hidden = proxeny("job", "show", again, "--outcomes", "failed", "--content").output
    assert "its content was not kept" in hidden
