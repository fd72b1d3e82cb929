"""The connector port: what a connector may be asked, one protocol per capability.

Rules (checked by connectors/contract.py):

1. A connector implements only what its system can do. The gateway asks by capability (``isinstance``), never by name.
2. ``search`` and ``read_all`` may return more entities than the filter asks for, never fewer; the gateway decides
   again. A page that holds exactly what was asked for says so (``exact``), so that the backend's total and paging hold.
3. ``read_all`` and ``read_changes`` stream; every change carries the cursor from which reading can resume.
4. ``create`` returns the native id; a taken name raises ConflictError with what it knows of the other entity.
5. Properties are checked without connecting (``Spec.check``); ``test()`` connects and changes nothing.
6. A write returns the entity as the backend holds it, or None if the backend does not say; then the gateway reads it
   again. A backend with transactions calls ``accept`` with that entity before it commits, and takes the write back
   when ``accept`` raises. Any other backend does not call it.
7. Errors are those of connectors/errors.py and nothing else; they hold no secret.

Documents passed in belong to the connector from then on; documents handed out belong to the caller.
"""

from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from proxeny.connectors.filtering import Field, NativeFilter
from proxeny.documents import Document
from proxeny.scim.schema import Schema


@dataclass(frozen=True, slots=True)
class EntityType:
    """What a connector says of one kind of entity. Fields are the keys of the native document.

    ``id``, ``created``, ``last_modified``: declared fields, on which ``id``, ``meta.created`` and ``meta.lastModified``
    may be filtered whether or not a mapping copies them. ``schemas``: SCIM schemas of the native documents (core
    first), if the backend is itself a SCIM server; ``told``: it says so itself, and has no others. ``unique``: fields
    on which no two entities agree. ``searchable``: fields that the backend filters by itself; None means any.
    ``objects``: the only top-level fields in which objects are, all others being texts and lists of texts; None: any.
    ``fields``: all that its documents can have but those named before, each standing for what is below it, and
    ``written``: those of them that a write can fill; None: any. What no such field bears out does not exist.
    """

    name: str
    id: Field = ("id",)
    created: Field | None = None
    last_modified: Field | None = None
    unique: tuple[Field, ...] = ()
    searchable: frozenset[Field] | None = None
    objects: frozenset[str] | None = None
    fields: frozenset[Field] | None = None
    written: frozenset[Field] | None = None
    schemas: tuple[Schema, ...] = ()
    told: bool = False


@dataclass(slots=True)
class Entity:
    """One native entity. ``version`` is opaque and changes with every change; times are RFC 3339 text in UTC.
    ``content``, if the connector can tell, is equal for equal documents of this connector and never for others."""

    id: str
    document: Document
    version: str | None = None
    created: str | None = None
    last_modified: str | None = None
    content: Hashable | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Sort:
    """``type`` and ``case_exact`` as in Compare: by them, two values compare as the gateway compares them (the order
    of ``comparison.key``, code point by code point). A page in any other order is not ``exact``."""

    field: Field
    descending: bool = False
    type: str = "string"
    case_exact: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for. ``start`` counts from 0; ``count`` is the most entities wanted; ``cursor`` is one that the
    connector gave (then ``start`` is ignored). ``walk``: more pages may be asked for, by cursor where the connector
    gives one. ``omit``: top-level fields that nobody will look at, which a backend may leave out (the members of a
    large group). ``native_filter`` is the system's own filter property, in the backend's language."""

    filter: NativeFilter | None = None
    native_filter: str | None = None
    start: int = 0
    count: int = 100
    cursor: str | None = None
    sort: Sort | None = None
    omit: frozenset[str] = frozenset()
    walk: bool = False


@dataclass(slots=True)
class Page:
    """Entities in the backend's order. ``total`` as the backend says, else None. ``exact``: see rule 2.
    ``next_cursor``: from where to go on, if the backend pages by cursor and there is more."""

    entities: list[Entity]
    total: int | None = None
    exact: bool = False
    next_cursor: str | None = None


@dataclass(slots=True)
class Change:
    """One step of a delta read; ``entity`` is None when the entity was deleted. Reading resumes after ``cursor``."""

    id: str
    entity: Entity | None
    cursor: str


@dataclass(frozen=True, slots=True)
class TestStep:
    """One step of ``test()``: what was tried, whether it worked, how long it took, and the exact error if not."""

    __test__ = False

    name: str
    ok: bool
    milliseconds: float
    message: str = ""


Accept = Callable[[Entity], None]
"""Called with the entity as it will be held, before a transactional backend commits; raising takes the write back."""


@runtime_checkable
class Connector(Protocol):
    """What every connector is. ``entity_types`` is known before ``open``."""

    @property
    def entity_types(self) -> Mapping[str, EntityType]: ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def test(self) -> Sequence[TestStep]: ...


@runtime_checkable
class Reader(Protocol):
    async def read(self, entity_type: str, entity_id: str, *, omit: frozenset[str] = frozenset()) -> Entity:
        """The entity, or NotFoundError."""
        ...

    def read_all(
        self, entity_type: str, where: NativeFilter | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Entity]:
        """Every entity that the filters admit, as a stream of bounded memory."""
        ...


@runtime_checkable
class Searcher(Protocol):
    async def search(self, entity_type: str, search: Search) -> Page: ...


@runtime_checkable
class Creator(Protocol):
    async def create(self, entity_type: str, document: Document, *, accept: Accept | None = None) -> Entity:
        """The entity as created; its document is what the backend holds, or empty if the backend gave only the id."""
        ...


@runtime_checkable
class Replacer(Protocol):
    async def replace(
        self,
        entity_type: str,
        entity_id: str,
        document: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity | None:
        """Full update. With ``version``: only if the entity still has it, else VersionConflictError."""
        ...


@runtime_checkable
class Patcher(Protocol):
    async def patch(
        self,
        entity_type: str,
        entity_id: str,
        patch: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity | None:
        """Partial update; ``patch`` is what the write transformation made of the PatchOp (scope patchEntity)."""
        ...


@runtime_checkable
class Deleter(Protocol):
    async def delete(self, entity_type: str, entity_id: str, *, version: str | None = None) -> None: ...


@runtime_checkable
class ChangeReader(Protocol):
    def read_changes(self, entity_type: str, cursor: str | None) -> AsyncIterator[Change]:
        """Changes after ``cursor``, oldest first; from None on: everything there is."""
        ...


@runtime_checkable
class Announcer(Protocol):
    """A system of the gateway's own database that keeps which entities were changed, for real time."""

    def announce(self, wanted: Callable[[], bool]) -> None:
        """From now on keep which entities are changed through this connector, while that is ``wanted``."""
        ...


