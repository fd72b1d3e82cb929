"""What every test may use: where the corpus of transformations and vectors is, when it is there."""

from pathlib import Path

import pytest

pytest_plugins = ["tests.fixtures.databases", "tests.fixtures.directories", "tests.fixtures.sql"]

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of published data beside the repository; it may be absent, so use it through ``corpus_files``."""
    return CORPUS


def corpus_files(pattern: str) -> list[Path]:
    """Files of the corpus that match the glob, sorted; empty where there is no corpus."""
    return sorted(CORPUS.glob(pattern)) if CORPUS.is_dir() else []
