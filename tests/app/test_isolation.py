"""Nothing of one system is known in another: ids, cursors, versions, bulkIds, filters (reliability T68).

Two systems look at disjoint halves of one directory, so that whatever leaked would really be there.
"""

import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.app.served import Whole, system, whole
from tests.app.test_authorisation import ROUTES, address

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
HALVES = {"red": "red", "blue": "blue"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Whole]:
    systems = [system(name, **{"idds.user.filter": f'userType eq "{kind}"'}) for name, kind in HALVES.items()]
    users: dict[str, dict[str, Any]] = {
        name: {"permissions": ["proxy"], "systems": [name.title() if name == "blue" else name]} for name in HALVES
    }
    users["both"] = {"permissions": ["proxy", "directory.read", "directory.write"]}
    async with whole(tmp_path, systems, users) as started:
        yield started


async def fill(gateway: Whole, count: int = 3) -> dict[str, list[dict[str, Any]]]:
    """People of both halves, as the directory made them."""
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in HALVES}
    for name, kind in HALVES.items():
        for number in range(count):
            person = {
                "schemas": [USER],
                "userName": f"{name}{number}",
                "userType": kind,
                "name": {"familyName": name},
                "emails": [{"value": f"{name}{number}@x.example"}],
            }
            answer = await gateway.ask("POST", "/scim/Users", "both", json=person)
            assert answer.status_code == 201, answer.text
            made[name].append(answer.json())
    return made


def alike(answer: httpx.Response, *names: str) -> tuple[int, str]:
    """Status and body, without the names that were asked for."""
    text = answer.text
    for name in names:
        text = text.replace(name, "…")
    return answer.status_code, re.sub(r"\d+-[0-9a-f]+", "", text)


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GET", None),
        ("PUT", {"schemas": [USER], "userName": "x", "userType": "red", "emails": [{"value": "x@x.example"}]}),
        ("PATCH", {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "x"}]}),
        ("DELETE", None),
    ],
)
@pytest.mark.parametrize("condition", [{}, {"If-Match": "theirs"}, {"If-None-Match": "theirs"}, {"If-Match": "*"}])
async def test_an_id_of_another_system_is_as_unknown_as_a_random_one(
    gateway: Whole, method: str, body: dict[str, Any] | None, condition: dict[str, str]
) -> None:
    theirs = (await fill(gateway))["blue"][0]
    seen = await gateway.ask("GET", f"/proxy/blue/Users/{theirs['id']}", "blue")
    assert seen.status_code == 200
    headers = {name: value.replace("theirs", seen.headers["etag"]) for name, value in condition.items()}
    random = str(uuid.uuid4())
    asked = [
        alike(await gateway.ask(method, f"/proxy/red/Users/{name}", "red", json=body, headers=headers), name)
        for name in (theirs["id"], random)
    ]
    assert asked[0] == asked[1]
    assert asked[0][0] == 404
    assert (await gateway.ask("GET", f"/proxy/blue/Users/{theirs['id']}", "blue")).json() == seen.json()


async def test_lists_filters_and_totals_show_one_half_only(gateway: Whole) -> None:
    theirs = (await fill(gateway))["blue"][0]
    whole_list = (await gateway.ask("GET", "/proxy/red/Users?count=100", "red")).json()
    assert (whole_list["totalResults"], len(whole_list["Resources"])) == (3, 3)
    for text in (f'id eq "{theirs["id"]}"', 'userName sw "blue"', 'userType eq "blue"', 'emails.value co "blue"'):
        for how in ("GET", "POST"):
            found = await _search(gateway, how, text)
            assert (found["totalResults"], found.get("Resources", [])) == (0, []), (how, text)


async def _search(gateway: Whole, how: str, text: str) -> dict[str, Any]:
    if how == "GET":
        answer = await gateway.ask("GET", "/proxy/red/Users", "red", params={"filter": text})
    else:
        search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": text}
        answer = await gateway.ask("POST", "/proxy/red/Users/.search", "red", json=search)
    found: dict[str, Any] = answer.json()
    return found


