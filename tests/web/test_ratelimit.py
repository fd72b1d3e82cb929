"""The rate limit of technical users: off unless configured, and each has its own."""

import pytest
from tests.web.running import running
from tests.web.test_scim import is_scim_error

from proxeny.scim.errors import TooManyRequestsError
from proxeny.web.auth.caller import Caller
from proxeny.web.auth.ratelimit import RateLimits
from proxeny.web.settings import SAP_RATE_LIMIT, RateLimit, WebSettings


async def test_above_the_limit_a_caller_is_refused_and_others_are_not() -> None:
    async with running(WebSettings(rate_limit=RateLimit(refuse=5))) as gateway:
        answers = [await gateway.client.get("/proxy/hr/Users", auth=gateway.auth()) for _ in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
        assert is_scim_error(answers[-1], 429)
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert (await gateway.client.get("/proxy/hr/Users", auth=gateway.auth("reader"))).status_code == 200


async def admitted(limits: RateLimits, count: int) -> int:
    taken = 0
    for _ in range(count):
        try:
            await limits(None, Caller(id="idm"))  # type: ignore[arg-type]  # the request is not looked at
            taken += 1
        except TooManyRequestsError:
            continue
    return taken


async def test_no_minute_wherever_it_begins_holds_much_more_than_the_limit() -> None:
    now = 0.0
    limits = RateLimits(RateLimit(refuse=100), clock=lambda: now)
    assert await admitted(limits, 300) == 100
    now = 30
    assert await admitted(limits, 300) == 0
    now = 90
    assert await admitted(limits, 300) == 50
    now = 600
    assert await admitted(limits, 300) == 100


async def test_saps_numbers_slow_first_and_then_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("proxeny.web.auth.ratelimit.asyncio.sleep", note)
    limits = RateLimits(SAP_RATE_LIMIT, clock=lambda: 0.0)
    assert await admitted(limits, 300) == 200
    assert (len(waits), waits[0]) == (50, 0.3)
    assert not WebSettings().rate_limit.active
