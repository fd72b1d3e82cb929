"""Certificates that end soon are told 30, 14 and 3 days before, once each, in the log and in health."""

import base64
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from tests.web.pki import SERVER, Authority

from proxeny.app.expiry import Expiry, of_clients, of_settings, of_systems
from proxeny.app.gateway import Gateway
from proxeny.provisioning.jobs.expiring import Ending
from proxeny.provisioning.systems.definition import read_definition
from proxeny.settings import load_settings
from proxeny.store.clients import StoredClient, StoredSecret
from proxeny.store.notices import Subscription

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "told"),
    [(31, None), (30, "warning"), (15, "warning"), (14, "warning"), (3, "warning"), (0.5, "warning"), (-1, "error")],
)
def test_what_is_told_of_a_certificate(days: float, told: str | None, caplog: pytest.LogCaptureFixture) -> None:
    expiry = Expiry()
    expiry.look([Ending("client CA", "CN=a", NOW + timedelta(days=days))], NOW)
    assert [record.levelname.lower() for record in caplog.records] == ([told] if told else [])
    assert list(expiry.warnings) == (["client CA"] if told else [])


def test_each_threshold_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    expiry = Expiry()
    ending = Ending("client CA", "CN=a", NOW + timedelta(days=40))
    for day in range(45):
        expiry.look([ending], NOW + timedelta(days=day))
    assert [vars(record)["days"] for record in caplog.records] == [30, 14, 3, -1]
    expiry.look([], NOW)
    assert expiry.warnings == {}


def configured(folder: Path) -> Path:
    """A gateway whose every certificate ends within days."""
    authority = Authority(folder)
    server, lone = authority.issue("CN=localhost", SERVER, ends=2), authority.issue("CN=lone", ends=5)
    (folder / "keys.json").write_bytes(
        orjson.dumps({"keys": [{"kty": "EC", "x5c": [base64.b64encode(lone.der).decode()]}]})
    )
    (folder / "crl.pem").write_bytes(authority.crl(days=1.5))
    (folder / "systems").mkdir()
    file = folder / "proxeny.toml"
    file.write_text(
        f'[server.tls]\ncertificate = "{server.file}"\nkey = "{server.file}"\nclient_ca = "{authority.file}"\n'
        'client_crl = "crl.pem"\n[[client]]\nid = "lone"\nkeys = "keys.json"\n'
    )
    return file


def test_every_kind_of_certificate_is_looked_at(tmp_path: Path) -> None:
    settings = load_settings(configured(tmp_path), {})
    pem = Authority(tmp_path, "CN=far").issue("CN=outbound", ends=4).pem
    system = read_definition(
        {
            "name": "Far",
            "connectorTypeString": "SCIM_SYSTEM",
            "accessMode": "PROXY",
            "properties": {"URL": "https://far.example", "client.certificate": pem},
        },
        file="far",
    )
    stored = StoredClient(id="idm", certificates=({"thumbprint": "x", "expires": "2026-06-05T00:00:00+00:00"},))
    soon, later = (StoredSecret("h", NOW, NOW + timedelta(days=days)) for days in (3, 9))
    secrets = [
        StoredClient(id="robot1", secrets=(soon, later)),
        StoredClient(id="robot2", secrets=(soon, StoredSecret("h", NOW))),
        StoredClient(id="robot3", secrets=(soon,), enabled=False),
    ]
    endings = [
        *of_settings(settings),
        *of_clients([stored, *secrets], {"robot": 1.8e9, "ever": float("inf")}),
        *of_systems([system]),
    ]
    assert [(one.part, one.name) for one in endings] == [
        ("certificate of the server", "CN=localhost"),
        ("client CA", "CN=test CA"),
        ("revocation list", "CN=test CA"),
        ("certificate of a technical user", "lone"),
        ("certificate of a technical user", "idm"),
        ("secret of a technical user", "robot1"),
        ("certificate of a technical user", "robot"),
        ("certificate of a system", "Far: client.certificate"),
    ]
    assert next(one.at for one in endings if one.name == "robot1") == NOW + timedelta(days=9), "the last one"
    assert endings[-1].subject == "Outbound Certificate Expiration. Proxy System: Far"


async def test_subscribers_are_told_what_ends(tmp_path: Path) -> None:
    async with Gateway.open(load_settings(configured(tmp_path), {})) as gateway:
        notices = gateway.provisioning.notices
        await notices.subscribe(Subscription("*", "mail", "ops@example.org"))
        for _ in range(2):
            await gateway.look_for_endings({})
        ((channel, address, count, _),) = await notices.waiting()
        assert (channel, address, count) == ("mail", "ops@example.org", 4)


async def test_health_tells_what_ends_and_not_whose_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "proxeny.app.expiry")
    async with Gateway.open(load_settings(configured(tmp_path), {})) as gateway, gateway.served():
        await gateway.look_for_endings({})
        health = await gateway.health()
        assert health.ready
        assert sorted(health.warnings) == [
            "certificate of a technical user",
            "certificate of the server",
            "client CA",
            "revocation list",
        ]
    assert {vars(record)["name_of_it"] for record in caplog.records} == {"CN=localhost", "CN=test CA", "lone"}
