"""Custom schemas of the directory: made, used, found out by all who share it, and gone with their values."""

from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.databases import KINDS
from tests.fixtures.gateways import COPY, COPY_PATCH, USER, Document, Running, Site, client, is_error, running, system

URN = "urn:sap:cloud:scim:schemas:extension:custom:2.0:Badge"


def attribute(name: str, kind: str = "string", **more: Any) -> Document:
    characteristics = {"required": False, "caseExact": False, "mutability": "readWrite", "returned": "default"}
    return {"name": name, "type": kind, "multiValued": False, "uniqueness": "none", **characteristics, **more}


def schema(*attributes: Document, name: str = "Badge") -> Document:
    prefix = URN.removesuffix("Badge")
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": f"{prefix}{name}",
        "name": name,
        "description": "What opens doors",
        "attributes": list(attributes) or [attribute("number")],
    }


@pytest.fixture(params=KINDS)
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    url = "" if request.param == "sqlite" else request.getfixturevalue("fresh_postgresql")
    passing = {"readTransformation": COPY, "writeTransformation": COPY_PATCH}
    own = {"idds.user.filter": f"{URN}:level lt 50 and {URN}:open eq true"}
    systems = (system("copy", **passing), system("limited", properties=own, **passing))
    with running(tmp_path, database=url, systems=systems) as started:
        yield started


@pytest.fixture
def site(gateway: Running) -> Any:
    with client() as speaking:
        yield Site(f"{gateway.url}/scim", speaking)


@pytest.fixture
def proxy(gateway: Running, site: Site) -> Site:
    return Site(f"{gateway.url}/proxy/copy", site.client)


def test_a_systems_own_filter_may_be_about_a_custom_schema(gateway: Running, site: Site) -> None:
    limited = Site(f"{gateway.url}/proxy/limited", site.client)
    assert site.call("POST", "/Schemas", schema(attribute("level", "integer"), attribute("open", "boolean"))).is_success
    for name, badge in (("ann", {"level": 7, "open": True}), ("bob", {"level": 70, "open": False}), ("cat", None)):
        site.make("/Users", {"schemas": [USER], "userName": name, **({URN: badge} if badge else {})})
    assert [each["userName"] for each in limited.found("/Users")] == ["ann"]
    assert limited.found("/Users", filter='userName eq "bob"') == []
    assert limited.get("/Users").json()["totalResults"] == 1
    assert site.call("DELETE", f"/Schemas/{URN}").status_code == 204
    for answer in (limited.get("/Users"), limited.get("/Users", filter='userName eq "ann"')):
        assert is_error(answer, 503), "what the filter is about is gone: nobody is shown"
        assert "This system's own filter" in answer.json()["detail"]
        assert "level" in answer.json()["detail"]
    assert site.call("POST", "/Schemas", schema(attribute("level", "integer"), attribute("open", "boolean"))).is_success
    assert limited.found("/Users") == []


def test_a_schema_is_made_described_used_filtered_and_taken_away_with_its_values(site: Site, proxy: Site) -> None:
    levels = attribute(
        "levels", "complex", multiValued=True, subAttributes=[attribute("name"), attribute("since", "dateTime")]
    )
    made = site.call("POST", "/Schemas", schema(attribute("number"), attribute("open", "boolean"), levels))
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{site.base}/Schemas/{URN}"
    for place in (site, proxy):
        assert place.get(f"/Schemas/{URN}").json()["attributes"] == made.json()["attributes"]
        users = place.get("/ResourceTypes/User").json()
        assert {"schema": URN, "required": False} in users["schemaExtensions"]
    badge = {"number": "7", "open": True, "levels": [{"name": "A", "since": "2026-01-01T00:00:00Z"}]}
    ann = site.make("/Users", {"userName": "ann", URN: badge})
    bob = proxy.make("/Users", {"userName": "bob"})
    assert URN in ann["schemas"]
    assert site.read(f"/Users/{ann['id']}")[URN] == badge
    for place in (site, proxy):
        answer = place.patch(f"/Users/{bob['id']}", {"op": "add", "path": f"{URN}:open", "value": False})
        assert answer.json()[URN] == {"open": False}
        assert [each["userName"] for each in place.found("/Users", filter=f"{URN}:open eq true")] == ["ann"]
    wrong = site.patch(f"/Users/{bob['id']}", {"op": "add", "path": f"{URN}:open", "value": {"x": 1}})
    assert is_error(wrong, 400, "invalidValue")
    assert site.call("DELETE", f"/Schemas/{URN}").status_code == 204
    assert is_error(site.get(f"/Schemas/{URN}"), 404)
    for user in (ann, bob):
        held = site.read(f"/Users/{user['id']}")
        assert URN not in held
        assert URN not in held["schemas"]
        assert held["meta"]["version"] != user["meta"]["version"]
    assert is_error(proxy.get("/Users", filter=f"{URN}:open eq true"), 400, "invalidFilter")
    assert site.call("POST", "/Schemas", schema()).status_code == 201
    assert URN not in site.read(f"/Users/{ann['id']}")


