"""Items 20–43: provisioning stops or is quarantined."""

import time
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from tests.fixtures.gateways import (
    COPY,
    COPY_PATCH,
    ENTERPRISE,
    GROUP,
    SECRET,
    Site,
    client,
    is_error,
    remote,
    running,
    system,
)
from tests.quirks.broken import broken_server
from tests.quirks.conftest import People, at, names, person

ADDED_PHONE = {"op": "Replace", "path": 'phoneNumbers[type eq "work"].value', "value": "+47 2"}


def test_20_a_filtered_replace_without_a_match_makes_the_element(site: Site, people: People) -> None:
    answer = site.patch(f"/Users/{people.ann}", ADDED_PHONE, {"op": "Replace", "path": "name.familyName", "value": "Z"})
    assert answer.status_code == 200, answer.text
    held = site.read(f"/Users/{people.ann}")
    assert held["phoneNumbers"] == [{"type": "work", "value": "+47 2"}]
    assert held["name"] == {"givenName": "Ann", "familyName": "Z"}


def test_20_strictly_it_is_refused_and_nothing_is_applied(site: Site, people: People) -> None:
    strict = at(site, "strict")
    family = {"op": "replace", "path": "name.familyName", "value": "Z"}
    assert is_error(strict.patch(f"/Users/{people.ann}", family, {**ADDED_PHONE, "op": "replace"}), 400, "noTarget")
    assert site.read(f"/Users/{people.ann}")["name"]["familyName"] == "Lee"


@pytest.mark.parametrize("nothing", ["", None])
def test_21_a_manager_as_a_bare_string(site: Site, people: People, nothing: str | None) -> None:
    path = f"{ENTERPRISE}:manager"
    assert site.patch(f"/Users/{people.ann}", {"op": "Add", "path": path, "value": people.bob}).status_code == 200
    held = site.read(f"/Users/{people.ann}")
    assert held[ENTERPRISE]["manager"]["value"] == people.bob
    assert ENTERPRISE in held["schemas"]
    answer = site.patch(f"/Users/{people.ann}", {"op": "Add", "path": path, "value": nothing})
    assert answer.status_code == 200, answer.text
    held = site.read(f"/Users/{people.ann}")
    assert "manager" not in held.get(ENTERPRISE, {})
    assert ENTERPRISE not in held["schemas"]


def test_22_dotted_and_qualified_keys_without_a_path(site: Site, people: People) -> None:
    value = {"displayName": "D", "name.givenName": "G", f"{ENTERPRISE}:employeeNumber": "9"}
    assert site.patch(f"/Users/{people.ann}", {"op": "replace", "value": value}).status_code == 200
    held = site.read(f"/Users/{people.ann}")
    assert (held["displayName"], held["name"]) == ("D", {"givenName": "G", "familyName": "Lee"})
    assert held[ENTERPRISE] == {"employeeNumber": "9"}
    assert not any("." in name and not name.startswith("urn:") for name in held)


def test_23_put_for_everything(site: Site, people: People) -> None:
    document = site.get(f"/Users/{people.ann}").json()
    document |= {"active": False, "groups": [], "meta": {"resourceType": "User"}}
    answer = site.put(f"/Users/{people.ann}", document)
    assert answer.status_code == 200, answer.text
    held = site.read(f"/Users/{people.ann}")
    assert (held["active"], held["id"]) == (False, people.ann)
    assert [group["value"] for group in held["groups"]] == [people.group]
    assert site.members(people.group) == {people.ann, people.bob}


def test_24_a_single_value_in_a_list(site: Site, people: People) -> None:
    wrapped: list[dict[str, Any]] = [{"$ref": None, "value": "Eng"}]
    answer = site.patch(f"/Users/{people.ann}", {"op": "Add", "path": "title", "value": wrapped})
    assert answer.status_code == 200, answer.text
    assert site.read(f"/Users/{people.ann}")["title"] == "Eng"
    two = [*wrapped, {"value": "Arch"}]
    refused = site.patch(f"/Users/{people.ann}", {"op": "Add", "path": "title", "value": two})
    assert is_error(refused, 400, "invalidValue")
    assert site.read(f"/Users/{people.ann}")["title"] == "Eng"


def test_25_a_primary_role_by_text(site: Site, people: People) -> None:
    operation = {"op": "Replace", "path": 'roles[primary eq "True"].value', "value": "ADMIN"}
    assert site.patch(f"/Users/{people.ann}", operation).status_code == 200
    assert site.patch(f"/Users/{people.ann}", operation).status_code == 200
    assert site.read(f"/Users/{people.ann}")["roles"] == [{"primary": True, "value": "ADMIN"}]


