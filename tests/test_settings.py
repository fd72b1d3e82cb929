"""Settings: defaults, references, paths, and every mistake at once with its place and without its value."""

import textwrap
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from proxeny.errors import SettingsError, UnresolvedReferenceError
from proxeny.settings import Settings, load_settings, resolve_text

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def _load(text: str, folder: str = "", **environ: str) -> Settings:
        path = tmp_path / folder / "proxeny.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return load_settings(path, environ)

    return _load


def problems(load: Load, text: str, **environ: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load(text, **environ)
    return {problem.place: f"{problem.message} {problem.remedy}".strip() for problem in caught.value.problems}


def test_an_empty_file_gives_the_defaults_below_its_folder(load: Load, tmp_path: Path) -> None:
    settings = load("")
    assert (settings.server.host, settings.server.port, settings.server.tls) == ("127.0.0.1", 8080, None)
    assert settings.database.url.get_secret_value() == f"sqlite:///{tmp_path}/var/proxeny.db"
    assert settings.secrets.key_file == tmp_path / "var/secret.key"
    assert settings.systems.directory == tmp_path / "systems"
    assert settings.outbound.deny == (ip_network("169.254.0.0/16"), ip_network("fe80::/10"))


def test_the_home_of_a_file_in_a_folder_called_config_is_its_parent(load: Load, tmp_path: Path) -> None:
    assert load("", folder="config").home == tmp_path
    assert load("", folder="config").secrets.key_file == tmp_path / "var/secret.key"


def test_a_full_file_is_read(load: Load, tmp_path: Path) -> None:
    for name in ("server.pem", "server.key", "ca.pem"):
        (tmp_path / name).touch()
    settings = load(
        """
        [server]
        host = "0.0.0.0"
        port = 8443
        public_url = "https://id.example/gateway/"
        [server.tls]
        certificate = "server.pem"
        key = "server.key"
        client_ca = "ca.pem"
        [database]
        url = "postgresql://gateway:${env:DATABASE_PASSWORD}@db/gateway"
        [[oauth.issuer]]
        url = "https://login.example"
        audience = "proxeny"
        claims = { tid = "1" }
        [[client]]
        id = "idm"
        secret = "${env:IDM_SECRET:-fallback-of-16-chars}"
        permissions = ["proxy", "directory.read"]
        systems = ["hr"]
        certificates = [{ subject = "CN=idm(P000001)", issuer = "CN=proxeny development CA" }]
        """,
        DATABASE_PASSWORD="pw",
    )
    assert settings.server.public_url == "https://id.example/gateway"
    assert settings.server.tls is not None
    assert settings.server.tls.client_ca == tmp_path / "ca.pem"
    assert settings.database.url.get_secret_value() == "postgresql://gateway:pw@db/gateway"
    assert settings.oauth.issuer[0].claims == {"tid": "1"}
    (client,) = settings.client
    assert client.secret is not None
    assert client.secret.get_secret_value() == "fallback-of-16-chars"
    assert client.certificates[0].subject == "CN=idm(P000001)"


def test_every_mistake_is_reported_at_once_with_its_line(load: Load, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(
            """\
            [server]
            host = "0.0.0.0"
            port = 99999
            wrokers = 2
            trusted_proxies = ["nonsense"]
            [server.tls]
            certificate = "missing.pem"
            [database]
            url = "mysql://u:top-secret@h"
            [limits]
            body_bytes = "many"
            [logs]
            level = "loud"
            [outbound]
            deny = "10.0.0.0/8"
            [[client]]
            id = "a"
            secret = "${env:NO_SUCH}"
            permissions = ["proxi"]
            [[client]]
            id = "a"
            certificates = [{ issuer = "CN=x" }]
            [sistems]
            """
        )
    assert {(problem.line, problem.place) for problem in caught.value.problems} == {
        (3, "server.port"),
        (4, "server.wrokers"),
        (5, "server.trusted_proxies[0]"),
        (6, "server.tls.key"),
        (9, "database.url"),
        (11, "limits.body_bytes"),
        (13, "logs.level"),
        (15, "outbound.deny"),
        (18, "client[0].secret"),
        (19, "client[0].permissions[0]"),
        (21, "client[1].id"),
        (22, "client[1].certificates[0]"),
        (23, "sistems"),
    }
    assert all(problem.file == str(tmp_path / "proxeny.toml") for problem in caught.value.problems)
    assert "top-secret" not in str(caught.value)
    assert "Did you mean workers?" in str(caught.value)


def test_a_network_address_needs_tls_or_a_trusted_proxy(load: Load) -> None:
    assert "Set [server.tls]" in problems(load, '[server]\nhost = "0.0.0.0"')["server.host"]
    assert load('[server]\nhost = "0.0.0.0"\ntrusted_proxies = ["10.1.0.0/16"]').server.host == "0.0.0.0"
    for host in ("localhost", "::1", "127.0.0.9"):
        assert load(f'[server]\nhost = "{host}"').server.host == host


def test_a_fault_elsewhere_does_not_hide_the_missing_tls(load: Load) -> None:
    assert {"server.host", "server.port"} <= problems(load, '[server]\nhost = "0.0.0.0"\nport = "x"').keys()


def test_certificate_files_must_be_there(load: Load) -> None:
    found = problems(load, '[server.tls]\ncertificate = "a.pem"\nkey = "a.key"\nclient_crl = "crl.pem"')
    assert found.keys() == {"server.tls.certificate", "server.tls.key", "server.tls.client_crl"}


def test_clients_need_a_way_to_sign_in_and_an_id_of_their_own(load: Load) -> None:
    found = problems(load, '[[client]]\nid = "a"\n[[client]]\nid = "a"\nsecret = ""')
    assert found.keys() == {"client[0]", "client[1].secret", "client[1].id"}


def test_certificates_that_can_mean_nobody_are_reported(load: Load) -> None:
    rules = '{subject = "robot"}, {subject = "CN=a, O=b", issuer = "?"}, {thumbprint = "zz"}, {subject = "CN=a(P1)"}'
    found = problems(load, f'[[client]]\nid = "a"\ncertificates = [{rules}]')
    places = {"[0].subject", "[1].issuer", "[2].thumbprint"}
    assert found.keys() == {f"client[0].certificates{place}" for place in places}


def test_the_keys_of_a_client_are_a_jwk_set_in_a_file(load: Load, tmp_path: Path) -> None:
    text = '[[client]]\nid = "a"\nkeys = "a.jwks"'
    assert "client[0].keys" in problems(load, text)
    (tmp_path / "a.jwks").write_text('{"keys": []}')
    assert load(text).client[0].jwk_set() == {"keys": []}


@pytest.mark.parametrize(
    ("text", "message"),
    [("[server", "not TOML"), ('server = "x"', "must be a table"), ("client = 3", "[[client]]")],
)
def test_a_file_of_another_shape_is_refused(load: Load, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message.replace("[", r"\[")):
        load(text)


def test_a_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--config"):
        load_settings(tmp_path / "none.toml", {})


def test_the_command_line_wins_over_the_file_and_is_checked_too(load: Load, tmp_path: Path) -> None:
    load('[server]\nport = 1\nhost = "127.0.0.1"')
    path = tmp_path / "proxeny.toml"
    assert load_settings(path, {}, {"server.port": 8443, "logs.form": "json"}).server.port == 8443
    with pytest.raises(SettingsError, match=r"server\.host"):
        load_settings(path, {}, {"server.host": "0.0.0.0"})


def test_references_are_looked_up_and_other_text_stays(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from file\n")
    environ = {"NAME": "x", "EMPTY": ""}
    cases = {
        "plain": "plain",
        "${env:NAME}-${env:NAME}": "x-x",
        "${env:EMPTY:-d}": "d",
        "${env:EMPTY}": "",
        "${env:NONE:-}": "",
        "${env:NONE:-a:-b}": "a:-b",
        "${file:secret}": "from file",
        "${entityIdSourceSystem}": "${entityIdSourceSystem}",
    }
    for text, expected in cases.items():
        assert resolve_text(text, environ, tmp_path) == expected


@pytest.mark.parametrize("text", ["${env:NONE}", "${file:none}"])
def test_a_reference_to_nothing_names_what_is_missing(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnresolvedReferenceError, match=r"(?i)none"):
        resolve_text(text, {}, tmp_path)


def test_settings_show_no_secret(load: Load) -> None:
    settings = load(
        '[[client]]\nid = "a"\nsecret = "hidden-value"\n[database]\nurl = "postgresql://u:hidden-value@h/d"'
    )
    assert "hidden-value" not in repr(settings)