def test_a_schema_stays_over_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    with running(tmp_path / "one", database=url) as gateway, client() as speaking:
        assert Site(f"{gateway.url}/scim", speaking).call("POST", "/Schemas", schema()).status_code == 201
    with running(tmp_path / "two", database=url) as gateway, client() as speaking:
        assert Site(f"{gateway.url}/scim", speaking).get(f"/Schemas/{URN}").status_code == 200


def test_another_replica_hears_of_a_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    one, two = running(tmp_path / "one", database=url), running(tmp_path / "two", database=url)
    with one as here, two as there, client() as speaking:
        assert Site(f"{here.url}/scim", speaking).call("POST", "/Schemas", schema()).status_code == 201
        there.call(there.gateway.catalog.refresh_schemas())
        assert Site(f"{there.url}/scim", speaking).get(f"/Schemas/{URN}").status_code == 200


WRONG = {
    "another prefix": {**schema(), "id": "urn:example:Badge"},
    "another name": {**schema(), "name": "Batch"},
    "no attributes": {**schema(), "attributes": []},
    "too many attributes": schema(*(attribute(f"a{number}") for number in range(21))),
    "one name twice": schema(attribute("a"), attribute("A")),
    "no type": schema({name: value for name, value in attribute("a").items() if name != "type"}),
    "no such type": schema(attribute("a", "binary")),
    "several texts": schema(attribute("a", multiValued=True)),
    "complex without parts": schema(attribute("a", "complex", multiValued=True)),
    "too many parts": schema(attribute("a", "complex", subAttributes=[attribute(f"s{n}") for n in range(21)])),
    "parts of parts": schema(
        attribute("a", "complex", subAttributes=[attribute("b", "complex", subAttributes=[attribute("c")])])
    ),
    "parts of a text": schema(attribute("a", subAttributes=[attribute("b")])),
    "a name that is a path": schema(attribute("a.b")),
    "unique": schema(attribute("a", uniqueness="server")),
    "a flag that is text": schema(attribute("a", required="false")),
}


def test_what_is_beyond_the_limits_is_refused_and_named(site: Site) -> None:
    for name, document in WRONG.items():
        answer = site.call("POST", "/Schemas", document)
        assert is_error(answer, 400, answer.json().get("scimType")), name
        assert answer.json()["scimType"] in ("invalidValue", "invalidSyntax"), name
    assert is_error(site.call("POST", "/Schemas", {**schema(), "attributes": {}}), 400, "invalidSyntax")
    assert site.call("POST", "/Schemas", schema()).status_code == 201
    assert is_error(site.call("POST", "/Schemas", schema()), 409, "uniqueness")
    for number in range(19):
        assert site.call("POST", "/Schemas", schema(name=f"S{number}")).status_code == 201
    assert is_error(site.call("POST", "/Schemas", schema(name="OneMore")), 400, "invalidValue")


def test_predefined_schemas_stay_and_a_proxy_has_none_of_its_own(site: Site, proxy: Site) -> None:
    user = "urn:ietf:params:scim:schemas:core:2.0:User"
    assert is_error(site.call("DELETE", f"/Schemas/{user}"), 403)
    assert is_error(site.call("DELETE", f"/Schemas/{URN}"), 404)
    assert is_error(proxy.call("POST", "/Schemas", schema()), 405)
    assert is_error(site.call("PUT", f"/Schemas/{URN}", schema()), 405)


def test_a_required_attribute_is_needed_only_by_who_uses_the_schema(site: Site) -> None:
    site.call("POST", "/Schemas", schema(attribute("number", required=True), attribute("open", "boolean")))
    site.make("/Users", {"userName": "plain"})
    answer = site.call("POST", "/Users", {"userName": "ann", URN: {"open": True}})
    assert is_error(answer, 400, "invalidValue")
    assert "number" in answer.json()["detail"]


def test_what_cannot_change_is_not_changed_by_an_update_that_leaves_it_out_and_another(site: Site, proxy: Site) -> None:
    """A value that is shown only on request is left out by whoever sends back what was shown (RFC 7644 §3.5.1)."""
    given = attribute("given", mutability="immutable", returned="request")
    assert site.call("POST", "/Schemas", schema(given, attribute("number"))).is_success
    for place in (site, proxy):
        first, other = {"given": "first", "number": "1"}, {"given": "other"}
        made = place.make("/Users", {"schemas": [USER], "userName": place.base, URN: first})
        path = f"/Users/{made['id']}"
        assert made[URN] == {"number": "1"}
        for put in (made, {"schemas": [USER], "userName": place.base}):
            assert place.put(path, put).status_code == 200
            held = place.get(path, attributes=f"{URN}:given").json()
            assert (held[URN], URN in held["schemas"]) == ({"given": "first"}, True)
        assert is_error(place.put(path, {**made, URN: other}), 400, "mutability")
