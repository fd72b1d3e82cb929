"""Writes of jobs that go out together, each answered as if it had been sent alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.connectors.fakescim import FakeScim
from tests.connectors.farside import always, document, far_side
from tests.connectors.kit import connection

from proxeny.connectors.errors import ConflictError, NotFoundError, RefusedError, TimedOutError
from proxeny.connectors.outbound.throttle import purpose, repeats
from proxeny.connectors.scim2 import SPEC
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.scim2.discovery import Abilities
from proxeny.connectors.spec import Connection


@pytest.fixture(autouse=True)
def job() -> None:
    purpose.set("job")
    repeats.set(False)


def bulky(url: str, plain: dict[str, str] | None = None, type_name: str = "SCIM_SYSTEM") -> Connection:
    prefix = {"SCIM_SYSTEM": "scim.", "SAP_ANALYTICS_CLOUD": "sac.", "SAP_BUILD_WORK_ZONE_STANDARD_EDITION": "cflp."}
    on = {f"{prefix[type_name]}support.bulk.operation": "true", **(plain or {})}
    return connection(url, on, type_name=type_name)


@asynccontextmanager
async def talking(fake: FakeScim, plain: dict[str, str] | None = None) -> AsyncIterator[ScimConnector]:
    async with far_side(fake) as side:
        connector = ScimConnector(bulky(side.url, plain))
        try:
            yield connector
        finally:
            await connector.close()
    assert fake.wrong == []


def people(number: int) -> list[dict[str, object]]:
    return [{"userName": f"user{one}"} for one in range(number)]


async def test_writes_at_the_same_time_go_out_together() -> None:
    fake = FakeScim()
    async with talking(fake) as connector:
        made = await asyncio.gather(*(connector.create("user", person) for person in people(45)))
        assert sorted(fake.bulks) == [5, 20, 20]
        assert fake.calls["POST Users"] == 0
        assert {entity.id for entity in made} == set(fake.kinds["Users"])
        assert [fake.kinds["Users"][entity.id]["userName"] for entity in made] == [f"user{one}" for one in range(45)]


async def test_each_gets_the_answer_to_its_own_write() -> None:
    fake = FakeScim()
    async with talking(fake) as connector:
        first = await connector.create("user", {"userName": "anna"})
        results = await asyncio.gather(
            connector.create("user", {"userName": "ANNA"}),
            connector.create("user", {"userName": "bert"}),
            connector.replace("user", first.id, {"userName": "anna", "title": "new"}),
            connector.delete("user", "nobody"),
            return_exceptions=True,
        )
        conflict, made, replaced, missing = results
        assert isinstance(conflict, ConflictError)
        assert (conflict.other_id, conflict.backend_message) == (first.id, "ANNA is taken")
        assert fake.kinds["Users"][made.id]["userName"] == "bert"  # type: ignore[union-attr]  # checked by the id
        assert replaced is None
        assert isinstance(missing, NotFoundError)
        assert fake.kinds["Users"][first.id]["title"] == "new"
    assert fake.bulks == [4]


async def test_a_client_of_a_proxy_never_waits_for_others() -> None:
    purpose.set("proxy")
    fake = FakeScim()
    async with talking(fake) as connector:
        await asyncio.gather(*(connector.create("user", person) for person in people(3)))
    assert fake.bulks == []


async def test_too_much_for_the_server_is_halved_and_remembered() -> None:
    fake = FakeScim(most=6)
    async with talking(fake) as connector:
        await asyncio.gather(*(connector.create("user", person) for person in people(20)))
        assert len(fake.kinds["Users"]) == 20
        refused = sum(1 for number in fake.bulks if number > 6)
        assert refused <= 3
        await asyncio.gather(*(connector.create("user", {"userName": f"later{one}"}) for one in range(20)))
        assert sum(1 for number in fake.bulks if number > 6) == refused


async def test_what_the_server_says_of_its_limits_is_respected() -> None:
    fake = FakeScim(bulk={"supported": True, "maxOperations": 7, "maxPayloadSize": 900})
    async with talking(fake) as connector:
        await asyncio.gather(*(connector.create("user", person) for person in people(20)))
    assert len(fake.kinds["Users"]) == 20
    assert max(fake.bulks) <= 4


@pytest.mark.parametrize("said", [{"supported": False}, None], ids=["says so", "has no such endpoint"])
async def test_a_server_without_bulk_gets_its_writes_one_by_one(said: dict[str, bool] | None) -> None:
    fake = FakeScim(bulk=said)
    async with talking(fake) as connector:
        await asyncio.gather(*(connector.create("user", person) for person in people(5)))
        await asyncio.gather(*(connector.create("user", {"userName": f"later{one}"}) for one in range(5)))
        assert (len(fake.kinds["Users"]), fake.bulks) == (10, [])
        assert fake.calls["POST Bulk"] == (0 if said else 1)


async def test_a_bulk_answer_that_forgets_a_write_leaves_its_end_open() -> None:
    answer = document(200, {"Operations": [{"bulkId": "0", "method": "POST", "status": "201", "location": "x/u1"}]})
    async with far_side(always(answer)) as side:
        connector = ScimConnector(bulky(side.url))
        connector._discovery._known, connector._discovery._until = Abilities(), float("inf")
        results = await asyncio.gather(
            *(connector.create("user", person) for person in people(2)), return_exceptions=True
        )
        await connector.close()
    assert getattr(results[0], "id", None) == "u1"
    assert isinstance(results[1], TimedOutError), "so that the job looks before it writes again"


async def test_a_refused_bulk_request_is_everybodys_error() -> None:
    async with far_side(always(document(403, {"detail": "no"}))) as side:
        connector = ScimConnector(bulky(side.url))
        results = await asyncio.gather(
            *(connector.create("user", person) for person in people(3)), return_exceptions=True
        )
        await connector.close()
    assert [type(result) for result in results] == [RefusedError] * 3


async def test_who_does_not_wait_any_more_is_not_sent() -> None:
    fake = FakeScim()
    async with talking(fake) as connector:
        calls = [asyncio.create_task(connector.create("user", person)) for person in people(3)]
        await asyncio.sleep(0)
        calls[0].cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert sorted(one["userName"] for one in fake.kinds["Users"].values()) == ["user1", "user2"]


@pytest.mark.parametrize(
    ("type_name", "plain", "kinds", "limit"),
    [
        ("SCIM_SYSTEM", {"scim.bulk.operations.max.count": "100"}, {"user", "group"}, 100),
        ("SCIM_SYSTEM", {"scim.bulk.operations.max.count": "101"}, {"user", "group"}, 20),
        ("SAP_ANALYTICS_CLOUD", {"sac.api.version": "1"}, {"user"}, 100),
        ("SAP_ANALYTICS_CLOUD", {"sac.api.version": "2"}, {"user"}, 30),
        ("SAP_BUILD_WORK_ZONE_STANDARD_EDITION", {}, {"group"}, 20),
    ],
)
def test_systems_take_bulk_for_what_is_documented(
    type_name: str, plain: dict[str, str], kinds: set[str], limit: int
) -> None:
    connector = SPEC.build(bulky("http://x.example", plain, type_name))
    assert isinstance(connector, ScimConnector)
    bulk = connector._wire.bulk
    assert bulk is not None
    assert {kind for kind in ("user", "group") if bulk.takes("PUT", kind)} == kinds
    assert bulk.takes("POST", "user")
    assert connector.writes_at_once == limit
