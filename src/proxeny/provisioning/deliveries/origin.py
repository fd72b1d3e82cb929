"""A source ready for jobs: its entities as a stream of pages in common form, from anywhere on."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from proxeny.connectors.errors import ConnectorError, NotFoundError, UnsupportedError
from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.spi import ChangeReader, Connector, Entity, GlobalIdTaker, Marker, PortionReader, Reader
from proxeny.documents import Document
from proxeny.provisioning.catalog import OpenSystem
from proxeny.provisioning.crossing import SOURCE_ID, Crossing
from proxeny.provisioning.errors import SourceBrokenError
from proxeny.provisioning.plan import Said
from proxeny.provisioning.system import version_of

PAGE = 100
KEPT_BYTES = 2000
_ORDER = {"user": 0, "group": 1}


@dataclass(slots=True)
class Item:
    """One entity of the source. ``document`` is its common form; ``reason`` and ``message`` say why there is none.
    ``value``: the one for which it is written, if a target takes it several times (variants.py). ``native``: itself,
    where there is no common form and its content is to be kept (tracing.py)."""

    source_id: str
    native_id: str
    said: Said
    document: Document = field(default_factory=dict)
    reason: str | None = None
    message: str | None = None
    value: str = ""
    native: Document | None = None


Stretch = tuple[list[Item], str | None]
"""Some entities, and the position behind them (None: no position can be kept)."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One source. ``keeps_native``: what does not cross keeps its native document with it."""

    id: str
    name: str
    connector: Connector
    values: PropertyValues
    crossings: Mapping[str, Crossing]
    version: str
    interval: float
    keeps_native: bool = False

    @property
    def entity_types(self) -> Sequence[str]:
        """Users before groups before all others, so that members and owners are there before what names them."""
        return sorted(self.crossings, key=lambda name: (_ORDER.get(name, 2), name))

    def delta_problem(self) -> str | None:
        """Why a delta read is not possible, or None."""
        if not self.values.flag("ips.delta.read"):
            return "delta reading is switched off (ips.delta.read)"
        if not isinstance(self.connector, ChangeReader) or not isinstance(self.connector, Marker):
            return "the system does not tell what has changed"
        if any(self._filter(name) for name in self.crossings):
            return "the system cannot tell what has changed among the entities of a filter property"
        return None

    async def marks(self) -> dict[str, str]:
        """From where a later delta read goes on; empty if the source cannot say for all that is read."""
        connector = self.connector
        if self.delta_problem() is not None or not isinstance(connector, Marker):
            return {}
        try:
            return {name: await connector.mark(name) for name in self.crossings}
        except UnsupportedError:
            return {}

    async def stretches(self, entity_type: str, position: str | None) -> AsyncIterator[Stretch]:
        """Everything there is behind ``position``; a connector without positions starts again."""
        connector, native_filter = self.connector, self._filter(entity_type)
        if isinstance(connector, PortionReader):
            async for portion in connector.read_portions(entity_type, position, native_filter=native_filter):
                yield self.items(entity_type, portion.entities), portion.position
        elif isinstance(connector, Reader):
            entities: list[Entity] = []
            async for entity in connector.read_all(entity_type, native_filter=native_filter):
                entities.append(entity)
                if len(entities) == PAGE:
                    yield self.items(entity_type, entities), None
                    entities = []
            if entities:
                yield self.items(entity_type, entities), None
        else:
            raise SourceBrokenError(f"{self.name} cannot be read.")

    async def changes(self, entity_type: str, position: str | None) -> AsyncIterator[Stretch]:
        """What has changed since ``position``; deletions are left to the next full read."""
        connector = self.connector
        if not isinstance(connector, ChangeReader):
            raise SourceBrokenError(f"{self.name} does not tell what has changed.")
        entities: list[Entity] = []
        async for change in connector.read_changes(entity_type, position):
            if change.entity is not None:
                entities.append(change.entity)
            position = change.cursor
            if len(entities) == PAGE:
                yield self.items(entity_type, entities), position
                entities = []
        if entities:
            yield self.items(entity_type, entities), position

    async def some(self, entity_type: str, native_ids: Iterable[str]) -> list[Item]:
        """These entities as they are now; those that are gone or cannot be read are left out."""
        found = []
        for native_id in native_ids:
            entity = await self._one(entity_type, native_id)
            if entity is not None:
                found.append(self.item(entity_type, entity))
        return found

    async def is_gone(self, entity_type: str, source_id: str, native_id: str) -> str | None:
        """Why the source has no such entity to give (a code of reasons.py), by its own word; ``still-in-source`` if it
        has, None if it cannot say.

        It may have it and not give it: the read condition is false, or it has another id now. With a filter property an
        entity outside of it is still there by its id, so the list alone decides.
        """
        connector = self.connector
        if not isinstance(connector, Reader):
            return None
        if self._filter(entity_type):
            return "not-in-source"
        try:
            item = self.item(entity_type, await connector.read(entity_type, native_id))
        except NotFoundError:
            return "not-in-source"
        except ConnectorError:
            return None
        if item.said == "failed":
            return None
        if item.said != "ok":
            return "source-condition"
        return "still-in-source" if item.source_id == source_id else "other-id"

    def items(self, entity_type: str, entities: Iterable[Entity]) -> list[Item]:
        items = [self.item(entity_type, entity) for entity in entities]
        named: dict[str, set[str]] = {}
        for item in items:
            if item.said == "ok":
                named.setdefault(item.source_id, set()).add(item.native_id)
        return [
            item
            if item.said != "ok" or len(named[item.source_id]) == 1
            else Item(item.native_id, item.native_id, "failed", {}, "same-source-id", native=item.native)
            for item in items
        ]

    def item(self, entity_type: str, entity: Entity) -> Item:
        """One entity across the read transformation."""
        if not _keepable(entity.id):
            shown = entity.id.replace("\0", "\ufffd")[: KEPT_BYTES // 4]
            return Item(shown, shown, "failed", {}, "bad-source-id")
        result = self.crossings[entity_type].to_common(entity, "")
        native = entity.document if self.keeps_native else None
        if result.status == "skipped":
            said: Said = "condition" if result.reason == "condition" else "skip-operation"
            return Item(entity.id, entity.id, said, {}, result.reason, result.message, native=native)
        if result.status == "failed":
            return Item(entity.id, entity.id, "failed", {}, result.reason, result.message, native=native)
        source_id = result.variables.get(SOURCE_ID) if self.crossings[entity_type].read is not None else entity.id
        if source_id is None or source_id == "":
            return Item(entity.id, entity.id, "failed", {}, "no-source-id", native=native)
        if not _keepable(str(source_id)):
            return Item(entity.id, entity.id, "failed", {}, "bad-source-id", native=native)
        return Item(str(source_id), entity.id, "ok", result.document)

    async def take_global_id(self, entity_type: str, native_id: str, global_id: str) -> bool:
        """Tell the source the Global User ID; False if it takes none."""
        if not isinstance(self.connector, GlobalIdTaker):
            return False
        await self.connector.take_global_id(entity_type, native_id, global_id)
        return True

    async def _one(self, entity_type: str, native_id: str) -> Entity | None:
        if not isinstance(self.connector, Reader):
            return None
        try:
            return await self.connector.read(entity_type, native_id)
        except ConnectorError:
            return None

    def _filter(self, entity_type: str) -> str | None:
        return self.values.family(f"{entity_type}.filter")


def _keepable(name: str) -> bool:
    """Whether every database that we work with keeps and finds this as a key."""
    return "\0" not in name and len(name.encode(errors="replace")) <= KEPT_BYTES


def origin(system: OpenSystem) -> Origin:
    """The source behind an open system; PropertyError if a property cannot be read."""
    plan = system.blueprint
    programs = dict(plan.read.entities) if plan.read is not None else {}
    types = [name for name in system.connector.entity_types if plan.read is None or name in programs]
    return Origin(
        id=plan.definition.id,
        name=plan.definition.name,
        connector=system.connector,
        values=plan.values,
        crossings={name: Crossing(programs.get(name), None) for name in types},
        version=version_of(plan, "read"),
        interval=float(plan.values.integer("ips.failed.request.retry.attempts.interval", 30)),
    )
