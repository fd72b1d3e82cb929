"""What the token endpoint keeps, and how it asks other issuers; the store and the outbound room implement these."""

from collections.abc import Mapping
from typing import Any, Protocol

from proxeny.store.tokens import SigningKey

Claims = Mapping[str, Any]


class KeyStore(Protocol):
    """Signing keys, shared by all replicas."""

    async def load(self) -> list[SigningKey]: ...

    async def add(self, key: SigningKey) -> None: ...

    async def remove(self, kid: str) -> None: ...


class TokenStore(Protocol):
    """Opaque tokens by digest, ids of revoked tokens, and ids that may be used once. Times are Unix times; what has
    ended may be forgotten."""

    async def save(self, digest: str, claims: Claims, expires: float) -> None: ...

    async def find(self, digest: str) -> Claims | None: ...

    async def revoke(self, token_id: str, expires: float) -> None: ...

    async def is_revoked(self, token_id: str) -> bool: ...

    async def use_once(self, token_id: str, expires: float) -> bool:
        """True for the first use of an id, over all replicas; False ever after."""
        ...

    async def version(self) -> str:
        """Changes with every revocation; asked at most every five seconds."""
        ...


class Fetched(Protocol):
    """``headers`` have names in lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> bytes: ...


class Fetch(Protocol):
    """One bounded, guarded request that follows no redirect; raises Error when there is no answer."""

    async def __call__(
        self, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """GET, or POST of ``form``."""
        ...
