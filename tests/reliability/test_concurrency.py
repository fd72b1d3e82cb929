"""Many at once (reliability T44–T49): nothing is lost, one wins, and a walk by cursor sees everybody once."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import httpx
import orjson
import pytest
from tests.fixtures.gateways import PATCH, SCIM_JSON, SECRET, Site, is_error
from tests.quirks.conftest import person

T = TypeVar("T")
CONNECTIONS = 32
JSON = {"Content-Type": SCIM_JSON}


def at_once(site: Site, work: Callable[[httpx.AsyncClient], Iterable[Awaitable[T]]]) -> list[T]:
    """The results of many requests over 32 connections."""

    async def run() -> list[T]:
        limits = httpx.Limits(max_connections=CONNECTIONS)
        async with httpx.AsyncClient(base_url=site.base, auth=("tester", SECRET), timeout=60, limits=limits) as client:
            return await asyncio.gather(*work(client))

    return asyncio.run(run())


def body(*operations: dict[str, Any]) -> bytes:
    return orjson.dumps({"schemas": [PATCH], "Operations": list(operations)})


def people(site: Site, number: int) -> list[str]:
    def work(client: httpx.AsyncClient) -> Iterable[Awaitable[httpx.Response]]:
        return (
            client.post("/Users", content=orjson.dumps(person(f"u{each:04}")), headers=JSON) for each in range(number)
        )

    return [answer.json()["id"] for answer in at_once(site, work)]


def test_t44_concurrent_adds_to_one_group_lose_none(site: Site) -> None:
    ids = people(site, 120)
    group = site.make("/Groups", {"displayName": "G"})["id"]

    def work(client: httpx.AsyncClient) -> Iterable[Awaitable[httpx.Response]]:
        for each in ids:
            operation = {"op": "add", "path": "members", "value": [{"value": each}]}
            yield client.patch(f"/Groups/{group}", content=body(operation), headers=JSON)

    assert {answer.status_code for answer in at_once(site, work)} <= {200, 204}
    assert site.members(group) == set(ids)


def test_t45_random_changes_of_members_agree_with_a_model(site: Site) -> None:
    """Each client has members of its own, so that the end is known; states are told apart by their ETags."""
    ids = people(site, 24)
    group = site.make("/Groups", {"displayName": "G"})["id"]
    portions = [ids[start : start + 3] for start in range(0, 24, 3)]
    wanted: dict[str, bool] = {}

    async def client_of(client: httpx.AsyncClient, seed: int) -> list[tuple[str, frozenset[str]]]:
        chance, seen = random.Random(seed), []
        for _ in range(12):
            member, add = chance.choice(portions[seed]), chance.random() < 0.6
            wanted[member] = add
            operation: dict[str, Any] = {"op": "remove", "path": f'members[value eq "{member}"]'}
            if add:
                operation = {"op": "add", "path": "members", "value": [{"value": member}]}
            answer = await client.patch(f"/Groups/{group}", content=body(operation), headers=JSON)
            assert answer.status_code == 200, answer.text
            state = frozenset(each["value"] for each in answer.json().get("members", []))
            seen.append((answer.headers["etag"], state))
        return seen

    states = at_once(site, lambda client: [client_of(client, seed) for seed in range(8)])
    assert site.members(group) == {member for member, present in wanted.items() if present}
    by_tag: dict[str, set[frozenset[str]]] = {}
    for tag, state in itertools.chain.from_iterable(states):
        by_tag.setdefault(tag, set()).add(state)
    assert all(len(same) == 1 for same in by_tag.values())


def test_t46_of_many_with_one_version_exactly_one_writes(site: Site) -> None:
    user = site.make("/Users", person("ann"))
    for round_ in range(3):
        headers = {**JSON, "If-Match": site.get(f"/Users/{user['id']}").headers["etag"]}
        titles = [f"{round_}-{number}" for number in range(60)]
        answers = at_once(
            site,
            lambda client, titles=titles, headers=headers: [
                client.put(f"/Users/{user['id']}", content=orjson.dumps(person("ann", title=each)), headers=headers)
                for each in titles
            ],
        )
        codes = [answer.status_code for answer in answers]
        assert (codes.count(200), codes.count(412)) == (1, 59)
        assert site.read(f"/Users/{user['id']}")["title"] == titles[codes.index(200)]


def test_t47_of_many_with_one_name_exactly_one_is_created(site: Site) -> None:
    for round_ in range(3):
        names = [f"Same{round_}" if number % 2 else f"SAME{round_}" for number in range(50)]
        answers = at_once(
            site,
            lambda client, names=names: [
                client.post("/Users", content=orjson.dumps(person(each)), headers=JSON) for each in names
            ],
        )
        assert [answer.status_code for answer in answers].count(201) == 1
        for answer in answers:
            assert answer.status_code == 201 or is_error(answer, 409, "uniqueness")
        assert len(site.found("/Users", filter=f'userName eq "same{round_}"')) == 1


def bulk(site: Site, *operations: dict[str, Any], **more: Any) -> httpx.Response:
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    return site.call("POST", "/Bulk", {"schemas": [schema], "Operations": list(operations), **more})


def group_of(name: str, *bulk_ids: str) -> dict[str, Any]:
    members = [{"value": f"bulkId:{each}"} for each in bulk_ids]
    data = {"displayName": name, "members": members}
    return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}


def test_t48_bulk_with_forward_references_and_a_cycle(site: Site) -> None:
    user = {"method": "POST", "path": "/Users", "bulkId": "ann", "data": person("ann")}
    answer = bulk(site, group_of("first", "second", "ann"), group_of("second", "first"), user)
    assert answer.status_code == 200, answer.text
    results = answer.json()["Operations"]
    assert [(each["bulkId"], each["status"]) for each in results] == [
        ("first", "201"),
        ("second", "201"),
        ("ann", "201"),
    ]
    ids = {each["bulkId"]: each["location"].rsplit("/", 1)[1] for each in results}
    assert site.members(ids["first"]) == {ids["second"], ids["ann"]}
    assert site.members(ids["second"]) == {ids["first"]}


def test_t48_bulk_stops_after_the_errors_that_it_may_have(site: Site) -> None:
    operations = [
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": str(number),
            "data": person("same" if number % 2 else f"u{number}"),
        }
        for number in range(9)
    ]
    results = bulk(site, *operations, failOnErrors=2).json()["Operations"]
    assert [each["status"] for each in results] == ["201", "201", "201", "409", "201", "409"]
    assert {each["userName"] for each in site.found("/Users")} == {"u0", "same", "u2", "u4"}


def test_t48_more_operations_than_allowed_do_nothing(site: Site) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": str(number), "data": person(f"u{number}")}
        for number in range(101)
    ]
    assert is_error(bulk(site, *operations), 413)
    assert site.found("/Users") == []


@pytest.mark.parametrize("paging", ["cursor", "index"])
def test_t49_a_walk_while_others_write(site: Site, paging: str) -> None:
    """By cursor each untouched user is seen exactly once; by index the order is stable, so none is seen twice."""
    untouched = people(site, 80)

    async def disturb(client: httpx.AsyncClient) -> list[str]:
        for number in range(30):
            made = await client.post("/Users", content=orjson.dumps(person(f"x{number}")), headers=JSON)
            if number % 2:
                await client.delete(f"/Users/{made.json()['id']}")
        return []

    async def walk(client: httpx.AsyncClient) -> list[str]:
        seen: list[str] = []
        params: dict[str, Any] = {"cursor": "", "count": 7} if paging == "cursor" else {"startIndex": 1, "count": 7}
        while True:
            page = (await client.get("/Users", params=params)).json()
            seen += [each["id"] for each in page["Resources"]]
            if paging == "cursor" and "nextCursor" not in page:
                return seen
            if paging == "index" and not page["Resources"]:
                return seen
            if paging == "cursor":
                params["cursor"] = page["nextCursor"]
            else:
                params["startIndex"] += page["itemsPerPage"]

    seen, _ = at_once(site, lambda client: [walk(client), disturb(client)])
    found = [each for each in seen if each in set(untouched)]
    assert len(found) == len(set(found))
    assert set(found) == set(untouched)
