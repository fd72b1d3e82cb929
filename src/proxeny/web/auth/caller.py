"""Who calls: a technical user as one request knows it, and the ports through which technical users are found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from proxeny.scim.dialects import Dialect

Method = Literal["basic", "bearer", "certificate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """``systems`` None = all of them; else ids or names. ``dialect`` None = that of the system."""

    id: str
    permissions: frozenset[str] = frozenset()
    systems: frozenset[str] | None = None
    read_only: bool = False
    dialect: Dialect | None = None
    method: Method = "basic"

    def holds(self, permission: str) -> bool:
        """Whether the permission, or the whole that it is a part of, was granted."""
        return permission in self.permissions or ("admin" in self.permissions and permission.startswith("admin."))


@dataclass(frozen=True, slots=True)
class Secret:
    """A stored secret: its hash (PHC text of argon2id or scrypt), and until when it holds (None = for ever)."""

    hash: str = field(repr=False)
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRule:
    """Which certificate means a technical user: full subject (and issuer), SAN URI, or x5t#S256 thumbprint."""

    subject: str | None = None
    issuer: str | None = None
    uri: str | None = None
    thumbprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicalUser:
    """A technical user as stored or configured. ``keys`` is the JWK Set with its public keys for private_key_jwt.
    ``version`` changes whenever anything here does, so that what is remembered of it can be dropped."""

    id: str
    permissions: frozenset[str] = frozenset()
    systems: frozenset[str] | None = None
    read_only: bool = False
    dialect: Dialect | None = None
    enabled: bool = True
    secrets: tuple[Secret, ...] = ()
    certificates: tuple[CertificateRule, ...] = ()
    keys: Mapping[str, Any] | None = None
    token_format: Literal["jwt", "opaque"] = "jwt"  # noqa: S105  # a format, no secret
    bind_tokens: bool = False
    version: str = ""

    def caller(self, method: Method) -> Caller:
        return Caller(
            id=self.id,
            permissions=self.permissions,
            systems=self.systems,
            read_only=self.read_only,
            dialect=self.dialect,
            method=method,
        )


class ClientSource(Protocol):
    """Technical users, from configuration or the database."""

    async def find(self, client_id: str) -> TechnicalUser | None:
        """The technical user; to find out that there is none takes as long."""
        ...

    async def with_certificates(self) -> Sequence[TechnicalUser]:
        """All that have certificate rules or registered keys."""
        ...

    async def version(self) -> str:
        """Changes whenever any technical user changes; asked at most every five seconds."""
        ...

    async def succeeded(self, client_id: str, address: str) -> None:
        """Remembers last use and last address; called at most once a minute for each of them."""
        ...

    async def failed(self, client_id: str, address: str) -> None:
        """Counts a failed try; of an id that nobody has it takes as long."""
        ...


class AuditSink(Protocol):
    """Keeps hash-chained records of what matters for security."""

    async def record(self, event: str, fields: Mapping[str, Any]) -> None: ...
