"""The sections of proxeny.toml and their defaults, each declared once: the code, ``check`` and the README agree.

Checks that need more than one key are methods ``problems`` that yield (key, what is wrong and what to do).
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
)

from proxeny.settings.kinds import (
    ClientId,
    DatabaseUrl,
    HomePath,
    Network,
    Positive,
    Seconds,
    Texts,
    WebUrl,
    is_distinguished_name,
    is_thumbprint,
    jwk_set,
)

Finding = tuple[str, str]
_HOST = re.compile(r"\[?[A-Za-z0-9._:%-]+\]?")

PERMISSIONS = (
    "proxy",
    "realtime",
    "directory.read",
    "directory.write",
    "metrics",
    "admin",
    "admin.systems",
    "admin.clients",
    "admin.jobs",
    "admin.audit",
)


def is_permission(name: str) -> bool:
    """Whether a technical user can hold a permission of that name."""
    return name in PERMISSIONS


class Section(BaseModel):
    """A table of the file: no other keys, no change after reading, and no value in any message."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True
    )

    def problems(self) -> Iterator[Finding]:
        """What is wrong between the keys of this section."""
        yield from ()


class Tls(Section):
    """Certificates that the gateway shows and believes. ``client_ca`` turns certificates of callers on."""

    certificate: HomePath
    key: HomePath
    key_password: SecretStr | None = None
    client_ca: HomePath | None = None
    client_crl: HomePath | None = None

    def problems(self) -> Iterator[Finding]:
        for name in ("certificate", "key", "client_ca", "client_crl"):
            path: Path | None = getattr(self, name)
            if path is not None and not path.is_file():
                remedy = "Make development certificates with `proxeny cert server`, or correct the path."
                yield name, f"there is no file {path}. {remedy}"
        if self.client_crl and not self.client_ca:
            yield "client_crl", "a revocation list needs client_ca. Name the CA whose certificates it revokes."


