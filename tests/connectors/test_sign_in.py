"""How the gateway shows a backend who it is."""

import asyncio
import base64
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import trustme
from tests.connectors.farside import FarSide, Request, always, document, far_side
from tests.connectors.kit import connection

from proxeny.connectors.errors import AuthenticationFailedError, PropertyError, UnreachableError
from proxeny.connectors.scim2 import SPEC
from proxeny.connectors.scim2.connector import ScimConnector


class Issuer:
    """A token endpoint at /token; tokens are t1, t2 …; only the newest is accepted."""

    def __init__(self, lifetime: int = 3600) -> None:
        self.lifetime, self.tokens, self.asked = lifetime, 0, list[Request]()

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/token":
            self.asked.append(request)
            self.tokens += 1
            writer.write(document(200, {"access_token": f"t{self.tokens}", "expires_in": self.lifetime}))
        elif request.headers.get("authorization") == f"Bearer t{self.tokens}":
            writer.write(document(200, {"id": "1"}))
        else:
            writer.write(document(401, {"detail": "token?"}))


def oauth(side: FarSide, **more: str) -> ScimConnector:
    plain = {
        "Authentication": "BasicAuthentication",
        "OAuth2TokenServiceURL": f"{side.url}/token",
        "User": "id",
        **more,
    }
    return ScimConnector(connection(side.url, plain, {"Password": "s:ä"}))


async def test_basic_credentials_are_utf_8() -> None:
    async with far_side(always(document(200, {"id": "1"}))) as side:
        connector = ScimConnector(connection(side.url, {"User": "jörg"}, {"Password": "paß:wort"}))
        await connector.read("user", "1")
        await connector.close()
        scheme, _, value = side.requests[0].headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(value).decode()) == ("Basic", "jörg:paß:wort")


async def test_one_token_serves_many_calls_at_once() -> None:
    issuer = Issuer()
    async with far_side(issuer) as side:
        connector = oauth(side, OAuth2TokenScope="a b")
        await asyncio.gather(*(connector.read("user", "1") for _ in range(20)))
        await connector.close()
    assert len(issuer.asked) == 1
    form = parse_qs(issuer.asked[0].body.decode())
    assert form == {"grant_type": ["client_credentials"], "scope": ["a b"]}
    assert base64.b64decode(issuer.asked[0].headers["authorization"].split()[1]).decode() == "id:s:ä"


async def test_client_and_secret_can_travel_in_the_form() -> None:
    issuer = Issuer()
    async with far_side(issuer) as side:
        connector = oauth(side, AuthType="Form")
        await connector.read("user", "1")
        await connector.close()
    form = parse_qs(issuer.asked[0].body.decode())
    assert (form["client_id"], form["client_secret"]) == (["id"], ["s:ä"])
    assert "authorization" not in issuer.asked[0].headers


async def test_a_token_that_ended_early_is_fetched_anew_once() -> None:
    issuer = Issuer()
    async with far_side(issuer) as side:
        connector = oauth(side)
        await connector.read("user", "1")
        issuer.tokens = 7
        await asyncio.gather(*(connector.read("user", "1") for _ in range(8)))
        await connector.close()
    assert len(issuer.asked) == 2


async def test_a_token_endpoint_that_refuses_is_a_failed_sign_in() -> None:
    async with far_side(always(document(400, {"error": "invalid_client"}))) as side:
        connector = oauth(side)
        with pytest.raises(AuthenticationFailedError) as caught:
            await connector.read("user", "1")
        await connector.close()
    assert caught.value.backend_message == "invalid_client"
    assert "s:ä" not in repr(caught.value)


async def test_headers_of_the_operator_are_sent() -> None:
    async with far_side(always(document(200, {"id": "1"}))) as side:
        connector = ScimConnector(connection(side.url, {"ips.http.header.x-tenant": "blue"}))
        await connector.read("user", "1")
        await connector.close()
        assert side.requests[0].headers["x-tenant"] == "blue"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-a", "b\r\nx-c: d"),
        ("x a", "b"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-SSL-Client-Cert", "x"),
        ("ssl-client-verify", "SUCCESS"),
        ("Content-Length", "1"),
        ("Host", "other"),
    ],
)
async def test_headers_that_break_or_pretend_are_refused(name: str, value: str) -> None:
    values = {"URL": "http://x.example", f"ips.http.header.{name}": value}
    assert [problem.name for problem in SPEC.check(values)] == [f"ips.http.header.{name}"]
    with pytest.raises(PropertyError):
        ScimConnector(connection("http://x.example", values))


