"""Kinds of values in settings: what they may be, and what is said when they are not. No message holds the value."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any

import orjson
from cryptography import x509
from cryptography.x509.oid import NameOID
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr, ValidationInfo


def _web_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme not in {"http", "https"} or not separator or not rest or any(sign in rest for sign in " ?#@"):
        raise ValueError("must be a URL like https://id.example, without user, query and fragment.")
    return text.rstrip("/")


def _database_url(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    scheme, separator, rest = secret.get_secret_value().partition(":///")
    if scheme == "sqlite" and separator and rest:
        return SecretStr(f"sqlite:///{_from_home(Path(rest), info)}")
    if not secret.get_secret_value().startswith("postgresql://"):
        raise ValueError("must start with sqlite:/// (a file) or postgresql:// (a server).")
    return secret


def _from_home(path: Path, info: ValidationInfo) -> Path:
    return Path(info.context["home"]) / path if info.context else path


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value))
    except ValueError:
        raise ValueError("must be a network like 10.0.0.0/8 or fe80::/10, without bits behind its prefix.") from None


def jwk_set(path: Path) -> dict[str, Any] | None:
    """The JWK Set in a file; None if it is none."""
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return document if isinstance(document, dict) and isinstance(document.get("keys"), list) else None


_SHORT_NAMES = {
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "E": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
}
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}=?")


def distinguished_name(text: str) -> x509.Name:
    """A name as people write it (RFC 4514; spaces after commas are forgiven); raises ValueError."""
    return x509.Name.from_rfc4514_string(re.sub(r"(?<!\\),\s+", ",", text.strip()), _SHORT_NAMES)


def is_distinguished_name(text: str) -> bool:
    try:
        distinguished_name(text)
    except ValueError:
        return False
    return True


def is_thumbprint(text: str) -> bool:
    """Whether it is the x5t#S256 of a certificate (RFC 8705 §3.1)."""
    return _THUMBPRINT.fullmatch(text) is not None


_NO_ID = re.compile(r"[\s:\x00-\x1f\x7f]")


def _client_id(text: str) -> str:
    if not 1 <= len(text) <= 128 or _NO_ID.search(text):
        message = "must be 1 to 128 characters without blanks, colons and control characters"
        raise ValueError(f"{message}, which Basic authentication (RFC 7617) could not carry.")
    return text


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


ClientId = Annotated[str, AfterValidator(_client_id)]
HomePath = Annotated[Path, AfterValidator(_from_home)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]
Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_network)]
