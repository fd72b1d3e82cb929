"""The smallest connector of a third party: people in memory, read and created; found by its entry point."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from proxeny.connectors.errors import ConflictError, NotFoundError
from proxeny.connectors.filtering import NativeFilter
from proxeny.connectors.properties import Property
from proxeny.connectors.spec import Connection, Spec, SystemType
from proxeny.connectors.spi import Accept, Entity, EntityType, Page, Search, TestStep
from proxeny.documents import Document


class Memo:
    def __init__(self, connection: Connection) -> None:
        self._first = connection.properties.integer("memo.first", 1)
        self._people: dict[str, Document] = {}

    @property
    def entity_types(self) -> Mapping[str, EntityType]:
        return {"user": EntityType("user", ("id",), unique=(("userName",),))}

    async def open(self) -> None:
        self._people.clear()

    async def close(self) -> None:
        self._people.clear()

    async def test(self) -> Sequence[TestStep]:
        return [TestStep("memory", True, 0.0)]

    async def read(self, entity_type: str, entity_id: str, *, omit: frozenset[str] = frozenset()) -> Entity:
        if entity_id not in self._people:
            raise NotFoundError(f"There is no user {entity_id!r}.")
        return Entity(entity_id, dict(self._people[entity_id]))

    async def read_all(
        self, entity_type: str, where: NativeFilter | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Entity]:
        for key, document in list(self._people.items()):
            yield Entity(key, dict(document))

    async def search(self, entity_type: str, search: Search) -> Page:
        found = [Entity(key, dict(document)) for key, document in self._people.items()]
        return Page(found[search.start : search.start + search.count], len(found), exact=search.filter is None)

    async def create(self, entity_type: str, document: Document, *, accept: Accept | None = None) -> Entity:
        name = document.get("userName")
        for key, other in self._people.items():
            if other.get("userName") == name:
                raise ConflictError(f"The name {name!r} is taken.", attribute="userName", other_id=key)
        key = str(self._first + len(self._people))
        self._people[key] = {**document, "id": key}
        return await self.read(entity_type, key)


SPEC = Spec("memo", "People in memory", (Property("memo.first", "integer", help="The first id."),), Memo)


def system_types() -> Iterable[SystemType]:
    yield SystemType("MEMO", 1000, "Memo", ("memo.",), "memo", ("proxy",), SPEC.properties)
