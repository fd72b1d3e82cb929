"""What ends soon: certificates, revocation lists and secrets, told 30, 14 and 3 days before, in the log and in health.

provisioning/jobs/expiring.py tells it to people.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from proxeny.errors import Error
from proxeny.provisioning.jobs.expiring import Ending
from proxeny.provisioning.system import ROLES
from proxeny.provisioning.systems.definition import SystemDefinition
from proxeny.settings import Settings
from proxeny.store.clients import StoredClient
from proxeny.web.auth.certificate import registered_certificates
from proxeny.web.chains import read_revocation_lists

log = logging.getLogger("proxeny.app.expiry")

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


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
            days, level = ending.days(moment), ending.level(moment)
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
        log.error("a certificate, revocation list or secret has ended; replace it", extra=fields)
    else:
        log.warning("a certificate, revocation list or secret ends soon; replace it", extra=fields)


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
    """Certificates of technical users: registered ones, and (``seen``: by user, Unix time) those they came with. Of
    secrets the last one that ends, if there is none that does not."""
    for client in clients:
        ends_last = [secret.expires for secret in client.secrets if secret.expires is not None]
        if client.enabled and ends_last and len(ends_last) == len(client.secrets):
            yield Ending("secret of a technical user", client.id, max(ends_last))
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
                    role = ROLES[definition.access_mode]
                    whose = f"{definition.name}: {name}"
                    yield Ending("certificate of a system", whose, ends, definition.id, role, definition.name)


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