async def test_a_cursor_of_another_system_is_as_unknown_as_a_random_one(gateway: Whole) -> None:
    await fill(gateway)
    page = (await gateway.ask("GET", "/proxy/blue/Users?cursor&count=1", "blue")).json()
    theirs = page["nextCursor"]
    follow = await gateway.ask("GET", "/proxy/blue/Users", "blue", params={"cursor": theirs, "count": "1"})
    assert follow.status_code == 200
    garbled = theirs[:-6] + ("AAAAAA" if not theirs.endswith("AAAAAA") else "BBBBBB")
    asked = [
        alike(await gateway.ask("GET", "/proxy/red/Users", "red", params={"cursor": cursor, "count": "1"}), cursor)
        for cursor in (theirs, garbled)
    ]
    assert asked[0] == asked[1]
    assert asked[0][0] == 400
    for base in ("/scim/Users", "/proxy/red/Users"):
        answer = await gateway.ask("GET", base, "both", params={"cursor": theirs, "count": "1"})
        assert answer.status_code == 400


async def test_a_bulk_id_of_another_request_means_nothing(gateway: Whole) -> None:
    def request(bulk_id: str, reference: str) -> dict[str, Any]:
        person = {
            "schemas": [USER],
            "userName": bulk_id,
            "userType": "red",
            "emails": [{"value": f"{bulk_id}@x.example"}],
        }
        return {
            "schemas": [BULK],
            "Operations": [
                {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": person},
                {"method": "DELETE", "path": f"/Users/bulkId:{reference}"},
            ],
        }

    await gateway.ask("POST", "/proxy/blue/Bulk", "blue", json=request("theirs", "nothing"))
    statuses = []
    for mine, reference in (("a", "theirs"), ("b", "random")):
        answer = await gateway.ask("POST", "/proxy/red/Bulk", "red", json=request(mine, reference))
        statuses.append([operation["status"] for operation in answer.json()["Operations"]])
    assert statuses[0] == statuses[1]
    assert statuses[0][1] in ("400", "404", "409")


async def test_a_bulk_does_not_reach_into_another_system(gateway: Whole) -> None:
    theirs = (await fill(gateway))["blue"][0]["id"]
    statuses = []
    for name in (theirs, str(uuid.uuid4())):
        bulk = {"schemas": [BULK], "Operations": [{"method": "DELETE", "path": f"/Users/{name}"}]}
        answer = await gateway.ask("POST", "/proxy/red/Bulk", "red", json=bulk)
        statuses.append(answer.json()["Operations"][0]["status"])
    assert statuses == ["404", "404"]
    assert (await gateway.ask("GET", f"/proxy/blue/Users/{theirs}", "blue")).status_code == 200


async def test_every_route_of_another_system_is_refused_like_one_that_does_not_exist(gateway: Whole) -> None:
    theirs = (await fill(gateway, 1))["blue"][0]["id"]
    wrong = []
    for template, methods in ROUTES.items():
        if "{system}" not in template:
            continue
        for method in methods:
            body = {"Operations": []} if method in ("POST", "PUT", "PATCH") else None
            path = address(template.replace("{id}", theirs))
            there, nowhere = [
                alike(await gateway.ask(method, path.replace("/hr", f"/{name}"), "red", json=body), name)
                for name in ("blue", "nowhere")
            ]
            if there != nowhere or there[0] != 403:
                wrong.append((method, template, there, nowhere))
    assert wrong == []


async def test_a_token_reaches_no_further_than_its_technical_user(gateway: Whole) -> None:
    form = {"grant_type": "client_credentials"}
    token = (await gateway.ask("POST", "/oauth2/token", "red", data=form)).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert [
        (await gateway.client.get(path, headers=bearer)).status_code
        for path in ("/proxy/red/Users", "/proxy/Red/Users", "/proxy/blue/Users", "/scim/Users")
    ] == [200, 200, 403, 403]


async def test_a_system_may_be_named_by_id_or_name_in_a_restriction(gateway: Whole) -> None:
    for path in ("/proxy/blue/Users", "/proxy/Blue/Users", "/ipsproxy/service/api/v1/scim/blue/Users"):
        assert (await gateway.ask("GET", path, "blue")).status_code == 200
        assert (await gateway.ask("GET", path, "red")).status_code == 403
