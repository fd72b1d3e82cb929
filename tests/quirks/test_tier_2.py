"""Items 11–19: duplicates and lost data."""

import pytest
from tests.fixtures.gateways import GROUP, Site, is_error
from tests.quirks.conftest import People, at, names, person


def test_11_external_id_is_filterable_case_exact_and_echoed(site: Site, people: People) -> None:
    (found,) = site.found("/Users", filter='externalId eq "00u1"')
    assert (found["id"], found["externalId"]) == (people.ann, "00u1")
    assert site.found("/Users", filter='externalId eq "00U1"') == []


@pytest.mark.parametrize(
    "text", ['bogusAttr eq "x"', 'userName zz "x"', 'userName eq "', "emails[type eq", 'a eq "b" and']
)
def test_12_a_filter_that_cannot_be_evaluated_is_no_empty_list(site: Site, people: People, text: str) -> None:
    assert is_error(site.get("/Users", filter=text), 400, "invalidFilter")


def test_13_an_unquoted_value(site: Site, people: People) -> None:
    assert [found["id"] for found in site.found("/Users", filter="externalId eq 00u1")] == [people.ann]
    assert is_error(at(site, "strict").get("/Users", filter="externalId eq 00u1"), 400, "invalidFilter")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("active eq true", ["ann", "cat"]),
        ('active eq "True"', ["ann", "cat"]),
        ('active eq "false"', ["bob"]),
        ('emails[primary eq true].value co "x.test"', ["ann"]),
        ('emails[primary eq "True"].value co "x.test"', ["ann"]),
        ('meta.lastModified gt "2024-01-01T00:00:00Z"', ["ann", "bob", "cat"]),
        ('meta.lastModified lt "2024-01-01T00:00:00Z"', []),
    ],
)
def test_14_typed_comparisons(site: Site, people: People, text: str, expected: list[str]) -> None:
    site.patch(f"/Users/{people.bob}", {"op": "replace", "path": "active", "value": False})
    assert names(site.found("/Users", filter=text)) == [f"{name}@x.test" for name in expected]


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ('emails[type eq "work"].value eq "ann@x.test"', 1),
        ('emails[type eq "work" and value eq "ann@x.test"]', 1),
        ('emails[type eq "home" and value eq "ann@x.test"]', 0),
        ('emails[type eq "home"].value eq "ann@x.test"', 0),
        ('userName eq "ann@x.test" and emails[type eq "work"].value eq "ANN@x.test"', 1),
    ],
)
def test_15_a_compound_match_on_one_address(site: Site, people: People, text: str, hits: int) -> None:
    assert [found["id"] for found in site.found("/Users", filter=text)] == [people.ann] * hits


def test_16_a_create_answers_with_the_id_of_the_backend_and_everything(site: Site) -> None:
    document = person("new@x.test", id="mine", meta={"location": "https://evil.test"}, displayName="New")
    answer = site.call("POST", "/Users", document)
    assert answer.status_code == 201
    made = answer.json()
    assert made["id"] not in ("mine", "new@x.test")
    assert answer.headers["location"] == made["meta"]["location"] == f"{site.base}/Users/{made['id']}"
    assert answer.headers["etag"] == made["meta"]["version"]
    assert {"resourceType", "created", "lastModified", "location", "version"} <= made["meta"].keys()
    assert made["displayName"] == "New"
    assert site.read(f"/Users/{made['id']}")["userName"] == "new@x.test"


def test_17_a_second_create_is_a_conflict_and_the_first_is_found(site: Site) -> None:
    made = site.make("/Users", person("twice@x.test"))
    answer = site.call("POST", "/Users", person("TWICE@x.test"))
    assert is_error(answer, 409, "uniqueness")
    assert "userName" in answer.json()["detail"]
    assert [found["id"] for found in site.found("/Users", filter='userName eq "twice@x.test"')] == [made["id"]]


def test_18_the_display_name_of_a_group_is_unique_by_policy(site: Site, people: People) -> None:
    assert is_error(
        at(site, "entra").call("POST", "/Groups", {"schemas": [GROUP], "displayName": "PLAIN"}), 409, "uniqueness"
    )
    answer = at(site, "lenient").call("POST", "/Groups", {"schemas": [GROUP], "displayName": "Plain"})
    assert answer.status_code == 201, answer.text
    assert len(site.found("/Groups", filter='displayName eq "Plain"')) == 2


def test_19_two_values_of_one_type_are_both_kept(site: Site, people: People) -> None:
    value = [{"type": "other", "value": "1@x.test"}, {"type": "other", "value": "2@x.test"}]
    answer = site.patch(f"/Users/{people.ann}", {"op": "add", "path": "emails", "value": value})
    assert answer.status_code == 200, answer.text
    held = site.read(f"/Users/{people.ann}")["emails"]
    assert [each["value"] for each in held] == ["ann@x.test", "ann@home.test", "1@x.test", "2@x.test"]