class Server(Section):
    """Where the gateway listens, and how it is called from outside."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    workers: Positive = 1
    public_url: WebUrl | None = None
    trusted_proxies: tuple[Network, ...] = ()
    certificate_header: Literal["none", "rfc9440", "nginx", "haproxy", "envoy", "cloudfoundry"] = "none"
    stop_seconds: Positive = 10
    tls: Tls | None = None

    def problems(self) -> Iterator[Finding]:
        if self.certificate_header != "none" and not self.trusted_proxies:
            yield "certificate_header", "is believed from nobody. Name the terminating proxy in trusted_proxies."
        if not _HOST.fullmatch(self.host):
            yield "host", "must be an IP address of this machine, or a name that leads to one."
        elif self.tls is None and not self.trusted_proxies and not _is_loopback(self.host):
            yield (
                "host",
                "without TLS, credentials would cross the network in clear text, so only a loopback address is served. "
                "Set [server.tls], name the terminating proxy in trusted_proxies, or use 127.0.0.1.",
            )


class Database(Section):
    url: DatabaseUrl = SecretStr("sqlite:///var/proxeny.db")


class Secrets(Section):
    key_file: HomePath = Path("var/secret.key")


class Issuer(Section):
    """Another issuer whose tokens are believed. Its metadata is found below ``url``; its tokens say ``issuer`` (``url``
    unless given), one of ``audience``, and all ``claims``. They mean the technical user ``client``, or the one that the
    first of ``client_claims`` names. The introspection pair is for asking about opaque tokens."""

    url: WebUrl
    audience: Annotated[Texts, Field(min_length=1)]
    issuer: str | None = None
    claims: dict[str, Any] = Field(default_factory=dict)
    client: str | None = None
    client_claims: tuple[str, ...] = ("client_id", "azp", "appid", "sub")
    introspection_id: str | None = None
    introspection_secret: SecretStr | None = None

    def problems(self) -> Iterator[Finding]:
        if (self.introspection_id is None) != (self.introspection_secret is None):
            yield "introspection_id", "needs introspection_secret, and the other way round. Give both, or neither."


class OAuth(Section):
    token_lifetime: Annotated[int, Field(ge=60, le=86_400)] = 600
    issuer: tuple[Issuer, ...] = ()


class Rate(Section):
    """Requests of one technical user a minute: above ``slow`` delayed, above ``refuse`` refused; 0 = no limit.
    ``preset`` stands for the numbers that somebody else documents."""

    preset: Literal["sap"] | None = None
    slow: Annotated[int, Field(ge=0)] = 0
    refuse: Annotated[int, Field(ge=0)] = 0

    def problems(self) -> Iterator[Finding]:
        if self.preset and (self.slow or self.refuse):
            yield "preset", "says both numbers already. Give it, or slow and refuse."
        if self.slow and not self.refuse:
            yield "slow", "slows nothing without refuse. Set refuse, too."
        if self.refuse and self.slow > self.refuse:
            yield "slow", "is above refuse, so nothing would ever be slowed. Set it lower."


class LockOut(Section):
    """After ``tries`` failures within ``window`` seconds an address is locked out for that user for ``seconds``."""

    tries: Positive = 10
    window: Seconds = 300.0
    seconds: Seconds = 60.0


class Limits(Section):
    """What one request may cost, and how many run at once; ``remember_seconds``: how long a verified secret is
    remembered, so that its hash is not computed for each request."""

    body_bytes: Annotated[int, Field(ge=1_000)] = 10_485_760
    header_bytes: Annotated[int, Field(ge=4_096)] = 65_536
    json_depth: Annotated[int, Field(ge=8, le=512)] = 64
    header_seconds: Seconds = 10.0
    body_seconds: Seconds = 30.0
    request_seconds: Seconds = 50.0
    keep_alive_seconds: Positive = 75
    concurrency: Positive = 512
    remember_seconds: Seconds = 300.0
    rate: Rate = Rate()
    lock_out: LockOut = LockOut()


class Outbound(Section):
    """Where connectors may go and how long they wait there; ``allow`` wins over ``deny`` and the built-in rules."""

    deny: tuple[Network, ...] = (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))
    allow: tuple[Network, ...] = ()
    proxy: WebUrl | None = None
    ca_file: HomePath | None = None
    connect_seconds: Seconds = 5.0
    total_seconds: Seconds = 30.0
    retry_seconds: Annotated[float, Field(ge=0)] = 40.0
    answer_bytes: Annotated[int, Field(ge=1_000)] = 67_108_864
    connections: Positive = 32


class Directory(Section):
    """The Identity Directory at /scim: ``properties`` are switches, as a proxy system has them."""

    properties: dict[str, str] = Field(default_factory=dict)


class Systems(Section):
    """``files``: the folder below which the files of File systems (CSV, JSON lines) lie; no other is touched."""

    directory: HomePath = Path("systems")
    files: HomePath = Path("files")


class Logs(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    form: Literal["auto", "json", "text"] = "auto"


class Metrics(Section):
    public: bool = False


class Jobs(Section):
    """Provisioning: whether this gateway works on jobs and events, how many at once, how long their logs are kept."""

    enabled: bool = True
    runs: Positive = 4
    events: Positive = 8
    retention_days: Literal[7, 14, 30] = 7


class Mail(Section):
    """The server that takes notifications; without a host none are sent by mail."""

    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None
    sender: str = "proxeny@localhost"

    def problems(self) -> Iterator[Finding]:
        if (self.user is None) != (self.password is None):
            yield "user", "needs password, and the other way round. Give both, or neither."


class CertificateMatch(Section):
    """A caller's certificate, by thumbprint, by subject and issuer, or by a URI among its alternative names."""

    subject: str | None = None
    issuer: str | None = None
    uri: str | None = None
    thumbprint: str | None = None

    def problems(self) -> Iterator[Finding]:
        if not (self.subject or self.uri or self.thumbprint):
            yield "", "names no certificate. Give a thumbprint, a subject (with its issuer) or a uri."
        for key, text in (("subject", self.subject), ("issuer", self.issuer)):
            if text and not is_distinguished_name(text):
                yield key, "is no distinguished name. Write it like CN=robot,O=Example."
        if self.thumbprint and not is_thumbprint(self.thumbprint):
            yield "thumbprint", "is no x5t#S256: 43 characters, the SHA-256 of the certificate in base64url."


class Client(Section):
    """A technical user from the file; ``systems`` restricts it to those systems, empty means all. ``dialect`` wins over
    that of the system. ``keys`` is a file with a JWK Set: public keys (private_key_jwt), or its own certificates."""

    id: ClientId
    secret: SecretStr | None = None
    permissions: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    read_only: bool = False
    dialect: tuple[Literal["entra", "okta", "strict"], ...] | None = None
    token_format: Literal["jwt", "opaque"] = "jwt"  # noqa: S105  # a format, no secret
    bind_tokens: bool = False
    keys: HomePath | None = None
    certificates: tuple[CertificateMatch, ...] = ()

    def jwk_set(self) -> dict[str, Any] | None:
        """What ``keys`` holds, if it is named and is a JWK Set."""
        return jwk_set(self.keys) if self.keys is not None else None

    def problems(self) -> Iterator[Finding]:
        if self.secret is None and not self.certificates and self.keys is None:
            yield "", "could never sign in: it has neither a secret nor certificates nor keys. Give it one of them."
        if self.keys is not None and self.jwk_set() is None:
            yield "keys", "must be a file with a JWK Set in JSON. Write its public keys there."
        if self.secret is not None and not self.secret.get_secret_value():
            yield "secret", "is empty, so anybody could sign in. Set a value of at least 16 random characters."


class Settings(Section):
    """All sections, and where they were read from: ``file``, and ``home``, where relative paths start."""

    file: Path
    home: Path
    server: Server
    database: Database
    secrets: Secrets
    oauth: OAuth
    limits: Limits
    outbound: Outbound
    directory: Directory
    systems: Systems
    logs: Logs
    metrics: Metrics
    jobs: Jobs
    mail: Mail
    client: tuple[Client, ...] = ()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
