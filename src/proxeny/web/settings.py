"""What the web must know of the configuration: where it is reached, whom it believes, and how much it takes."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

Network = IPv4Network | IPv6Network
CertificateHeader = Literal["none", "rfc9440", "nginx", "haproxy", "envoy", "cloudfoundry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds, counts at one moment."""

    body_bytes: int = 10 * 1024 * 1024
    header_bytes: int = 64 * 1024
    json_depth: int = 64
    header_seconds: float = 10
    body_seconds: float = 30
    request_seconds: float = 50
    keep_alive_seconds: int = 75
    concurrency: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """Requests of one technical user a minute: above ``slow`` each is delayed, above ``refuse`` refused; 0 = never."""

    slow: int = 0
    refuse: int = 0

    @property
    def active(self) -> bool:
        return self.refuse > 0


SAP_RATE_LIMIT = RateLimit(slow=150, refuse=200)
"""The limits that SAP documents for its proxy systems; off unless configured."""

RATE_PRESETS = {"sap": SAP_RATE_LIMIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOut:
    """After ``tries`` failures within ``window`` seconds, an address is locked for that user for ``seconds``."""

    tries: int = 10
    window: float = 300
    seconds: float = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """``public_url`` wins over everything a request says. ``trusted_proxies`` are the socket peers whose forwarded
    headers are believed, and ``certificate_header`` the one form in which they hand on a client certificate."""

    public_url: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    certificate_header: CertificateHeader = "none"
    metrics_open: bool = False
    limits: Limits = field(default_factory=Limits)
    rate_limit: RateLimit = field(default_factory=RateLimit)
    lock_out: LockOut = field(default_factory=LockOut)
    remember_seconds: float = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    certificate: Path
    key: Path
    key_password: str | None = field(default=None, repr=False)
    client_ca: Path | None = None
    client_crl: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    host: str = "127.0.0.1"
    port: int = 8080
    tls: TlsSettings | None = None
    stop_seconds: int = 10
    limits: Limits = field(default_factory=Limits)