def test_25_a_role_packed_into_json_text(site: Site, people: People) -> None:
    packed = orjson.dumps({"id": "r1", "value": "ADMIN", "displayName": "Admin"}).decode()
    operation = {"op": "Add", "path": "roles", "value": [{"value": packed}]}
    assert site.patch(f"/Users/{people.ann}", operation).status_code == 200
    assert site.read(f"/Users/{people.ann}")["roles"] == [{"value": "ADMIN", "display": "Admin"}]
    other = {"op": "Add", "path": "roles", "value": [{"value": "USER"}]}
    site.patch(f"/Users/{people.ann}", other)
    assert len(site.read(f"/Users/{people.ann}")["roles"]) == 2
    at(site, "full-roles").patch(f"/Users/{people.ann}", other)
    assert site.read(f"/Users/{people.ann}")["roles"] == [{"value": "USER"}]


def test_26_a_json_document_in_a_string(site: Site, people: People) -> None:
    value = '{"value": "h@x.test", "type": "home"}'
    operation = {"op": "replace", "path": 'emails[type eq "home"]', "value": value}
    assert site.patch(f"/Users/{people.ann}", operation).status_code == 200
    held = site.read(f"/Users/{people.ann}")["emails"]
    assert [each["value"] for each in held] == ["ann@x.test", "h@x.test"]


def test_27_no_operations(site: Site, people: People) -> None:
    before = site.read(f"/Users/{people.ann}")
    assert site.patch(f"/Users/{people.ann}").status_code in (200, 204)
    assert site.read(f"/Users/{people.ann}") == before
    assert is_error(at(site, "strict").patch(f"/Users/{people.ann}"), 400, "invalidSyntax")


def test_28_an_id_inside_a_group_patch(site: Site, people: People) -> None:
    def rename(group_id: str) -> httpx.Response:
        operation = {"op": "replace", "value": {"id": group_id, "displayName": "Plain 2"}}
        return site.patch(f"/Groups/{people.group}", operation)

    assert is_error(rename("another"), 400, "mutability")
    assert site.read(f"/Groups/{people.group}")["displayName"] == "Plain"
    assert rename(people.group).status_code in (200, 204)
    assert site.read(f"/Groups/{people.group}")["displayName"] == "Plain 2"


def test_29_the_legacy_schema_of_a_group(site: Site) -> None:
    legacy = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
    document = {"schemas": [GROUP, legacy], "externalId": "e", "displayName": "N", "meta": {"resourceType": "Group"}}
    made = site.make("/Groups", document)
    held = site.read(f"/Groups/{made['id']}")
    for resource in (made, held):
        assert legacy not in resource["schemas"]
        assert (resource["externalId"], resource["displayName"]) == ("e", "N")


