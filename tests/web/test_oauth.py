"""The token endpoint: every way of client authentication, tokens of both kinds, and their end."""

import asyncio
import base64
import hmac
import json
import time
import warnings
from collections.abc import AsyncIterator, Generator
from typing import Any

import httpx
import pytest
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from tests.web.running import SECRET, USERS, Running, running, user
from tests.web.test_scim import is_scim_error

from proxeny import logs
from proxeny.database import Statement
from proxeny.web.oauth.keys import SETTLE, KeyRing
from proxeny.web.settings import LockOut, WebSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # authlib asks for a successor of httpx that does not matter here
    from authlib.integrations.httpx_client import AsyncOAuth2Client

KEY = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "r1", "use": "sig"})
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWKS = {"keys": [KEY.as_dict(private=False), RSA.as_dict(private=False)]}
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
async def gateway() -> AsyncIterator[Running]:
    async with running(users=(*USERS, user("signer", "proxy", secrets=(), keys=JWKS))) as started:
        yield started


def assertion(gateway: Running, key: Any = KEY, alg: str = "ES256", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "signer",
        "sub": "signer",
        "aud": f"{gateway.url}/oauth2/token",
        "exp": now + 60,
        "iat": now,
        "jti": str(time.perf_counter_ns()),
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": key.kid}, claims, key, algorithms=[alg])


async def ask(gateway: Running, path: str = "/oauth2/token", **options: Any) -> httpx.Response:
    return await gateway.client.post(path, **options)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def use(gateway: Running, token: str) -> httpx.Response:
    return await gateway.client.get("/proxy/hr/Users", headers=bearer(token))


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
async def test_a_token_opens_what_its_client_may_do(gateway: Running, token_format: str) -> None:
    answer = await ask(gateway, data={**GRANT, "token_format": token_format}, auth=gateway.auth())
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"], body["scope"]) == (200, "Bearer", 600, "proxy")
    assert answer.headers["cache-control"] == "no-store"
    assert (body["access_token"].count(".") == 2) == (token_format == "jwt")
    for _ in range(2):
        assert (await use(gateway, body["access_token"])).status_code == 200
    assert gateway.gateway.systems["hr"].calls[-1].caller == "idm"
    refused = await gateway.client.get("/scim/Users", headers=bearer(body["access_token"]))
    assert is_scim_error(refused, 403)


async def test_the_log_names_who_got_a_token(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "proxeny.web.access")
    token = await gateway.token()
    [line] = [vars(record)["vouched"] for record in caplog.records if record.name == "proxeny.web.access"]
    assert (line["path"], line["caller"], line["status"]) == ("/oauth2/token", "idm", 200)
    assert token not in caplog.text


async def test_an_access_token_has_the_shape_of_its_rfc(gateway: Running) -> None:
    token = await gateway.token()
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    assert (header["typ"], header["alg"]) == ("at+jwt", "RS256")
    assert claims.keys() == {"iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti"}
    assert (claims["iss"], claims["sub"], claims["client_id"]) == (gateway.url, "idm", "idm")
    keys = (await gateway.client.get("/oauth2/jwks")).json()
    assert [key["kid"] for key in keys["keys"]] == [header["kid"]]
    assert not any(secret in key for key in keys["keys"] for secret in "dpq")
    assert jwt.decode(token, RSAKey.import_key(keys["keys"][0]), algorithms=["RS256"]).claims == claims


async def test_metadata_names_every_endpoint_and_each_answers(gateway: Running) -> None:
    metadata = (await gateway.client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == gateway.url
    assert set(metadata["token_endpoint_auth_methods_supported"]) == {
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
    }
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        assert (await gateway.client.post(metadata[name], data=GRANT)).status_code == 401, name
    assert (await gateway.client.get(metadata["jwks_uri"])).headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_authlibs_client_gets_and_uses_a_token(gateway: Running, method: str) -> None:
    async with AsyncOAuth2Client("idm", SECRET, token_endpoint_auth_method=method) as client:
        await client.fetch_token(f"{gateway.url}/oauth2/token", grant_type="client_credentials")
        assert (await client.get(f"{gateway.url}/proxy/hr/Users")).status_code == 200
        token = client.token["access_token"]
        told = (await client.introspect_token(f"{gateway.url}/oauth2/introspect", token)).json()
        assert (told["active"], told["client_id"]) == (True, "idm")
        assert (await client.revoke_token(f"{gateway.url}/oauth2/revoke", token)).status_code == 200
        assert (await client.get(f"{gateway.url}/proxy/hr/Users")).status_code == 401


async def test_authlibs_client_signs_its_way_in(gateway: Running) -> None:
    async with AsyncOAuth2Client(
        "signer", RSA.as_pem(private=True), token_endpoint_auth_method="private_key_jwt"
    ) as client:
        client.register_client_auth_method(
            PrivateKeyJWT(f"{gateway.url}/oauth2/token", headers={"kid": "r1"}, alg="RS256")
        )
        await client.fetch_token(f"{gateway.url}/oauth2/token", grant_type="client_credentials")
        assert (await client.get(f"{gateway.url}/proxy/hr/Users")).status_code == 200


@pytest.mark.parametrize(("key", "alg"), [(KEY, "ES256"), (RSA, "RS256"), (RSA, "PS256")])
async def test_an_assertion_is_taken_once(gateway: Running, key: Any, alg: str) -> None:
    form = {**GRANT, "client_assertion_type": ASSERTION, "client_assertion": assertion(gateway, key, alg)}
    assert (await ask(gateway, data=form)).status_code == 200
    again = await ask(gateway, data=form)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    assert await gateway.sink.reasons() == ["assertion was used before"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://elsewhere.test"}, "token is for another audience"),
        ({"iss": "idm"}, "assertion has another issuer than subject"),
        ({"sub": "idm", "iss": "idm"}, "assertion is of an unknown client or one without keys"),
        ({"exp": 1}, "token has expired"),
        ({"exp": None}, "token says no end"),
        ({"exp": "soon"}, "token says no end"),
        ({"exp": 4102444800}, "assertion lives too long"),
        ({"nbf": 4102444800}, "token is not yet valid"),
        ({"jti": None}, "assertion has no jti"),
        ({"jti": "x" * 300}, "assertion has no jti"),
    ],
)
async def test_an_assertion_that_does_not_hold_is_refused(
    gateway: Running, changes: dict[str, Any], reason: str
) -> None:
    form = {**GRANT, "client_assertion_type": ASSERTION, "client_assertion": assertion(gateway, **changes)}
    answer = await ask(gateway, data=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert await gateway.sink.reasons() == [reason]


async def test_an_assertion_of_another_key_is_refused(gateway: Running) -> None:
    other = ECKey.generate_key("P-256", {"kid": "k1"})
    form = {**GRANT, "client_assertion_type": ASSERTION, "client_assertion": assertion(gateway, other)}
    assert (await ask(gateway, data=form)).status_code == 401


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({**GRANT, "scope": "proxy admin"}, 400, "invalid_scope"),
        ({**GRANT, "resource": "https://elsewhere.test"}, 400, "invalid_target"),
        ({**GRANT, "client_secret": SECRET}, 400, "invalid_request"),
        ({**GRANT, "client_assertion": "x"}, 400, "invalid_request"),
        ({**GRANT, "client_id": "reader"}, 401, "invalid_client"),
        ({**GRANT, "token_format": "saml"}, 400, "invalid_request"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, 400, "invalid_request"),
    ],
)
async def test_what_the_rfc_refuses_is_refused_in_its_words(
    gateway: Running, form: dict[str, Any], status: int, error: str
) -> None:
    answer = await ask(gateway, data=form, auth=gateway.auth())
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["content-type"] == "application/json"


