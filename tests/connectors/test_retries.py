"""Who is called again after what (operations.md 6): the whole table, and a few of its cells on the wire."""

import asyncio
import time
from collections.abc import Iterator

import orjson
import pytest
from tests.connectors.farside import FarSide, Request, document, far_side, listing
from tests.connectors.kit import DATA, connection

from proxeny.connectors.errors import BusyError, ConnectorError, RefusedError, UnreachableError
from proxeny.connectors.outbound import throttle
from proxeny.connectors.outbound.throttle import Throttle, may_retry, purpose, repeats
from proxeny.connectors.registry import system_types
from proxeny.connectors.scim2.connector import ScimConnector

TABLE = orjson.loads((DATA / "retries.json").read_bytes())
CELLS = [(row, who) for row, cells in TABLE.items() for who in cells]


@pytest.fixture(autouse=True)
def as_a_proxy() -> Iterator[None]:
    """What a test says of its purpose ends with it."""
    marks = purpose.set("proxy"), repeats.set(True)
    yield
    purpose.reset(marks[0])
    repeats.reset(marks[1])


@pytest.mark.parametrize(("row", "who"), CELLS)
def test_the_table_says_who_is_called_again(row: str, who: str) -> None:
    cause, _, method = row.partition(" ")
    purpose.set("job" if who == "job" else "proxy")
    used = method or ("POST" if who == "write" else "GET")
    named = TABLE[row][who]
    known = {one.name for one in system_types()}
    found = {name for name in known if may_retry(name, cause, used)}  # type: ignore[arg-type]  # a row of the table
    assert found == (known if named == ["*"] else set(named))


def test_a_job_never_repeats_a_write_whose_end_is_open() -> None:
    repeats.set(False)
    assert not may_retry("SCIM_SYSTEM", "timeout", "POST")
    assert not may_retry("SAP_SALES_CLOUD_AND_SAP_SERVICE_CLOUD", "502", "PATCH")
    assert may_retry("SCIM_SYSTEM", "429", "POST"), "which was not done"


@pytest.mark.parametrize(
    ("type_name", "cause", "longest"),
    [
        ("SAP_BTP_XS_ADVANCED_UAA_CLOUD_FOUNDRY", UnreachableError("x"), 50),
        ("SAP_SALES_CLOUD_AND_SAP_SERVICE_CLOUD", UnreachableError("x"), 50),
        ("SCIM_SYSTEM", UnreachableError("x"), 60),
        ("SAP_BTP_XS_ADVANCED_UAA_CLOUD_FOUNDRY", BusyError("x"), 60),
    ],
)
def test_pauses_are_as_long_as_documented_at_most(
    type_name: str, cause: ConnectorError, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle.random, "random", lambda: 0.5)
    kind = Throttle(type_name, 3, 60, 1000)
    status = 429 if isinstance(cause, BusyError) else 502
    assert kind.delay(cause, status, "PATCH", 1, 0) == longest


class Failing:
    """Fails ``times`` with one status, then works."""

    def __init__(self, status: int, times: int, *headers: str) -> None:
        self.status, self.times, self.headers = status, times, headers

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path.endswith("Config"):
            writer.write(document(404, {}))
        elif self.times:
            self.times -= 1
            writer.write(document(self.status, {"detail": "not now"}, *self.headers))
        else:
            writer.write(document(200, {"id": "1", **listing([{"id": "1"}], 1)}))


async def tried(type_name: str, failing: Failing, call: str) -> tuple[bool, int]:
    """Whether the call worked in the end, and how many requests it took."""
    async with far_side(failing) as side:
        plain = {"sac.api.csrf.protection": "disabled"} if type_name == "SAP_ANALYTICS_CLOUD" else {}
        connector = ScimConnector(connection(side.url, plain, type_name=type_name))
        try:
            if call == "GET":
                await connector.read("user", "1")
            elif call == "PATCH":
                await connector.patch("user", "1", {"Operations": []})
            else:
                await connector.create("user", {"userName": "a"})
        except ConnectorError:
            return False, len([one for one in side.requests if not one.path.endswith("Config")])
        finally:
            await connector.close()
        return True, len([one for one in side.requests if not one.path.endswith("Config")])


