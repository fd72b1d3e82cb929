"""SAP Cloud Identity Access Governance over its destination: SAP's base path, Accept, USERSURL and GROUPSURL.

The destination's additional properties are ``Accept=application/scim+json``, ``serviceURL`` (the base),
``USERSURL=/Users`` and ``GROUPSURL=/Groups``; IAG reads page by page, searches, and assigns by PATCH of the group.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.journeys.conftest import sample
from tests.journeys.gateway import Gateway

MARK = "\n--curl-says--"


@dataclass(frozen=True)
class Destination:
    """What is configured in the destination; every request is one curl with its Accept header."""

    gateway: Gateway
    system: str
    service_url: str = "/ipsproxy/service/api/v1/scim/"
    users_url: str = "/Users"
    groups_url: str = "/Groups"
    accept: str = "application/scim+json"

    def call(self, method: str, path: str, document: Any = None, **query: Any) -> tuple[int, str, Any]:
        """Status, content type and document."""
        curl = self.gateway.curl()
        url = self.gateway.url + self.service_url + self.system + path + (f"?{urlencode(query)}" if query else "")
        command = [
            "curl",
            "-sS",
            "--cacert",
            str(curl.ca),
            "-u",
            curl.user,
            "-X",
            method,
            "-H",
            f"Accept: {self.accept}",
        ]
        body = None
        if document is not None:
            command += ["-H", f"Content-Type: {self.accept}", "--data-binary", "@-"]
            body = json.dumps(document)
        command += ["-w", f"{MARK}%{{http_code}} %{{content_type}}", url]
        done = subprocess.run(command, input=body, text=True, capture_output=True, check=True, timeout=60)
        text, _, told = done.stdout.rpartition(MARK)
        status, _, content_type = told.partition(" ")
        return int(status), content_type, json.loads(text) if text else None

    def load(self, path: str, count: int = 100) -> list[dict[str, Any]]:
        """Everything, as SAP documents the loop: by ``itemsPerPage``, never by the length of a page."""
        found: list[dict[str, Any]] = []
        start, total = 1, 1
        while start <= total:
            status, content_type, page = self.call("GET", path, startIndex=start, count=count)
            assert status == 200
            assert content_type.startswith(self.accept)
            found += page["Resources"]
            start, total = start + page["itemsPerPage"], page["totalResults"]
            if page["itemsPerPage"] == 0:
                break
        return found


@pytest.fixture(params=["hr", "remote"])
def iag(request: pytest.FixtureRequest, near: Gateway) -> Destination:
    return Destination(near, str(request.param))


@pytest.fixture
def person(iag: Destination) -> Iterator[dict[str, Any]]:
    document = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "iris.iag",
        "name": {"givenName": "Iris", "familyName": "Iag"},
        "emails": [{"value": "iris@nordwind.example", "type": "work", "primary": True}],
        "active": True,
    }
    status, _, made = iag.call("POST", iag.users_url, document)
    assert status == 201, made
    yield made
    iag.call("DELETE", f"{iag.users_url}/{made['id']}")


def test_a_repository_sync_reads_all_people_and_groups_with_their_members(iag: Destination) -> None:
    people, groups = iag.load(iag.users_url, 7), iag.load(iag.groups_url)
    assert sorted(each["userName"] for each in people) == sorted(str(each["userName"]) for each in sample("people"))
    assert sorted(each["displayName"] for each in groups) == sorted(
        str(each["displayName"]) for each in sample("groups")
    )
    known = {each["id"] for each in (*people, *groups)}
    for group in groups:
        assert group["meta"]["location"].startswith(f"{iag.gateway.url}{iag.service_url}{iag.system}/Groups/")
        assert {member["value"] for member in group.get("members", [])} <= known
    assert any(group.get("members") for group in groups)


def test_a_person_is_provisioned_assigned_unassigned_locked_and_deleted(
    iag: Destination, person: dict[str, Any]
) -> None:
    status, _, found = iag.call("GET", iag.users_url, filter='userName eq "iris.iag"')
    assert (status, found["totalResults"], found["Resources"][0]["id"]) == (200, 1, person["id"])
    _, _, groups = iag.call("GET", iag.groups_url, filter='displayName eq "Sales"')
    sales = f"{iag.groups_url}/{groups['Resources'][0]['id']}"
    before = {each["value"] for each in groups["Resources"][0]["members"]}

    def patch(resource: str, /, **operation: Any) -> None:
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        status, _, answer = iag.call("PATCH", resource, {"schemas": [schema], "Operations": [operation]})
        assert status in (200, 204), answer

    def members() -> set[str]:
        return {each["value"] for each in iag.call("GET", sales)[2].get("members", [])}

    patch(sales, op="add", path="members", value=[{"value": person["id"]}])
    assert members() == before | {person["id"]}
    patch(sales, op="remove", path=f'members[value eq "{person["id"]}"]')
    assert members() == before
    patch(f"{iag.users_url}/{person['id']}", op="replace", path="active", value=False)
    assert iag.call("GET", f"{iag.users_url}/{person['id']}")[2]["active"] is False
    assert iag.call("DELETE", f"{iag.users_url}/{person['id']}")[0] == 204
    status, content_type, error = iag.call("GET", f"{iag.users_url}/{person['id']}")
    assert (status, error["status"]) == (404, "404")
    assert content_type.startswith(iag.accept)


def test_what_the_destination_can_do_is_told(iag: Destination) -> None:
    status, _, config = iag.call("GET", "/ServiceProviderConfig")
    assert (status, config["patch"]["supported"], config["pagination"]["cursor"]) == (200, True, True)
    _, _, types = iag.call("GET", "/ResourceTypes")
    assert {each["endpoint"] for each in types["Resources"]} == {iag.users_url, iag.groups_url}