async def test_credentials_that_do_not_hold_all_look_the_same(gateway: Running) -> None:
    answers = [
        await ask(gateway, data=GRANT, auth=("idm", "wrong")),
        await ask(gateway, data=GRANT, auth=("stranger", "wrong")),
        await ask(gateway, data={**GRANT, "client_id": "gone", "client_secret": SECRET}),
        await ask(gateway, data={**GRANT, "client_id": "idm"}),
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert "authentication.failed" in {event for event, _ in gateway.sink.records}


async def test_a_form_is_needed_and_secrets_in_the_address_are_not_looked_at(gateway: Running) -> None:
    assert (await ask(gateway, json=GRANT, auth=gateway.auth())).json()["error"] == "invalid_request"
    query = f"?grant_type=client_credentials&client_id=idm&client_secret={SECRET}"
    assert (await ask(gateway, path="/oauth2/token" + query, data={})).status_code == 400
    assert (await gateway.client.get("/oauth2/token")).status_code == 405


async def test_guessing_at_the_token_endpoint_is_locked_out_too() -> None:
    async with running(WebSettings(lock_out=LockOut(tries=3, seconds=30))) as gateway:
        for _ in range(3):
            await ask(gateway, data=GRANT, auth=("idm", "guess"))
        locked = await ask(gateway, data=GRANT, auth=gateway.auth())
        assert (locked.status_code, locked.headers["retry-after"]) == (429, "30")
        assert (await gateway.client.get("/proxy/hr/Users", auth=gateway.auth())).status_code == 429


@pytest.mark.parametrize("way", ["secret", "assertion"])
async def test_a_lock_out_at_the_token_endpoint_is_recorded(way: str) -> None:
    other = ECKey.generate_key("P-256", {"kid": "k1"})
    users = (*USERS, user("signer", "proxy", secrets=(), keys=JWKS))
    async with running(WebSettings(lock_out=LockOut(tries=3, seconds=30)), users=users) as gateway:
        for _ in range(3):
            if way == "secret":
                await ask(gateway, data=GRANT, auth=("idm", "guess"))
            else:
                form = {"client_assertion_type": ASSERTION, "client_assertion": assertion(gateway, other)}
                await ask(gateway, data={**GRANT, **form})
        await gateway.sink.reasons()
        told = [(event, fields["client"]) for event, fields in gateway.sink.records]
        name = "idm" if way == "secret" else "signer"
        assert told == [("authentication.failed", name)] * 3 + [("authentication.locked", name)]


async def test_a_scope_beyond_ones_permissions_is_recorded_as_a_refusal(gateway: Running) -> None:
    await ask(gateway, data={**GRANT, "scope": "proxy admin"}, auth=gateway.auth())
    await gateway.sink.reasons()
    assert [(event, fields["client"]) for event, fields in gateway.sink.records] == [("permission.refused", "idm")]


async def test_what_is_longer_than_any_form_or_id_is_refused_and_not_remembered(gateway: Running) -> None:
    huge = await ask(gateway, data={**GRANT, "client_id": "x" * 70_000, "client_secret": "y"})
    assert (huge.status_code, huge.json()["error"]) == (400, "invalid_request")
    long = await ask(gateway, data={**GRANT, "client_id": "x" * 300, "client_secret": "y"})
    assert (long.status_code, long.json()["error"]) == (401, "invalid_client")
    assert (await gateway.client.get("/proxy/hr/Users", auth=("x" * 300, "y"))).status_code == 401
    lock_outs = gateway.security._basic._checker._lock_outs
    assert len(lock_outs._tries) == 0


async def test_secrets_may_be_form_encoded_as_the_rfc_has_it(gateway: Running) -> None:
    pair = base64.b64encode(b"idm:correct+horse%20battery+staple").decode()
    answer = await ask(gateway, data=GRANT, headers={"Authorization": f"Basic {pair}"})
    assert answer.status_code == 200


async def test_scope_narrows_what_a_token_may_do() -> None:
    async with running(users=[user("both", "proxy", "directory.read")]) as gateway:
        token = await gateway.token("both", scope="directory.read")
        assert (await use(gateway, token)).status_code == 403
        assert (await gateway.client.get("/scim/Users", headers=bearer(token))).status_code == 200


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
async def test_introspection_and_revocation_are_for_ones_own_tokens(gateway: Running, token_format: str) -> None:
    token = await gateway.token(token_format=token_format)
    mine = await ask(gateway, "/oauth2/introspect", data={"token": token}, auth=gateway.auth())
    assert (mine.json()["active"], mine.json()["sub"]) == (True, "idm")
    others = await ask(gateway, "/oauth2/introspect", data={"token": token}, auth=gateway.auth("reader"))
    assert others.json() == {"active": False}
    admins = await ask(gateway, "/oauth2/introspect", data={"token": token}, auth=gateway.auth("boss"))
    assert admins.json()["active"] is True
    assert (await ask(gateway, "/oauth2/revoke", data={"token": token}, auth=gateway.auth("reader"))).status_code == 200
    assert (await use(gateway, token)).status_code == 200
    assert (await ask(gateway, "/oauth2/revoke", data={"token": token}, auth=gateway.auth())).status_code == 200
    assert (await ask(gateway, "/oauth2/revoke", data={"token": "x"}, auth=gateway.auth())).status_code == 200
    assert (await use(gateway, token)).status_code == 401
    gone = await ask(gateway, "/oauth2/introspect", data={"token": token}, auth=gateway.auth())
    assert gone.json() == {"active": False}


async def test_a_revocation_elsewhere_is_known_here_within_seconds(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxeny.web.auth.remembered._LOOK_EVERY", 0.2)
    token = await gateway.token()
    assert (await use(gateway, token)).status_code == 200
    claims = await gateway.security.tokens.claims(token, gateway.url)
    await gateway.security.tokens.revoke(claims)
    await asyncio.sleep(0.25)
    assert (await use(gateway, token)).status_code == 401


async def test_a_disabled_client_loses_its_tokens(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxeny.web.auth.remembered._LOOK_EVERY", 0.2)
    token = await gateway.token()
    assert (await use(gateway, token)).status_code == 200
    gateway.users.put(user("idm", "proxy", enabled=False))
    await asyncio.sleep(0.25)
    assert (await use(gateway, token)).status_code == 401


async def test_a_token_ends_to_the_second(gateway: Running) -> None:
    async with running(token_lifetime=1) as short:
        await short.client.get("/oauth2/jwks")
        token = await short.token()
        assert (await use(short, token)).status_code == 200
        await asyncio.sleep(1.1)
        answer = await use(short, token)
        assert is_scim_error(answer, 401)
        assert 'error="invalid_token"' in answer.headers.get_list("www-authenticate")[1]


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def forged(gateway: Running, name: str) -> str:
    """A token that must not hold, by the name of the attack."""
    good = await gateway.token()
    head, body, signature = good.split(".")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body))
    public = (await gateway.client.get("/oauth2/jwks")).json()["keys"][0]
    pem = RSAKey.import_key(public).as_pem(private=False)
    other = RSAKey.generate_key(2048, {"kid": header["kid"]})

    def resigned(**changes: Any) -> str:
        return jwt.encode({**header, **changes}, claims, other, algorithms=["RS256"])

    def keyed(secret: bytes) -> str:
        text = f"{encoded({**header, 'alg': 'HS256'})}.{body}"
        digest = hmac.digest(secret, text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    der = RSAKey.import_key(public).as_der(private=False)
    ring = gateway.security.keys
    attacks: dict[str, Any] = {
        "none": lambda: f"{encoded({**header, 'alg': 'none'})}.{body}.",
        "NONE": lambda: f"{encoded({**header, 'alg': 'NONE'})}.{body}.",
        "none with signature": lambda: f"{encoded({**header, 'alg': 'none'})}.{body}.{signature}",
        "HS256 with PEM": lambda: keyed(pem),
        "HS256 with DER": lambda: keyed(der),
        "HS256 with JWK": lambda: keyed(json.dumps(public).encode()),
        "empty signature": lambda: f"{head}.{body}.",
        "other key": resigned,
        "unknown kid": lambda: resigned(kid="unknown"),
        "changed body": lambda: f"{head}.{encoded({**claims, 'client_id': 'boss'})}.{signature}",
        "oversize": lambda: f"{head}.{encoded({**claims, 'x': 'x' * 20_000})}.{signature}",
        "two parts": lambda: f"{head}.{body}",
        "not base64": lambda: f"!!!.{body}.{signature}",
    }
    if name in attacks:
        return str(attacks[name]())
    signed: dict[str, tuple[dict[str, Any], str]] = {
        "another issuer": ({"iss": "https://evil.test"}, "at+jwt"),
        "another audience": ({"aud": "https://evil.test"}, "at+jwt"),
        "no audience": ({"aud": None}, "at+jwt"),
        "no end": ({"exp": None}, "at+jwt"),
        "ended a second ago": ({"exp": int(time.time()) - 1}, "at+jwt"),
        "valid in an hour": ({"nbf": int(time.time()) + 3600}, "at+jwt"),
        "unknown client": ({"client_id": "stranger"}, "at+jwt"),
        "an ID token": ({}, "JWT"),
    }
    changes, typ = signed[name]
    return await ring.sign({k: v for k, v in {**claims, **changes}.items() if v is not None}, typ)


@pytest.mark.parametrize(
    "name",
    [
        "none",
        "NONE",
        "none with signature",
        "HS256 with PEM",
        "HS256 with DER",
        "HS256 with JWK",
        "empty signature",
        "other key",
        "unknown kid",
        "changed body",
        "oversize",
        "two parts",
        "not base64",
        "another issuer",
        "another audience",
        "no audience",
        "no end",
        "ended a second ago",
        "valid in an hour",
        "unknown client",
        "an ID token",
    ],
)
async def test_a_token_that_is_not_ours_or_not_for_us_or_not_for_now_opens_nothing(gateway: Running, name: str) -> None:
    answer = await use(gateway, await forged(gateway, name))
    assert is_scim_error(answer, 401)
    assert 'error="invalid_token"' in answer.headers.get_list("www-authenticate")[1]
    assert answer.json()["detail"].startswith("Authentication is required")


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "crit"])
async def test_nothing_in_a_header_brings_a_key_and_no_address_is_fetched(gateway: Running, name: str) -> None:
    fetched: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fetched.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    head, body, signature = (await gateway.token()).split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    value: Any = {"jwk": KEY.as_dict(private=False), "crit": ["exp"], "x5c": ["AA=="]}.get(
        name, f"http://127.0.0.1:{port}/"
    )
    answer = await use(gateway, f"{encoded({**header, name: value})}.{body}.{signature}")
    assert answer.status_code == 401
    assert fetched == []
    server.close()


