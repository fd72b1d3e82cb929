"""Basic authentication and what a technical user may do."""

import asyncio
import base64
import logging
from pathlib import Path

import httpx
import pytest
from tests.web.running import SECRET, Running, running, user
from tests.web.test_scim import is_scim_error

from proxeny import logs
from proxeny.database import Database, Statement
from proxeny.store.clients import Clients, StoredClient
from proxeny.store.migrations import migrate
from proxeny.store.secrets import hash_secret
from proxeny.web.auth.basic import SecretChecker
from proxeny.web.auth.caller import TechnicalUser
from proxeny.web.auth.clients import ConfiguredClients, SeveralSources, StoredClients
from proxeny.web.auth.hashing import HashingWorker
from proxeny.web.auth.lockout import LockOuts
from proxeny.web.errors import NotAuthenticatedError
from proxeny.web.settings import LockOut, WebSettings


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "no credentials"),
        ("", "unknown authentication scheme"),
        ("Basic", "Basic: the credentials are not id:secret"),
        ("Basic !!!", "Basic: the credentials are not base64 of UTF-8"),
        (basic("idm"), "Basic: the credentials are not id:secret"),
        (basic(b"idm:\xff"), "Basic: the credentials are not base64 of UTF-8"),
        (basic(":" + SECRET), "Basic: the credentials are not id:secret"),
        (basic("idm:wrong"), "wrong or expired secret"),
        (basic("idm:"), "wrong or expired secret"),
        (basic("stranger:" + SECRET), "unknown technical user"),
        (basic("gone:" + SECRET), "technical user is disabled"),
        ("Basic " + "A" * 5000, "Basic: the credentials are too long"),
        ("Negotiate abc", "unknown authentication scheme"),
    ],
)
async def test_every_refused_sign_in_looks_the_same_and_the_audit_says_why(
    gateway: Running, authorization: str | None, reason: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await gateway.client.get("/proxy/hr/Users", headers=headers)
    assert is_scim_error(answer, 401)
    challenges = answer.headers.get_list("www-authenticate")
    assert challenges == ['Basic realm="proxeny", charset="UTF-8"', 'Bearer realm="proxeny"']
    assert answer.json()["detail"].startswith("Authentication is required")
    await asyncio.sleep(0.02)
    [(event, fields)] = gateway.sink.records
    assert (event, fields["reason"], fields["address"]) == ("authentication.failed", reason, "127.0.0.1")
    assert logs.redact_text(reason) == reason, "the log would mask it"
    assert ("request_id" in fields, "request" in fields) == (True, False), "as every line of the log has it"


async def test_the_scheme_is_known_in_any_case_and_with_spaces_around(gateway: Running) -> None:
    for name in ("basic", "BASIC", "Basic "):
        headers = {"Authorization": basic(f"idm:{SECRET}").replace("Basic", name)}
        assert (await gateway.client.get("/proxy/hr/Users", headers=headers)).status_code == 200


async def test_two_authorizations_in_one_request_are_refused(gateway: Running) -> None:
    headers = [("Authorization", basic(f"idm:{SECRET}"))] * 2
    assert is_scim_error(await gateway.client.get("/proxy/hr/Users", headers=headers), 401)


async def test_a_secret_is_never_logged(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for secret in (SECRET, "hunter2-hunter2"):
        await gateway.client.get("/proxy/hr/Users?x=1", auth=httpx.BasicAuth("idm", secret))
    logged = "\n".join(str(vars(record)) for record in caplog.records if record.name.startswith("proxeny"))
    assert "idm" in logged
    assert "hunter2" not in logged
    assert SECRET not in logged


async def test_a_proven_credential_is_not_hashed_again_until_users_change(monkeypatch: pytest.MonkeyPatch) -> None:
    from proxeny.web.auth import hashing

    hashed = []
    real = hashing.verify_secret
    monkeypatch.setattr(hashing, "verify_secret", lambda *args: hashed.append(1) or real(*args))
    async with running() as gateway:
        for _ in range(3):
            assert (await gateway.client.get("/proxy/hr/Users", auth=gateway.auth())).status_code == 200
        assert len(hashed) == 2


@pytest.mark.parametrize("name", ["idm", "stranger"])
async def test_unknown_user_and_wrong_secret_cost_the_same_work(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from proxeny.web.auth import hashing

    hashed = []
    real = hashing.verify_secret
    monkeypatch.setattr(hashing, "verify_secret", lambda *args: hashed.append(args[0][:30]) or real(*args))
    async with running() as gateway:
        await gateway.client.get("/proxy/hr/Users", auth=httpx.BasicAuth(name, "wrong"))
    assert len(hashed) == 2
    assert len({text.rpartition("$")[0] for text in hashed}) == 1, "the same cost parameters"


@pytest.mark.parametrize("name", ["idm", "stranger"])
async def test_unknown_user_and_wrong_secret_are_looked_up_and_counted_alike(tmp_path: Path, name: str) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'test.db'}")
    await migrate(database)
    await Clients(database).add(StoredClient(id="idm", permissions=frozenset({"proxy"})))
    asked: list[str] = []

    class Counting(StoredClients):
        async def find(self, client_id: str) -> TechnicalUser | None:
            asked.append("found")
            return await super().find(client_id)

        async def failed(self, client_id: str, address: str) -> None:
            await super().failed(client_id, address)
            asked.append("counted")

    source = SeveralSources(ConfiguredClients([user("fixed", "proxy")]), Counting(Clients(database)))
    worker = HashingWorker()
    checker = SecretChecker(source, worker, LockOuts(LockOut()))
    for client in (name, "fixed"):
        with pytest.raises(NotAuthenticatedError):
            await checker.check(client, "wrong", "192.0.2.7")
        await asyncio.gather(*checker._notes)
        assert asked == ["found", "counted"]
        asked.clear()
    (tries,) = await database.fetch(Statement("SELECT SUM(failed_tries) FROM store_client_use"))
    assert tuple(tries) == (2,)
    worker.close()
    await database.close()


async def test_guessing_locks_only_the_pair_of_address_and_user_and_opens_again() -> None:
    settings = WebSettings(lock_out=LockOut(tries=3, seconds=0.3))
    async with running(settings) as gateway:
        for _ in range(3):
            answer = await gateway.client.get("/proxy/hr/Users", auth=httpx.BasicAuth("idm", "guess"))
            assert answer.status_code == 401
        locked = await gateway.client.get("/proxy/hr/Users", auth=gateway.auth("idm"))
        assert is_scim_error(locked, 429)
        assert int(locked.headers["retry-after"]) == 1
        other = await gateway.client.get("/proxy/hr/Users", auth=gateway.auth("reader"))
        assert other.status_code == 200
        transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
        async with httpx.AsyncClient(base_url=gateway.url, transport=transport) as elsewhere:
            assert (await elsewhere.get("/proxy/hr/Users", auth=gateway.auth("idm"))).status_code == 200
        await asyncio.sleep(0.35)
        assert (await gateway.client.get("/proxy/hr/Users", auth=gateway.auth("idm"))).status_code == 200
        assert "authentication.locked" in [event for event, _ in gateway.sink.records]


async def test_guesses_at_one_moment_are_looked_at_no_more_than_guesses_one_by_one() -> None:
    async with running(WebSettings(lock_out=LockOut(tries=5, seconds=30))) as gateway:
        guesses = [gateway.client.get("/proxy/hr/Users", auth=("idm", f"guess{number}")) for number in range(30)]
        statuses = [answer.status_code for answer in await asyncio.gather(*guesses)]
        assert (statuses.count(401), statuses.count(429)) == (5, 25)
        locked = await gateway.client.get("/proxy/hr/Users", auth=gateway.auth("idm"))
        assert (locked.status_code, locked.headers["retry-after"]) == (429, "30")


async def test_many_requests_of_the_rightful_one_at_the_first_moment_all_get_in() -> None:
    async with running(WebSettings(lock_out=LockOut(tries=2, seconds=30))) as gateway:
        asked = [gateway.client.get("/proxy/hr/Users", auth=gateway.auth("idm")) for _ in range(20)]
        assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


def test_what_was_under_way_when_an_address_was_locked_out_does_not_lengthen_it() -> None:
    now = 0.0
    lock_outs = LockOuts(LockOut(tries=2, seconds=10, window=100), clock=lambda: now)
    assert [lock_outs.failed("a", "u") for _ in range(40)] == [False, True, *[False] * 38]
    assert lock_outs.remaining("a", "u") == 11
    assert len(lock_outs.news()) == 1


def test_each_further_lock_out_lasts_longer() -> None:
    now = 0.0
    lock_outs = LockOuts(LockOut(tries=2, seconds=10, window=100), clock=lambda: now)
    lasting = []
    for _ in range(9):
        while not lock_outs.failed("a", "u"):
            pass
        lasting.append(lock_outs.remaining("a", "u") - 1)
        now += lasting[-1] + 1
    assert lasting == [10, 20, 40, 80, 160, 320, 640, 900, 900]


def test_failures_far_apart_do_not_add_up() -> None:
    now = 0.0
    lock_outs = LockOuts(LockOut(tries=2, seconds=10, window=100), clock=lambda: now)
    for _ in range(10):
        assert not lock_outs.failed("a", "u")
        now += 101


async def test_a_storm_of_guesses_is_turned_away_while_a_proven_caller_works() -> None:
    async with running(nobody=hash_secret("")) as gateway:
        auth = gateway.auth("reader")
        assert (await gateway.client.get("/proxy/hr/Users", auth=auth)).status_code == 200
        guesses = [
            gateway.client.get("/proxy/hr/Users", auth=httpx.BasicAuth(f"guess{number}", "x")) for number in range(120)
        ]
        storm = asyncio.gather(*guesses)
        served = [(await gateway.client.get("/proxy/hr/Users", auth=auth)).status_code for _ in range(20)]
        statuses = {answer.status_code for answer in await storm}
        assert served == [200] * 20
        assert statuses == {401, 429}


@pytest.mark.parametrize(
    ("name", "method", "path", "status"),
    [
        ("nobody", "GET", "/proxy/hr/Users", 403),
        ("directory", "GET", "/proxy/hr/Users", 403),
        ("idm", "GET", "/scim/Users", 403),
        ("reader", "GET", "/scim/Users", 200),
        ("reader", "POST", "/scim/Users", 403),
        ("reader", "POST", "/proxy/hr/Users", 403),
        ("reader", "POST", "/proxy/hr/Users/.search", 200),
        ("reader", "POST", "/proxy/hr/Bulk", 403),
        ("reader", "PATCH", "/proxy/hr/Users/1", 403),
        ("hr-only", "GET", "/proxy/hr/Users", 200),
        ("hr-only", "GET", "/proxy/HR/Users", 200),
        ("hr-only", "GET", "/proxy/crm/Users", 403),
        ("hr-only", "GET", "/proxy/unknown/Users", 403),
        ("hr-only", "GET", "/proxy/broken/Users", 403),
        ("hr-only", "DELETE", "/ipsproxy/service/api/v1/scim/crm/Users/1", 403),
        ("hr-only", "GET", "/proxy/crm/nothing/at/all", 403),
        ("idm", "GET", "/metrics", 403),
        ("boss", "GET", "/metrics", 200),
    ],
)
async def test_what_a_technical_user_may_do(gateway: Running, name: str, method: str, path: str, status: int) -> None:
    body = None if method in ("GET", "DELETE") else {"count": 1, "Operations": []}
    answer = await gateway.client.request(method, path, json=body, auth=gateway.auth(name))
    assert answer.status_code == status, answer.text


async def test_a_refused_permission_is_recorded(gateway: Running) -> None:
    await gateway.client.get("/scim/Users", auth=gateway.auth("idm"))
    await asyncio.sleep(0.02)
    [(event, fields)] = gateway.sink.records
    assert (event, fields["client"], fields["route"]) == ("permission.refused", "idm", "/scim/{endpoint}")


async def test_a_system_out_of_reach_is_refused_in_the_same_words_as_one_that_does_not_exist(gateway: Running) -> None:
    answers = [
        (await gateway.client.get(f"/proxy/{system}/Users", auth=gateway.auth("hr-only"))).text
        for system in ("crm", "unknown", "broken")
    ]
    assert len(set(answers)) == 1
