"""Tokens: client credentials by certificate, tokens that end while calls are under way, SAP Concur's own flow."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest
import trustme
from tests.connectors.farside import FarSide, Request, document, far_side
from tests.connectors.kit import connection
from tests.connectors.test_sign_in import Issuer, certified, oauth

from proxeny.connectors.errors import AuthenticationFailedError, PropertyError, UnreachableError
from proxeny.connectors.outbound import auth
from proxeny.connectors.outbound.grants import Memory
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.spec import Connection


@asynccontextmanager
async def token_endpoint(authority: trustme.CA) -> AsyncIterator[tuple[int, list[tuple[str, str]]]]:
    """Issuer and API in one, by mutual TLS; the list has the certificate's name and the body of each request."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    seen: list[tuple[str, str]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r")[0] or 0)
        body = (await reader.readexactly(length)).decode()
        seen.append((str((writer.get_extra_info("peercert") or {}).get("subjectAltName")), body))
        token = {"access_token": "t", "expires_in": 3600}
        good = {"id": "1"} if "authorization: bearer t" in head else {}
        writer.write(document(200, token if body else good, "Connection: close"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        await server.wait_closed()


async def test_a_certificate_stands_for_the_secret_at_the_token_endpoint() -> None:
    """RFC 8705 §2.1: tls_client_auth sends the client id, and no secret."""
    authority = trustme.CA()
    plain, secret = certified(authority)
    async with token_endpoint(authority) as (port, seen):
        url = f"https://127.0.0.1:{port}"
        more = {"OAuth2TokenServiceURL": f"{url}/token", "client_id": "gateway", "OAuth2TokenScope": "scim"}
        connector = ScimConnector(connection(url, {**plain, **more}, secret))
        assert (await connector.read("user", "1")).id == "1"
        await connector.close()
    assert all("gateway@proxeny.example" in name for name, _ in seen)
    assert parse_qs(seen[0][1]) == {
        "grant_type": ["client_credentials"],
        "scope": ["scim"],
        "client_id": ["gateway"],
    }


class Clock:
    """Stands in for the time module of the sign-in."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


async def test_a_token_that_ends_during_a_run_costs_one_request_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reliability T28: tokens of 30 s in a run of 3 min, 16 calls at a time: one token request per expiry."""
    clock, issuer = Clock(), Issuer(lifetime=30)
    monkeypatch.setattr(auth, "time", clock)
    async with far_side(issuer) as side:
        connector = oauth(side)
        for _ in range(12):
            await asyncio.gather(*(connector.read("user", "1") for _ in range(16)))
            clock.ahead += 15.5  # a token is renewed at half of its short life
        await connector.close()
    assert len(issuer.asked) == 12
    refused = [request for request in side.requests if request.headers.get("authorization") == "Bearer t0"]
    assert refused == []


async def test_a_token_is_not_asked_for_again_while_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, issuer = Clock(), Issuer(lifetime=3600)
    monkeypatch.setattr(auth, "time", clock)
    async with far_side(issuer) as side:
        connector = oauth(side)
        for ahead in (0, 1800, 3500, 3575):
            clock.ahead = ahead
            await connector.read("user", "1")
            assert len(issuer.asked) == (1 if ahead <= 3500 else 2)
        await connector.close()


async def test_a_refresh_that_fails_stops_and_a_later_one_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, issuer = Clock(), Issuer(lifetime=30)
    monkeypatch.setattr(auth, "time", clock)
    down = False

    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if down and request.path == "/token":
            writer.write(document(401, {"error": "invalid_client"}))
        else:
            await issuer(side, request, writer)

    async with far_side(behave) as side:
        connector = oauth(side)
        await connector.read("user", "1")
        clock.ahead, down = 40.0, True
        results = await asyncio.gather(*(connector.read("user", "1") for _ in range(16)), return_exceptions=True)
        assert {type(result) for result in results} == {AuthenticationFailedError}
        assert all(getattr(result, "next", None) == "stop" for result in results)
        down = False
        assert (await connector.read("user", "1")).id == "1"
        await connector.close()


async def test_a_token_endpoint_that_is_down_is_no_wrong_password() -> None:
    async with far_side(Issuer()) as side:
        connector = oauth(side, OAuth2TokenServiceURL="http://127.0.0.1:1/token")
        with pytest.raises(UnreachableError):
            await connector.read("user", "1")
        await connector.close()


class Concur:
    """The token endpoint of SAP Concur: a request token works once, a refresh token until the next one is given."""

    def __init__(self) -> None:
        self.code: str | None = "at-1"
        self.refresh: str | None = None
        self.number = 0
        self.forms: list[dict[str, str]] = []

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path != "/oauth2/v0/token":
            bearer = request.headers.get("authorization") == f"Bearer access-{self.number}"
            writer.write(document(200, {"id": "1"}) if bearer and self.number else document(401, {}))
            return
        form = {name: found[0] for name, found in parse_qs(request.body.decode()).items()}
        self.forms.append(form)
        if form["grant_type"] == "password" and form["password"] == self.code and form["credtype"] == "authtoken":
            self.code = None
        elif form["grant_type"] != "refresh_token" or form["refresh_token"] != self.refresh:
            writer.write(document(400, {"error": "invalid_grant", "code": 5}))
            return
        self.number += 1
        self.refresh = f"refresh-{self.number}"
        answer = {"access_token": f"access-{self.number}", "refresh_token": self.refresh, "expires_in": "3600"}
        writer.write(document(200, answer))


def concur(side: FarSide, memory: Memory, code: str = "at-1", path: str = "", **secrets: str) -> ScimConnector:
    plain = {"User": "app", "concur.company.id": "company"}
    made = connection(
        side.url + path,
        plain,
        {"Password": "s", "concur.authorization.code": code, **secrets},
        type_name="SAP_CONCUR",
    )
    made.outbound.keeper = memory
    return ScimConnector(Connection(made.system_id, "Concur", made.type, made.properties, made.database, made.outbound))


async def test_concur_exchanges_its_request_token_once_and_refreshes_from_then_on() -> None:
    issuer, memory = Concur(), Memory()
    async with far_side(issuer) as side:
        for _ in range(3):  # three starts of the gateway
            connector = concur(side, memory)
            assert (await connector.read("user", "1")).id == "1"
            await connector.close()
    client = {"client_id": "app", "client_secret": "s"}
    assert issuer.forms == [
        {**client, "grant_type": "password", "username": "company", "password": "at-1", "credtype": "authtoken"},
        {**client, "grant_type": "refresh_token", "refresh_token": "refresh-1"},
        {**client, "grant_type": "refresh_token", "refresh_token": "refresh-2"},
    ]


@pytest.mark.parametrize("path", ["", "/", "/scim/v4", "/scim/v4/"])
async def test_concur_is_asked_below_the_path_of_its_scim_api(path: str) -> None:
    async with far_side(Concur()) as side:
        connector = concur(side, Memory(), path=path)
        await connector.read("user", "1")
        await connector.close()
        assert [request.path for request in side.requests if "Users" in request.path] == ["/scim/v4/Users/1"]


async def test_concur_takes_a_new_request_token_when_the_refresh_token_has_ended() -> None:
    issuer, memory = Concur(), Memory()
    async with far_side(issuer) as side:
        connector = concur(side, memory)
        await connector.read("user", "1")
        await connector.close()
        issuer.refresh, issuer.code = None, "at-2"
        connector = concur(side, memory, "at-2")
        assert (await connector.read("user", "1")).id == "1"
        await connector.close()
    assert [form["grant_type"] for form in issuer.forms] == ["password", "refresh_token", "password"]


async def test_concur_begins_with_a_refresh_token_that_was_given() -> None:
    issuer, memory = Concur(), Memory()
    issuer.refresh = "given"
    async with far_side(issuer) as side:
        connector = concur(side, memory, "", **{"concur.refresh.token": "given"})
        assert (await connector.read("user", "1")).id == "1"
        await connector.close()


async def test_concur_says_which_token_is_missing() -> None:
    issuer = Concur()
    async with far_side(issuer) as side:
        connector = concur(side, Memory(), "")
        with pytest.raises(PropertyError, match=r"concur\.authorization\.code"):
            await connector.read("user", "1")
        await connector.close()
        assert side.requests == []


async def test_concur_never_shows_a_refresh_token_to_another_host() -> None:
    issuer, elsewhere, memory = Concur(), Concur(), Memory()
    async with far_side(issuer) as side, far_side(elsewhere) as other:
        connector = concur(side, memory)
        await connector.read("user", "1")
        await connector.close()
        connector = concur(other, memory, "at-9")
        with pytest.raises(AuthenticationFailedError, match="answered 400"):
            await connector.read("user", "1")
        await connector.close()
    assert [form["grant_type"] for form in elsewhere.forms] == ["password"]
