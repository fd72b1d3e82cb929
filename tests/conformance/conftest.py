"""Sites for the judges: the directory, a proxy over it, and a proxy over a second gateway."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.gateways import COPY, COPY_PATCH, COPY_PUT, Running, remote, running, system

PASSING_ON = {
    "directory": "/scim",
    "proxy": "/proxy/copy",
    "proxy that emulates PATCH": "/proxy/emulated",
    "second gateway": "/proxy/second",
    "second gateway that emulates PATCH": "/proxy/second-emulated",
}
"""What comes in goes out; other transformations change some attributes, and this judge wants all of them back."""

DEFAULTS = {
    "proxy with the default transformations": "/proxy/default",
    "second gateway with the default transformations": "/proxy/second-default",
    "proxy of a second gateway": "/proxy/third",
}
UNKNOWN_MEMBERS = {"unknown.members": "skip"}
DIRECTORY = '[directory]\nproperties = {"unknown.members" = "skip"}'
"""One judge adds a member that does not exist, and wants that to be fine."""


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("far")
    with running(folder, systems=(system("hr", properties=UNKNOWN_MEMBERS),), more=DIRECTORY) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory, far: Running) -> Iterator[Running]:
    systems = (
        system("copy", properties=UNKNOWN_MEMBERS, readTransformation=COPY, writeTransformation=COPY_PATCH),
        system("emulated", properties=UNKNOWN_MEMBERS, readTransformation=COPY, writeTransformation=COPY_PUT),
        system("default", properties=UNKNOWN_MEMBERS),
        remote("second", f"{far.url}/scim", readTransformation=COPY, writeTransformation=COPY_PATCH),
        remote("second-emulated", f"{far.url}/scim", readTransformation=COPY, writeTransformation=COPY_PUT),
        remote("second-default", f"{far.url}/scim"),
        remote("third", f"{far.url}/proxy/hr"),
    )
    with running(tmp_path_factory.mktemp("near"), systems=systems, more=DIRECTORY) as gateway:
        yield gateway


@pytest.fixture(params=[*PASSING_ON, *DEFAULTS])
def url(request: pytest.FixtureRequest, near: Running, far: Running) -> str:
    """The base of an empty service provider."""
    near.empty()
    far.empty()
    return near.url + {**PASSING_ON, **DEFAULTS}[request.param]
