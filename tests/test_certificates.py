"""Development certificates: chains that verify, limits, and files with the right modes."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from proxeny.certificates import (
    COMMON_NAME_LIMIT,
    Issued,
    create_authority,
    describe,
    issue_client,
    issue_server,
    load_issued,
    thumbprint,
)
from proxeny.errors import CertificateError


@pytest.fixture(scope="module")
def authority() -> Issued:
    return create_authority()


def test_a_server_certificate_verifies_for_its_names_only(authority: Issued) -> None:
    server = issue_server(authority, ["localhost", "127.0.0.1"])
    policy = PolicyBuilder().store(Store([authority.certificate]))
    policy.build_server_verifier(x509.DNSName("localhost")).verify(server.certificate, [])
    with pytest.raises(VerificationError):
        policy.build_server_verifier(x509.DNSName("other.example")).verify(server.certificate, [])


def test_a_client_certificate_verifies_as_a_client_and_not_as_a_server(authority: Issued) -> None:
    client = issue_client(authority, "idm(P000001)", uri="urn:example:idm")
    policy = PolicyBuilder().store(Store([authority.certificate]))
    verified = policy.build_client_verifier().verify(client.certificate, [])
    assert [name.value for name in verified.subjects or ()] == ["urn:example:idm"]
    with pytest.raises(VerificationError):
        policy.build_server_verifier(x509.DNSName("idm")).verify(client.certificate, [])


def test_a_common_name_has_at_most_64_characters(authority: Issued) -> None:
    longest = "c" * COMMON_NAME_LIMIT
    assert issue_client(authority, longest).certificate.subject.rfc4514_string() == f"CN={longest}"
    for name in ("c" * (COMMON_NAME_LIMIT + 1), "", "a\nb"):
        with pytest.raises(CertificateError, match="64"):
            issue_client(authority, name)


def test_a_certificate_is_valid_for_as_long_as_asked(authority: Issued) -> None:
    remaining = issue_client(authority, "a", days=30).certificate.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=29) < remaining <= timedelta(days=30)
    with pytest.raises(CertificateError, match="days"):
        issue_client(authority, "a", days=0)


@pytest.mark.parametrize("hosts", [[], ["bücher.example"], ["bad host"], ["-a.example"], ["a..b"], [""]])
def test_a_server_needs_names_that_certificates_can_hold(authority: Issued, hosts: list[str]) -> None:
    with pytest.raises(CertificateError):
        issue_server(authority, hosts)


def test_written_files_serve_tls_and_only_the_owner_reads_keys(authority: Issued, tmp_path: Path) -> None:
    authority.write(tmp_path, "ca")
    certificate, key, archive = issue_server(authority, ["localhost"]).write(tmp_path, "server", passphrase="geheim")
    assert [path.stat().st_mode & 0o777 for path in (certificate, key, archive)] == [0o644, 0o600, 0o600]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loaded = pkcs12.load_pkcs12(archive.read_bytes(), b"geheim")
    assert [entry.certificate.subject.rfc4514_string() for entry in loaded.additional_certs] == [
        "CN=proxeny development CA"
    ]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_an_authority_is_loaded_from_its_files_and_signs_on(authority: Issued, tmp_path: Path) -> None:
    certificate, key, _ = authority.write(tmp_path, "ca")
    again = load_issued(certificate, key)
    PolicyBuilder().store(Store([authority.certificate])).build_client_verifier().verify(
        issue_client(again, "a", uri="urn:a").certificate, []
    )


def test_files_that_do_not_belong_together_are_refused(authority: Issued, tmp_path: Path) -> None:
    certificate, key, _ = authority.write(tmp_path, "ca")
    _, other_key, _ = create_authority("other").write(tmp_path, "other")
    with pytest.raises(CertificateError, match="not the key"):
        load_issued(certificate, other_key)
    with pytest.raises(CertificateError, match="cannot be read"):
        load_issued(tmp_path / "none.crt", key)
    key.write_text("no key")
    with pytest.raises(CertificateError, match="PEM"):
        load_issued(certificate, key)


def test_describing_a_folder_names_each_certificate(authority: Issued, tmp_path: Path) -> None:
    authority.write(tmp_path, "ca")
    client = issue_client(authority, "idm", days=1)
    client.write(tmp_path, "idm")
    (tmp_path / "noise.pem").write_text("nothing")
    found = {entry.file: entry for entry in describe(tmp_path)}
    assert found.keys() == {"ca.crt", "idm.crt"}
    assert (found["ca.crt"].is_ca, found["idm.crt"].is_ca) == (True, False)
    assert found["idm.crt"].issuer == "CN=proxeny development CA"
    assert found["idm.crt"].thumbprint == thumbprint(client.certificate)
    assert not found["idm.crt"].expired
