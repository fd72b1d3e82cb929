"""What a document may say of a technical user, as the admin API and the command line take it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from cryptography import x509
from pydantic import AfterValidator, Field, model_validator

from proxeny.settings import is_permission
from proxeny.settings.kinds import ClientId, is_distinguished_name, is_thumbprint
from proxeny.settings.model import Section
from proxeny.web.auth.certificate import registered_certificates

_SECRET_PARTS = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})


def _permission(name: str) -> str:
    if not is_permission(name):
        raise ValueError("is not a permission")
    return name


def _name(text: str) -> str:
    if not is_distinguished_name(text):
        raise ValueError("is no distinguished name; write it like CN=robot,O=Example")
    return text


def _thumbprint(text: str) -> str:
    if not is_thumbprint(text):
        raise ValueError("is no x5t#S256: 43 characters, the SHA-256 of the certificate in base64url")
    return text


def _time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _certificate(text: str) -> str:
    try:
        x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        raise ValueError("is no certificate in PEM") from None
    return text


def _public_keys(keys: dict[str, Any]) -> dict[str, Any]:
    entries = keys.get("keys")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries) or len(entries) > 20:
        raise ValueError('is no JWK Set ({"keys": [...]}) of at most 20 keys')
    if any(_SECRET_PARTS & entry.keys() for entry in entries):
        raise ValueError("holds private keys. Give the public ones only")
    if len(registered_certificates(keys)) != sum("x5c" in entry for entry in entries):
        raise ValueError("has x5c that is no list of certificates, each DER in base64")
    return keys


Text = Annotated[str, Field(min_length=1, max_length=1000)]


class Named(Section):
    """The id alone: what Basic authentication can carry (RFC 7617)."""

    id: ClientId


class CertificateWanted(Section):
    """A whole certificate in PEM, a subject (and issuer), a URI, or a thumbprint."""

    certificate: Annotated[str, Field(max_length=20_000), AfterValidator(_certificate)] | None = None
    subject: Annotated[Text, AfterValidator(_name)] | None = None
    issuer: Annotated[Text, AfterValidator(_name)] | None = None
    uri: Text | None = None
    thumbprint: Annotated[str, AfterValidator(_thumbprint)] | None = None
    expires: Annotated[str, AfterValidator(_time)] | None = None

    @model_validator(mode="after")
    def _one_of_four(self) -> "CertificateWanted":
        if sum(value is not None for value in (self.certificate, self.subject, self.uri, self.thumbprint)) != 1:
            raise ValueError("needs one of certificate, subject (with issuer), uri and thumbprint")
        if self.issuer is not None and self.subject is None:
            raise ValueError("has an issuer without a subject")
        if self.expires is not None and self.thumbprint is None:
            raise ValueError("has expires without a thumbprint")
        return self


class ClientWanted(Section):
    """Everything but the id and the secret; what is left out is as it was, or as a new technical user has it."""

    permissions: Annotated[tuple[Annotated[str, AfterValidator(_permission)], ...], Field(max_length=20)] = ()
    systems: Annotated[tuple[Text, ...], Field(max_length=1000)] | None = None
    read_only: bool = False
    dialect: tuple[Literal["entra", "okta", "strict"], ...] | None = None
    enabled: bool = True
    description: Annotated[str, Field(max_length=1000)] = ""
    token_format: Literal["jwt", "opaque"] = "jwt"  # noqa: S105  # a format, no secret
    bind_tokens: bool = False
    keys: Annotated[dict[str, Any], AfterValidator(_public_keys)] | None = None
    certificates: Annotated[tuple[CertificateWanted, ...], Field(max_length=50)] = ()
