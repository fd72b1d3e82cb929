"""Items 1–10: access not revoked, or the wrong object touched."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fixtures.gateways import COPY, COPY_PATCH, Site, client, is_error, remote, running
from tests.quirks.broken import broken_server
from tests.quirks.conftest import People, names, person


@pytest.mark.parametrize("value", ["False", "false", "FALSE", "True", "true"])
def test_01_active_as_text_and_a_capitalised_op(site: Site, people: People, value: str) -> None:
    site.patch(f"/Users/{people.ann}", {"op": "replace", "path": "active", "value": value.lower() != "true"})
    answer = site.patch(f"/Users/{people.ann}", {"op": "Replace", "path": "active", "value": value})
    assert answer.status_code in (200, 204), answer.text
    assert site.read(f"/Users/{people.ann}")["active"] is (value.lower() == "true")


def test_01_active_that_is_no_truth_value(site: Site, people: People) -> None:
    answer = site.patch(f"/Users/{people.ann}", {"op": "Replace", "path": "active", "value": "maybe"})
    assert is_error(answer, 400, "invalidValue")
    assert site.read(f"/Users/{people.ann}")["active"] is True


def test_02_members_removed_by_a_list_of_values(site: Site, people: People) -> None:
    value = [{"$ref": None, "value": people.ann}, {"value": "ghost"}]
    answer = site.patch(f"/Groups/{people.group}", {"op": "Remove", "path": "members", "value": value})
    assert answer.status_code in (200, 204), answer.text
    assert site.members(people.group) == {people.bob}


def test_03_a_filtered_removal_reaches_the_backend_and_can_be_undone(site: Site, people: People) -> None:
    removal = {"op": "remove", "path": f'members[value eq "{people.ann}"]'}
    assert site.patch(f"/Groups/{people.group}", removal).status_code in (200, 204)
    assert site.members(people.group) == {people.bob}
    addition = {"op": "add", "path": "members", "value": [{"value": people.ann}]}
    assert site.patch(f"/Groups/{people.group}", addition).status_code in (200, 204)
    assert site.members(people.group) == {people.ann, people.bob}


@pytest.mark.parametrize("path", ["members", 'members[value eq "u-1"]'])
@pytest.mark.parametrize("status", [500, 403, None])
def test_04_a_failing_backend_is_never_answered_with_success(tmp_path: Path, path: str, status: int | None) -> None:
    with broken_server(status) as url:
        systems = (remote("far", url, readTransformation=COPY, writeTransformation=COPY_PATCH),)
        with running(tmp_path, systems=systems) as gateway, client() as speaking:
            site = Site(f"{gateway.url}/proxy/far", speaking)
            operation: dict[str, Any] = {"op": "remove", "path": path}
            if path == "members":
                operation["value"] = [{"value": "u-1"}]
            answer = site.patch("/Groups/g-1", operation)
    if status == 403:
        assert is_error(answer, 403)
    else:
        assert is_error(answer, answer.status_code)
        assert answer.status_code in (502, 503)


@pytest.mark.parametrize("form", ["path", "object"])
def test_05_replacing_members_replaces_all_of_them(site: Site, people: People, form: str) -> None:
    value = [{"value": people.cat}]
    operation = (
        {"op": "replace", "path": "members", "value": value}
        if form == "path"
        else {"op": "replace", "value": {"members": value}}
    )
    assert site.patch(f"/Groups/{people.group}", operation).status_code in (200, 204)
    assert site.members(people.group) == {people.cat}


@pytest.mark.parametrize("form", ["path", "object"])
def test_06_replacing_members_by_none_removes_everybody(site: Site, people: People, form: str) -> None:
    operation: dict[str, Any] = (
        {"op": "replace", "path": "members", "value": []}
        if form == "path"
        else {"op": "replace", "value": {"members": [], "id": people.group, "displayName": "Plain"}}
    )
    assert site.patch(f"/Groups/{people.group}", operation).status_code in (200, 204)
    assert site.members(people.group) == set()


def test_07_a_disabled_user_is_created_disabled(site: Site) -> None:
    made = site.make("/Users", person("new@x.test", active=False))
    assert made["active"] is False
    assert site.read(f"/Users/{made['id']}")["active"] is False


def test_07_a_user_of_whom_nothing_is_said_is_active(site: Site) -> None:
    made = site.make("/Users", person("new@x.test"))
    assert made["active"] is True
    assert site.read(f"/Users/{made['id']}")["active"] is True


def test_08_a_put_without_active_leaves_the_state(site: Site, people: People) -> None:
    site.patch(f"/Users/{people.ann}", {"op": "replace", "path": "active", "value": False})
    answer = site.put(f"/Users/{people.ann}", person("ann@x.test"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["active"] is False
    assert site.read(f"/Users/{people.ann}")["active"] is False


def test_09_a_filter_on_a_user_name_is_a_literal(site: Site) -> None:
    for name in ("a.b@x.test", "aXb@x.test", "j+t@x.test"):
        site.make("/Users", person(name))
    assert names(site.found("/Users", filter='userName eq "a.b@x.test"')) == ["a.b@x.test"]
    plus = site.call("GET", "/Users?filter=userName+eq+%22j%2Bt%40x.test%22").json()
    assert names(plus["Resources"]) == ["j+t@x.test"]
    space = site.call("GET", "/Users?filter=userName+eq+%22j+t%40x.test%22").json()
    assert space["Resources"] == []


def test_10_concurrent_member_adds_all_survive(site: Site, people: People) -> None:
    ids = [site.make("/Users", person(f"u{number}@x.test"))["id"] for number in range(20)]

    def add(user_id: str) -> httpx.Response:
        operation = {"op": "add", "path": "members", "value": [{"value": user_id}]}
        return site.patch(f"/Groups/{people.group}", operation)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(add, ids))
    assert {answer.status_code for answer in answers} <= {200, 204}
    assert site.members(people.group) == {people.ann, people.bob, *ids}