def test_30_unknown_attributes(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    made = site.make("/Users", person("n@x.test", **{"preferredLanguage": "nb", "x-unknown": 1}))
    assert any("x-unknown" in record.getMessage() for record in caplog.records)
    held = site.read(f"/Users/{made['id']}")
    assert held["preferredLanguage"] == "nb"
    assert "x-unknown" not in held
    refused = at(site, "strict").call("POST", "/Users", person("o@x.test", **{"x-unknown": 1}))
    assert is_error(refused, 400, "invalidSyntax")


def test_31_probes_of_a_connection_test(site: Site) -> None:
    nobody = "6e1c0a1e-0000-4000-8000-000000000000"
    for path, text in (("/Users", f'userName eq "{nobody}"'), ("/Groups", f'displayName eq "{nobody}"')):
        answer = site.get(path, filter=text)
        assert answer.status_code == 200
        assert (answer.json()["totalResults"], answer.json()["Resources"]) == (0, [])
    assert is_error(site.get(f"/Users/{nobody}"), 404)


def test_32_a_group_without_its_members_spares_the_backend(
    site: Site, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    from proxeny.connectors.directory import belonging  # counted where the rows are fetched

    fetched: list[int] = []
    plain = belonging._members

    async def counting(holder: int, fetch: belonging.Fetch) -> list[dict[str, Any]]:
        fetched.append(holder)
        return await plain(holder, fetch)

    monkeypatch.setattr(belonging, "_members", counting)
    for answer in (
        site.get(f"/Groups/{people.group}", excludedAttributes="members"),
        site.get("/Groups", excludedAttributes="members"),
        site.get("/Groups", attributes="displayName", filter='displayName eq "Plain"'),
    ):
        assert answer.status_code == 200
        assert "members" not in str(answer.json())
    assert fetched == []
    assert "members" in site.get(f"/Groups/{people.group}").json()
    assert len(fetched) == 1


@pytest.mark.parametrize("left", ["members", "members.value"])
def test_33_does_the_group_have_this_member(site: Site, people: People, left: str) -> None:
    def found(user_id: str) -> list[dict[str, Any]]:
        text = f'id eq "{people.group}" and {left} eq "{user_id}"'
        return site.found("/Groups", filter=text, attributes="id")

    assert [group["id"] for group in found(people.ann)] == [people.group]
    assert "displayName" not in found(people.ann)[0]
    assert found(people.cat) == []


def test_34_answers_to_a_group_patch(site: Site, people: People) -> None:
    operation = {"op": "replace", "path": "displayName", "value": "New"}
    answer = at(site, "entra").patch(f"/Groups/{people.group}", operation)
    assert (answer.status_code, answer.content) == (204, b"")
    answer = site.patch(f"/Groups/{people.group}", {**operation, "value": "Newer"})
    assert answer.status_code == 200
    assert (answer.json()["displayName"], len(answer.json()["members"])) == ("Newer", 2)


def test_35_batches_above_the_limit_of_the_target(tmp_path: Path) -> None:
    writes: list[bytes] = []
    with broken_server(204, writes=writes) as url:
        properties = {"scim.patch.group.members.above.threshold": "100"}
        systems = (remote("far", url, properties=properties, readTransformation=COPY, writeTransformation=COPY_PATCH),)
        with running(tmp_path, systems=systems) as gateway, client() as speaking:
            site = Site(f"{gateway.url}/proxy/far", speaking)
            value = [{"value": f"u-{number}"} for number in range(250)]
            answer = site.patch("/Groups/g-1", {"op": "add", "path": "members", "value": value})
    assert answer.status_code in (200, 204), answer.text
    sizes = [sum(len(each["value"]) for each in orjson.loads(body)["Operations"]) for body in writes]
    assert sizes == [100, 100, 50]
    sent = [member for body in writes for each in orjson.loads(body)["Operations"] for member in each["value"]]
    assert sent == value


PAGES: tuple[tuple[dict[str, int], int, int | None], ...] = (
    ({"startIndex": 101, "count": 100}, 101, 50),
    ({"startIndex": 999}, 999, 0),
    ({}, 1, None),
    ({"count": 0}, 1, 0),
    ({"count": -5}, 1, 0),
    ({"startIndex": 0, "count": 10}, 1, 10),
    ({"startIndex": -3, "count": 10}, 1, 10),
    ({"count": 99999}, 1, None),
)
"""What is asked; the startIndex and the number of resources in the answer (None: as the maximum is)."""


def test_36_index_paging(site: Site) -> None:
    for number in range(150):
        site.make("/Users", person(f"u{number:03}@x.test"))
    for params, start, items in PAGES:
        page = site.get("/Users", **params).json()
        assert (page["totalResults"], page["startIndex"]) == (150, start)
        assert page["itemsPerPage"] == len(page["Resources"])
        assert items is None or len(page["Resources"]) == items
    seen, at_index = [], 1
    while at_index <= 150:
        part = site.get("/Users", startIndex=at_index, count=40).json()
        seen += names(part["Resources"])
        at_index += len(part["Resources"])
    assert seen == [f"u{number:03}@x.test" for number in range(150)]


@pytest.mark.parametrize("step", ["itemsPerPage", "cursor"])
def test_37_paging_when_a_read_condition_hides_some(tmp_path: Path, step: str) -> None:
    odd = {"user": {**COPY["user"], "condition": "$.active == true"}}
    with running(tmp_path, systems=(system("even", readTransformation=odd),)) as gateway, client() as speaking:
        directory, site = Site(f"{gateway.url}/scim", speaking), Site(f"{gateway.url}/proxy/even", speaking)
        for number in range(23):
            directory.make("/Users", person(f"u{number:02}", active=number % 2 == 0))
        seen: list[str] = []
        if step == "cursor":
            cursor: str | None = ""
            while cursor is not None:
                page = site.get("/Users", cursor=cursor, count=5).json()
                seen += names(page["Resources"])
                cursor = page.get("nextCursor")
        else:
            start, total = 1, 1
            while start <= total:
                page = site.get("/Users", startIndex=start, count=5).json()
                seen += names(page["Resources"])
                total = page["totalResults"]
                start += page["itemsPerPage"] or total
        assert seen == [f"u{number:02}" for number in range(0, 23, 2)]


def test_38_a_delta_read_compares_times_with_their_zones(site: Site, people: People) -> None:
    since = site.read(f"/Users/{people.ann}")["meta"]["lastModified"]
    assert names(site.found("/Users", filter=f'meta.lastModified gt "{since}"')) == ["bob@x.test", "cat@x.test"]
    ahead = since.replace("Z", "+14:00")
    assert len(site.found("/Users", filter=f'meta.lastModified gt "{ahead}"')) == 3
    behind = since.replace("Z", "-12:00")
    assert site.found("/Users", filter=f'meta.lastModified gt "{behind}"') == []


@pytest.mark.parametrize("content_type", ["application/json", "application/scim+json; charset=utf-8", None])
@pytest.mark.parametrize("accept", ["application/json", "application/*", "*/*", "application/scim+json"])
def test_39_content_types(site: Site, content_type: str | None, accept: str) -> None:
    body = orjson.dumps(person("json@x.test"))
    headers = {"Accept": accept, **({"Content-Type": content_type} if content_type else {})}
    answer = site.client.post(f"{site.base}/Users", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"].startswith("application/scim+json")


def test_39_what_is_no_json_is_refused(site: Site) -> None:
    answer = site.call("POST", "/Users", "<user/>", headers={"Content-Type": "text/xml"})
    assert is_error(answer, 415)


def test_40_locations_cannot_be_spoofed(site: Site, people: People, tmp_path: Path) -> None:
    answer = site.call("GET", f"/Users/{people.ann}", headers={"X-Forwarded-Host": "evil.test", "Forwarded": "host=e"})
    assert answer.json()["meta"]["location"] == f"{site.base}/Users/{people.ann}"


def test_40_a_public_url_and_a_trusted_proxy(tmp_path: Path) -> None:
    forwarded = {
        "X-Forwarded-Host": "id.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/idm",
        "X-Forwarded-For": "192.0.2.7",
    }
    server = {"public": 'public_url = "https://id.example/idm"', "proxy": 'trusted_proxies = ["127.0.0.1"]'}
    for name, text in server.items():
        with running(tmp_path / name, server=text) as gateway, client() as speaking:
            site = Site(f"{gateway.url}/scim", speaking)
            made = site.make("/Users", person("ann"))
            answer = site.call("GET", f"/Users/{made['id']}", headers=forwarded)
            assert answer.json()["meta"]["location"] == f"https://id.example/idm/scim/Users/{made['id']}"


def test_41_a_client_over_its_limit_is_told_when_to_come_back(tmp_path: Path) -> None:
    other = f'[[client]]\nid = "other"\nsecret = "{SECRET}"\npermissions = ["directory.read"]'
    with running(tmp_path, more=f"{other}\n[limits.rate]\nrefuse = 5") as gateway, client() as speaking:
        answers = [speaking.get(f"{gateway.url}/scim/Users") for _ in range(8)]
        unaffected = speaking.get(f"{gateway.url}/scim/Users", auth=("other", SECRET))
    assert [answer.status_code for answer in answers].count(200) == 5
    assert is_error(answers[-1], 429)
    assert int(answers[-1].headers["retry-after"]) > 0
    assert unaffected.status_code == 200


def test_41_a_busy_backend_is_no_conflict(tmp_path: Path) -> None:
    with broken_server(429, ("Retry-After", "90")) as url:
        systems = (remote("far", url, readTransformation=COPY, writeTransformation=COPY_PATCH),)
        with running(tmp_path, systems=systems) as gateway, client() as speaking:
            answer = Site(f"{gateway.url}/proxy/far", speaking).call("POST", "/Users", person("ann"))
    assert is_error(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


def test_42_a_deadline_before_the_client_gives_up(tmp_path: Path) -> None:
    with broken_server(201, delay=20) as url:
        systems = (remote("far", url, readTransformation=COPY, writeTransformation=COPY_PATCH),)
        limits = "[limits]\nrequest_seconds = 1.0"
        with running(tmp_path, systems=systems, more=limits) as gateway, client() as speaking:
            began = time.monotonic()
            answer = Site(f"{gateway.url}/proxy/far", speaking).call("POST", "/Users", person("ann"))
            seconds = time.monotonic() - began
    assert is_error(answer, 504)
    assert seconds < 5


def test_43_how_credentials_are_sent(tmp_path: Path) -> None:
    """Entra's own tokens, expired ones and all other spellings: tests/web/test_oauth.py and test_issuers.py."""
    with running(tmp_path) as gateway, httpx.Client() as nobody:
        form = {"grant_type": "client_credentials"}
        token = nobody.post(f"{gateway.url}/oauth2/token", data=form, auth=("tester", SECRET)).json()["access_token"]
        answers = {
            given: nobody.get(f"{gateway.url}/scim/Users", headers={"Authorization": given.format(token)})
            for given in ("Bearer {}", "Bearer  {}", "bearer {}", "Bearer Bearer {}", "Bearer {}x", "")
        }
    assert [answer.status_code for answer in answers.values()] == [200, 200, 200, 401, 401, 401]
    for answer in answers.values():
        assert answer.status_code == 200 or answer.headers["www-authenticate"]
