"""Systems over the admin API: what no system can be is refused, and never an error of ours."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.app.served import Whole, system, whole

USERS: dict[str, dict[str, Any]] = {
    "root": {"permissions": ["admin"]},
    "narrow": {"permissions": ["admin"], "systems": ["one"]},
}
SOURCE = {**system("source"), "accessMode": "READ"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Whole]:
    async with whole(tmp_path, [SOURCE], USERS, "[jobs]\nenabled = false\n") as found:
        yield found


@pytest.mark.parametrize(
    "wrong",
    [
        {"encryptedProperties": [1]},
        {"encryptedProperties": "Password"},
        {"id": ["one"]},
        {"id": {}, "name": ["one"]},
        {"id": "one\r\nSet-Cookie: it=is"},
        {"id": "a\x00b"},
        {"id": "a" * 101},
        {"name": "one\nline"},
        {"name": "a\u2028b"},
        {"name": "*"},
        {"id": "*"},
        {"emailSubscribers": 5},
        {"properties": {f"ips.p{number}": "x" for number in range(1001)}},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
async def test_what_no_system_can_be_is_refused(gateway: Whole, wrong: dict[str, Any]) -> None:
    answer = await gateway.ask("POST", "/api/v1/systems", "root", json={**system("new"), **wrong})
    assert answer.status_code == 400, answer.text
    assert len((await gateway.ask("GET", "/api/v1/systems", "root")).json()["items"]) == 1


async def test_the_address_of_a_new_system_is_one_header_that_leads_to_it(gateway: Whole) -> None:
    made = await gateway.ask("POST", "/api/v1/systems", "root", json=system("a/b ?\u20ac"))
    location = made.headers["Location"]
    assert location.endswith("/api/v1/systems/a%2Fb%20%3F%E2%82%AC")
    assert (await gateway.ask("GET", location, "root")).json()["id"] == "a/b ?\u20ac"


async def test_credentials_that_are_numbers_are_kept_as_text(gateway: Whole) -> None:
    document = {**system("new"), "encryptedProperties": {"Password": 12345}}
    assert (await gateway.ask("POST", "/api/v1/systems", "root", json=document)).status_code == 201
    stored = await gateway.gateway.store.systems.find("new")
    assert stored is not None
    assert stored.credentials == {"Password": "12345"}


@pytest.mark.parametrize("name", ["two", "Two", "source"])
async def test_no_system_takes_the_id_or_name_of_another_and_so_what_it_holds(gateway: Whole, name: str) -> None:
    for one in ("one", "two"):
        assert (await gateway.ask("POST", "/api/v1/systems", "root", json=system(one))).status_code == 201
    renamed = await gateway.ask("PUT", "/api/v1/systems/one", "narrow", json={**system("one"), "name": name})
    assert renamed.status_code in (400, 409)
    for stranger in ("two", "Two", "source"):
        assert (await gateway.ask("GET", f"/api/v1/systems/{stranger}", "narrow")).status_code == 403


async def test_a_system_may_be_called_as_its_own_id(gateway: Whole) -> None:
    await gateway.ask("POST", "/api/v1/systems", "root", json=system("one"))
    answer = await gateway.ask("PUT", "/api/v1/systems/one", "root", json={**system("one"), "name": "one"})
    assert (answer.status_code, answer.json()["name"]) == (200, "one")


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "00000000199999999999", "0000000001" + "0" * 5000])
async def test_a_page_has_a_limit_that_leading_noughts_do_not_get_around(gateway: Whole, limit: str) -> None:
    answer = await gateway.ask("GET", f"/api/v1/runs?limit={limit}", "root")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("channel", "address", "status"),
    [
        ("mail", "ada@nordwind.example", 201),
        ("mail", "ada@nordwind.example\r\nBcc: all@nordwind.example", 400),
        ("mail", "ada@nordwind.example, all@nordwind.example", 400),
        ("mail", "@", 400),
        ("webhook", "https://chat.nordwind.example/hooks/1?key=2", 201),
        ("webhook", "file:///etc/passwd", 400),
        ("webhook", "gopher://10.0.0.1:25/", 400),
        ("webhook", "https:///hooks", 400),
        ("webhook", "https://chat.example/\r\nHost: other", 400),
        (["mail"], "ada@nordwind.example", 400),
        ("telex", "ada@nordwind.example", 400),
    ],
)
async def test_who_is_told_has_an_address_of_its_channel(
    gateway: Whole, channel: object, address: str, status: int
) -> None:
    path = "/api/v1/systems/source/subscriptions"
    answer = await gateway.ask("POST", path, "root", json={"channel": channel, "address": address})
    assert answer.status_code == status, answer.text
    assert len((await gateway.ask("GET", path, "root")).json()["items"]) == (status == 201)


async def test_who_is_restricted_makes_no_other_system_by_an_id_that_is_taken(gateway: Whole) -> None:
    assert (await gateway.ask("POST", "/api/v1/systems", "narrow", json=system("one"))).status_code == 201
    again = {**system("one"), "name": "Elsewhere"}
    assert (await gateway.ask("POST", "/api/v1/systems", "narrow", json=again)).status_code == 403
    assert (await gateway.ask("POST", "/api/v1/systems", "root", json=again)).status_code == 201


async def test_minutes_are_a_number(gateway: Whole) -> None:
    path = "/api/v1/systems/source/schedules/READ"
    for minutes in (True, "60", [60]):
        assert (await gateway.ask("PUT", path, "root", json={"minutes": minutes})).status_code == 400
