"""Tokens of an issuer that others wrote (oidc-provider), and of issuers in the shape of Entra ID."""

import asyncio
import base64
import contextlib
import json
import shutil
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from tests.conftest import ROOT
from tests.web.pki import SERVER, Authority
from tests.web.running import Running, running, user
from tests.web.test_certificates import tls_of

from proxeny.scim.errors import TooManyRequestsError
from proxeny.web.errors import InvalidTokenError
from proxeny.web.oauth.issuers import ExternalIssuers, IssuerSettings

RESOURCE = "https://gateway.test/scim"
OIDC = ROOT / ".cache" / "oidc"


class Issuer:
    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            return (await self.process.stdout.readline()).decode().strip()

    async def rotate(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"rotate\n")
        assert await self.line() == "rotated"

    async def token(self, client: str, **more: Any) -> str:
        options: dict[str, Any] = {"auth": (client, f"{client}-secret-of-the-test"), **more}
        form = {"grant_type": "client_credentials", "scope": "proxy", **options.pop("data", {})}
        async with httpx.AsyncClient(verify=options.pop("verify", True)) as http:
            answer = await http.post(f"{self.url}/token", data=form, **options)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@contextlib.asynccontextmanager
async def issuer_process(*arguments: str) -> AsyncIterator[Issuer]:
    assert (OIDC / "node_modules" / "oidc-provider").is_dir(), "run tests/web/oidc/install.sh (it needs node and npm)"
    node = shutil.which("node") or "node"
    process = await asyncio.create_subprocess_exec(
        node, OIDC / "issuer.mjs", RESOURCE, *arguments, stdin=-1, stdout=-1, stderr=-3, cwd=OIDC
    )
    found = Issuer(process, "")
    try:
        found.url = await found.line()
        yield found
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuer_process() as found:
        yield found


def rules(issuer: Issuer, **more: Any) -> IssuerSettings:
    return IssuerSettings(url=issuer.url, audience=frozenset({RESOURCE}), **more)


USERS = [user("idm", "proxy", secrets=()), user("opaque", "proxy", secrets=()), user("mapped", "proxy", secrets=())]


async def use(gateway: Running, token: str) -> int:
    answer = await gateway.client.get("/proxy/hr/Users", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


async def test_a_token_of_a_believed_issuer_means_the_technical_user_of_its_client(issuer: Issuer) -> None:
    async with running(users=USERS, issuers=[rules(issuer)]) as gateway:
        assert await use(gateway, await issuer.token("idm")) == 200
        assert gateway.gateway.systems["hr"].calls[-1].caller == "idm"
        assert await use(gateway, await issuer.token("stranger")) == 401
        assert await gateway.sink.reasons() == ["token is of an unknown or disabled technical user"]


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"tid": "tenant-1"}, 200),
        ({"roles": "provisioning"}, 200),
        ({"tid": ["tenant-0", "tenant-1"], "roles": "other"}, 200),
        ({"tid": "tenant-2"}, 401),
        ({"roles": "admin"}, 401),
        ({"absent": "x"}, 401),
        ({"tid": "tenant-1", "roles": "admin"}, 401),
    ],
)
async def test_rules_on_claims_decide_whom_a_token_means(issuer: Issuer, claims: dict[str, Any], status: int) -> None:
    async with running(users=USERS, issuers=[rules(issuer, claims=claims, client="mapped")]) as gateway:
        assert await use(gateway, await issuer.token("stranger")) == status
        if status == 200:
            assert gateway.gateway.systems["hr"].calls[-1].caller == "mapped"


async def test_an_audience_or_issuer_that_is_not_ours_opens_nothing(issuer: Issuer) -> None:
    other = IssuerSettings(url=issuer.url, audience=frozenset({"https://other.test"}))
    async with running(users=USERS, issuers=[other]) as gateway:
        assert await use(gateway, await issuer.token("idm")) == 401
        assert await gateway.sink.reasons() == ["token is for another audience"]
    async with running(users=USERS) as gateway:
        assert await use(gateway, await issuer.token("idm")) == 401


