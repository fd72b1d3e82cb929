"""What a backend decides of a filter is what the gateway would have decided; totals count what a client is shown."""

from pathlib import Path

import pytest
from tests.fixtures.gateways import COPY, COPY_PATCH, USER, Site, client, remote, running
from tests.provisioning.conftest import Rig, user

MAILS = {
    "both": [{"value": "b@x.test", "type": "work"}, {"value": "b@home.test", "type": "home"}],
    "untyped": [{"value": "u@x.test", "type": "work"}, {"value": "u@other.test"}],
    "home": [{"value": "h@home.test", "type": "home"}],
    "none": [],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('emails[type ne "home"]', ["both", "untyped"]),
        ('not (emails[type ne "home"])', ["home", "none"]),
        ("emails[type eq null]", ["untyped"]),
        ("not (emails[type eq null])", ["both", "home", "none"]),
        ("emails[type ne null]", ["both", "home", "untyped"]),
        ("emails[type pr]", ["both", "home", "untyped"]),
    ],
)
def test_an_element_that_differs_is_not_taken_for_no_element_that_is_the_same(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    with client() as speaking, running(tmp_path / "far") as far:
        for name, mails in MAILS.items():
            Site(f"{far.url}/scim", speaking).make("/Users", {"schemas": [USER], "userName": name, "emails": mails})
        with running(tmp_path / "near", systems=(remote("over", f"{far.url}/scim"),)) as near:
            for base in (f"{far.url}/scim", f"{near.url}/proxy/over"):
                found = Site(base, speaking).found("/Users", filter=text)
                assert sorted(each["userName"] for each in found) == expected, base


async def test_a_list_by_cursor_claims_no_total_of_more_than_the_filter_admits(rig: Rig) -> None:
    hr = await rig.proxy()
    for number in range(5):
        await rig.directory.create("Users", user(f"u{number}", title="Boss" if number == 3 else "Clerk"))
    for place in (hr, rig.directory):
        for text in ('title eq "Boss"', 'userName sw "u" and title eq "Boss"'):
            page = await place.search("Users", filter=text, cursor="", count=50)
            assert [each["userName"] for each in page["Resources"]] == ["u3"]
            assert page.get("totalResults", 1) == 1, text


async def test_an_id_in_another_case_is_nobody_s_however_it_is_asked_for(rig: Rig) -> None:
    hr = await rig.proxy()
    made = await rig.directory.create("Users", user("ann"))
    group = await rig.directory.create("Groups", {"displayName": "All", "members": [{"value": made["id"]}]})
    for place in (hr, rig.directory):
        for path, text in (
            ("Users", f'id eq "{made["id"].upper()}"'),
            ("Users", f'groups.value eq "{group["id"].upper()}"'),
            ("Groups", f'members.value eq "{made["id"].upper()}"'),
            ("Groups", f'members[value eq "{made["id"].upper()}"]'),
        ):
            for paging in ({}, {"cursor": ""}, {"sortBy": "id"}):
                page = await place.search(path, filter=text, **paging)
                assert (page["Resources"], page.get("totalResults", 0)) == ([], 0), (text, paging)


def test_what_the_gateway_writes_itself_is_not_asked_of_the_backend(tmp_path: Path) -> None:
    passing = {"readTransformation": COPY, "writeTransformation": COPY_PATCH}
    with client() as speaking, running(tmp_path / "far") as far:
        held = Site(f"{far.url}/scim", speaking)
        made = held.make("/Users", {"schemas": [USER], "userName": "ann"})
        held.make("/Groups", {"displayName": "All", "members": [{"value": made["id"]}]})
        with running(tmp_path / "near", systems=(remote("over", f"{far.url}/scim", **passing),)) as near:
            place = Site(f"{near.url}/proxy/over", speaking)
            user, group = place.found("/Users")[0], place.found("/Groups")[0]
            reference = group["members"][0]["$ref"]
            for path, text, expected in (
                ("/Users", f'meta.location eq "{user["meta"]["location"]}"', 1),
                ("/Users", f'meta.location eq "{made["meta"]["location"]}"', 0),
                ("/Users", 'not (meta.location co "/proxy/over/")', 0),
                ("/Groups", f'members.$ref eq "{reference}"', 1),
                ("/Groups", f'members[$ref eq "{reference}"]', 1),
            ):
                assert len(place.found(path, filter=text)) == expected, text


def test_a_walk_by_cursor_over_a_server_with_cursors_meets_everybody_who_stays(tmp_path: Path) -> None:
    with client() as speaking, running(tmp_path / "far") as far:
        people = Site(f"{far.url}/scim", speaking)
        ids = {name: people.make("/Users", {"schemas": [USER], "userName": name})["id"] for name in "abcdefgh"}
        with running(tmp_path / "near", systems=(remote("over", f"{far.url}/scim"),)) as near:
            page = Site(f"{near.url}/proxy/over", speaking).get("/Users", cursor="", count=3).json()
            seen = [each["userName"] for each in page["Resources"]]
            for name in seen[:2]:
                people.call("DELETE", f"/Users/{ids[name]}")
            while "nextCursor" in page:
                page = Site(f"{near.url}/proxy/over", speaking).get("/Users", cursor=page["nextCursor"], count=3).json()
                seen += [each["userName"] for each in page["Resources"]]
    assert seen == list("abcdefgh")
