"""Client certificates over real TLS: whom they mean, which are refused and why, and files that change."""

import asyncio
import base64
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from tests.web.pki import SERVER, Authority, Made
from tests.web.running import SECRET, Running, running, user
from tests.web.test_scim import is_scim_error

from proxeny.web.auth.caller import CertificateRule, TechnicalUser
from proxeny.web.chains import ChainJudge, read_revocation_lists
from proxeny.web.errors import ServerSettingsError
from proxeny.web.settings import TlsSettings
from proxeny.web.tls import Tls, build_context

ISSUER = "CN=test CA"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def tls_of(authority: Authority, **more: Any) -> TlsSettings:
    server = authority.issue("CN=localhost", SERVER)
    return TlsSettings(certificate=server.file, key=server.file, client_ca=authority.file, **more)


def known(name: str, **rule: str) -> TechnicalUser:
    return user(name, "proxy", secrets=(), certificates=(CertificateRule(**rule),))


@contextlib.asynccontextmanager
async def gateway_of(authority: Authority, users: Sequence[TechnicalUser], **more: Any) -> AsyncIterator[Running]:
    settings = more.pop("tls", None) or tls_of(authority)
    async with running(users=users, tls=settings, verify=authority.trust(), **more) as gateway:
        yield gateway


async def get(gateway: Running, authority: Authority, client: Made | None, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.url, verify=authority.trust(client)) as caller:
        return await caller.get("/proxy/hr/Users", headers=headers)


async def test_one_port_serves_callers_with_and_without_a_certificate(authority: Authority) -> None:
    certificate = authority.issue("CN=idm(P000001)")
    async with gateway_of(
        authority, [known("idm", subject="CN=idm(P000001)", issuer=ISSUER), user("b", "proxy")]
    ) as gw:
        assert (await get(gw, authority, certificate)).status_code == 200
        assert gw.gateway.systems["hr"].calls[-1].caller == "idm"
        assert (await gw.client.get("/proxy/hr/Users", auth=("b", SECRET))).status_code == 200
        assert is_scim_error(await get(gw, authority, None), 401)
        answer = await gw.client.get("/health/live")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"subject": "CN=robot,O=Example,C=DE", "issuer": ISSUER}, True),
        ({"subject": "C=DE, O=Example, CN=robot", "issuer": ISSUER}, True),
        ({"subject": "CN=robot,O=Example,C=DE"}, True),
        ({"uri": "spiffe://example/robot"}, True),
        ({"thumbprint": "THUMBPRINT"}, True),
        ({"thumbprint": "THUMBPRINT="}, True),
        ({"subject": "CN=robot,O=Example,C=DE", "issuer": "CN=other CA"}, False),
        ({"subject": "CN=robot", "issuer": ISSUER}, False),
        ({"subject": "CN=ROBOT,O=Example,C=DE", "issuer": ISSUER}, False),
        ({"uri": "spiffe://example/robot/x"}, False),
        ({"thumbprint": "AAAA"}, False),
        ({"subject": "this is no name"}, False),
    ],
)
async def test_whom_a_certificate_means(authority: Authority, rule: dict[str, str], found: bool) -> None:
    certificate = authority.issue("CN=robot,O=Example,C=DE", uri="spiffe://example/robot")
    rule = {key: value.replace("THUMBPRINT", certificate.thumbprint) for key, value in rule.items()}
    async with gateway_of(authority, [known("robot", **rule)]) as gateway:
        assert (await get(gateway, authority, certificate)).status_code == (200 if found else 401)
        if not found:
            assert await gateway.sink.reasons() == ["unknown certificate"]


async def test_a_remembered_certificate_does_not_mend_an_authorization_header_that_says_nothing(
    authority: Authority,
) -> None:
    certificate = authority.issue("CN=robot")
    async with gateway_of(authority, [known("robot", subject="CN=robot")]) as gateway:
        for headers, status in (({}, 200), ({}, 200), ({"Authorization": ""}, 401), ({"Authorization": "Basic"}, 401)):
            assert (await get(gateway, authority, certificate, **headers)).status_code == status


async def test_a_name_as_sap_makes_them_is_compared_with_the_common_name(authority: Authority) -> None:
    certificate = authority.issue("CN=idm(P000001),OU=Cloud,O=Example,C=DE")
    async with gateway_of(authority, [known("idm", subject="CN=idm(P000001)", issuer=ISSUER)]) as gateway:
        assert (await get(gateway, authority, certificate)).status_code == 200