@pytest.mark.parametrize(
    ("type_name", "status", "call", "worked", "requests"),
    [
        ("SAP_ANALYTICS_CLOUD", 403, "POST", True, 3),
        ("SCIM_SYSTEM", 403, "POST", False, 1),
        ("SCIM_SYSTEM", 429, "POST", True, 3),
        ("SAP_FIELDGLASS", 429, "POST", False, 1),
        ("SAP_FIELDGLASS", 429, "GET", True, 3),
        ("SAP_SALES_CLOUD_AND_SAP_SERVICE_CLOUD", 502, "GET", True, 3),
        ("SCIM_SYSTEM", 502, "GET", False, 1),
        ("SCIM_SYSTEM", 400, "POST", False, 1),
    ],
)
async def test_a_call_is_repeated_on_the_wire(
    type_name: str, status: int, call: str, worked: bool, requests: int
) -> None:
    assert await tried(type_name, Failing(status, 2), call) == (worked, requests)


async def test_flapping_costs_few_calls_and_loses_none() -> None:
    """Reliability T22, its time shortened to a tenth: good and bad phases of a second each."""
    started = time.monotonic()
    bad_calls: dict[int, int] = {}

    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        phase = int((time.monotonic() - started) / 1.0)
        if phase % 2:
            bad_calls[phase] = bad_calls.get(phase, 0) + 1
            writer.write(document(503, {"detail": "closed"}))
        else:
            writer.write(document(200, {"id": "1"}))

    async with far_side(behave) as side:
        connector = ScimConnector(connection(side.url, {"ips.failed.request.retry.attempts": "0"}))
        done = 0
        while time.monotonic() - started < 6:
            try:
                await connector.read("user", "1")
                done += 1
            except (BusyError, UnreachableError):
                pass
            await asyncio.sleep(0.005)
        await connector.close()
    assert done > 20
    assert max(bad_calls.values()) <= throttle.FAILURES_TO_OPEN + 3


async def test_a_slow_neighbour_holds_only_its_own_connections() -> None:
    """Reliability T19: A takes long, B is not slower for it; A holds no more than its own connections."""

    async def slow(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)
        writer.write(document(200, {"id": "1"}))

    async def quick(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(document(200, {"id": "1"}))

    async with far_side(slow) as a, far_side(quick) as b:
        first = ScimConnector(connection(a.url, {"connections.max": "8"}))
        second = ScimConnector(connection(b.url))
        waiting = [asyncio.create_task(first.read("user", "1")) for _ in range(500)]
        await asyncio.sleep(0.1)
        for _ in range(300):
            await second.read("user", "1")
        assert a.open == 8
        assert len(b.requests) == 300
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await first.close()
        await second.close()


async def test_a_page_that_always_fails_leaves_the_place_to_go_on_from() -> None:
    """Reliability T23, second variant: what was read stays read, and reading resumes at the page that failed."""
    purpose.set("job")
    broken = True
    asked: list[str] = []

    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path.endswith("Config"):
            writer.write(document(404, {}))
            return
        start = int(request.query["startIndex"])
        asked.append(request.query["startIndex"])
        if start == 301 and broken:
            writer.write(document(500, {"detail": "oops"}))
            return
        items = [{"id": f"u{number}"} for number in range(start, min(start + 100, 501))]
        writer.write(document(200, listing(items, 500, start)))

    async with far_side(behave) as side:
        connector = ScimConnector(connection(side.url))
        position, seen = None, list[str]()
        parts = connector.read_portions("user")
        for _ in range(3):
            part = await anext(parts)
            position, seen = part.position, [*seen, *(entity.id for entity in part.entities)]
        with pytest.raises(UnreachableError):
            await anext(parts)
        assert position == "301"
        broken = False
        asked.clear()
        async for part in connector.read_portions("user", position):
            seen += [entity.id for entity in part.entities]
        await connector.close()
    assert seen == [f"u{number}" for number in range(1, 501)]
    assert asked == ["301", "401"]


def test_a_refusal_is_nothing_to_try_again() -> None:
    assert Throttle("SCIM_SYSTEM", 3, 1, 100).delay(RefusedError("x", status=400), 400, "POST", 1, 0) is None
