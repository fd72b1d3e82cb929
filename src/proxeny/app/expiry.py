"""What ends soon: certificates and revocation lists, told 30, 14 and 3 days before, in the log and in health."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from proxeny.errors import Error
from proxeny.provisioning.definition import SystemDefinition
from proxeny.settings import Settings
from proxeny.store.clients import StoredClient
from proxeny.web.auth.certificate import registered_certificates
from proxeny.web.chains import read_revocation_lists

log = logging.getLogger("proxeny.app.expiry")

DAYS = (3, 14, 30)
"""A warning is logged once when so many days are left, and health tells it from the first on."""

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ending:
    """``part`` is told to everyone in health; ``name`` says in the log which one it is."""

    part: str
    name: str
    at: datetime

    def days(self, now: datetime) -> int:
        """Whole days left; negative once it has ended."""
        return (self.at - now).days


class Expiry:
    """Looks at all that ends, logs each warning once, and keeps what health tells."""

    def __init__(self) -> None:
        self.warnings: Mapping[str, str] = {}
        self._told: dict[tuple[str, str], int] = {}

    def look(self, endings: Iterable[Ending], now: datetime | None = None) -> None:
        """Takes over how things stand now."""
        moment = now or datetime.now(UTC)
        warnings: dict[str, str] = {}
        told: dict[tuple[str, str], int] = {}
        for ending in sorted(endings, key=lambda one: one.at, reverse=True):
            days = ending.days(moment)
            level = -1 if days < 0 else next((limit for limit in DAYS if days <= limit), None)
            if level is None:
                continue
            key = (ending.part, ending.name)
            told[key] = level
            warnings[ending.part] = f"ends {ending.at:%Y-%m-%d}"
            if self._told.get(key) != level:
                _tell(ending, days)
        self._told, self.warnings = told, warnings


def _tell(ending: Ending, days: int) -> None:
    fields = {"part": ending.part, "name_of_it": ending.name, "ends": f"{ending.at:%Y-%m-%dT%H:%M:%SZ}", "days": days}
    if days < 0:
        log.error("a certificate or revocation list has ended; replace it", extra=fields)
    else:
        log.warning("a certificate or revocation list ends soon; replace it", extra=fields)


def of_settings(settings: Settings) -> Iterator[Ending]:
    """The server's certificate, the client CAs, the revocation lists, and what technical users of the file registered.
    What cannot be read ends nowhere: the server says so itself."""
    tls = settings.server.tls
    if tls is not None:
        yield from _of_file("certificate of the server", tls.certificate)
        if tls.client_ca is not None:
            yield from _of_file("client CA", tls.client_ca)
        if tls.client_crl is not None:
            yield from _of_lists(tls.client_crl)
    for client in settings.client:
        yield from _of_keys(client.id, client.jwk_set())


def of_clients(clients: Iterable[StoredClient], seen: Mapping[str, float]) -> Iterator[Ending]:
    """Certificates of technical users: registered ones, and (``seen``: by user, Unix time) those they came with."""
    for client in clients:
        yield from _of_keys(client.id, client.keys)
        for rule in client.certificates:
            if ends := rule.get("expires"):
                yield Ending("certificate of a technical user", client.id, datetime.fromisoformat(ends))
    for client_id, ends_at in seen.items():
        with suppress(ValueError, OverflowError):
            yield Ending("certificate of a technical user", client_id, datetime.fromtimestamp(ends_at, UTC))


def of_systems(definitions: Iterable[SystemDefinition]) -> Iterator[Ending]:
    """Certificates among the properties of systems: what the gateway shows to backends, and whom it trusts there."""
    for definition in definitions:
        for name, value in {**definition.properties, **definition.credentials}.items():
            for text in _PEM.findall(value):
                with suppress(ValueError):
                    ends = x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc
                    yield Ending("certificate of a system", f"{definition.name}: {name}", ends)


def _of_file(part: str, file: Path) -> Iterator[Ending]:
    with suppress(OSError, ValueError):
        for certificate in x509.load_pem_x509_certificates(file.read_bytes()):
            yield Ending(part, certificate.subject.rfc4514_string(), certificate.not_valid_after_utc)


def _of_lists(file: Path) -> Iterator[Ending]:
    with suppress(Error):
        for one in read_revocation_lists(file):
            if one.next_update_utc is not None:
                yield Ending("revocation list", one.issuer.rfc4514_string(), one.next_update_utc)


def _of_keys(client_id: str, keys: Mapping[str, Any] | None) -> Iterator[Ending]:
    with suppress(ValueError):
        for der in registered_certificates(keys):
            ends = x509.load_der_x509_certificate(der).not_valid_after_utc
            yield Ending("certificate of a technical user", client_id, ends)