@dataclass(slots=True)
class Portion:
    """A part of everything there is; reading resumes after ``position`` (None: only from the start)."""

    entities: list[Entity]
    position: str | None


@runtime_checkable
class PortionReader(Protocol):
    """A Reader that can go on reading everything from where it was, also after a restart."""

    def read_portions(
        self, entity_type: str, position: str | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Portion]:
        """Everything after ``position``, one page of the backend at a time, whole: a list that stops early raises."""
        ...


@runtime_checkable
class Marker(Protocol):
    """A ChangeReader that can say where it stands."""

    async def mark(self, entity_type: str) -> str:
        """A cursor for now: whatever changes from here on is read by ``read_changes`` from it."""
        ...


@runtime_checkable
class Gatherer(Protocol):
    """A connector that sends writes of a job together when they come at the same time."""

    @property
    def writes_at_once(self) -> int:
        """How many fill a request; 1 when they go out one by one."""
        ...


@runtime_checkable
class GlobalIdTaker(Protocol):
    """A source that takes the Global User ID that a target gave (operations.md 14)."""

    async def take_global_id(self, entity_type: str, entity_id: str, global_id: str) -> None: ...


@runtime_checkable
class SchemaKeeper(Protocol):
    """A system whose users can be given further attributes: its ``entity_types`` follow the schemas that it keeps."""

    async def load_schemas(self) -> bool:
        """Asks again which there are; whether they are others than before."""
        ...

    async def add_schema(self, document: Document, most: int) -> None:
        """ConflictError if there is one of that id; RefusedError if there are ``most`` already."""
        ...

    async def remove_schema(self, urn: str) -> None:
        """Takes it away with all its values, or NotFoundError."""
        ...


@runtime_checkable
class MemberKeeper(Protocol):
    """A Replacer to which a full update of a group may say nothing of the field ``members``."""

    @property
    def keeps_members(self) -> bool:
        """Whether they stay as they are then, so that they need not be read."""
        ...


@runtime_checkable
class SchemaTeller(Protocol):
    """A backend that says itself what its entities are made of: its ``entity_types`` follow what it says."""

    async def learn_schemas(self) -> bool:
        """Asks it when that is due, and never fails; whether the entity types are others than before."""
        ...


@runtime_checkable
class Focuser(Protocol):
    """A backend that gives everything, or only what is named: to leave something out it has to know the rest."""

    def focus(self, entity_type: str, fields: frozenset[str]) -> None:
        """Nobody looks at other top-level fields than these when entities are read to be shown."""
        ...


@runtime_checkable
class Watched(Protocol):
    """A backend that can tell at once, without input or output that waits, whether anything has changed."""

    def state(self) -> Hashable | None:
        """Equal as long as every read answers the same; None: it cannot tell."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which protocols a connector implements, for discovery and for people."""

    read: bool = False
    search: bool = False
    create: bool = False
    replace: bool = False
    patch: bool = False
    delete: bool = False
    changes: bool = False
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, connector: object) -> "Capabilities":
        return cls(
            read=isinstance(connector, Reader),
            search=isinstance(connector, Searcher),
            create=isinstance(connector, Creator),
            replace=isinstance(connector, Replacer),
            patch=isinstance(connector, Patcher),
            delete=isinstance(connector, Deleter),
            changes=isinstance(connector, ChangeReader),
        )
