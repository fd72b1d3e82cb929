"""The chapter of the README about connectors says what is so."""

from pathlib import Path

from proxeny.connectors import registry
from proxeny.connectors.properties import Property

README = Path(__file__).parents[2] / "README.md"
CHAPTER = README.read_text().partition("## How to write a connector")[2].partition("\n## ")[0]


def test_the_connector_it_shows_is_the_one_that_passes_the_contract() -> None:
    assert (Path(__file__).parent / "memo.py").read_text() in CHAPTER


def test_the_packages_and_modules_it_names_are_there() -> None:
    home = Path(registry.__file__).parent
    named = [word for word in CHAPTER.split("`") if word.startswith("connectors/") and "*" not in word]
    assert len(named) >= 5
    for word in named:
        assert (home.parent / word).exists(), word


def test_every_declared_property_has_a_help() -> None:
    declared: list[Property] = [known for name in registry.protocols() for known in registry.spec(name).properties]
    assert [known.name for known in declared if not known.help.endswith(".")] == []
