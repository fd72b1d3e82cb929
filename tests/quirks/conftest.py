"""Where the catalogue of client quirks is replayed, and the resources that each of its items starts from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.fixtures.databases import KINDS, made_on
from tests.fixtures.gateways import (
    COPY,
    COPY_PATCH,
    COPY_PUT,
    GROUP,
    USER,
    Document,
    Running,
    Site,
    client,
    running,
    system,
)

PLACES = ["directory", "proxy", "emulating proxy"]
BASES = {"directory": "/scim", "proxy": "/proxy/copy", "emulating proxy": "/proxy/emulated"}


def systems() -> tuple[Document, ...]:
    passing_on = {"readTransformation": COPY, "writeTransformation": COPY_PATCH}
    return (
        system("copy", **passing_on),
        system("emulated", readTransformation=COPY, writeTransformation=COPY_PUT),
        system("strict", properties={"dialect": "strict", "unknown.attributes": "reject"}, **passing_on),
        system("entra", properties={"dialect": "entra", "group.displayName.unique": "yes"}, **passing_on),
        system("lenient", properties={"unknown.members": "skip", "group.displayName.unique": "no"}, **passing_on),
        system("full-roles", properties={"dialect": "entra,okta,roles-full-set"}, **passing_on),
    )


@pytest.fixture(scope="session")
def sqlite_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("quirks"), systems=systems()) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def postgresql_gateway(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Running]:
    url = made_on(request.getfixturevalue("postgresql_server"))
    with running(tmp_path_factory.mktemp("quirks"), database=url, systems=systems()) as gateway:
        yield gateway


@pytest.fixture(params=[*PLACES, *(f"directory on {kind}" for kind in KINDS if kind != "sqlite")])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """An empty SCIM base: the directory itself, and proxies over it that pass everything on."""
    place, _, kind = str(request.param).partition(" on ")
    gateway: Running = request.getfixturevalue(f"{kind or 'sqlite'}_gateway")
    gateway.empty()
    with client() as speaking:
        yield Site(gateway.url + BASES[place], speaking, gateway.url + "/scim")


def at(site: Site, name: str) -> Site:
    """Another system over the same directory: ``strict``, ``entra``, ``lenient``."""
    return Site(f"{site.kept.removesuffix('/scim')}/proxy/{name}", site.client, site.kept)


@dataclass(frozen=True)
class People:
    """U1, U2, U3 and G1 of the catalogue, with the ids that they got."""

    ann: str
    bob: str
    cat: str
    group: str


@pytest.fixture
def people(site: Site) -> People:
    ann = site.make(
        "/Users",
        {
            "schemas": [USER],
            "userName": "ann@x.test",
            "externalId": "00u1",
            "active": True,
            "name": {"givenName": "Ann", "familyName": "Lee"},
            "emails": [
                {"type": "work", "value": "ann@x.test", "primary": True},
                {"type": "home", "value": "ann@home.test"},
            ],
        },
    )["id"]
    bob, cat = (site.make("/Users", person(f"{name}@x.test", active=True))["id"] for name in ("bob", "cat"))
    members = [{"value": ann}, {"value": bob}]
    group = site.make("/Groups", {"schemas": [GROUP], "displayName": "Plain", "members": members})["id"]
    return People(ann, bob, cat, group)


def person(user_name: str, **more: Any) -> Document:
    return {"schemas": [USER], "userName": user_name, **more}


def names(resources: list[Document]) -> list[str]:
    return sorted(resource.get("userName") or resource["displayName"] for resource in resources)
