"""A configuration in a folder of its own, which the commands find by PROXENY_CONFIG."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tests.cli.running import run

Run = Callable[..., Result]

SYSTEM = """
{"id": "hr", "name": "Human Resources", "description": "People, \\"all\\" of them", "accessMode": "PROXY",
 "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY", "properties": {"page.max": "50"},
 "encryptedProperties": {"Password": "${env:HR_PASSWORD}"}, "readTransformation": {}, "writeTransformation": {}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems/hr.json").write_text(SYSTEM)
    (tmp_path / "proxeny.toml").write_text('[[client]]\nid = "fixed"\nsecret = "0123456789abcdef"\n')
    return tmp_path


@pytest.fixture
def proxeny(home: Path) -> Run:
    """Runs a command with this configuration."""
    environ = {"PROXENY_CONFIG": str(home / "proxeny.toml"), "HR_PASSWORD": "backend-secret"}
    return lambda *arguments, stdin=None: run(*arguments, stdin=stdin, **environ)
