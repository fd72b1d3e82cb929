"""A day of SAP Identity Management: initial load, joiners, changes, assignments, leavers, and a delta read.

The same day passes against the embedded directory and against a second proxeny over HTTP, with assignment by PUT of the
group and by PATCH (the two values of SCIM_ASSIGNMENT_METHOD in the repository file).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from tests.journeys.conftest import sample
from tests.journeys.curl import Curl
from tests.journeys.gateway import Gateway

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"

Assign = Callable[["Idm", str, list[str], list[str]], None]


@dataclass(frozen=True)
class Idm:
    """What the identity management does over its SCIM repository: one proxy system."""

    curl: Curl
    base: str

    def load(self, endpoint: str, count: int) -> list[dict[str, Any]]:
        """Initial load: pages by ``startIndex += itemsPerPage`` while ``startIndex <= totalResults``."""
        found: list[dict[str, Any]] = []
        start, total = 1, 1
        while start <= total:
            answer = self.curl.get(f"{self.base}/{endpoint}", startIndex=start, count=count)
            assert answer.status == 200, answer.text
            page = answer.json
            found += page.get("Resources", [])
            start, total = start + page["itemsPerPage"], page["totalResults"]
            if page["itemsPerPage"] == 0:
                break
        return found

    def load_by_cursor(self, endpoint: str, count: int) -> list[dict[str, Any]]:
        """Initial load over cursor paging (RFC 9865)."""
        return [resource for page in self.pages_by_cursor(endpoint, count) for resource in page]

    def pages_by_cursor(self, endpoint: str, count: int) -> Iterator[list[dict[str, Any]]]:
        cursor: str | None = ""
        while cursor is not None:
            answer = self.curl.get(f"{self.base}/{endpoint}", cursor=cursor, count=count)
            assert answer.status == 200, answer.text
            yield answer.json["Resources"]
            cursor = answer.json.get("nextCursor")

    def find(self, endpoint: str, text: str) -> list[dict[str, Any]]:
        answer = self.curl.get(f"{self.base}/{endpoint}", filter=text)
        assert answer.status == 200, answer.text
        resources: list[dict[str, Any]] = answer.json.get("Resources", [])
        return resources

    def read(self, endpoint: str, entity_id: str) -> dict[str, Any]:
        answer = self.curl.get(f"{self.base}/{endpoint}/{quote(entity_id, safe='')}")
        assert answer.status == 200, answer.text
        resource: dict[str, Any] = answer.json
        return resource

    def members(self, group_id: str) -> set[str]:
        return {member["value"] for member in self.read("Groups", group_id).get("members", [])}


def assign_by_put(idm: Idm, group_id: str, added: list[str], removed: list[str]) -> None:
    group = idm.read("Groups", group_id)
    kept = [member for member in group.get("members", []) if member["value"] not in removed]
    group["members"] = [*kept, *({"value": member} for member in added)]
    answer = idm.curl.put(f"{idm.base}/Groups/{group_id}", group)
    assert answer.status == 200, answer.text


def assign_by_patch(idm: Idm, group_id: str, added: list[str], removed: list[str]) -> None:
    operations: list[dict[str, Any]] = []
    if added:
        operations.append({"op": "add", "path": "members", "value": [{"value": member} for member in added]})
    operations += [{"op": "remove", "path": f'members[value eq "{member}"]'} for member in removed]
    answer = idm.curl.patch(f"{idm.base}/Groups/{group_id}", *operations)
    assert answer.status in (200, 204), answer.text


ASSIGNMENTS: dict[str, Assign] = {"PUT": assign_by_put, "PATCH": assign_by_patch}


@pytest.fixture(params=["hr", "remote"])
def idm(request: pytest.FixtureRequest, near: Gateway) -> Idm:
    """The same proxy API over the embedded directory, and over a second proxeny."""
    return Idm(near.curl(), f"{near.url}/proxy/{request.param}")


@pytest.fixture(params=list(ASSIGNMENTS))
def assign(request: pytest.FixtureRequest) -> Assign:
    return ASSIGNMENTS[request.param]


@pytest.fixture
def joiner(idm: Idm) -> Iterator[dict[str, Any]]:
    """A person who is created for one test, and is gone after it."""
    answer = idm.curl.post(f"{idm.base}/Users", new_person("Joanna.Joiner"))
    assert answer.status == 201, answer.text
    yield answer.json
    idm.curl.delete(f"{idm.base}/Users/{answer.json['id']}")


def new_person(user_name: str) -> dict[str, Any]:
    return {
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": "Joanna", "familyName": "Joiner"},
        "active": True,
        "emails": [{"value": f"{user_name.lower()}@nordwind.example", "primary": True}],
    }


@pytest.mark.parametrize("count", [4, 7, 100])
def test_the_initial_load_reads_everybody_and_every_group_once(idm: Idm, count: int) -> None:
    for endpoint, name, key in (("Users", "people", "userName"), ("Groups", "groups", "displayName")):
        loaded = [resource[key] for resource in idm.load(endpoint, count)]
        assert sorted(loaded) == sorted(str(resource[key]) for resource in sample(name))


@pytest.mark.parametrize("count", [4, 100])
def test_the_initial_load_by_cursor_reads_everybody_and_every_group_once(idm: Idm, count: int) -> None:
    for endpoint, name, key in (("Users", "people", "userName"), ("Groups", "groups", "displayName")):
        loaded = [resource[key] for resource in idm.load_by_cursor(endpoint, count)]
        assert sorted(loaded) == sorted(str(resource[key]) for resource in sample(name))


def test_a_load_by_cursor_misses_nobody_while_people_join_and_leave(idm: Idm) -> None:
    """Joiners and leavers in the middle of the walk do not shift the others."""
    made = [idm.curl.post(f"{idm.base}/Users", new_person(f"Cora.Cursor{number}")).json["id"] for number in range(3)]
    try:
        walk = idm.pages_by_cursor("Users", 5)
        loaded = [resource["userName"] for resource in next(walk)]
        idm.curl.delete(f"{idm.base}/Users/{made.pop(0)}")
        made.append(idm.curl.post(f"{idm.base}/Users", new_person("Cora.Late")).json["id"])
        loaded += [resource["userName"] for page in walk for resource in page]
    finally:
        for user_id in made:
            idm.curl.delete(f"{idm.base}/Users/{user_id}")
    stayed = {str(person["userName"]) for person in sample("people")}
    assert sorted(name for name in loaded if name in stayed) == sorted(stayed)


def test_a_loaded_group_has_its_people_and_its_nested_groups(idm: Idm) -> None:
    groups = {group["displayName"]: group for group in idm.load("Groups", 100)}
    everybody = {member["value"] for member in groups["All Employees"]["members"]}
    nested = {groups[name]["id"] for name in ("People & Finance", "Information Technology", "Sales", "Logistics")}
    (director,) = idm.find("Users", 'userName eq "astrid.lindholm"')
    assert everybody == {*nested, director["id"]}


def test_a_joiner_is_created_and_found_by_user_name(idm: Idm, joiner: dict[str, Any]) -> None:
    assert joiner["userName"] == "Joanna.Joiner"
    assert joiner["meta"]["location"] == f"{idm.base}/Users/{joiner['id']}"
    assert [found["id"] for found in idm.find("Users", 'userName eq "joanna.joiner"')] == [joiner["id"]]
    assert idm.read("Users", joiner["id"])["name"]["familyName"] == "Joiner"


def test_a_second_joiner_of_the_same_name_is_refused(idm: Idm, joiner: dict[str, Any]) -> None:
    answer = idm.curl.post(f"{idm.base}/Users", new_person("JOANNA.JOINER"))
    assert (answer.status, answer.json["scimType"]) == (409, "uniqueness")
    assert len(idm.find("Users", 'userName eq "joanna.joiner"')) == 1


def test_a_person_is_changed_by_a_full_update(idm: Idm, joiner: dict[str, Any]) -> None:
    changed = {**joiner, "name": {"givenName": "Joanna", "familyName": "Married"}, "displayName": "Joanna Married"}
    answer = idm.curl.put(f"{idm.base}/Users/{joiner['id']}", changed)
    assert answer.status == 200, answer.text
    read = idm.read("Users", joiner["id"])
    assert (read["name"]["familyName"], read["userName"]) == ("Married", "Joanna.Joiner")


def test_a_person_is_locked_by_a_patch(idm: Idm, joiner: dict[str, Any]) -> None:
    answer = idm.curl.patch(f"{idm.base}/Users/{joiner['id']}", {"op": "replace", "path": "active", "value": False})
    assert answer.status in (200, 204), answer.text
    assert idm.read("Users", joiner["id"])["active"] is False


def test_a_person_is_assigned_to_a_group_and_unassigned(idm: Idm, assign: Assign, joiner: dict[str, Any]) -> None:
    (sales,) = idm.find("Groups", 'displayName eq "Sales"')
    before = idm.members(sales["id"])
    assert before
    assign(idm, sales["id"], [joiner["id"]], [])
    assert idm.members(sales["id"]) == before | {joiner["id"]}
    assign(idm, sales["id"], [], [joiner["id"]])
    assert idm.members(sales["id"]) == before
    assert idm.read("Groups", sales["id"])["displayName"] == "Sales"


def test_the_last_member_of_a_group_can_be_unassigned(idm: Idm, assign: Assign, joiner: dict[str, Any]) -> None:
    answer = idm.curl.post(f"{idm.base}/Groups", {"schemas": [GROUP], "displayName": "Project X"})
    assert answer.status == 201, answer.text
    group_id = answer.json["id"]
    try:
        assign(idm, group_id, [joiner["id"]], [])
        assert idm.members(group_id) == {joiner["id"]}
        assign(idm, group_id, [], [joiner["id"]])
        assert idm.members(group_id) == set()
    finally:
        assert idm.curl.delete(f"{idm.base}/Groups/{group_id}").status == 204


def test_a_leaver_is_deleted_and_leaves_the_groups(idm: Idm, assign: Assign) -> None:
    leaver = idm.curl.post(f"{idm.base}/Users", new_person("Lea.Leaver")).json
    (sales,) = idm.find("Groups", 'displayName eq "Sales"')
    assign(idm, sales["id"], [leaver["id"]], [])
    assert idm.curl.delete(f"{idm.base}/Users/{leaver['id']}").status == 204
    assert idm.curl.get(f"{idm.base}/Users/{leaver['id']}").status == 404
    assert idm.curl.delete(f"{idm.base}/Users/{leaver['id']}").status == 404
    assert idm.find("Users", 'userName eq "lea.leaver"') == []
    assert leaver["id"] not in idm.members(sales["id"])


def test_a_delta_read_gives_what_has_changed_since(idm: Idm) -> None:
    before = max(person["meta"]["lastModified"] for person in idm.load("Users", 100))
    assert idm.find("Users", f'meta.lastModified gt "{before}"') == []
    joined = idm.curl.post(f"{idm.base}/Users", new_person("Dora.Delta")).json
    (fiona,) = idm.find("Users", 'userName eq "fiona.obrien"')
    idm.curl.patch(
        f"{idm.base}/Users/{fiona['id']}", {"op": "replace", "path": "title", "value": str(datetime.now(UTC))}
    )
    try:
        changed = idm.find("Users", f'meta.lastModified gt "{before}"')
        assert {person["id"] for person in changed} == {joined["id"], fiona["id"]}
    finally:
        idm.curl.delete(f"{idm.base}/Users/{joined['id']}")
