"""Items 44–47: noise that fills support queues. The last test sees that no item of the catalogue is missing."""

import logging
import re
from pathlib import Path

import pytest
from tests.fixtures.gateways import ENTERPRISE, GROUP, USER, Site, is_error
from tests.quirks.conftest import People, at, names, person


def test_44_schemas_and_meta_on_every_resource_of_a_list(site: Site, people: People) -> None:
    site.make("/Users", person("e@x.test", **{ENTERPRISE: {"department": "D"}}))
    for resource in site.found("/Users"):
        assert resource["schemas"][0] == USER
        assert {urn for urn in resource if urn.startswith("urn:")} == set(resource["schemas"][1:])
        assert resource["meta"]["resourceType"] == "User"
        assert resource["meta"]["location"] == f"{site.base}/Users/{resource['id']}"
    (group,) = site.found("/Groups")
    assert (group["schemas"][0], group["meta"]["resourceType"]) == (GROUP, "Group")


@pytest.mark.parametrize("query", ["aadOptscim062020", "traceId=1&x=", "aadOptscim062020=true&foo[]=1"])
def test_45_unknown_query_parameters(site: Site, people: People, query: str) -> None:
    answer = site.call("GET", f"/Users?{query}&filter=userName+eq+%22ann@x.test%22")
    assert answer.status_code == 200
    assert names(answer.json()["Resources"]) == ["ann@x.test"]


def test_46_a_password_is_never_shown_and_never_logged(
    site: Site, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = site.make("/Users", person("p@x.test", password="S3cret!Pass-1", groups=[]))
    answer = site.patch(f"/Users/{made['id']}", {"op": "replace", "path": "password", "value": "S3cret!Pass-2"})
    assert answer.status_code == 200, answer.text
    put = site.put(f"/Users/{made['id']}", person("p@x.test", password="S3cret!Pass-3"))
    assert put.status_code == 200, put.text
    asked = site.get(f"/Users/{made['id']}", attributes="password")
    for text in (str(made), answer.text, put.text, asked.text, site.get("/Users").text):
        assert "S3cret" not in text
        assert "password" not in text.lower().replace("passworddetails", "")
    assert "S3cret" not in caplog.text
    assert is_error(site.get("/Users", filter='password eq "S3cret!Pass-3"'), 400, "invalidFilter")


def test_47_a_member_that_does_not_exist(site: Site, people: People) -> None:
    operation = {"op": "add", "path": "members", "value": [{"value": people.cat}, {"value": "ghost"}]}
    answer = site.patch(f"/Groups/{people.group}", operation)
    assert is_error(answer, 400, "invalidValue")
    assert "ghost" in answer.json()["detail"]
    assert site.members(people.group) == {people.ann, people.bob}
    assert at(site, "lenient").patch(f"/Groups/{people.group}", operation).status_code in (200, 204)
    assert site.members(people.group) == {people.ann, people.bob, people.cat}


def test_47_nested_groups(site: Site, people: People) -> None:
    outer = site.make("/Groups", {"schemas": [GROUP], "displayName": "Outer", "members": [{"value": people.group}]})
    assert site.members(outer["id"]) == {people.group}
    groups = {group["value"]: group["type"] for group in site.read(f"/Users/{people.ann}")["groups"]}
    assert groups == {people.group: "direct", outer["id"]: "indirect"}


def test_every_item_of_the_catalogue_is_replayed() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_tier_*.py"))
    assert {int(number) for number in re.findall(r"^def test_(\d\d)_", text, re.MULTILINE)} == set(range(1, 48))
