"""What stands behind the admin API; the composition root puts it together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxeny.documents import Document
from proxeny.provisioning.job import Jobs
from proxeny.provisioning.jobs.why import Why
from proxeny.provisioning.realtime import Realtime
from proxeny.store.audit import Audit
from proxeny.store.notices import Notices
from proxeny.store.schedules import Schedules


class SystemsPort(Protocol):
    """Definitions of systems, and the history of their transformations. Errors are those of provisioning and store."""

    async def all(self) -> Sequence[Document]:
        """Every system, without its secrets: ``origin``, ``readOnly`` (it is a file), ``usable`` and SAP's layout."""
        ...

    async def one(self, system: str) -> Document: ...

    async def add(self, document: Document, by: str) -> Document: ...

    async def change(self, system: str, document: Document, by: str) -> Document: ...

    async def remove(self, system: str, by: str) -> None: ...

    async def test(self, system: str, *, targets: bool) -> Sequence[Document]:
        """The steps of a connection test, of the system and, if wanted, of the targets that are connected to it."""
        ...

    async def reset(self, system: str, by: str) -> None:
        """Forget its operational data."""
        ...

    async def transformation(self, system: str, direction: str) -> Document:
        """The one in use: its text, whether it is the type's default, and its version."""
        ...

    async def versions(self, system: str, direction: str) -> Sequence[Document]: ...

    async def version(self, system: str, direction: str, number: int) -> Document: ...

    async def save(self, system: str, direction: str, text: str, description: str, by: str) -> Document:
        """A new version, in use at once; DefinitionError with everything that is wrong with it."""
        ...


class ClientsPort(Protocol):
    """Technical users, without their secrets and hashes; those of the configuration can only be looked at."""

    async def all(self) -> Sequence[Document]: ...

    async def one(self, client_id: str) -> Document: ...

    async def add(
        self, client_id: str, document: Document, by: str, *, secret: bool = True, expires_days: int | None = None
    ) -> tuple[Document, str | None]:
        """The new one, and its secret, which is given out here and nowhere else."""
        ...

    async def change(self, client_id: str, document: Document, by: str) -> Document: ...

    async def rotate(self, client_id: str, by: str, *, keep_old_hours: float, expires_days: int | None) -> str: ...

    async def remove(self, client_id: str, by: str) -> None: ...

    async def certificates(self, client_id: str) -> Sequence[Document]: ...

    async def add_certificate(self, client_id: str, document: Document, by: str) -> Document: ...

    async def remove_certificate(self, client_id: str, certificate: str, by: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Administration:
    """``flag``: whether a property of a source (by its id) is true; ``source_id``: the id of a source by id or name, or
    UnknownSystemError; ``name_of``: a system's name by its id."""

    systems: SystemsPort
    clients: ClientsPort
    audit: Audit
    jobs: Jobs
    realtime: Realtime
    schedules: Schedules
    notices: Notices
    why: Why
    flag: Callable[[str, str], bool]
    source_id: Callable[[str], str]
    name_of: Callable[[str], str]
