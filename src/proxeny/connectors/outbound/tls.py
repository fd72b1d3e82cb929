"""The TLS side of a connection: own authorities, the client's certificate, or (for tests) no verification."""

import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.properties import PropertyValues


def context(values: PropertyValues, settings: OutboundSettings) -> ssl.SSLContext:
    """The context for one system; PropertyError names the property that cannot be used."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ca_file:
        _load_file(made, settings.ca_file)
    authorities = values.text("ca.certificate")
    if authorities:
        _load_text(made, authorities)
    if values.flag("TrustAll"):
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if uses_certificate(values):
        _present(made, values.text("client.certificate"), values.text("client.key"))
    return made


def uses_certificate(values: Mapping[str, str]) -> bool:
    return bool(values.get("client.certificate"))


def _load_file(made: ssl.SSLContext, path: str) -> None:
    try:
        made.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise PropertyError(f"[outbound] ca_file {path} cannot be used: {error}.") from error


def _load_text(made: ssl.SSLContext, authorities: str) -> None:
    try:
        made.load_verify_locations(cadata=authorities)
    except (ssl.SSLError, ValueError) as error:
        raise PropertyError("Property ca.certificate holds no certificate in PEM form.") from error


def _present(made: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load certificate and key. The library reads files only, so both pass through one that nobody else may read."""
    with tempfile.TemporaryDirectory(prefix="proxeny-") as folder:
        file = Path(folder) / "client.pem"
        file.touch(mode=0o600)
        file.write_text(f"{certificate}\n{key}\n", encoding="ascii", errors="replace")
        try:
            made.load_cert_chain(file)
        except ssl.SSLError as error:
            raise PropertyError(
                "Properties client.certificate and client.key do not fit together or are no PEM: "
                "give the certificate chain and its unencrypted private key."
            ) from error
