"""A proxy whose backend is another SCIM server: its errors, removals and versions as the client sees them."""

from collections.abc import Iterator

import httpx
import pytest
from tests.fixtures.gateways import (
    COPY,
    COPY_PATCH,
    COPY_PUT,
    USER,
    Document,
    Running,
    Site,
    client,
    is_error,
    remote,
    running,
    system,
)

PASSING = {"readTransformation": COPY, "writeTransformation": COPY_PATCH}
EMULATING = {"readTransformation": COPY, "writeTransformation": COPY_PUT}
SMALL = {
    "user": {
        "scimEntityEndpoint": "Users",
        "mappings": [
            {"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"},
            {"sourcePath": "$.userName", "targetPath": "$.userName"},
            {"sourcePath": "$.title", "targetPath": "$.title", "optional": True},
        ],
    }
}


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The second gateway; its proxy takes the standard alone."""
    strict = system("strict", properties={"dialect": "strict"}, **PASSING)
    small = system("small", readTransformation=SMALL, writeTransformation=SMALL)
    with running(tmp_path_factory.mktemp("far"), systems=(strict, small)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory, far: Running) -> Iterator[Running]:
    strict = {"properties": {"dialect": "strict"}}
    systems = (
        remote("passing", f"{far.url}/proxy/strict", **PASSING),
        remote("emulating", f"{far.url}/scim", **EMULATING),
        remote("strict", f"{far.url}/proxy/strict", **PASSING, **strict),
        remote("small", f"{far.url}/proxy/small", **PASSING),
    )
    with running(tmp_path_factory.mktemp("near"), systems=systems) as gateway:
        yield gateway


@pytest.fixture
def speaking() -> Iterator[httpx.Client]:
    with client() as one:
        yield one


def site(near: Running, far: Running, speaking: httpx.Client, name: str) -> Site:
    far.empty()
    return Site(f"{near.url}/proxy/{name}", speaking, f"{far.url}/scim")


def ann(**more: object) -> Document:
    return {"schemas": [USER], "userName": "ann", "active": True, "title": "Boss", **more}


@pytest.mark.parametrize("given", [True, False])
def test_active_is_really_removed_from_a_backend_that_keeps_what_a_put_leaves_out(
    near: Running, far: Running, speaking: httpx.Client, given: bool
) -> None:
    place = site(near, far, speaking, "emulating")
    made = place.make("/Users", ann(active=given))
    put = place.put(f"/Users/{made['id']}", {"schemas": [USER], "userName": "ann"})
    assert put.json()["active"] is given, "a PUT that leaves it out keeps it"
    answer = place.patch(f"/Users/{made['id']}", {"op": "remove", "path": "active"})
    assert answer.status_code == 200, answer.text
    assert "active" not in answer.json()
    assert "active" not in place.read(f"/Users/{made['id']}")


def test_null_in_a_put_takes_active_away_and_no_members(far: Running, speaking: httpx.Client) -> None:
    far.empty()
    place = Site(f"{far.url}/scim", speaking)
    made = place.make("/Users", ann())
    assert "active" not in place.put(f"/Users/{made['id']}", {**ann(), "Active": None}).json()
    group = place.make("/Groups", {"displayName": "G", "members": [{"value": made["id"]}]})
    assert place.put(f"/Groups/{group['id']}", {"displayName": "G", "members": None}).json()["members"]


def test_a_removal_that_the_backend_passes_over_is_not_answered_2xx(
    near: Running, far: Running, speaking: httpx.Client
) -> None:
    place = site(near, far, speaking, "emulating")
    made = place.make("/Users", ann())
    sap = "urn:ietf:params:scim:schemas:extension:sap:2.0:User"
    answer = place.patch(f"/Users/{made['id']}", {"op": "remove", "path": f"{sap}:userId"})
    assert is_error(answer, 400, "mutability")
    assert "userId" in answer.json()["detail"]
    assert place.read(f"/Users/{made['id']}")[sap]["userId"] == made[sap]["userId"]


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@x"}, "noTarget"),
        ({"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:sap:2.0:User:userId"}, "mutability"),
        ({"op": "replace", "path": "userName", "value": "bob"}, "uniqueness"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_backend_says_is_wrong_reaches_the_client(
    near: Running, far: Running, speaking: httpx.Client, operation: Document, scim_type: str
) -> None:
    place = site(near, far, speaking, "strict")
    place.make("/Users", {"schemas": [USER], "userName": "bob"})
    made = place.make("/Users", ann())
    answer = place.patch(f"/Users/{made['id']}", {"op": "replace", "path": "title", "value": "T"}, operation)
    assert is_error(answer, 409 if scim_type == "uniqueness" else 400, scim_type)
    assert place.read(f"/Users/{made['id']}")["title"] == "Boss"


def test_a_proxy_has_the_schemas_of_its_backend(near: Running, far: Running, speaking: httpx.Client) -> None:
    def attributes(base: str) -> set[str]:
        found = speaking.get(f"{base}/proxy/small/Schemas/{USER}").json()
        return {each["name"] for each in found["attributes"]}

    assert attributes(near.url) == attributes(far.url) == {"userName", "title"}
    place = site(near, far, speaking, "small")
    assert is_error(place.get("/Users", filter='nickName eq "x"'), 400, "invalidFilter")
    assert place.found("/Users", filter='title eq "x"') == []
