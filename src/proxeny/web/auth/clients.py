"""Technical users from the configuration, from the database, and several sources as one."""

from collections.abc import Iterable, Mapping, Sequence

from proxeny.scim.dialects import dialect_of
from proxeny.store.clients import NOBODY, Clients, StoredClient
from proxeny.web.auth.caller import CertificateRule, ClientSource, Secret, TechnicalUser


class ConfiguredClients:
    """Technical users that were given at start; they never change, and nothing is remembered of their use."""

    def __init__(self, users: Iterable[TechnicalUser]) -> None:
        self._users = {user.id: user for user in users}

    async def find(self, client_id: str) -> TechnicalUser | None:
        return self._users.get(client_id)

    async def with_certificates(self) -> Sequence[TechnicalUser]:
        return [user for user in self._users.values() if user.certificates or user.keys]

    async def version(self) -> str:
        return ""

    async def succeeded(self, client_id: str, address: str) -> None:
        """The configuration holds no last use."""

    async def failed(self, client_id: str, address: str) -> None:
        """The configuration holds no tries."""


class StoredClients:
    """Technical users of the database."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def find(self, client_id: str) -> TechnicalUser | None:
        stored = await self._clients.known(client_id)
        user = _from_store(stored or NOBODY)
        return user if stored is not None else None

    async def with_certificates(self) -> Sequence[TechnicalUser]:
        return [_from_store(stored) for stored in await self._clients.all() if stored.certificates or stored.keys]

    async def version(self) -> str:
        return await self._clients.version()

    async def succeeded(self, client_id: str, address: str) -> None:
        await self._clients.succeeded(client_id, address)

    async def failed(self, client_id: str, address: str) -> None:
        await self._clients.failed(client_id, address)


def _from_store(stored: StoredClient) -> TechnicalUser:
    return TechnicalUser(
        id=stored.id,
        permissions=stored.permissions,
        systems=stored.systems,
        read_only=stored.read_only,
        dialect=None if stored.dialect is None else dialect_of(*stored.dialect),
        enabled=stored.enabled,
        secrets=tuple(Secret(secret.hash, secret.expires) for secret in stored.secrets),
        certificates=tuple(map(_rule, stored.certificates)),
        keys=stored.keys,
        token_format="opaque" if stored.token_format == "opaque" else "jwt",  # noqa: S105  # a format, no secret
        bind_tokens=stored.bind_tokens,
        version=str(stored.version),
    )


def _rule(stored: Mapping[str, str]) -> CertificateRule:
    return CertificateRule(**{name: value for name, value in stored.items() if name != "expires"})


class SeveralSources:
    """The first source that knows a technical user wins: what the configuration says cannot be shadowed."""

    def __init__(self, *sources: ClientSource) -> None:
        self._sources = sources

    async def find(self, client_id: str) -> TechnicalUser | None:
        """Every source is asked, so that time does not tell which one knows it."""
        found = [await source.find(client_id) for source in self._sources]
        return next((user for user in found if user is not None), None)

    async def with_certificates(self) -> Sequence[TechnicalUser]:
        found: dict[str, TechnicalUser] = {}
        for source in self._sources:
            for user in await source.with_certificates():
                found.setdefault(user.id, user)
        return list(found.values())

    async def version(self) -> str:
        return "\n".join([await source.version() for source in self._sources])

    async def succeeded(self, client_id: str, address: str) -> None:
        for source in self._sources:
            if await source.find(client_id) is not None:
                await source.succeeded(client_id, address)
                return

    async def failed(self, client_id: str, address: str) -> None:
        for source in self._sources:
            await source.failed(client_id, address)