@asynccontextmanager
async def tls_server(authority: trustme.CA, name: str = "127.0.0.1") -> AsyncIterator[tuple[int, list[str]]]:
    """An HTTPS server that wants a client certificate; the list collects the common names that came."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        peer = writer.get_extra_info("peercert") or {}
        seen.append(str(peer.get("subjectAltName", "")))
        writer.write(document(200, {"id": "1"}, "Connection: close"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        await server.wait_closed()


def certified(authority: trustme.CA) -> tuple[dict[str, str], dict[str, str]]:
    client = authority.issue_cert("gateway@proxeny.example")
    plain = {
        "Authentication": "ClientCertificateAuthentication",
        "client.certificate": b"".join(blob.bytes() for blob in client.cert_chain_pems).decode(),
        "ca.certificate": authority.cert_pem.bytes().decode(),
    }
    return plain, {"client.key": client.private_key_pem.bytes().decode()}


def left_behind() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("proxeny-*"))


async def test_a_client_certificate_is_shown_and_leaves_no_file() -> None:
    authority = trustme.CA()
    before = left_behind()
    async with tls_server(authority) as (port, seen):
        connector = ScimConnector(connection(f"https://127.0.0.1:{port}", *certified(authority)))
        await connector.read("user", "1")
        await connector.close()
    assert "gateway@proxeny.example" in seen[0]
    assert left_behind() == before


@pytest.mark.parametrize("wrong", ["name", "authority"])
async def test_a_server_that_cannot_prove_its_name_gets_nothing(wrong: str) -> None:
    authority, other = trustme.CA(), trustme.CA()
    async with tls_server(authority, "127.0.0.2" if wrong == "name" else "127.0.0.1") as (port, seen):
        plain, secret = certified(other if wrong == "authority" else authority)
        connector = ScimConnector(connection(f"https://127.0.0.1:{port}", plain, secret))
        with pytest.raises(UnreachableError, match="certificate"):
            await connector.read("user", "1")
        steps = await connector.test()
        await connector.close()
    assert seen == []
    assert [(step.name, step.ok) for step in steps] == [("name", True), ("tcp", True), ("tls", False)]


async def test_trust_all_is_for_tests() -> None:
    async with tls_server(trustme.CA()) as (port, _):
        connector = ScimConnector(connection(f"https://127.0.0.1:{port}", {"TrustAll": "true"}))
        assert (await connector.read("user", "1")).id == "1"
        await connector.close()


async def test_a_key_that_does_not_fit_is_named() -> None:
    authority = trustme.CA()
    plain, _ = certified(authority)
    _, secret = certified(authority)
    connector = ScimConnector(connection("https://127.0.0.1:1", plain, secret))
    with pytest.raises(PropertyError, match=r"client\.key"):
        await connector.open()


async def test_a_csrf_token_is_fetched_kept_and_fetched_again() -> None:
    tokens: list[str] = []

    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.headers.get("x-csrf-token") == "Fetch":
            tokens.append(f"c{len(tokens)}")
            writer.write(document(200, {}, f"X-CSRF-Token: {tokens[-1]}", f"Set-Cookie: session={len(tokens)}"))
        elif (
            request.headers.get("x-csrf-token") == tokens[-1] and f"session={len(tokens)}" in request.headers["cookie"]
        ):
            writer.write(document(201, {"id": "1"}))
        else:
            writer.write(document(403, {"detail": "CSRF token required"}))

    async with far_side(behave) as side:
        plain = {"scim.api.csrf.protection": "enabled", "scim.csrf.token.path": "/csrf"}
        connector = ScimConnector(connection(side.url, plain))
        await connector.create("user", {"userName": "a"})
        await connector.create("user", {"userName": "b"})
        assert tokens == ["c0"]
        tokens.append("ended")
        await connector.create("user", {"userName": "c"})
        await connector.close()
        assert len(tokens) == 3
