"""`proxeny system test`: the first step that fails is the cause, and its words say what to do."""

import re

import pytest
import trustme
from tests.connectors.farside import always, black_hole, document, far_side, listing, raw
from tests.connectors.kit import connection, free_port
from tests.connectors.test_sign_in import tls_server

from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.spi import TestStep

GOOD = document(200, listing([{"id": "1"}], 7))


async def steps(url: str, plain: dict[str, str] | None = None, secret: dict[str, str] | None = None) -> list[TestStep]:
    connector = ScimConnector(connection(url, plain, secret))
    try:
        return [*await connector.test()]
    finally:
        await connector.close()


async def test_a_good_server_passes_every_step() -> None:
    async with far_side(always(GOOD)) as side:
        done = await steps(side.url, {"User": "u"}, {"Password": "p"})
    assert [(step.name, step.ok, step.message) for step in done] == [
        ("name", True, "127.0.0.1 is 127.0.0.1"),
        ("tcp", True, f"port {side.port} answers"),
        ("sign-in", True, "accepted (Basic)"),
        ("read one user", True, "1 read, 7 in all"),
    ]
    assert all(step.milliseconds >= 0 for step in done)


@pytest.mark.parametrize(
    ("url", "failed", "message"),
    [
        (
            "http://no.such.host.invalid",
            "name",
            r"The name no\.such\.host\.invalid cannot be.*check the host",
        ),
        ("http://169.254.169.254/x", "name", r"169\.254\.169\.254 may not be called.*See \[outbound\] allow"),
        (f"http://127.0.0.1:{free_port()}", "tcp", "Nothing listens on .*refused.*check the port"),
    ],
)
async def test_an_address_that_is_wrong_is_told_by_its_part(url: str, failed: str, message: str) -> None:
    done = await steps(url)
    assert (done[-1].name, done[-1].ok) == (failed, False)
    assert re.search(message, done[-1].message)


async def test_http_on_a_port_of_tls_is_told_with_what_to_write() -> None:
    async with tls_server(trustme.CA()) as (port, _):
        done = await steps(f"http://127.0.0.1:{port}", {"User": "u"}, {"Password": "p"})
    assert (done[-1].name, done[-1].ok) == ("sign-in", False)
    assert "write https:// in URL" in done[-1].message
    assert "ServerDisconnectedError" not in done[-1].message


@pytest.mark.parametrize(
    ("answer", "failed", "message"),
    [
        (document(401, {"detail": "who?"}), "sign-in", "check User, Password and Authentication.*It said: who?"),
        (document(403, {"detail": "role"}), "sign-in", "answered 403.*It said: role"),
        (
            document(404, {}),
            "read one user",
            r"nothing at http://127\.0\.0\.1:\d+/scim/Users \(404\).*path of",
        ),
        (raw(200, b"<html>", "text/html"), "sign-in", "text/html where JSON was expected: a login page"),
        (document(200, {"ok": True}), "read one user", "no list of resources"),
    ],
)
async def test_a_server_that_answers_otherwise_is_told_by_what_it_did(answer: bytes, failed: str, message: str) -> None:
    async with far_side(always(answer)) as side:
        done = await steps(f"{side.url}/scim", {"User": "u"}, {"Password": "p"})
    assert (done[-1].name, done[-1].ok) == (failed, False)
    assert re.search(message, done[-1].message)


async def test_a_server_that_does_not_answer_is_told_with_its_time() -> None:
    async with far_side(black_hole) as side:
        done = await steps(side.url, {"timeout.total": "1"})
    assert [step.ok for step in done] == [True, True, False]
    assert "did not answer completely within 1 s" in done[-1].message
    assert 900 < done[-1].milliseconds < 3000


@pytest.mark.parametrize(
    ("token_url", "message"),
    [
        ("{url}/token", r"token endpoint .*/token answered 404; check OAuth2TokenServiceURL"),
        ("http://127.0.0.1:1/token", "The token endpoint cannot be used: No connection to 127.0.0.1:1"),
    ],
)
async def test_a_token_endpoint_that_is_wrong_is_told_as_such(token_url: str, message: str) -> None:
    async with far_side(always(document(404, {}))) as side:
        plain = {"User": "u", "OAuth2TokenServiceURL": token_url.format(url=side.url)}
        done = await steps(side.url, plain, {"Password": "p"})
    assert done[-1].name == "sign-in"
    assert re.search(message, done[-1].message)


async def test_tls_against_a_port_without_it_is_told() -> None:
    async with far_side(always(raw(400, b"what?", "text/plain"))) as side:
        done = await steps(side.url.replace("http:", "https:"))
    assert done[-1].name == "tls"
    assert "does it speak TLS" in done[-1].message or "speaks no TLS" in done[-1].message


@pytest.mark.parametrize(
    ("name", "message"),
    [("127.0.0.1", "Give the certificate authority"), ("127.0.0.2", "Use the name that the certificate is for")],
)
async def test_a_certificate_that_is_not_trusted_is_told_with_what_to_do(name: str, message: str) -> None:
    authority = trustme.CA()
    trusted = {"ca.certificate": authority.cert_pem.bytes().decode()} if name == "127.0.0.2" else {}
    async with tls_server(authority, name) as (port, _):
        done = await steps(f"https://127.0.0.1:{port}", trusted)
    assert (done[-1].name, done[-1].ok) == ("tls", False)
    assert message in done[-1].message
