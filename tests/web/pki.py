"""Certificates of every kind, good and bad, in files of a folder."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from proxeny.web.auth.certificate import thumbprint_of

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass
class Made:
    """``file`` holds certificate and key in PEM."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    file: Path

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def thumbprint(self) -> str:
        return thumbprint_of(self.der)


def name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(text)


@dataclass
class Authority:
    folder: Path
    title: str = "CN=test CA"
    issued: int = 0
    revoked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.own = self._make(self.title, self.title, None, x509.BasicConstraints(True, None), None)
        self.file = self.folder / f"{self.own.thumbprint}.ca.pem"
        self.file.write_text(self.own.pem)

    def issue(self, subject: str, purpose: x509.ObjectIdentifier = CLIENT, **more: Any) -> Made:
        """A certificate for a client, or a server on this machine. ``uri``, ``ends`` (in days), ``digest``."""
        return self._make(subject, self.title, self.own.key, x509.BasicConstraints(False, None), purpose, **more)

    def _make(
        self,
        subject: str,
        issuer: str,
        signer: ec.EllipticCurvePrivateKey | None,
        constraints: x509.BasicConstraints,
        purpose: x509.ObjectIdentifier | None,
        *,
        uri: str | None = None,
        ends: float = 30,
        digest: Any = None,
        hosts: bool = False,
    ) -> Made:
        self.issued += 1
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), self.issued)
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=ends))
            .add_extension(constraints, critical=True)
        )
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)] if uri else []
        if purpose == SERVER or hosts:
            names += [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(signer or key, digest or hashes.SHA256())
        file = self.folder / f"{thumbprint_of(certificate.public_bytes(Encoding.DER))}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
        return Made(certificate, key, file)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def under(self, title: str) -> "Authority":
        """An authority below this one."""
        below = Authority(self.folder, title)
        below.own = self._make(title, self.title, self.own.key, x509.BasicConstraints(True, None), None)
        return below

    def crl(self, days: float = 1) -> bytes:
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder(
            name(self.title), now - timedelta(days=1), now + timedelta(days=days)
        )
        for serial in self.revoked:
            revoked = x509.RevokedCertificateBuilder(serial, now - timedelta(hours=1)).build()
            builder = builder.add_revoked_certificate(revoked)
        return builder.sign(self.own.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def trust(self, client: Made | None = None) -> ssl.SSLContext:
        """How a caller connects: trusting this CA, with or without a certificate of its own."""
        context = ssl.create_default_context(cafile=str(self.file))
        if client is not None:
            context.load_cert_chain(client.file)
        return context
