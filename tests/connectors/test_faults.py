"""A backend that does not answer, answers nonsense, or asks for time (reliability T18, T20, T21, T24, T79)."""

import asyncio
import itertools
import time
from collections import Counter
from email.utils import formatdate

import pytest
from tests.connectors import farside
from tests.connectors.farside import FarSide, Request, always, document, far_side, listing, raw
from tests.connectors.kit import connection, free_port

from proxeny.connectors.errors import (
    AuthenticationFailedError,
    BusyError,
    ConnectorError,
    RefusedError,
    TimedOutError,
    UnreachableError,
)
from proxeny.connectors.filtering import Compare
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.outbound.throttle import FAILURES_TO_OPEN, Breaker, budget, pause, purpose
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.spi import Search

FAST = OutboundSettings(connect_timeout=0.4, total_timeout=0.6)
SPC = {"filter": {"supported": True, "maxResults": 200}, "patch": {"supported": True}, "sort": {"supported": False}}


def person(number: int) -> dict[str, object]:
    return {"id": f"u{number}", "userName": f"user{number}", "meta": {"lastModified": "2026-01-01T00:00:00Z"}}


async def everyone(connector: ScimConnector) -> list[str]:
    try:
        return [entity.id async for entity in connector.read_all("user")]
    finally:
        await connector.close()


@pytest.mark.parametrize(
    "behave",
    [farside.black_hole, farside.reset, farside.headers_only, farside.half_body, farside.slow_drip],
    ids=lambda behave: behave.__name__,
)
async def test_every_way_of_not_answering_ends_in_time(behave: farside.Behave) -> None:
    async with far_side(behave) as side:
        connector = ScimConnector(connection(side.url, settings=FAST))
        started = time.monotonic()
        with pytest.raises(UnreachableError):
            await connector.read("user", "1")
        await connector.close()
        assert time.monotonic() - started < 1.6
        await asyncio.sleep(0.05)
        assert side.open <= 2


async def test_a_closed_port_is_unreachable_at_once() -> None:
    connector = ScimConnector(connection(f"http://127.0.0.1:{free_port()}", settings=FAST))
    with pytest.raises(UnreachableError, match=r"No connection to 127\.0\.0\.1"):
        await connector.read("user", "1")
    await connector.close()


async def test_a_write_to_a_closed_port_is_answered_at_once() -> None:
    slow = {"ips.failed.request.retry.attempts.interval": "30"}
    connector = ScimConnector(connection(f"http://127.0.0.1:{free_port()}", slow))
    started = time.monotonic()
    with pytest.raises(UnreachableError):
        await connector.create("user", {"userName": "anna"})
    await connector.close()
    assert time.monotonic() - started < 5


async def test_a_server_that_never_finishes_the_tls_handshake_is_given_up() -> None:
    async with far_side(farside.black_hole) as side:
        connector = ScimConnector(connection(side.url.replace("http:", "https:"), settings=FAST))
        with pytest.raises(UnreachableError):
            await connector.read("user", "1")
        await connector.close()


async def test_a_system_that_hangs_holds_no_more_than_its_own_connections() -> None:
    async with far_side(farside.black_hole) as side:
        connector = ScimConnector(connection(side.url, {"connections.max": "8"}))
        calls = [asyncio.create_task(connector.read("user", "1")) for _ in range(50)]
        await asyncio.sleep(0.5)
        assert len(side.requests) == len(side.tasks) == 8
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await connector.close()


async def test_no_answer_in_time_says_that_it_may_be_done() -> None:
    async with far_side(farside.black_hole) as side:
        connector = ScimConnector(connection(side.url, settings=FAST))
        with pytest.raises(TimedOutError):
            await connector.read("user", "1")
        await connector.close()


