"""Client certificates as callers (RFC 5280, RFC 8705 §2): what is read from one, and whom it means.

The chain was checked when it came: by our own TLS, or by a named proxy. Here a certificate is only mapped, by
thumbprint, SAN URI, or full subject and issuer. A rule whose subject is nothing but ``CN=<name>(<id>)``, as SAP makes
them, is compared with the common name alone.
"""

import base64
import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from proxeny.settings.kinds import distinguished_name
from proxeny.web.auth.caller import Caller, CertificateRule, ClientSource, TechnicalUser
from proxeny.web.auth.remembered import Remembered, Verified
from proxeny.web.errors import NotAuthenticatedError

log = logging.getLogger("proxeny.web.security")

Rdns = tuple[frozenset[tuple[str, str]], ...]

_SAP_NAME = re.compile(r"CN=([^,=+\\]+\([^(),]+\))", re.IGNORECASE)
_LOOK_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What is known of a caller's certificate. ``der`` is empty when a proxy handed on only parts of it; then times are
    those of a certificate that always holds."""

    thumbprint: str
    subject: Rdns = ()
    issuer: Rdns = ()
    uris: tuple[str, ...] = ()
    not_before: float = 0.0
    not_after: float = float("inf")
    der: bytes = b""


@lru_cache(4096)
def read_certificate(der: bytes) -> PeerCertificate:
    """The certificate in ``der``; raises ValueError."""
    certificate = x509.load_der_x509_certificate(der)
    return PeerCertificate(
        thumbprint=thumbprint_of(der),
        subject=_rdns(certificate.subject),
        issuer=_rdns(certificate.issuer),
        uris=_uris(certificate),
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        der=der,
    )


def thumbprint_of(der: bytes) -> str:
    """The x5t#S256 of a certificate (RFC 8705 §3.1)."""
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def parse_name(text: str) -> Rdns:
    """A distinguished name as written in settings (RFC 4514; spaces after commas are forgiven); raises ValueError."""
    return _rdns(distinguished_name(text))


def _rdns(name: x509.Name) -> Rdns:
    return tuple(frozenset((part.oid.dotted_string, str(part.value)) for part in rdn) for rdn in name.rdns)