async def test_a_subject_without_an_issuer_holds_only_while_there_is_one_client_ca(authority: Authority) -> None:
    certificate = authority.issue("CN=robot")
    other = Authority(authority.folder, "CN=other CA")
    both = authority.folder / "both.pem"
    both.write_text(authority.own.pem + other.own.pem)
    settings = replace(tls_of(authority), client_ca=both)
    async with gateway_of(authority, [known("robot", subject="CN=robot")], tls=settings) as gateway:
        assert (await get(gateway, authority, certificate)).status_code == 401


async def test_a_certificate_that_means_two_users_means_none(authority: Authority) -> None:
    certificate = authority.issue("CN=robot", uri="urn:robot")
    async with gateway_of(authority, [known("a", subject="CN=robot"), known("b", uri="urn:robot")]) as gateway:
        assert (await get(gateway, authority, certificate)).status_code == 401
        assert await gateway.sink.reasons() == ["certificate means several technical users"]


@pytest.mark.parametrize("kind", ["expired", "foreign CA", "wrong purpose", "self-signed", "SHA-1", "revoked"])
async def test_a_certificate_that_does_not_hold_is_refused_and_the_log_says_why(
    authority: Authority, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.WARNING, "proxeny.web.security")
    good = authority.issue("CN=robot")
    makers: dict[str, tuple[Any, str]] = {
        "expired": (lambda: authority.issue("CN=robot", ends=-1), "certificate has expired"),
        "foreign CA": (
            lambda: Authority(authority.folder, "CN=foreign").issue("CN=robot"),
            "unable to get local issuer certificate",
        ),
        "wrong purpose": (lambda: authority.issue("CN=robot", SERVER), "unsuitable certificate purpose"),
        "self-signed": (lambda: Authority(authority.folder, "CN=robot").own, "self-signed certificate"),
        "SHA-1": (lambda: authority.issue("CN=robot", digest=hashes.SHA1()), "CA md too weak"),
        "revoked": (lambda: good, "certificate revoked"),
    }
    make, reason = makers[kind]
    try:
        bad = make()
    except Exception as error:
        assert kind == "SHA-1", error  # noqa: PT017  # some builds of the library do not even make them
        return
    crl = authority.folder / "crl.pem"
    authority.revoked.append(good.certificate.serial_number)
    crl.write_bytes(authority.crl())
    settings = tls_of(authority, client_crl=crl)
    async with gateway_of(authority, [known("robot", subject="CN=robot")], tls=settings) as gateway:
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            await get(gateway, authority, bad)
        await asyncio.sleep(0.05)
        refused = [vars(record) for record in caplog.records if record.message == "tls.refused"]
        assert refused
        assert refused[0]["address"] == "127.0.0.1"
        assert reason in refused[0]["reason"]
        assert gateway.metrics.events["tls.refused", "handshake"] == 1
        assert [event for event, _ in gateway.sink.records] == ["tls.refused"]
        assert (await gateway.client.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-tls1"], "unsupported protocol"),
        (["-tls1_1"], "unsupported protocol"),
        (["-tls1_2", "-cipher", "AES128-SHA"], "no shared cipher"),
    ],
)
async def test_old_tls_is_refused(
    authority: Authority, caplog: pytest.LogCaptureFixture, arguments: list[str], reason: str
) -> None:
    async with gateway_of(authority, []) as gateway:
        command = ["openssl", "s_client", "-connect", f"localhost:{gateway.server.port}", *arguments]
        if arguments != ["-tls1_2", "-cipher", "AES128-SHA"]:
            command += ["-cipher", "ALL:@SECLEVEL=0"]
        process = await asyncio.create_subprocess_exec(*command, stdin=-3, stdout=-1, stderr=-2)
        output, _ = await process.communicate()
        assert process.returncode != 0, output
        await asyncio.sleep(0.05)
        assert reason in str([vars(record).get("reason") for record in caplog.records])