BROKEN = {
    "half JSON": raw(200, b'{"Resources": [{"id": "1"'),
    "content length too small": raw(200, b'{"totalResults": 1, "Resources": []}', length=20),
    "HTML": raw(200, b"<html>Please sign in</html>", "text/html"),
    "HTML that says it is JSON": raw(200, b"<html>Please sign in</html>"),
    "empty": raw(200, b""),
    "wrong charset": raw(200, '{"totalResults": 0, "Resources": [], "x": "\xe4"}'.encode("latin-1")),
    "JSON that is no list": raw(200, b'{"ok": true}'),
    "a JSON string": raw(200, b'"none"'),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_body_is_never_taken_for_no_users(name: str) -> None:
    async with far_side(always(BROKEN[name])) as side:
        connector = ScimConnector(connection(side.url, {"ips.failed.request.retry.attempts": "0"}, settings=FAST))
        with pytest.raises(UnreachableError):
            await everyone(connector)


@pytest.mark.parametrize("name", ["HTML", "HTML that says it is JSON"])
async def test_a_page_for_people_is_never_taken_for_a_deletion(name: str) -> None:
    async with far_side(always(BROKEN[name])) as side:
        connector = ScimConnector(connection(side.url, settings=FAST))
        with pytest.raises(UnreachableError, match="login page"):
            await connector.delete("user", "1")
        await connector.close()


async def test_a_deletion_may_be_answered_with_what_was_deleted() -> None:
    async with far_side(always(document(200, person(1)))) as side:
        connector = ScimConnector(connection(side.url, settings=FAST))
        await connector.delete("user", "u1")
        await connector.close()


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + b'{"totalResults": 1, "Resources": [{"id": "\xc3\xa4"}]}',
        '{"totalResults": 1, "Resources": [{"id": "ä"}]}'.encode("utf-16"),
    ],
    ids=["UTF-8 with BOM", "UTF-16 with BOM"],
)
async def test_a_byte_order_mark_is_read_over(body: bytes) -> None:
    async with far_side(always(raw(200, body))) as side:
        assert await everyone(ScimConnector(connection(side.url))) == ["ä"]


async def test_a_charset_that_is_named_is_believed() -> None:
    body = '{"totalResults": 1, "Resources": [{"id": "ä"}]}'.encode("latin-1")
    async with far_side(always(raw(200, body, "application/json; charset=ISO-8859-1"))) as side:
        assert await everyone(ScimConnector(connection(side.url))) == ["ä"]


async def test_redirects_are_not_followed() -> None:
    async with far_side(always(raw(302, b"", "text/plain", "Location: http://169.254.169.254/"))) as side:
        connector = ScimConnector(connection(side.url, {"User": "u"}, {"Password": "p"}))
        with pytest.raises(RefusedError, match="redirect"):
            await connector.read("user", "1")
        await connector.close()
        assert len(side.requests) == 1


async def test_an_answer_over_the_limit_is_refused() -> None:
    settings = OutboundSettings(max_answer_bytes=1000)
    async with far_side(always(raw(200, b"[" + b"1," * 5000 + b"1]"))) as side:
        connector = ScimConnector(connection(side.url, settings=settings))
        with pytest.raises(RefusedError, match="larger"):
            await connector.read("user", "1")
        await connector.close()


class Limited:
    """Lets ``rate`` calls through in any second, then answers 429 and notes who came too early."""

    def __init__(self, rate: int, retry_after: float | None) -> None:
        self.rate, self.retry_after = rate, retry_after
        self.accepted: list[float] = []
        self.quiet_until = 0.0
        self.told_at = 0.0
        self.early = 0

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if self.retry_after is not None and self.told_at + 0.05 < request.at < self.quiet_until - 0.01:
            self.early += 1
        if sum(1 for moment in self.accepted if moment > request.at - 1) < self.rate:
            self.accepted.append(request.at)
            writer.write(document(200, person(1)))
            return
        extra = []
        if self.retry_after is not None:
            extra = [f"Retry-After: {self.retry_after:g}"]
            if request.at >= self.quiet_until:
                self.told_at, self.quiet_until = request.at, request.at + self.retry_after
        writer.write(document(429, {"detail": "slow down"}, *extra))