def _uris(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    if not isinstance(names, x509.SubjectAlternativeName):
        return ()
    return tuple(names.get_values_for_type(x509.UniformResourceIdentifier))


def common_name(subject: Rdns) -> str:
    """The one common name of a subject, or nothing."""
    found = [value for rdn in subject for oid, value in rdn if oid == NameOID.COMMON_NAME.dotted_string]
    return found[0] if len(found) == 1 else ""


class CertificateRules:
    """The rules of all technical users, as look-ups. ``one_authority``: whether rules without an issuer hold."""

    def __init__(self, users: Iterable[TechnicalUser], *, one_authority: bool) -> None:
        self._one_authority = one_authority
        self._thumbprints: dict[str, set[str]] = {}
        self._uris: dict[str, set[str]] = {}
        self._subjects: dict[tuple[Rdns, Rdns | None], set[str]] = {}
        self._names: dict[tuple[str, Rdns | None], set[str]] = {}
        for user in users:
            for rule in user.certificates:
                self._add_checked(rule, user.id)
            for der in registered_certificates(user.keys):
                self._thumbprints.setdefault(thumbprint_of(der), set()).add(user.id)

    def _add_checked(self, rule: CertificateRule, user: str) -> None:
        try:
            self._add(rule, user)
        except ValueError as error:
            log.error("a certificate rule cannot be read and is ignored", extra={"client": user, "reason": str(error)})

    def _add(self, rule: CertificateRule, user: str) -> None:
        if rule.thumbprint:
            self._thumbprints.setdefault(rule.thumbprint.rstrip("="), set()).add(user)
        if rule.uri:
            self._uris.setdefault(rule.uri, set()).add(user)
        if rule.subject:
            issuer = parse_name(rule.issuer) if rule.issuer else None
            if sap := _SAP_NAME.fullmatch(rule.subject.strip()):
                self._names.setdefault((sap[1], issuer), set()).add(user)
            else:
                self._subjects.setdefault((parse_name(rule.subject), issuer), set()).add(user)

    def users(self, certificate: PeerCertificate) -> frozenset[str]:
        """Every technical user that the certificate means; more than one is a mistake of the settings."""
        issuers: list[Rdns | None] = [certificate.issuer] if certificate.issuer else []
        if self._one_authority:
            issuers.append(None)
        name = common_name(certificate.subject)
        found = set(self._thumbprints.get(certificate.thumbprint, ()))
        for uri in certificate.uris:
            found |= self._uris.get(uri, set())
        for issuer in issuers:
            found |= self._subjects.get((certificate.subject, issuer), set())
            found |= self._subjects.get((certificate.subject[::-1], issuer), set())
            found |= self._names.get((name, issuer), set())
        return frozenset(found)


def registered_certificates(keys: Mapping[str, Any] | None) -> list[bytes]:
    """DER of the certificates (first of ``x5c``) in a technical user's JWK Set (RFC 8705 §2.2). One that cannot be read
    is left out with a line in the log: it must keep nobody else from signing in."""
    found = []
    for key in (keys or {}).get("keys", ()):
        try:
            if chain := key.get("x5c"):
                der = base64.b64decode(chain[0], validate=True)
                x509.load_der_x509_certificate(der)
                found.append(der)
        except (ValueError, TypeError, LookupError, AttributeError):
            log.error("a registered certificate (x5c) cannot be read and is ignored")
    return found


class CertificateUsers:
    """Whom a certificate means, with rules that follow the technical users within seconds.

    ``authorities``: the CA certificates that callers' chains end in, as far as the gateway itself checks them.
    """

    def __init__(self, source: ClientSource, authorities: Callable[[], list[x509.Certificate]] = list) -> None:
        self._source = source
        self._authorities = authorities
        self._rules = CertificateRules((), one_authority=False)
        self._version: tuple[str, int] | None = None
        self._looked = -_LOOK_EVERY
        self._self_signed: tuple[bytes, ...] = ()
        self.seen: dict[str, float] = {}
        """When the certificate ends that a technical user came with last (Unix time)."""

    def self_signed(self) -> tuple[bytes, ...]:
        """DER of all registered self-signed certificates, for the server's TLS."""
        return self._self_signed

    async def refresh(self) -> None:
        """Reads the rules again if technical users have changed."""
        version = (await self._source.version(), len(self._authorities()))
        if version == self._version:
            return
        users = await self._source.with_certificates()
        self._rules = CertificateRules(users, one_authority=len(self._authorities()) == 1)
        self._self_signed = tuple(der for user in users for der in registered_certificates(user.keys))
        self._version = version

    async def find(self, certificate: PeerCertificate) -> TechnicalUser:
        """The technical user; raises NotAuthenticatedError."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            await self.refresh()
        if not certificate.not_before <= time.time() < certificate.not_after:
            raise NotAuthenticatedError("certificate is not valid now")
        found = self._rules.users(certificate)
        if len(found) != 1:
            raise NotAuthenticatedError("certificate means several technical users" if found else "unknown certificate")
        (client_id,) = found
        user = await self._source.find(client_id)
        if user is None or not user.enabled:
            raise NotAuthenticatedError("technical user is disabled", client=client_id)
        self.seen[client_id] = certificate.not_after
        return user


@dataclass(frozen=True, slots=True)
class Presented:
    certificate: PeerCertificate
    own_socket: bool


class CertificateAuthentication:
    """The way of a certificate to a caller; remembered for as long as rules do not change."""

    def __init__(self, users: CertificateUsers, remembered: Remembered) -> None:
        self._users = users
        self._remembered = remembered

    def recall(self, presented: Presented) -> Caller | None:
        """The caller, if it is remembered and nothing need be looked up for that."""
        verified = self._remembered.recall(self._key(presented))
        return verified.caller if verified is not None else None

    def _key(self, presented: Presented) -> bytes:
        """Of a whole certificate the thumbprint tells all; of one handed on in parts every part counts."""
        certificate = presented.certificate
        shown = certificate.thumbprint if certificate.der else repr(certificate)
        way = "certificate" if presented.own_socket else "forwarded certificate"
        return self._remembered.key(shown.encode(), way)

    async def caller(self, presented: Presented) -> Caller:
        """The caller; raises NotAuthenticatedError."""
        certificate, key = presented.certificate, self._key(presented)
        if (verified := await self._remembered.find(key)) is not None:
            return verified.caller
        era = self._remembered.era
        user = await self._users.find(certificate)
        caller = user.caller("certificate")
        self._remembered.keep(key, Verified(caller, certificate.not_after), era)
        return caller
