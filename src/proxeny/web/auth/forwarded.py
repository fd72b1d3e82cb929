"""The caller's certificate, from the socket or as a terminating proxy hands it on.

One form of header is believed, the configured one, and only from the socket peers that are named as proxies; a header
that comes twice is refused, because one of the two may be the caller's own.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from proxeny.web.auth.certificate import PeerCertificate, Presented, read_certificate
from proxeny.web.errors import NotAuthenticatedError
from proxeny.web.origin import Headers
from proxeny.web.settings import CertificateHeader

CERTIFICATE = "proxeny.certificate"
"""Key in the scope: DER of the caller's certificate as the socket proved it, or absent."""

_LONGEST = 32 * 1024
_XFCC_PAIR = re.compile(
    r"(?P<name>by|hash|uri|dns)=(?P<plain>[^;,\"]*)(?P<end>[;,]|$)"
    r'|(?P<pem>cert|chain)="(?P<encoded>[\w.~%-]*)"(?P<end_of_pem>[;,]|$)'
    r'|(?P<dn>subject)="(?P<quoted>(?:[^"\\;]|\\.)*)"(?P<end_of_dn>[;,]|$)',
    re.IGNORECASE | re.ASCII,
)
_XFCC_ORDER = ("by", "hash", "cert", "chain", "subject", "uri", "dns")

Parse = Callable[[Headers], PeerCertificate | None]


def presented(
    scope: Mapping[str, Any], headers: Headers, form: CertificateHeader, *, trusted: bool
) -> Presented | None:
    """What the request presents, or None; raises NotAuthenticatedError for a broken header of a named proxy."""
    if trusted and form != "none":
        certificate = _handed_on(headers, form)
        return Presented(certificate, own_socket=False) if certificate else None
    der = scope.get(CERTIFICATE)
    return _of_socket(der) if der else None


@lru_cache(4096)
def _of_socket(der: bytes) -> Presented:
    return Presented(read_certificate(der), own_socket=True)


def _handed_on(headers: Headers, form: CertificateHeader) -> PeerCertificate | None:
    try:
        return _FORMS[form](headers)
    except (ValueError, binascii.Error) as error:
        raise NotAuthenticatedError("certificate header cannot be read") from error


def _only(headers: Headers, name: bytes) -> bytes | None:
    values = headers.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise NotAuthenticatedError("certificate header twice")
    if len(values[0]) > _LONGEST:
        raise NotAuthenticatedError("certificate header is too long")
    return values[0].strip() or None


def _rfc9440(headers: Headers) -> PeerCertificate | None:
    """``Client-Cert: :<base64 of DER>:`` (a byte sequence of RFC 8941)."""
    value = _only(headers, b"client-cert")
    if value is None:
        return None
    if len(value) < 2 or value[:1] != b":" or value[-1:] != b":":
        raise ValueError("not a byte sequence")
    return read_certificate(base64.b64decode(value[1:-1], validate=True))


def _nginx(headers: Headers) -> PeerCertificate | None:
    """``X-SSL-Client-Cert: $ssl_client_escaped_cert`` with ``X-SSL-Client-Verify: $ssl_client_verify``."""
    value = _only(headers, b"x-ssl-client-cert")
    verified = _only(headers, b"x-ssl-client-verify")
    if value is None or verified in (None, b"NONE"):
        return None
    if verified != b"SUCCESS":
        raise NotAuthenticatedError("certificate was refused by the proxy")
    return _from_pem(unquote_to_bytes(value))


def _haproxy(headers: Headers) -> PeerCertificate | None:
    """``X-SSL-Client-Cert: %[ssl_c_der,base64]`` with ``X-SSL-Client-Verify: %[ssl_c_verify]``."""
    value = _only(headers, b"x-ssl-client-cert")
    if value is None:
        return None
    if _only(headers, b"x-ssl-client-verify") != b"0":
        raise NotAuthenticatedError("certificate was refused by the proxy")
    return read_certificate(base64.b64decode(value, validate=True))


def _cloudfoundry(headers: Headers) -> PeerCertificate | None:
    """``X-Forwarded-Client-Cert: <base64 of DER>``, as the router of Cloud Foundry writes it."""
    value = _only(headers, b"x-forwarded-client-cert")
    return read_certificate(base64.b64decode(value, validate=True)) if value else None


def _envoy(headers: Headers) -> PeerCertificate | None:
    """``X-Forwarded-Client-Cert: By=…;Hash=…;Cert="…";Subject="…";URI=…;DNS=…``, of one proxy.

    Envoy writes alternative names as they are, whatever is in them, so that a caller's certificate can look like more
    pairs, or like another element. Hence one element only, its pairs in Envoy's order, and everything from ``Cert`` if
    it is there; if not, hash and URI alone, as several URIs could be one, and a subject means nothing without issuer.
    """
    value = _only(headers, b"x-forwarded-client-cert")
    if value is None:
        return None
    element = _xfcc_element(value.decode("ascii"))
    digest = bytes.fromhex(_single(element, "hash"))
    thumbprint = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if "cert" in element:
        certificate = _from_pem(unquote_to_bytes(_single(element, "cert")))
        if certificate.thumbprint != thumbprint:
            raise ValueError("Hash is not that of Cert")
        return certificate
    return PeerCertificate(thumbprint, uris=(_single(element, "uri"),) if element.get("uri", [""]) != [""] else ())


def _xfcc_element(text: str) -> dict[str, list[str]]:
    """The pairs of the one element, by name in lower case."""
    element: dict[str, list[str]] = {}
    position = place = 0
    while position < len(text):
        pair = _XFCC_PAIR.match(text, position)
        if pair is None:
            raise ValueError("not a list of pairs")
        name, value, end = (group for group in pair.groups() if group is not None)
        if end == ",":
            raise NotAuthenticatedError("certificate header of several proxies: the first must set it anew")
        if _XFCC_ORDER.index(name.lower()) < place:
            raise ValueError("pairs are not in Envoy's order")
        place = _XFCC_ORDER.index(name.lower())
        element.setdefault(name.lower(), []).append(value)
        position = pair.end()
    return element


def _single(element: Mapping[str, list[str]], name: str) -> str:
    """The value of a name that must be there, and once."""
    values = element.get(name, [])
    if len(values) != 1:
        raise ValueError(f"{name} is not there once")
    return values[0]


def _from_pem(text: bytes) -> PeerCertificate:
    certificate = x509.load_pem_x509_certificate(text)
    return read_certificate(certificate.public_bytes(Encoding.DER))


_FORMS: Mapping[CertificateHeader, Parse] = {
    "rfc9440": _rfc9440,
    "nginx": _nginx,
    "haproxy": _haproxy,
    "cloudfoundry": _cloudfoundry,
    "envoy": _envoy,
}