async def test_retry_after_holds_back_every_call_and_none_fails() -> None:
    limited = Limited(50, 1.0)
    async with far_side(limited) as side:
        connector = ScimConnector(connection(side.url, settings=OutboundSettings(connections_per_system=8)))
        started = time.monotonic()
        await asyncio.gather(*(connector.read("user", "1") for _ in range(300)))
        spent = time.monotonic() - started
        await connector.close()
    assert len(limited.accepted) == 300
    assert limited.early == 0
    assert spent < 6 * 1.5  # 300 at 50 a second; a long run comes closer to 1.3, see the pace


async def test_busy_without_a_time_is_tried_with_growing_pauses_and_then_reported() -> None:
    async with far_side(always(document(429, {"detail": "slow down"}))) as side:
        properties = {"ips.failed.request.retry.attempts": "2", "ips.failed.request.retry.attempts.interval": "1"}
        connector = ScimConnector(connection(side.url, properties))
        with pytest.raises(BusyError) as caught:
            await connector.read("user", "1")
        await connector.close()
        assert caught.value.backend_message == "slow down"
        first, second, third = (request.at for request in side.requests)
        assert 0.7 <= second - first <= 1.3
        assert 1.15 <= third - second <= 2.1


def test_pauses_grow_and_are_spread() -> None:
    middle = [pause(attempt, 10, 0.5) for attempt in range(1, 8)]
    assert all(later >= earlier * 1.5 or later == 60 for earlier, later in itertools.pairwise(middle))
    assert pause(1, 10, 1.0) - pause(1, 10, 0.0) >= 0.25 * pause(1, 10, 0.5)


@pytest.mark.parametrize("date", [True, False])
async def test_retry_after_is_read_as_seconds_and_as_a_date(date: bool) -> None:
    answer = document(503, {}, f"Retry-After: {formatdate(time.time() + 50, usegmt=True) if date else 50}")
    async with far_side(always(answer)) as side:
        connector = ScimConnector(connection(side.url))
        with pytest.raises(BusyError) as caught:
            await connector.read("user", "1")
        await connector.close()
        assert caught.value.retry_after == pytest.approx(50, abs=2)
        assert len(side.requests) == 1, "50 s are over the budget of a proxy call"


async def test_a_caller_may_have_no_time_to_wait() -> None:
    budget.set(0.0)
    async with far_side(always(document(429, {}, "Retry-After: 1"))) as side:
        connector = ScimConnector(connection(side.url))
        with pytest.raises(BusyError):
            await connector.read("user", "1")
        await connector.close()
        assert len(side.requests) == 1


async def test_a_system_that_is_down_is_not_called_again_and_again() -> None:
    async with far_side(always(document(502, {}))) as side:
        connector = ScimConnector(connection(side.url, {"ips.failed.request.retry.attempts": "0"}))
        for _ in range(40):
            with pytest.raises(UnreachableError):
                await connector.read("user", "1")
        await connector.close()
        assert len(side.requests) <= 10


def test_the_breaker_lets_one_call_find_out_whether_the_system_is_back() -> None:
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    for _ in range(FAILURES_TO_OPEN):
        breaker.admit()
        breaker.failed()
    with pytest.raises(UnreachableError, match="in a row"):
        breaker.admit()
    now[0] = 6.0
    breaker.admit()
    with pytest.raises(UnreachableError):
        breaker.admit()
    breaker.succeeded()
    breaker.admit()


