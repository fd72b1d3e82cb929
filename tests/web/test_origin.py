"""Where a request came from, decided by the socket, and the address that it is answered with."""

from ipaddress import ip_network

import pytest
from tests.web.running import running

from proxeny.web.origin import Origins
from proxeny.web.settings import WebSettings

FORGED = {
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Prefix": "/evil",
    "X-Real-IP": "6.6.6.6",
    "Forwarded": "for=6.6.6.6;host=evil.test;proto=https",
    "True-Client-IP": "6.6.6.6",
}
LOOPBACK = (ip_network("127.0.0.0/8"),)


async def location(settings: WebSettings, headers: dict[str, str]) -> tuple[str, str]:
    async with running(settings) as gateway:
        answer = await gateway.client.post(
            "/proxy/hr/Users", json={"userName": "a"}, auth=gateway.auth(), headers=headers
        )
        return answer.headers["location"].replace(gateway.url, "SELF"), gateway.url


async def test_forwarded_headers_of_strangers_are_as_if_absent() -> None:
    assert (await location(WebSettings(), FORGED))[0] == "SELF/proxy/hr/Users/1"
    elsewhere = WebSettings(trusted_proxies=(ip_network("10.0.0.0/8"),))
    assert (await location(elsewhere, FORGED))[0] == "SELF/proxy/hr/Users/1"


async def test_a_public_url_wins_over_everything() -> None:
    settings = WebSettings(public_url="https://id.example/gw/", trusted_proxies=LOOPBACK)
    assert (await location(settings, {**FORGED, "Host": "other.test"}))[0] == "https://id.example/gw/proxy/hr/Users/1"


async def test_a_named_proxy_is_believed() -> None:
    headers = {"X-Forwarded-Host": "id.example:8443", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/gw"}
    found, _ = await location(WebSettings(trusted_proxies=LOOPBACK), headers)
    assert found == "https://id.example:8443/gw/proxy/hr/Users/1"


@pytest.mark.parametrize("host", ["evil.test/x", "a b", "ü.test", "a@b", 'x"y', "", "a" * 300])
async def test_a_host_that_is_none_never_gets_into_a_location(host: str) -> None:
    found, _ = await location(WebSettings(trusted_proxies=LOOPBACK), {"X-Forwarded-Host": host.encode("utf-8")})
    assert found == "SELF/proxy/hr/Users/1"


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        ((), "10.0.0.1"),
        ((b"1.2.3.4",), "1.2.3.4"),
        ((b"6.6.6.6, 1.2.3.4",), "1.2.3.4"),
        ((b"6.6.6.6", b"1.2.3.4, 10.0.0.9"), "1.2.3.4"),
        ((b"1.2.3.4:5678",), "1.2.3.4"),
        ((b'"[2001:db8::1]:443"',), "2001:db8::1"),
        ((b"nonsense",), "10.0.0.1"),
        ((b"1.2.3.4, unknown, 10.0.0.2",), "10.0.0.2"),
    ],
)
def test_the_caller_is_the_last_address_that_no_named_proxy_has(forwarded_for: tuple[bytes, ...], address: str) -> None:
    origins = Origins(WebSettings(trusted_proxies=(ip_network("10.0.0.0/8"),)))
    scope = {"client": ("10.0.0.1", 1), "scheme": "http", "server": ("127.0.0.1", 80)}
    headers = {b"x-forwarded-for": list(forwarded_for)} if forwarded_for else {}
    assert origins.of(scope, headers).address == address


def test_an_ipv4_proxy_is_known_on_a_socket_of_both_families() -> None:
    origins = Origins(WebSettings(trusted_proxies=(ip_network("10.0.0.0/8"),)))
    assert origins.trusts("::ffff:10.1.2.3")
    assert not origins.trusts("")
