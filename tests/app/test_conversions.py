"""From settings to what each room wants: nothing is lost on the way, and no secret stays in clear."""

import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

from proxeny.app.conversions import (
    issuers,
    outbound_settings,
    server_settings,
    technical_user,
    web_limits,
    web_settings,
)
from proxeny.errors import SettingsError
from proxeny.settings import Settings, load_settings
from proxeny.store.secrets import verify_secret
from proxeny.web.settings import SAP_RATE_LIMIT, Limits, WebSettings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "proxeny.toml"
    path.write_text(
        textwrap.dedent(
            """
            [server]
            host = "localhost"
            port = 8443
            public_url = "https://id.example"
            trusted_proxies = ["10.0.0.1"]
            certificate_header = "nginx"
            [limits]
            json_depth = 32
            [limits.rate]
            slow = 150
            refuse = 200
            [limits.lock_out]
            tries = 3
            [outbound]
            allow = ["10.2.0.0/16"]
            connect_seconds = 2
            ca_file = "company.pem"
            [[oauth.issuer]]
            url = "https://login.example"
            audience = "proxeny"
            client = "idm"
            introspection_id = "me"
            introspection_secret = "asking-secret"
            [metrics]
            public = true
            [[client]]
            id = "idm"
            secret = "0123456789abcdef"
            permissions = ["proxy"]
            [[client]]
            id = "reader"
            read_only = true
            systems = ["hr"]
            certificates = [{ uri = "urn:reader" }]
            """
        )
    )
    return load_settings(path, {})


def test_the_web_is_told_what_the_file_says(settings: Settings) -> None:
    web = web_settings(settings)
    assert (web.public_url, web.certificate_header, web.metrics_open) == ("https://id.example", "nginx", True)
    assert [str(network) for network in web.trusted_proxies] == ["10.0.0.1/32"]
    assert (web.limits.json_depth, web.rate_limit.slow, web.rate_limit.refuse, web.lock_out.tries) == (32, 150, 200, 3)


def test_every_limit_of_the_web_can_be_set_and_has_the_webs_own_default(tmp_path: Path) -> None:
    path = tmp_path / "proxeny.toml"
    path.write_text("")
    defaults = load_settings(path, {})
    assert web_limits(defaults) == Limits()
    assert {each.name for each in fields(Limits)} <= set(type(defaults.limits).model_fields)
    assert web_settings(defaults) == WebSettings()


def test_the_gateway_never_calls_itself(settings: Settings) -> None:
    outbound = outbound_settings(settings)
    assert set(outbound.own_listeners) == {("127.0.0.1", 8443), ("::1", 8443)}
    assert (outbound.allow, outbound.connect_timeout) == (("10.2.0.0/16",), 2.0)
    assert str(outbound.ca_file).endswith("/company.pem")


def test_the_server_listens_where_the_file_says(settings: Settings) -> None:
    server = server_settings(settings)
    assert (server.host, server.port, server.tls) == ("localhost", 8443, None)


def test_technical_users_keep_their_rights_and_not_their_secret(settings: Settings) -> None:
    idm, reader = map(technical_user, settings.client)
    assert (idm.permissions, idm.systems) == (frozenset({"proxy"}), None)
    assert verify_secret(idm.secrets[0].hash, "0123456789abcdef")
    assert "0123456789abcdef" not in repr(idm)
    assert (reader.read_only, reader.systems, reader.secrets) == (True, frozenset({"hr"}), ())
    assert reader.certificates[0].uri == "urn:reader"
    assert idm.version != reader.version


def test_issuers_are_told_whole(settings: Settings) -> None:
    (issuer,) = issuers(settings)
    assert (issuer.url, issuer.audience, issuer.client) == ("https://login.example", frozenset({"proxeny"}), "idm")
    assert issuer.introspection == ("me", "asking-secret")
    assert "asking-secret" not in repr(issuer)


def test_the_preset_of_the_rate_limit_is_saps_and_off_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "proxeny.toml"
    path.write_text('[limits.rate]\npreset = "sap"\n')
    assert web_settings(load_settings(path, {})).rate_limit == SAP_RATE_LIMIT
    path.write_text("")
    assert not web_settings(load_settings(path, {})).rate_limit.active


@pytest.mark.parametrize("text", ['preset = "sap"\nrefuse = 7', "slow = 5", 'preset = "other"', "slow = 3\nrefuse = 2"])
def test_a_rate_limit_that_would_not_do_what_it_says_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "proxeny.toml"
    path.write_text(f"[limits.rate]\n{text}\n")
    with pytest.raises(SettingsError, match=r"limits\.rate"):
        load_settings(path, {})