async def test_curl_and_openssl_come_in_with_a_certificate(authority: Authority) -> None:
    certificate = authority.issue("CN=robot")
    async with gateway_of(authority, [known("robot", subject="CN=robot")]) as gateway:
        url = f"{gateway.url}/proxy/hr/Users"
        curl = await asyncio.create_subprocess_exec(
            "curl", "-sS", "--cacert", authority.file, "--cert", certificate.file, url, stdout=-1, stderr=-1
        )
        output, errors = await curl.communicate()
        assert b'"totalResults":0' in output, errors
        openssl = await asyncio.create_subprocess_exec(
            *("openssl", "s_client", "-quiet", "-connect", f"localhost:{gateway.server.port}"),
            *("-CAfile", authority.file, "-cert", certificate.file, "-verify_return_error"),
            stdin=-1,
            stdout=-1,
            stderr=-1,
        )
        output, errors = await openssl.communicate(
            b"GET /proxy/hr/Users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        assert output.startswith(b"HTTP/1.1 200 OK"), errors


async def test_certificate_key_ca_and_crl_are_taken_over_while_it_runs(authority: Authority) -> None:
    good, later = authority.issue("CN=robot"), authority.issue("CN=later")
    crl = authority.folder / "crl.pem"
    crl.write_bytes(authority.crl())
    settings = tls_of(authority, client_crl=crl)
    users = [known("robot", subject="CN=robot"), known("later", subject="CN=later")]
    async with gateway_of(authority, users, tls=settings) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, verify=authority.trust(good)) as caller:
            assert (await caller.get("/proxy/hr/Users")).status_code == 200
            gateway.gateway.systems["hr"].slow = 1.5
            running_request = asyncio.create_task(caller.get("/proxy/hr/Users"))
            await asyncio.sleep(0.1)
            new = authority.issue("CN=localhost", SERVER)
            new.file.replace(settings.certificate)
            authority.revoked.append(good.certificate.serial_number)
            crl.write_bytes(authority.crl())
            assert (await running_request).status_code == 200
            gateway.gateway.systems["hr"].slow = 0
            with pytest.raises((httpx.TransportError, ssl.SSLError)):
                await caller.get("/proxy/hr/Users")
        assert (await get(gateway, authority, later)).status_code == 200
        pem = await asyncio.to_thread(ssl.get_server_certificate, ("localhost", gateway.server.port))
        assert ssl.PEM_cert_to_DER_cert(pem) == new.der


