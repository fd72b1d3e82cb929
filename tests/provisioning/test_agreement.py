"""Whoever decides, the answer is the same: the gateway itself, SQLite, PostgreSQL, or a backend behind transformations.

Filters are generated over generated users, PATCH sequences over a simple model; what one site says all must say.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fixtures.databases import KINDS, made_on
from tests.fixtures.gateways import (
    COPY,
    COPY_PATCH,
    COPY_PUT,
    USER,
    Document,
    Site,
    client,
    is_error,
    remote,
    running,
    system,
)
from tests.scim.test_filter_evaluate import filters
from tests.scim.test_patch import assigned, modelled, steps
from tests.scim.test_patch import users as patch_users

from proxeny.scim.filter.evaluate import compile_filter
from proxeny.scim.filter.parser import parse_filter
from proxeny.scim.schema import ENTERPRISE_USER, USER_TYPE

PEOPLE = 60
SEED = 20_260_401
STRICT = {"dialect": "strict"}
STRICT_DIRECTORY = '[directory]\nproperties = {dialect = "strict"}'
RELAXED = settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def population() -> Iterator[Document]:
    """Users that the generated filters tell apart; the same in every run."""
    chance = random.Random(SEED)
    texts = ["a", "A", "ab", "b", "x y", "Strasse", "STRASSE", "straße", "10"]

    def some(name: str, value: Any) -> Document:
        return {name: value} if chance.random() < 0.6 else {}

    for number in range(PEOPLE):
        roles = [
            {"value": chance.choice(texts), **some("type", chance.choice(["work", "Home", "other"]))}
            for _ in range(chance.randrange(4))
        ]
        yield {
            "schemas": [USER],
            "userName": texts[number] if number < 7 and texts[number] not in ("A", "STRASSE") else f"u{number}",
            **some("title", chance.choice(texts)),
            **some("active", chance.random() < 0.5),
            **some("externalId", chance.choice(texts)),
            **some("name", {"familyName": chance.choice(texts), **some("givenName", chance.choice(texts))}),
            **some("roles", roles),
            **some(ENTERPRISE_USER, {"employeeNumber": chance.choice(texts)}),
        }


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[dict[str, Site]]:
    """The same directory seen from everywhere: itself, through proxies, and through a second gateway."""
    urls = {"sqlite": ""}
    if "postgresql" in KINDS:
        urls["postgresql"] = made_on(request.getfixturevalue("postgresql_server"))
    with ExitStack() as stack:
        speaking = stack.enter_context(client())
        found: dict[str, Site] = {}
        for kind, url in urls.items():
            systems = (
                system("copy", properties=STRICT, readTransformation=COPY, writeTransformation=COPY_PATCH),
                system("emulated", properties=STRICT, readTransformation=COPY, writeTransformation=COPY_PUT),
                system("default"),
            )
            folder = tmp_path_factory.mktemp(kind)
            gateway = stack.enter_context(running(folder, database=url, systems=systems, more=STRICT_DIRECTORY))
            for name in ("/scim", "/proxy/copy", "/proxy/emulated", "/proxy/default"):
                found[f"{kind} {name}"] = Site(gateway.url + name, speaking, gateway.url + "/scim")
        far = found["sqlite /scim"].base
        second = remote("second", far, properties=STRICT, readTransformation=COPY, writeTransformation=COPY_PATCH)
        gateway = stack.enter_context(running(tmp_path_factory.mktemp("near"), systems=(second,)))
        found["second gateway"] = Site(f"{gateway.url}/proxy/second", speaking, far)
        yield found


@pytest.fixture(scope="module")
def everybody(sites: dict[str, Site]) -> dict[str, list[Document]]:
    """What each directory holds, as it is read."""
    held: dict[str, list[Document]] = {}
    for kept in {site.kept for site in sites.values()}:
        directory = Site(kept, next(iter(sites.values())).client)
        for user in population():
            directory.make("/Users", user)
        held[kept] = directory.found("/Users", count=1000)
        assert len(held[kept]) == PEOPLE
    return held


def test_every_site_finds_the_users_that_the_evaluator_admits(
    sites: dict[str, Site], everybody: dict[str, list[Document]]
) -> None:
    @RELAXED
    @given(filters)
    def agree(text: str) -> None:
        admits = compile_filter(parse_filter(text), USER_TYPE)
        for name, site in sites.items():
            expected = {user["userName"] for user in everybody[site.kept] if admits(user)}
            found = site.found("/Users", filter=text, count=100, attributes="userName")
            assert {user["userName"] for user in found} == expected, (name, text)

    agree()


def test_a_generated_sequence_of_changes_agrees_with_a_model_wherever_it_is_carried_out(sites: dict[str, Site]) -> None:
    names = [name for name in sites if "default" not in name]

    @settings(RELAXED, max_examples=30)
    @given(patch_users, st.lists(steps, min_size=1, max_size=6))
    def agree(user: Document, operations: list[Document]) -> None:
        state: Document | None = user
        for operation in operations:
            state = modelled(state, operation) if state is not None else None
        for name in names:
            site = sites[name]
            made = site.make("/Users", {**user, "userName": f"patched {name}"})
            before = site.read(f"/Users/{made['id']}")
            try:
                answer = site.patch(f"/Users/{made['id']}", *operations)
                held = site.read(f"/Users/{made['id']}")
                if state is None:
                    assert is_error(answer, 400, answer.json().get("scimType")), (name, operations)
                    assert held == before
                else:
                    assert answer.status_code == 200, (name, operations, answer.text)
                    assert seen(held) == seen(state), (name, operations)
            finally:
                site.call("DELETE", f"/Users/{made['id']}")

    agree()


def seen(user: Document) -> Document:
    """The attributes that the sequences are about."""
    return {name: value for name, value in assigned(user).items() if name in ("title", "name", "nickName", "roles")}
