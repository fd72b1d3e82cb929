"""Functions that other packages bring, by entry points; and the tables behind the codes."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest

from proxeny.transform.functions import registry, time_zones
from proxeny.transform.functions.registry import Step
from proxeny.transform.functions.tables import table
from proxeny.transform.values import Run

EXTENSION = """
from proxeny.transform.functions.registry import Function, Given, Parameter
from proxeny.transform.values import to_text


def mask(given: Given):
    keep = given["keep"]
    return lambda value, run: "*" * (len(to_text(value)) - keep) + to_text(value)[-keep:]


MASK = Function("maskString", (Parameter("keep", "integer", default=4),), mask)
NOT_ONE = 1
"""


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package with the functions of the docstring's example, a broken one and one that is no function."""
    (tmp_path / "acme_functions.py").write_text(EXTENSION)
    metadata = tmp_path / "acme-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[proxeny.functions]\nmaskString = acme_functions:MASK\nbroken = acme_functions:NONE\n"
        "odd = acme_functions:NOT_ONE\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._extension.cache_clear()
    yield
    sys.modules.pop("acme_functions", None)
    registry._extension.cache_clear()


@pytest.mark.usefixtures("extension")
def test_a_function_of_another_package_works_like_a_built_in_one(compiled: Callable[..., Step]) -> None:
    step = compiled({"function": "maskString", "keep": "2", "applyOnAttribute": "n"})
    assert step.apply([{"n": "12345"}, {"m": 1}], Run({})) == [{"n": "***45"}, {"m": 1}]
    assert registry.extensions() == ("broken", "maskString", "odd")


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"function": "maskString", "keep": "two"}, "whole number"),
        ({"function": "broken"}, "cannot be loaded"),
        ({"function": "odd"}, "not a Function"),
        ({"function": "maskStrin"}, "did you mean 'maskString'"),
    ],
)
def test_its_mistakes_are_found_when_loading(
    written: dict[str, Any], says: str, problems_of: Callable[..., Any]
) -> None:
    assert says in problems_of(written)[0][1]


@pytest.mark.parametrize("place", ["docstring", "README"])
def test_what_is_documented_is_the_function_that_is_tested(place: str) -> None:
    readme = Path(__file__).parents[3] / "README.md"
    shown = (
        registry.__doc__ or ""
        if place == "docstring"
        else readme.read_text().partition("## How to write a function")[2]
    )
    lines = [line.strip() for line in EXTENSION.splitlines() if line.strip() and "NOT_ONE" not in line]
    assert [line for line in lines if line not in shown] == []


def test_the_time_zone_table_is_whole_and_names_its_origin() -> None:
    content = table("sap-time-zones")
    zones = [zone for names in content["zones"].values() for zone in names]
    assert (len(content["zones"]), len(zones)) == (104, 459)
    assert "SAP-docs/btp-cloud-identity-services" in content["origin"]
    assert "CC-BY-4.0" in content["licence"]
    assert set(zones) <= available_timezones()


def test_every_code_becomes_its_first_zone_and_back() -> None:
    for code, zones in table("sap-time-zones")["zones"].items():
        assert time_zones.to_iana(code) == zones[0]
        assert time_zones.to_sap(zones[0]) == code


def test_the_subdivisions_name_their_origin() -> None:
    content = table("subdivisions")
    assert content["subdivisions"]["US"]["AL"] == "Alabama"
    assert "Unicode" in content["licence"]
    assert len(content["subdivisions"]) >= 200
