"""Other people's OAuth clients at the token endpoint, over TLS: authlib's in both its forms, and httpx's own flow of
authentication (``httpx.Auth``), each in every way of client authentication."""

import asyncio
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from tests.web.pki import SERVER, Authority, Made
from tests.web.running import SECRET, Running, running, user
from tests.web.test_oauth import ASSERTION

from proxeny.web.auth.caller import CertificateRule
from proxeny.web.settings import TlsSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # authlib tells which successor of httpx it would like
    from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client, OAuthError

KEY = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "r1", "use": "sig"})
JWKS = {"keys": [KEY.as_dict(private=False), RSA.as_dict(private=False)]}

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth")


@dataclass(frozen=True)
class Site:
    """A gateway, and the TLS contexts of a caller without and with a certificate."""

    gateway: Running
    plain: ssl.SSLContext
    certified: ssl.SSLContext

    @property
    def endpoint(self) -> str:
        return f"{self.gateway.url}/oauth2/token"

    def context(self, method: str) -> ssl.SSLContext:
        return self.certified if method == "tls_client_auth" else self.plain

    def url(self, path: str = "/proxy/hr/Users") -> str:
        return self.gateway.url + path

    @property
    def last_caller(self) -> str:
        return str(self.gateway.gateway.systems["hr"].calls[-1].caller)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def robot(authority: Authority) -> Made:
    return authority.issue("CN=robot,O=Example")


@pytest.fixture
async def site(authority: Authority, robot: Made) -> AsyncIterator[Site]:
    server = authority.issue("CN=localhost", SERVER)
    rule = CertificateRule(subject="CN=robot,O=Example", issuer="CN=test CA")
    users = [
        user("client_secret_basic", "proxy"),
        user("client_secret_post", "proxy"),
        user("private_key_jwt", "proxy", secrets=(), keys=JWKS),
        user("tls_client_auth", "proxy", secrets=(), certificates=(rule,), bind_tokens=True),
    ]
    tls = TlsSettings(certificate=server.file, key=server.file, client_ca=authority.file)
    async with running(users=users, tls=tls, verify=authority.trust()) as gateway:
        yield Site(gateway, authority.trust(), authority.trust(robot))


# -- authlib on httpx ---------------------------------------------------------------------------------------------


def prepared(client: Any, site: Site, method: str) -> Any:
    """The client, with what authlib leaves to its user."""
    if method == "private_key_jwt":
        client.register_client_auth_method(PrivateKeyJWT(site.endpoint, headers={"kid": "r1"}, alg="RS256"))
    return client


def options(site: Site, method: str) -> dict[str, Any]:
    """authlib sends ``client_id`` alone with the method ``none``: RFC 8705 §2.1 asks for nothing else."""
    named = "none" if method == "tls_client_auth" else method
    secret = {"private_key_jwt": RSA.as_pem(private=True).decode(), "tls_client_auth": None}.get(method, SECRET)
    return {
        "client_id": method,
        "client_secret": secret,
        "token_endpoint_auth_method": named,
        "revocation_endpoint_auth_method": named,
        "verify": site.context(method),
    }


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
@pytest.mark.parametrize("method", METHODS)
async def test_authlibs_asynchronous_client(site: Site, method: str, token_format: str) -> None:
    async with prepared(AsyncOAuth2Client(**options(site, method)), site, method) as client:
        fetch = {"grant_type": "client_credentials", "token_format": token_format}
        token = await client.fetch_token(site.endpoint, **fetch)
        assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 600, "proxy")
        assert (await client.get(site.url())).status_code == 200
        assert site.last_caller == method
        told = (await client.introspect_token(site.url("/oauth2/introspect"), token["access_token"])).json()
        assert (told["active"], told["client_id"], "cnf" in told) == (True, method, method == "tls_client_auth")
        assert (await client.revoke_token(site.url("/oauth2/revoke"), token["access_token"])).status_code == 200
        assert (await client.get(site.url())).status_code == 401


@pytest.mark.parametrize("method", METHODS)
async def test_authlibs_synchronous_client(site: Site, method: str) -> None:
    def work() -> list[int]:
        with prepared(OAuth2Client(**options(site, method)), site, method) as client:
            client.fetch_token(site.endpoint, grant_type="client_credentials")
            return [client.get(site.url()).status_code for _ in range(2)]

    assert await asyncio.to_thread(work) == [200, 200]
    assert site.last_caller == method


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_authlib_finds_the_error_that_the_rfc_has(site: Site, method: str) -> None:
    async with AsyncOAuth2Client(**{**options(site, method), "client_secret": "wrong"}) as client:
        with pytest.raises(OAuthError) as refused:
            await client.fetch_token(site.endpoint, grant_type="client_credentials")
        assert refused.value.error == "invalid_client"


async def test_authlib_gets_a_new_token_when_the_old_one_has_ended(site: Site) -> None:
    more = {"token_endpoint": site.endpoint, "grant_type": "client_credentials"}
    async with AsyncOAuth2Client(**options(site, "client_secret_basic"), **more) as client:
        first = dict(await client.fetch_token())
        client.token = {**first, "expires_at": int(time.time()) - 5}
        assert (await client.get(site.url())).status_code == 200
        assert client.token["access_token"] != first["access_token"]


# -- httpx's own flow ---------------------------------------------------------------------------------------------

Credentials = Callable[[str], tuple[Mapping[str, str], Any]]
"""The fields of the form, and what signs the request, for a token endpoint."""


