"""A development certificate authority: its own certificate, server certificates, and certificates of technical users.

For trying things out and for tests. A production gateway shows certificates of the company's own authority. Files of
one certificate share a stem: ``.crt`` (PEM), ``.key`` (PEM, mode 0600) and ``.p12`` for programs
that want one file.
"""

import os
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxeny.errors import CertificateError

_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")
_HOST_LIMIT = 253
CA_NAME = "proxeny development CA"
COMMON_NAME_LIMIT = 64
"""Characters of a common name (X.520 ub-common-name), which is also what SAP's technical users allow."""

_CA_DAYS = 3650
_LEAF_DAYS = 365
_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key. ``chain`` are the certificates above it, nearest first."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    def write(self, folder: Path, stem: str, *, passphrase: str | None = None) -> tuple[Path, ...]:
        """Writes ``stem``.crt, .key and .p12 and returns their paths; keys are readable by the owner only."""
        folder.mkdir(parents=True, exist_ok=True)
        lock: KeySerializationEncryption = (
            BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        )
        shown = (self.certificate, *(entry for entry in self.chain if entry.subject != entry.issuer))
        certificates = b"".join(entry.public_bytes(Encoding.PEM) for entry in shown)
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        archive = pkcs12.serialize_key_and_certificates(
            stem.encode(), self.key, self.certificate, self.chain or None, lock
        )
        contents = ((".crt", certificates, 0o644), (".key", key, 0o600), (".p12", archive, 0o600))
        return tuple(_write(folder / f"{stem}{suffix}", content, mode) for suffix, content, mode in contents)


@dataclass(frozen=True, slots=True)
class Described:
    """What ``cert list`` says of one certificate. Names are RFC 4514 text; ``thumbprint`` is x5t#S256."""

    file: str
    subject: str
    issuer: str
    serial: str
    thumbprint: str
    not_after: datetime
    names: tuple[str, ...]
    is_ca: bool

    @property
    def expired(self) -> bool:
        return self.not_after < datetime.now(UTC)


def create_authority(name: str = CA_NAME, *, days: int = _CA_DAYS) -> Issued:
    """A self-signed authority that may sign certificates of servers and callers only."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_subject(name), _subject(name), key, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Issued(builder.sign(key, hashes.SHA256()), key)


def issue_server(authority: Issued, hosts: Sequence[str], *, days: int = _LEAF_DAYS) -> Issued:
    """A certificate for a server that is called by the host names and IP addresses ``hosts``; the first is its name."""
    names = [_server_name(host) for host in hosts]
    if not names:
        raise CertificateError("a server certificate needs at least one host name or address. Name one.")
    return _issue(authority, _subject(hosts[0]), ExtendedKeyUsageOID.SERVER_AUTH, names, days)


def issue_client(authority: Issued, common_name: str, *, uri: str | None = None, days: int = _LEAF_DAYS) -> Issued:
    """A certificate for a technical user; ``common_name`` has at most 64 characters."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)] if uri else []
    return _issue(authority, _subject(common_name), ExtendedKeyUsageOID.CLIENT_AUTH, names, days)


def load_issued(certificate: Path, key: Path) -> Issued:
    """An authority from its files; CertificateError says which file is wrong."""
    try:
        certificates = x509.load_pem_x509_certificates(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), password=None)
    except OSError as error:
        remedy = "Make an authority with `proxeny cert ca`."
        raise CertificateError(f"{error.filename} cannot be read ({error.strerror}). {remedy}") from error
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{certificate} and {key} must be a certificate and its key, in PEM.") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != certificates[0].public_key():
        raise CertificateError(f"{key} is not the key of {certificate}. Make both anew with `proxeny cert ca`.")
    return Issued(certificates[0], private, tuple(certificates[1:]))


def describe(folder: Path) -> list[Described]:
    """Every certificate in ``folder`` (.crt, .pem), by file name; files that are none are left out."""
    files = sorted(path for pattern in ("*.crt", "*.pem") for path in folder.glob(pattern))
    return [described for path in files for described in _described(path)]


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate as RFC 8705 writes it (``x5t#S256``): base64url without padding."""
    digest = sha256(certificate.public_bytes(Encoding.DER)).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _described(path: Path) -> Iterable[Described]:
    try:
        certificate = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (ValueError, OSError):
        return
    yield Described(
        file=path.name,
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        thumbprint=thumbprint(certificate),
        not_after=certificate.not_valid_after_utc,
        names=_alternative_names(certificate),
        is_ca=_is_authority(certificate),
    )


def _alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in extension.value)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _issue(
    authority: Issued, subject: x509.Name, purpose: x509.ObjectIdentifier, names: Sequence[x509.GeneralName], days: int
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(subject, authority.certificate.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Issued(builder.sign(authority.key, hashes.SHA256()), key, (authority.certificate, *authority.chain))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    if not 1 <= days <= _CA_DAYS:
        raise CertificateError(f"a certificate is valid for 1 to {_CA_DAYS} days. Choose a number between.")
    now = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(159) | 1)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _subject(common_name: str) -> x509.Name:
    if not 1 <= len(common_name) <= COMMON_NAME_LIMIT or not common_name.isprintable():
        raise CertificateError(f"a common name has 1 to {COMMON_NAME_LIMIT} printable characters. Choose another.")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _server_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        pass
    if len(host) > _HOST_LIMIT or not _HOST.fullmatch(host):
        raise CertificateError(f"{host!r} is neither a host name in ASCII nor an address. Correct it.")
    return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes, mode: int) -> Path:
    """Writes beside the file and renames: a reader sees the old file or the new one, and its mode from the start."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
    draft.replace(path)
    return path