@pytest.mark.parametrize(
    ("authorization", "status", "reason"),
    [
        ("Bearer  {token} ", 200, ""),
        ("bearer {token}", 200, ""),
        ("Bearer Bearer {token}", 401, "the prefix Bearer is doubled"),
        ("Bearer", 401, "token is empty, too long or holds spaces"),
        ("Bearer {token} x", 401, "token is empty, too long or holds spaces"),
        ("Bearer pxo_unknown", 401, "token is unknown"),
    ],
)
async def test_how_administrators_paste_tokens(gateway: Running, authorization: str, status: int, reason: str) -> None:
    headers = {"Authorization": authorization.format(token=await gateway.token()).encode()}
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
    writer.write(b"GET /proxy/hr/Users HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % gateway.server.port)
    writer.write(b"Connection: close\r\nAuthorization: " + headers["Authorization"] + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert int(answer.split()[1]) == status
    assert await gateway.sink.reasons() == ([reason] if reason else [])
    assert logs.redact_text(reason) == reason, "the log would mask it"


async def test_keys_are_published_before_they_sign_and_kept_until_their_tokens_end(gateway: Running) -> None:
    now = time.time()
    for old in await gateway.security._ports.keys.load():
        await gateway.security._ports.keys.remove(old.kid)
    ring = KeyRing(gateway.security._ports.keys, token_lifetime=600, clock=lambda: now)

    async def signer() -> str:
        token = await ring.sign({"a": 1}, "at+jwt")
        return str(json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"])

    first = await signer()
    now += 10_000
    second = await ring.rotate()
    assert await signer() == first
    assert {key["kid"] for key in (await ring.document())["keys"]} == {first, second}
    now += SETTLE + 1
    assert await signer() == second
    now += 700
    third = await ring.rotate()
    assert {key["kid"] for key in (await ring.document())["keys"]} == {second, third}


async def test_a_withdrawn_key_ends_its_tokens(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxeny.web.auth.remembered._LOOK_EVERY", 0.0)
    token = await gateway.token()
    kid = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
    await gateway.security.keys.withdraw(kid)
    assert (await use(gateway, token)).status_code == 401


async def test_a_key_withdrawn_elsewhere_is_withdrawn_here_within_seconds(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxeny.web.auth.remembered._LOOK_EVERY", 0.2)
    token = await gateway.token()
    assert (await use(gateway, token)).status_code == 200
    kid = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
    await gateway.database.transaction(lambda: _single(Statement("DELETE FROM oauth_keys WHERE kid = :kid"), kid))
    await asyncio.sleep(0.25)
    assert (await use(gateway, token)).status_code == 401


def _single(statement: Statement, kid: str) -> Generator[Any, Any, None]:
    yield statement, {"kid": kid}


async def test_private_keys_are_sealed_in_the_database(gateway: Running) -> None:
    await gateway.token()
    [(private,)] = await gateway.database.fetch(Statement("SELECT private FROM oauth_keys"))
    assert private.startswith("1.")
    assert '"d"' not in private
