"""The embedded Identity Directory as a connector: people and groups in the gateway's own database.

Native documents are SCIM resources with all but ``$ref`` and ``meta.location``, which depend on the address that the
client used. Beyond the port's rules: a name ``members:1000`` in ``omit`` leaves ``members`` out only where there are
more than so many; an answer to a write leaves them out above ``members.limit``; a PatchOp that does not fit the
resource raises the ScimError that says so (noTarget, mutability), because the directory's own language is SCIM.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TypeVar

from proxeny.connectors.directory import passwords, resources, tables, writing
from proxeny.connectors.directory.announcing import announcing, announcing_deletion
from proxeny.connectors.directory.custom import CustomSchemas
from proxeny.connectors.directory.failures import translated
from proxeny.connectors.directory.fields import OF_TYPE, RESOURCE_TYPES
from proxeny.connectors.directory.filter import SEARCHABLE
from proxeny.connectors.directory.members import ANSWERED, UnknownMembers
from proxeny.connectors.directory.migrations import COMPONENT, MIGRATIONS
from proxeny.connectors.directory.reading import DirectoryReader
from proxeny.connectors.directory.writing import Changes, Write, changes_of
from proxeny.connectors.spi import Accept, Entity, EntityType, TestStep
from proxeny.database import Database, Request, Row
from proxeny.database.errors import DatabaseError
from proxeny.documents import Document

T = TypeVar("T")

ENTITY_TYPES: Mapping[str, EntityType] = {
    name: EntityType(
        name=name,
        created=("meta", "created"),
        last_modified=("meta", "lastModified"),
        unique=(("id",), *(field.field for field in OF_TYPE[name] if field.unique)),
        searchable=SEARCHABLE[name],
        schemas=tuple(resource_type.schemas),
    )
    for name, resource_type in RESOURCE_TYPES.items()
}


class DirectoryConnector(DirectoryReader):
    """Users and groups. ``unknown_members``: refuse a group that names someone unknown, or leave that one out.
    ``shared_display_names``: a group may have the displayName of another one; then its name is made to differ.
    ``answered_members``: a write answers with the members of its group up to this many."""

    keeps_members = True

    def __init__(
        self,
        database: Database,
        *,
        unknown_members: UnknownMembers = "reject",
        shared_display_names: bool = False,
        answered_members: int = ANSWERED,
    ) -> None:
        super().__init__(database)
        self._answered = answered_members
        self._custom = CustomSchemas(database, ENTITY_TYPES)
        self._resource_types = lambda: self._custom.resource_types
        self._unknown = unknown_members
        self._wanted: Callable[[], bool] = lambda: False
        self._shared = shared_display_names

    @property
    def entity_types(self) -> Mapping[str, EntityType]:
        return self._custom.entity_types

    def announce(self, wanted: Callable[[], bool]) -> None:
        """From now on keep which entities are changed through this connector, while that is ``wanted``."""
        self._wanted = wanted

    async def open(self) -> None:
        """Bring the tables to the newest version."""
        try:
            await self._database.migrate(COMPONENT, MIGRATIONS)
            await self._custom.open()
        except DatabaseError as error:
            raise translated(error) from error

    async def close(self) -> None:
        """The database belongs to whoever opened it."""

    async def test(self) -> Sequence[TestStep]:
        began = perf_counter()
        try:
            await self._database.ping()
        except DatabaseError as error:
            return (TestStep("Read the embedded directory", False, (perf_counter() - began) * 1000, str(error)),)
        return (TestStep("Read the embedded directory", True, (perf_counter() - began) * 1000),)

    # -- custom schemas -------------------------------------------------------------------------------------------

    async def load_schemas(self) -> bool:
        return await self._custom.load()

    async def add_schema(self, document: Document, most: int) -> None:
        await self._custom.add(document, most)

    async def remove_schema(self, urn: str) -> None:
        await self._custom.remove(urn)

    async def mark(self, entity_type: str) -> str:
        """The number of the latest change."""
        return str((await self._fetch(tables.LATEST_CHANGE, {}))[0][0])

    # -- writing --------------------------------------------------------------------------------------------------

    async def create(self, entity_type: str, document: Document, *, accept: Accept | None = None) -> Entity:
        write = replace(self._write(entity_type, accept), shared_display_names=self._shared)
        want = resources.incoming(entity_type, document)
        password = await passwords.hashed(want.password) if want.password else None
        return await self._commit(entity_type, None, lambda: writing.create(write, want, password, resources.new_id()))

    async def replace(
        self,
        entity_type: str,
        entity_id: str,
        document: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity:
        write, want = self._write(entity_type, accept), resources.incoming(entity_type, document)
        password = await passwords.hashed(want.password) if want.password else want.password
        return await self._commit(
            entity_type, entity_id, lambda: writing.replace_with(write, entity_id, version, want, password)
        )

    async def patch(
        self,
        entity_type: str,
        entity_id: str,
        patch: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity:
        write, changes = self._write(entity_type, accept), self._changes(entity_type, patch)
        hashes = {password: await passwords.hashed(password) for password in changes.passwords}
        return await self._commit(
            entity_type, entity_id, lambda: writing.patch(write, entity_id, version, changes, hashes)
        )

    def _write(self, entity_type: str, accept: Accept | None) -> Write:
        return Write(entity_type, self._unknown, accept, answered=self._answered)

    def _changes(self, entity_type: str, patch: Document) -> Changes:
        return changes_of(self._custom.resource_types[entity_type], patch)

    async def delete(self, entity_type: str, entity_id: str, *, version: str | None = None) -> None:
        def steps() -> Generator[Request, list[Row], list[int]]:
            return writing.delete(entity_type, entity_id, version)

        if self._wanted():
            await self._transaction(lambda: announcing_deletion(steps, entity_type, entity_id))
        else:
            await self._transaction(steps)

    async def _commit(
        self, entity_type: str, entity_id: str | None, steps: Callable[[], Generator[Request, list[Row], T]]
    ) -> T:
        """Run the steps of one write. Of an entity that is created the id is that of the result."""

        def id_of(result: T) -> str:
            return result.id if isinstance(result, Entity) else entity_id or ""

        if self._wanted():
            return await self._transaction(lambda: announcing(steps, entity_type, id_of))
        return await self._transaction(steps)

    async def _transaction(self, steps: Callable[[], Generator[Request, list[Row], T]]) -> T:
        try:
            return await self._database.transaction(steps)
        except DatabaseError as error:
            raise translated(error) from error
