"""TLS of the server: one port for callers with and without a certificate, files that may change while it runs, and a
reason in the log for every handshake that was refused.

Both event loops make their TLS objects with ``context.wrap_bio``; a context that hands this on to the newest one gives
hot reload without touching a connection. A refused handshake is turned into an error that is no OSError, because the
loops keep silent about those.
"""

import _ssl
import logging
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509

from proxeny.web.chains import ChainJudge, read_revocation_lists
from proxeny.web.errors import HandshakeRefusedError, ServerSettingsError
from proxeny.web.settings import TlsSettings

log = logging.getLogger("proxeny.web.tls")

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2"
Stamp = tuple[tuple[int, int, int], ...]


class _ExplainingObject(ssl.SSLObject):
    """A TLS connection whose failed handshake is not passed over in silence; ``judge`` may refuse what it proved."""

    judge: ChainJudge | None = None

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            raise HandshakeRefusedError(_reason(error)) from error
        if self.judge is not None and (complaint := self.judge.complaint(self._chain())):
            raise HandshakeRefusedError(f"client certificate: {complaint}")

    def _chain(self) -> list[bytes]:
        """The verified chain in DER; before Python 3.13 it was there, but not by a public name."""
        if (public := getattr(super(), "get_verified_chain", None)) is not None:
            return list(public())
        chain = self._sslobj.get_verified_chain() or ()  # type: ignore[attr-defined]  # as above
        return [certificate.public_bytes(_ssl.ENCODING_DER) for certificate in chain]


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client certificate: {error.verify_message}"
    return (error.reason or "handshake failed").lower().replace("_", " ")


def build_context(settings: TlsSettings, self_signed: Sequence[bytes] = ()) -> ssl.SSLContext:
    """A context from the files as they are now; raises ServerSettingsError with the file that is wrong.

    ``self_signed``: DER of the registered certificates of technical users that no CA vouches for (RFC 8705 §2.2); if
    there are any, chains.py has the last word.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0  # a resumed session would not be checked against the newest CA and CRL
    context.sslobject_class = type("Judged", (_ExplainingObject,), {"judge": _judge(settings, self_signed)})
    context.set_alpn_protocols(["http/1.1"])
    _load_own(context, settings)
    if settings.client_ca is not None or self_signed:
        context.verify_mode = ssl.CERT_OPTIONAL
        for certificate in self_signed:
            context.load_verify_locations(cadata=certificate)
    if settings.client_ca is not None:
        _load(context, settings.client_ca, "client CA")
    if settings.client_crl is not None and not self_signed:
        _load(context, settings.client_crl, "revocation list")
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    return context


def _judge(settings: TlsSettings, self_signed: Sequence[bytes]) -> ChainJudge | None:
    if not self_signed:
        return None
    return ChainJudge(self_signed, read_revocation_lists(settings.client_crl) if settings.client_crl else None)


def _load_own(context: ssl.SSLContext, settings: TlsSettings) -> None:
    password = settings.key_password or ""  # never ask at the terminal
    try:
        context.load_cert_chain(settings.certificate, settings.key, password=password)
    except (OSError, ssl.SSLError) as error:
        raise ServerSettingsError(
            f"The server certificate {settings.certificate} with key {settings.key} cannot be used: {_why(error)}. "
            "Give the two that belong together, in PEM."
        ) from error


def _load(context: ssl.SSLContext, path: Path, what: str) -> None:
    try:
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        raise ServerSettingsError(f"The {what} {path} cannot be used: {_why(error)}.") from error


def _why(error: OSError) -> str:
    return _reason(error) if isinstance(error, ssl.SSLError) else error.strerror or str(error)


def read_certificates(path: Path) -> list[x509.Certificate]:
    """All certificates of a PEM file; raises ServerSettingsError."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ServerSettingsError(f"The certificates in {path} cannot be read: {error}") from error


class LiveContext(ssl.SSLContext):
    """Always makes connections with the newest context."""

    current: ssl.SSLContext

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        return self.current.wrap_bio(*args, **options)


class Tls:
    """The server's TLS: its context, and the reading again of its files when they change.

    ``self_signed`` gives the DER of registered self-signed certificates. After a change of the CA, the CRL or those,
    ``changed`` is called, so that connections which were let in by the old ones can be ended.
    """

    def __init__(self, settings: TlsSettings, self_signed: Callable[[], Sequence[bytes]] = tuple) -> None:
        self._settings = settings
        self._self_signed = self_signed
        self.changed: Callable[[], None] = lambda: None
        self.context = LiveContext(ssl.PROTOCOL_TLS_SERVER)
        self.authorities: list[x509.Certificate] = []
        self._stamp: Stamp = ()
        self._trusted: tuple[bytes, ...] = ()
        self._take(self._look())

    def reload_if_changed(self) -> bool:
        """Reads the files again if one of them, or a registered certificate, changed. A file that cannot be used leaves
        everything as it was, with a line in the log; it is tried again when it changes again."""
        stamp = self._look()
        if stamp == (self._stamp, self._trusted):
            return False
        before = (self._stamp[2:], self._trusted)
        try:
            self._take(stamp)
        except ServerSettingsError as error:
            self._stamp, self._trusted = stamp
            log.error("changed TLS files cannot be used; the old ones stay in use", extra={"reason": str(error)})
            return False
        log.info("TLS files were read again")
        if before != (self._stamp[2:], self._trusted):
            self.changed()
        return True

    def _take(self, stamp: tuple[Stamp, tuple[bytes, ...]]) -> None:
        context = build_context(self._settings, stamp[1])
        self.authorities = read_certificates(self._settings.client_ca) if self._settings.client_ca else []
        self.context.current = context
        self._stamp, self._trusted = stamp

    def _look(self) -> tuple[Stamp, tuple[bytes, ...]]:
        settings = self._settings
        files = (settings.certificate, settings.key, settings.client_ca, settings.client_crl)
        return tuple(_stamp_of(path) for path in files), tuple(sorted(self._self_signed()))


def _stamp_of(path: Path | None) -> tuple[int, int, int]:
    if path is None:
        return (0, 0, 0)
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
