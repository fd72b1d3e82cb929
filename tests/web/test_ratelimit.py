"""The rate limit of technical users: off unless configured, and each has its own."""

import pytest
from tests.web.running import Running, running
from tests.web.test_scim import is_scim_error

from proxeny.scim.errors import TooManyRequestsError
from proxeny.store.limits import Limits
from proxeny.web.auth.caller import Caller
from proxeny.web.auth.lockout import LockOuts
from proxeny.web.auth.ratelimit import RateLimits
from proxeny.web.auth.sharing import Sharing
from proxeny.web.settings import SAP_RATE_LIMIT, LockOut, RateLimit, WebSettings


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


async def test_replicas_add_up_what_they_have_seen(gateway: Running) -> None:
    stores = [Limits(gateway.database, name) for name in ("a", "b")]
    limits = [RateLimits(RateLimit(refuse=100)) for _ in stores]
    sharings = [Sharing(*pair) for pair in zip(stores, [LockOuts(LockOut()) for _ in stores], limits, strict=True)]
    assert await admitted(limits[0], 70) == 70
    for sharing in sharings:
        await sharing.exchange()
    assert await admitted(limits[1], 100) <= 31


async def test_a_lock_out_holds_on_all_replicas(gateway: Running) -> None:
    stores = [Limits(gateway.database, name) for name in ("a", "b")]
    lock_outs = [LockOuts(LockOut(tries=2, seconds=30)) for _ in stores]
    sharings = [Sharing(store, one, RateLimits(RateLimit())) for store, one in zip(stores, lock_outs, strict=True)]
    for _ in range(2):
        lock_outs[0].failed("192.0.2.1", "idm")
    for sharing in sharings:
        await sharing.exchange()
    assert 28 <= lock_outs[1].remaining("192.0.2.1", "idm") <= 31
    assert lock_outs[1].remaining("192.0.2.2", "idm") == 0
