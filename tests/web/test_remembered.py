"""What is remembered of callers, and when it is not."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, cast

import pytest
from tests.web.running import SECRET, USERS, running, user

from proxeny.web.auth.bearer import Bearer
from proxeny.web.auth.caller import Caller, TechnicalUser
from proxeny.web.auth.clients import ConfiguredClients
from proxeny.web.auth.remembered import Remembered, Verified
from proxeny.web.oauth.tokens import Tokens
from proxeny.web.origin import Origin
from proxeny.web.request import Request
from proxeny.web.settings import WebSettings

CALLER = Verified(Caller(id="idm"))


async def test_what_was_verified_before_a_change_is_not_remembered_after_it() -> None:
    version = "1"

    async def current() -> str:
        return version

    remembered = Remembered(current, 300)
    key = remembered.key(b"x", "basic")
    assert await remembered.find(key) is None
    era = remembered.era
    remembered.forget()
    remembered.keep(key, CALLER, era)
    assert remembered.recall(key) is None
    remembered.keep(key, CALLER, remembered.era)
    assert remembered.recall(key) is CALLER


async def test_one_who_is_disabled_while_his_secret_is_checked_is_out_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxeny.web.auth.remembered._LOOK_EVERY", 0.1)
    async with running(users=USERS) as gateway:
        worker = gateway.security._basic._checker._worker
        begun, go_on = asyncio.Event(), asyncio.Event()
        matching = worker.matching

        async def slow(secrets: Any, given: str, admitted: Any) -> Any:
            found = await matching(secrets, given, admitted)
            if not begun.is_set():
                begun.set()
                await go_on.wait()
            return found

        monkeypatch.setattr(worker, "matching", slow)
        first = asyncio.create_task(gateway.client.get("/proxy/hr/Users", auth=("idm", SECRET)))
        await begun.wait()
        gateway.users.put(user("idm", "proxy", enabled=False))
        await asyncio.sleep(0.15)
        assert (await gateway.client.get("/proxy/hr/Users", auth=("reader", SECRET))).status_code == 200
        go_on.set()
        assert (await first).status_code == 200
        assert (await gateway.client.get("/proxy/hr/Users", auth=("idm", SECRET))).status_code == 401


class Issuer:
    """Another issuer; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def claims(self, token: str) -> tuple[str, Mapping[str, Any]]:
        self.asked += 1
        return "idm", {"exp": time.time() + 3600}


class Ours:
    """Our own tokens, of which there are none here."""

    def is_opaque(self, token: str) -> bool:
        return False


@pytest.mark.parametrize(("token", "asked"), [("opaque", 2), ("a.b.c", 1)])
async def test_an_issuer_is_asked_again_about_an_opaque_token(
    monkeypatch: pytest.MonkeyPatch, token: str, asked: int
) -> None:
    monkeypatch.setattr("proxeny.web.auth.bearer._ASK_AGAIN", 0.05)
    monkeypatch.setattr("proxeny.web.auth.bearer._is_ours", lambda token, base: False)

    async def never_changes() -> str:
        return ""

    issuer = Issuer()
    source = ConfiguredClients([TechnicalUser(id="idm")])
    bearer = Bearer(source, cast(Tokens, Ours()), Remembered(never_changes, 300), issuer)
    request = cast(Request, _Asking())
    for _ in range(2):
        for _ in range(3):
            assert (await bearer.caller(token.encode(), request)).id == "idm"
        await asyncio.sleep(0.06)
    assert issuer.asked == asked


class _Asking:
    """As much of a request as a token needs."""

    scope: Mapping[str, Any] = {}  # never changed
    headers: Mapping[bytes, list[bytes]] = {}  # never changed
    settings = WebSettings()
    origin = Origin("127.0.0.1", "127.0.0.1", "http://gateway.example")