async def test_files_that_cannot_be_used_leave_what_was(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    settings = tls_of(authority)
    tls = Tls(settings)
    before = tls.context.current
    settings.certificate.write_text("nonsense")
    assert not tls.reload_if_changed()
    assert tls.context.current is before
    assert "cannot be used" in caplog.text
    assert not tls.reload_if_changed()
    authority.issue("CN=localhost", SERVER).file.replace(settings.certificate)
    assert tls.reload_if_changed()


def test_a_server_does_not_start_with_files_that_cannot_be_used(authority: Authority) -> None:
    settings = tls_of(authority)
    for broken in ("certificate", "key", "client_ca", "client_crl"):
        missing = authority.folder / f"missing-{broken}.pem"
        with pytest.raises(ServerSettingsError, match="missing"):
            build_context(replace(settings, **{broken: missing}))


async def test_a_certificate_gets_a_token_that_is_bound_to_it(authority: Authority) -> None:
    certificate, other = authority.issue("CN=robot"), authority.issue("CN=other")
    robot = replace(known("robot", subject="CN=robot"), bind_tokens=True)
    async with gateway_of(authority, [robot, known("other", subject="CN=other")]) as gateway:
        form = {"grant_type": "client_credentials", "client_id": "robot"}
        async with httpx.AsyncClient(base_url=gateway.url, verify=authority.trust(certificate)) as caller:
            answer = await caller.post("/oauth2/token", data=form)
            assert answer.status_code == 200, answer.text
            bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            assert (await caller.get("/proxy/hr/Users", headers=bearer)).status_code == 200
            wrong = await caller.post("/oauth2/token", data={**form, "client_id": "other"})
            assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
        for client in (None, other):
            assert is_scim_error(await get(gateway, authority, client, **bearer), 401)
        body = bearer["Authorization"].split(".")[1]
        assert b'"x5t#S256":"' + certificate.thumbprint.encode() in base64.urlsafe_b64decode(body + "==")
        none = await gateway.client.post("/oauth2/token", data=form)
        assert none.status_code == 401


async def test_a_registered_self_signed_certificate_comes_in_and_vouches_for_nobody(authority: Authority) -> None:
    rogue = Authority(authority.folder, "CN=rogue")  # a CA certificate by its form
    keys = {"keys": [{"kty": "EC", "x5c": [base64.b64encode(rogue.own.der).decode()]}]}
    users = [user("lone", "proxy", secrets=(), keys=keys), known("robot", subject="CN=robot")]
    async with gateway_of(authority, users) as gateway:
        assert (await get(gateway, authority, rogue.own)).status_code == 200
        assert gateway.gateway.systems["hr"].calls[-1].caller == "lone"
        form = {"grant_type": "client_credentials", "client_id": "lone"}
        async with httpx.AsyncClient(base_url=gateway.url, verify=authority.trust(rogue.own)) as caller:
            assert (await caller.post("/oauth2/token", data=form)).status_code == 200
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            await get(gateway, authority, rogue.issue("CN=robot"))
        assert await gateway.sink.reasons() == [
            "client certificate: a registered certificate does not vouch for others"
        ]
        assert (await get(gateway, authority, authority.issue("CN=robot"))).status_code == 200


async def test_self_signed_certificates_and_a_revocation_list_hold_together(authority: Authority) -> None:
    lone = Authority(authority.folder, "CN=lone").own
    good, bad = authority.issue("CN=robot"), authority.issue("CN=robot")
    below = authority.under("CN=intermediate")
    deep = below.issue("CN=robot")
    authority.revoked.append(bad.certificate.serial_number)
    crl = authority.folder / "crl.pem"
    crl.write_bytes(authority.crl() + below.crl())
    keys = {"keys": [{"kty": "EC", "x5c": [base64.b64encode(lone.der).decode()]}]}
    users = [user("lone", "proxy", secrets=(), keys=keys), known("robot", uri="urn:none")]
    users[1] = replace(
        users[1], certificates=tuple(CertificateRule(thumbprint=x.thumbprint) for x in (good, bad, deep))
    )
    async with gateway_of(authority, users, tls=tls_of(authority, client_crl=crl)) as gateway:
        assert (await get(gateway, authority, lone)).status_code == 200
        assert (await get(gateway, authority, good)).status_code == 200
        deep.file.write_text(deep.file.read_text() + below.own.pem)
        assert (await get(gateway, authority, deep)).status_code == 200
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            await get(gateway, authority, bad)
        assert await gateway.sink.reasons() == ["client certificate: certificate revoked"]
        assert (await gateway.client.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    ("days", "foreign", "complaint"),
    [(1, False, None), (-0.5, False, "CRL has expired"), (1, True, "unable to get certificate CRL")],
)
def test_a_revocation_list_must_be_of_the_issuer_and_of_now(
    authority: Authority, days: float, foreign: bool, complaint: str | None
) -> None:
    issuer = Authority(authority.folder, authority.title) if foreign else authority
    crl = authority.folder / "one.pem"
    crl.write_bytes(issuer.crl(days))
    judge = ChainJudge([b"some"], read_revocation_lists(crl))
    assert judge.complaint([authority.issue("CN=robot").der, authority.own.der]) == complaint


async def test_a_certificate_that_is_registered_later_comes_in(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("security._WATCH_EVERY", "server._RELOAD_EVERY", "auth.remembered._LOOK_EVERY"):
        monkeypatch.setattr(f"proxeny.web.{name}", 0.1)
    own = Authority(authority.folder, "CN=lone").own
    async with gateway_of(authority, []) as gateway:
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            await get(gateway, authority, own)
        keys = {"keys": [{"kty": "EC", "x5c": [base64.b64encode(own.der).decode()]}]}
        gateway.users.put(user("lone", "proxy", secrets=(), keys=keys))
        await asyncio.sleep(0.5)
        assert (await get(gateway, authority, own)).status_code == 200


@pytest.mark.parametrize("chain", [["a"], ["AAAA"], [7], 7, {"x": 1}])
async def test_a_registered_certificate_that_cannot_be_read_keeps_nobody_else_out(
    authority: Authority, chain: Any
) -> None:
    robot = authority.issue("CN=robot")
    broken = user("broken", "proxy", secrets=(), keys={"keys": [{"kty": "RSA", "x5c": chain}]})
    async with gateway_of(authority, [broken, known("robot", subject="CN=robot", issuer=ISSUER)]) as gateway:
        assert (await get(gateway, authority, robot)).status_code == 200