@dataclass
class ClientCredentials(httpx.Auth):
    """Fetches a token before the first request, and once more when it is refused."""

    endpoint: str
    credentials: Credentials
    token: str = ""
    fetched: list[httpx.Response] = field(default_factory=list)
    requires_response_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for last in (False, True):
            if not self.token:
                yield from self._fetch()
            if not self.token:
                return
            request.headers["Authorization"] = f"Bearer {self.token}"
            response = yield request
            if response.status_code != 401 or last:
                return
            self.token = ""

    def _fetch(self) -> Generator[httpx.Request, httpx.Response, None]:
        form, basic = self.credentials(self.endpoint)
        asked = httpx.Request("POST", self.endpoint, data={"grant_type": "client_credentials", **form})
        signed = next(basic.sync_auth_flow(asked)) if basic else asked
        answer = yield signed
        self.fetched.append(answer)
        self.token = answer.json().get("access_token", "")


def basic(endpoint: str) -> tuple[Mapping[str, str], Any]:
    return {}, httpx.BasicAuth("client_secret_basic", SECRET)


def post(endpoint: str) -> tuple[Mapping[str, str], Any]:
    return {"client_id": "client_secret_post", "client_secret": SECRET}, None


def signed(endpoint: str) -> tuple[Mapping[str, str], Any]:
    now = int(time.time())
    about = {"iss": "private_key_jwt", "sub": "private_key_jwt", "aud": endpoint, "iat": now, "exp": now + 60}
    claims = {**about, "jti": str(time.perf_counter_ns())}
    assertion = jwt.encode({"alg": "ES256", "kid": "k1"}, claims, KEY, algorithms=["ES256"])
    return {"client_assertion_type": ASSERTION, "client_assertion": assertion}, None


def certificate(endpoint: str) -> tuple[Mapping[str, str], Any]:
    return {"client_id": "tls_client_auth"}, None


WAYS: dict[str, Credentials] = dict(zip(METHODS, (basic, post, signed, certificate), strict=True))


@pytest.mark.parametrize("method", METHODS)
async def test_httpxs_own_flow_fetches_one_token_and_keeps_it(site: Site, method: str) -> None:
    auth = ClientCredentials(site.endpoint, WAYS[method])
    async with httpx.AsyncClient(base_url=site.gateway.url, auth=auth, verify=site.context(method)) as client:
        made = await client.post("/proxy/hr/Users", json={"userName": "ann"})
        assert made.status_code == 201, made.text
        assert [(await client.get("/proxy/hr/Users")).status_code for _ in range(3)] == [200] * 3
    assert site.last_caller == method
    assert [answer.status_code for answer in auth.fetched] == [200]


@pytest.mark.parametrize("method", METHODS)
async def test_httpxs_own_flow_fetches_another_when_the_first_is_revoked(site: Site, method: str) -> None:
    auth = ClientCredentials(site.endpoint, WAYS[method])
    async with httpx.AsyncClient(base_url=site.gateway.url, auth=auth, verify=site.context(method)) as client:
        assert (await client.get("/proxy/hr/Users")).status_code == 200
        form, signature = WAYS[method](site.endpoint)
        gone = await client.post("/oauth2/revoke", data={**form, "token": auth.token}, auth=signature or httpx.Auth())
        assert gone.status_code == 200
        assert (await client.get("/proxy/hr/Users")).status_code == 200
    assert [answer.status_code for answer in auth.fetched] == [200, 200]


async def test_httpxs_synchronous_flow(site: Site) -> None:
    def work() -> int:
        auth = ClientCredentials(site.endpoint, basic)
        with httpx.Client(base_url=site.gateway.url, auth=auth, verify=site.plain) as client:
            return client.get("/proxy/hr/Users").status_code

    assert await asyncio.to_thread(work) == 200


async def test_a_bound_token_is_worth_nothing_without_its_certificate(site: Site, authority: Authority) -> None:
    auth = ClientCredentials(site.endpoint, certificate)
    async with httpx.AsyncClient(verify=site.certified, auth=auth) as client:
        assert (await client.get(site.url())).status_code == 200
    bearer = {"Authorization": f"Bearer {auth.token}"}
    for thief in (site.plain, authority.trust(authority.issue("CN=thief"))):
        async with httpx.AsyncClient(verify=thief) as client:
            assert (await client.get(site.url(), headers=bearer)).status_code == 401


async def test_without_its_certificate_the_flow_gets_no_token(site: Site) -> None:
    auth = ClientCredentials(site.endpoint, certificate)
    async with httpx.AsyncClient(verify=site.plain, auth=auth) as client:
        assert (await client.get(site.url())).status_code == 401
    assert {(answer.status_code, answer.json()["error"]) for answer in auth.fetched} == {(401, "invalid_client")}


async def test_no_client_puts_a_secret_where_logs_would_have_it(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "proxeny")
    auth = ClientCredentials(site.endpoint, post)
    async with httpx.AsyncClient(base_url=site.gateway.url, auth=auth, verify=site.plain) as client:
        await client.get("/proxy/hr/Users")
    told = caplog.text + str([vars(record) for record in caplog.records if record.name.startswith("proxeny")])
    assert "/oauth2/token" in told
    assert not any(word in told for word in (SECRET, urlencode({"": SECRET})[1:], auth.token))
    sent = parse_qs(auth.fetched[0].request.content.decode())
    assert sent["client_secret"] == [SECRET]