class People:
    """A list of ``size`` people; ``fault`` may change the page that starts at a number, once or always."""

    def __init__(self, size: int, *, cap: int = 1000, per_page: bool = True, once: bool = True) -> None:
        self.size, self.cap, self.per_page, self.once = size, cap, per_page, once
        self.short: dict[int, int] = {}
        self.asked: Counter[int] = Counter()

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path.endswith("ServiceProviderConfig"):
            writer.write(document(404, {}))
            return
        start, count = int(request.query["startIndex"]), min(int(request.query["count"]), self.cap)
        self.asked[start] += 1
        items = [person(number) for number in range(start, min(start + count, self.size + 1))]
        if start in self.short and not (self.once and self.asked[start] > 1):
            items = items[: self.short[start]]
        page = listing(items, self.size, start)
        if not self.per_page:
            del page["itemsPerPage"]
        writer.write(document(200, page))


@pytest.mark.parametrize("left", [99, 1, 0])
@pytest.mark.parametrize("once", [True, False])
async def test_a_short_page_is_not_the_last_one(left: int, once: bool) -> None:
    people = People(2000, once=once)
    people.short = {301: left}
    async with far_side(people) as side:
        connector = ScimConnector(connection(side.url))
        if left == 0 and not once:
            with pytest.raises(UnreachableError, match="not complete"):
                await everyone(connector)
            return
        found = await everyone(connector)
    assert set(found) == {f"u{number}" for number in range(1, 2001)}


@pytest.mark.parametrize("per_page", [True, False])
async def test_a_server_that_caps_pages_is_read_completely(per_page: bool) -> None:
    people = People(1000, cap=20, per_page=per_page)
    async with far_side(people) as side:
        found = await everyone(ScimConnector(connection(side.url)))
    assert found == [f"u{number}" for number in range(1, 1001)]
    assert sum(people.asked.values()) < 60


async def test_a_page_that_fails_is_asked_again_without_those_before() -> None:
    people = People(500)
    failures = [3]

    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.query.get("startIndex") == "301" and failures[0]:
            failures[0] -= 1
            writer.write(document(500, {"detail": "oops"}))
            return
        await people(side, request, writer)

    async with far_side(behave) as side:
        purpose.set("job")
        found = await everyone(ScimConnector(connection(side.url, {"ips.failed.request.retry.attempts": "3"})))
    assert len(found) == 500
    assert people.asked[1] == people.asked[101] == 1


async def test_cursor_paging_goes_to_the_end_of_the_cursor() -> None:
    pages = {"": ("a", 2), "a": ("b", 0), "b": (None, 1)}

    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path.endswith("ServiceProviderConfig"):
            writer.write(document(200, SPC | {"pagination": {"cursor": True, "maxPageSize": 50}}))
            return
        following, number = pages[request.query["cursor"]]
        items = [person(index) for index in range(number)]
        writer.write(document(200, listing(items, **({"nextCursor": following} if following else {}))))

    async with far_side(behave) as side:
        assert len(await everyone(ScimConnector(connection(side.url)))) == 3
        assert {request.query["count"] for request in side.requests[1:]} == {"50"}


async def test_what_the_server_says_of_itself_is_respected() -> None:
    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        config = {"filter": {"supported": False, "maxResults": 7}, "patch": {"supported": False}}
        spc = request.path.endswith("ServiceProviderConfig")
        writer.write(document(200, config if spc else listing([person(1)], 1)))

    async with far_side(behave) as side:
        connector = ScimConnector(connection(side.url))
        page = await connector.search("user", Search(filter=Compare(("userName",), "eq", "user1"), count=50))
        assert not page.exact, "a server without filters gives a superset"
        with pytest.raises(ConnectorError, match="no PATCH"):
            await connector.patch("user", "1", {"Operations": []})
        await connector.close()
        assert side.requests[-1].query == {"startIndex": "1", "count": "7"}


async def test_a_refused_sign_in_stops() -> None:
    async with far_side(always(document(401, {"detail": "who are you?"}))) as side:
        connector = ScimConnector(connection(side.url, {"User": "u"}, {"Password": "geheim"}))
        with pytest.raises(AuthenticationFailedError) as caught:
            await connector.read("user", "1")
        await connector.close()
        assert caught.value.next == "stop"
        assert "geheim" not in str(caught.value)
        assert len(side.requests) == 1
