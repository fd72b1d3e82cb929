"""Technical users from the configuration, and several sources as one."""

from collections.abc import Iterable, Sequence

from proxeny.web.auth.caller import ClientSource, TechnicalUser


class ConfiguredClients:
    """Technical users that were given at start; they never change, and nothing is remembered of their use."""

    def __init__(self, users: Iterable[TechnicalUser]) -> None:
        self._users = {user.id: user for user in users}

    async def find(self, client_id: str) -> TechnicalUser | None:
        return self._users.get(client_id)

    async def with_certificates(self) -> Sequence[TechnicalUser]:
        return [user for user in self._users.values() if user.certificates]

    async def version(self) -> str:
        return ""

    async def succeeded(self, client_id: str, address: str) -> None:
        """The configuration holds no last use."""

    async def failed(self, client_id: str, address: str) -> None:
        """The configuration holds no tries."""


class SeveralSources:
    """The first source that knows a technical user wins: what the configuration says cannot be shadowed."""

    def __init__(self, *sources: ClientSource) -> None:
        self._sources = sources

    async def find(self, client_id: str) -> TechnicalUser | None:
        for source in self._sources:
            if (user := await source.find(client_id)) is not None:
                return user
        return None

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
            if await source.find(client_id) is not None:
                await source.failed(client_id, address)
                return
