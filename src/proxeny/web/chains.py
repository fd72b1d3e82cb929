"""The chain of a caller's certificate, judged once more after the handshake.

Registered self-signed certificates (RFC 8705 §2.2) are trust anchors of the server's TLS, and OpenSSL would let an
anchor vouch for others, and would ask for a revocation list of each. So when there are any, the handshake leaves two
questions to this module: does the chain end where it may, and is its leaf revoked.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from proxeny.web.errors import ServerSettingsError

_PEM = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)


def read_revocation_lists(path: Path) -> list[x509.CertificateRevocationList]:
    """All lists of a PEM file; raises ServerSettingsError."""
    try:
        found = [x509.load_pem_x509_crl(block) for block in _PEM.findall(path.read_bytes())]
    except (OSError, ValueError) as error:
        raise ServerSettingsError(f"The revocation list {path} cannot be used: {error}") from error
    if not found:
        raise ServerSettingsError(f"The revocation list {path} cannot be used: it holds none in PEM")
    return found


class ChainJudge:
    """``self_signed``: DER of the registered certificates. ``lists`` None: nothing is revoked."""

    def __init__(
        self, self_signed: Iterable[bytes], lists: Sequence[x509.CertificateRevocationList] | None = None
    ) -> None:
        self._self_signed = frozenset(self_signed)
        self._lists = lists

    def complaint(self, chain: Sequence[bytes]) -> str | None:
        """What is wrong with a chain that OpenSSL verified (DER, the caller's own certificate first), or None."""
        if not chain or chain[0] in self._self_signed:
            return None
        if self._self_signed.intersection(chain):
            return "a registered certificate does not vouch for others"
        return self._revoked(chain) if self._lists is not None else None

    def _revoked(self, chain: Sequence[bytes]) -> str | None:
        leaf, issuer = (x509.load_der_x509_certificate(der) for der in (chain[0], chain[min(1, len(chain) - 1)]))
        now = datetime.now(UTC)
        valid = [one for one in self._lists or () if one.issuer == leaf.issuer and _is_signed_by(one, issuer)]
        if not valid:
            return "unable to get certificate CRL"
        current = [one for one in valid if one.next_update_utc is None or one.next_update_utc > now]
        if not current:
            return "CRL has expired"
        if any(one.get_revoked_certificate_by_serial_number(leaf.serial_number) for one in current):
            return "certificate revoked"
        return None


def _is_signed_by(one: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    try:
        return one.is_signature_valid(key)  # type: ignore[arg-type]  # another kind of key is the TypeError below
    except (TypeError, ValueError):
        return False