async def test_an_issuers_new_key_is_found(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxeny.web.oauth.issuers._LOOK_AGAIN", 0.0)
    async with running(users=USERS, issuers=[rules(issuer)]) as gateway:
        assert await use(gateway, await issuer.token("idm")) == 200
        await issuer.rotate()
        assert await use(gateway, await issuer.token("idm")) == 200


async def test_opaque_tokens_are_asked_about_and_their_revocation_is_believed(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = ("gateway", "gateway-secret-of-the-test")
    async with running(users=USERS, issuers=[rules(issuer, introspection=asking)]) as gateway:
        token = await issuer.token("opaque")
        assert "." not in token
        assert await use(gateway, token) == 200
        assert gateway.gateway.systems["hr"].calls[-1].caller == "opaque"
        assert await use(gateway, "made-up-token") == 401
        async with httpx.AsyncClient() as http:
            await http.post(
                f"{issuer.url}/token/revocation", data={"token": token}, auth=("opaque", "opaque-secret-of-the-test")
            )
    async with running(users=USERS, issuers=[rules(issuer, introspection=asking)]) as gateway:
        assert await use(gateway, token) == 401


async def test_a_token_that_an_issuer_bound_to_a_certificate_needs_it_here(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    client = authority.issue("CN=bound")
    server = authority.issue("CN=localhost", SERVER)
    jwk = ECKey.import_key(client.certificate.public_key()).as_dict(private=False)
    numbers = {**jwk, "x5c": [base64.b64encode(client.der).decode()]}
    client.file.with_name(client.file.name + ".jwk").write_text(json.dumps(numbers))
    async with issuer_process(str(client.file), str(server.file)) as issuer:
        context = authority.trust(client)
        form = {"data": {"client_id": "bound"}, "auth": None, "verify": context}
        token = await issuer.token("bound", **form)
        keys = await fetched_keys(issuer, context)
        settings = IssuerSettings(url=issuer.url, audience=frozenset({RESOURCE}))
        external = ExternalIssuers([settings], StandIn(keys, issuer.url))
        async with running(
            users=[user("bound", "proxy", secrets=())], tls=tls_of(authority), verify=context
        ) as gateway:
            gateway.security._bearer._external = external
            assert await use(gateway, token) == 200
            async with httpx.AsyncClient(base_url=gateway.url, verify=authority.trust()) as without:
                answer = await without.get("/proxy/hr/Users", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401
            assert await gateway.sink.reasons() == ["token is bound to another certificate"]


async def fetched_keys(issuer: Issuer, context: ssl.SSLContext) -> bytes:
    async with httpx.AsyncClient(verify=context) as http:
        return (await http.get(f"{issuer.url}/jwks")).content


class Answer:
    def __init__(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}


class StandIn:
    """An issuer's published documents; counts what is fetched."""

    def __init__(self, keys: bytes, issuer: str, **metadata: Any) -> None:
        self.keys = keys
        self.metadata = {"issuer": issuer, "jwks_uri": "https://keys.test/jwks", **metadata}
        self.fetched: list[str] = []

    async def __call__(self, url: str, *, form: Any = None, headers: Any = None) -> Answer:
        self.fetched.append(url)
        if url == self.metadata["jwks_uri"]:
            return Answer(200, self.keys, {"cache-control": "public, max-age=600"})
        if url.endswith("/.well-known/openid-configuration"):
            return Answer(200, orjson.dumps(self.metadata))
        return Answer(404, b"")


ENTRA_KEY = RSAKey.generate_key(2048, {"kid": "entra-1", "use": "sig"})
TENANT = "11111111-2222-3333-4444-555555555555"
PROVISIONING = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
VERSION_1 = {
    "url": f"https://login.test/{TENANT}",
    "issuer": f"https://sts.test/{TENANT}/",
    "audience": frozenset({PROVISIONING}),
    "claims": {"tid": TENANT},
    "client": "idm",
}


def entra(**changes: Any) -> str:
    """What Entra ID's provisioning service sends when the secret token is left empty."""
    now = int(time.time())
    claims = {
        "aud": PROVISIONING,
        "iss": f"https://sts.test/{TENANT}/",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "appid": "00000014-0000-0000-c000-000000000000",
        "idtyp": "app",
        "tid": TENANT,
        "ver": "1.0",
        **changes,
    }
    header = {"typ": "JWT", "alg": "RS256", "x5t": "entra-1", "kid": "entra-1"}
    return jwt.encode(header, claims, ENTRA_KEY, algorithms=["RS256"])


def published(*keys: Any) -> bytes:
    return orjson.dumps({"keys": [key.as_dict(private=isinstance(key, OctKey)) for key in keys]})


def entra_issuers(fetch: StandIn | None = None) -> ExternalIssuers:
    fetch = fetch or StandIn(published(ENTRA_KEY), f"https://sts.test/{TENANT}/")
    return ExternalIssuers([IssuerSettings(**VERSION_1)], fetch)  # type: ignore[arg-type]  # a table of many kinds


async def test_entra_ids_own_token_is_believed_for_its_tenant() -> None:
    client, claims = await entra_issuers().claims(entra())
    assert (client, claims["tid"]) == ("idm", TENANT)


@pytest.mark.parametrize(
    "changes",
    [{"tid": "other"}, {"aud": "other"}, {"exp": 1}, {"iss": "https://sts.test/other/"}, {"nbf": 4102444800}],
)
async def test_entra_ids_token_for_others_is_not(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError):
        await entra_issuers().claims(entra(**changes))


async def test_metadata_of_another_issuer_is_not_believed() -> None:
    fetch = StandIn(published(ENTRA_KEY), "https://evil.test/")
    with pytest.raises(InvalidTokenError, match="metadata is of another issuer"):
        await entra_issuers(fetch).claims(entra())


@pytest.mark.parametrize("address", ["http://keys.test/jwks", "file:///etc/passwd", "", None])
async def test_keys_are_fetched_over_https_only(address: str | None) -> None:
    fetch = StandIn(published(ENTRA_KEY), f"https://sts.test/{TENANT}/", jwks_uri=address)
    with pytest.raises(InvalidTokenError, match="not https"):
        await entra_issuers(fetch).claims(entra())


async def test_symmetric_and_encryption_keys_of_an_issuer_are_left_out() -> None:
    secret = OctKey.generate_key(256, {"kid": "entra-1"})
    wrong_use = RSAKey.import_key(ENTRA_KEY.as_dict(private=False), {"kid": "entra-1", "use": "enc"})
    for keys in (published(secret), published(wrong_use), b'{"keys": [{"kty": "RSA"}]}', b'{"keys": 1}', b"[]"):
        with pytest.raises(InvalidTokenError):
            await entra_issuers(StandIn(keys, f"https://sts.test/{TENANT}/")).claims(entra())


async def test_what_an_issuer_published_is_kept_and_unknown_keys_do_not_hammer_it() -> None:
    fetch = StandIn(published(ENTRA_KEY), f"https://sts.test/{TENANT}/")
    issuers = entra_issuers(fetch)
    for _ in range(3):
        await issuers.claims(entra())
    assert len(fetch.fetched) == 2
    other = RSAKey.generate_key(2048, {"kid": "other"})
    for _ in range(5):
        token = jwt.encode({"alg": "RS256", "kid": "other"}, {"iss": f"https://sts.test/{TENANT}/"}, other)
        with pytest.raises(InvalidTokenError, match="key is unknown"):
            await issuers.claims(token)
    assert len(fetch.fetched) == 2


async def test_an_issuer_that_is_not_there_refuses_and_does_not_fail() -> None:
    gone = IssuerSettings(url="http://127.0.0.1:9", audience=frozenset({PROVISIONING}))
    async with running(users=USERS, issuers=[gone]) as gateway:
        assert await use(gateway, entra(iss="http://127.0.0.1:9")) == 401
        assert await gateway.sink.reasons() == ["issuer cannot be reached"]


async def test_an_issuer_is_not_flooded_with_questions_about_made_up_tokens() -> None:
    answer, open_, most = asyncio.Event(), 0, 0

    class Told:
        status, headers = 200, dict[str, str]()

        def __init__(self, document: Any) -> None:
            self.body = orjson.dumps(document)

    async def fetch(url: str, *, form: Any = None, headers: Any = None) -> Told:
        nonlocal open_, most
        if form is None:
            return Told({"issuer": "https://issuer.example", "introspection_endpoint": "https://issuer.example/i"})
        open_ += 1
        most = max(most, open_)
        await answer.wait()
        open_ -= 1
        return Told({"active": False})

    one = IssuerSettings(url="https://issuer.example", audience=frozenset({"x"}), introspection=("me", "secret"))
    issuers = ExternalIssuers([one], fetch)
    guesses = [asyncio.create_task(issuers.claims(f"made-up-{number}")) for number in range(100)]
    await asyncio.sleep(0.05)
    answer.set()
    found = await asyncio.gather(*guesses, return_exceptions=True)
    kinds = [type(error) for error in found]
    assert (most, kinds.count(InvalidTokenError), kinds.count(TooManyRequestsError)) == (32, 32, 68)
    with pytest.raises(InvalidTokenError):
        await issuers.claims("another")
