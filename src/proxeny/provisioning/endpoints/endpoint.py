"""One SCIM endpoint of one system (``/proxy/hr/Users``), with everything decided when the system was opened."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson

from proxeny.connectors.errors import ConnectorError
from proxeny.connectors.spi import Connector, Entity, EntityType
from proxeny.documents import Document
from proxeny.provisioning.crossing import Crossing
from proxeny.provisioning.endpoints.abilities import Abilities
from proxeny.provisioning.endpoints.failures import as_scim_error
from proxeny.provisioning.endpoints.identity import Identity, TargetIds
from proxeny.provisioning.endpoints.rendering import Rendered, Renderings
from proxeny.provisioning.presenting import (
    References,
    complete,
    encoded_id,
    locations_of,
    names_others,
    own_id,
    refer,
    schemas_of,
)
from proxeny.provisioning.pushdown import Pushdown
from proxeny.provisioning.systems.switches import Switches
from proxeny.scim.errors import InternalError, ScimError
from proxeny.scim.etag import etag
from proxeny.scim.projection import Projection
from proxeny.scim.schema import ResourceType
from proxeny.transform import Lineage, Result

_UNREADABLE = "the read transformation failed"
logger = logging.getLogger("proxeny.proxy")


class Resource:
    """A native entity in the form that clients see, where it is, and its version (as in the ETag; "" if not known).

    ``rendered`` is there if it need not be rendered again; ``document`` belongs to whoever holds the resource.
    """

    __slots__ = ("_document", "entity", "location", "rendered", "version")

    def __init__(
        self, entity: Entity, document: Document | None, location: str, version: str, rendered: Rendered | None = None
    ) -> None:
        self.entity = entity
        self.location = location
        self.version = version
        self.rendered = rendered
        self._document = document

    @property
    def document(self) -> Document:
        if self._document is None:
            assert self.rendered is not None  # noqa: S101  # one of the two is always given
            self._document = orjson.loads(self.rendered.whole)
        return self._document

    @property
    def etag(self) -> str | None:
        if self.rendered is not None:
            return self.rendered.etag
        return etag(self.version) if self.version else None


@dataclass(slots=True)
class Hidden:
    """An entity that the read condition keeps from clients."""

    reason: str


@dataclass(slots=True)
class Unreadable:
    """An entity that the read transformation cannot bring across; ``message`` names the mapping."""

    message: str


Unseen = Hidden | Unreadable
Seen = Resource | Unseen
Show = Callable[[Document], Document]
Admits = Callable[[Document], bool]


@dataclass(frozen=True, slots=True)
class Portion:
    """Some resources of a list. ``text``: ``count`` JSON objects, separated by commas. ``unreadable``: the ids of those
    that cannot cross, each with the message."""

    text: bytes
    count: int
    unreadable: Sequence[tuple[str, str]]


def _unreadable(entities: Sequence[Entity], results: Sequence[Result]) -> Sequence[tuple[str, str]]:
    """The ids and messages of those that failed."""
    return [
        (entity.id, result.message or _UNREADABLE)
        for entity, result in zip(entities, results, strict=True)
        if result.status == "failed"
    ]


def _unseen(result: Result) -> Unseen:
    if result.status == "skipped":
        return Hidden(result.message or "the read condition is false")
    return Unreadable(result.message or _UNREADABLE)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``described`` is the resource type without what the backend does not say that it has, and ``readable`` that one
    without what reading cannot produce: filters and sorting are decided on it. ``writes``: what the write program takes
    of what clients send, as far as the backend holds it; None: everything.

    ``droppable`` tells which native fields need not be read when an attribute is not asked for; ``unsaid`` are those of
    a group's members, if a full update may say nothing of them and they stay. ``property_filter`` is
    the system's own filter (``<prefix>user.filter``), in the backend's language. ``references``: which endpoint of the
    system serves the entity type of a reference.
    """

    system: str
    name: str
    entity_type: str
    connector: Connector
    able: Abilities
    native: EntityType
    resource_type: ResourceType
    described: ResourceType
    readable: ResourceType
    writes: Lineage | None
    crossing: Crossing
    pushdown: Pushdown
    identity: Identity
    target_ids: TargetIds
    switches: Switches
    renderings: Renderings
    references: References
    property_filter: str | None = None
    droppable: dict[str, frozenset[str]] = field(default_factory=dict)
    unsaid: frozenset[str] = frozenset()
    everything: Projection = field(init=False)
    _view: object = field(default_factory=object)

    def __post_init__(self) -> None:
        object.__setattr__(self, "everything", Projection.of((), (), self.resource_type))

    def see(self, entity: Entity, base: str, *, keep: bool = False, partial: bool = False) -> Seen:
        """The entity as a client sees it: the one way out of every system. ``keep``: it may soon be asked for again, or
        just was; what nobody asks for by itself is not worth looking up. ``partial``: some of it was not read."""
        if not keep or entity.content is None or not self.crossing.repeatable:
            return self._crossed(entity, base, partial)
        key = (self._view, base, entity.content)
        rendered = self.renderings.find(key)
        if rendered is not None:
            return Resource(entity, None, rendered.location, rendered.version, rendered)
        seen = self._crossed(entity, base, partial)
        if isinstance(seen, Resource) and seen.version:
            seen.rendered = self._rendered(seen)
            self.renderings.keep(key, seen.rendered)
        return seen

    def _rendered(self, resource: Resource) -> Rendered:
        document = resource.document
        whole = orjson.dumps(document)
        shown = self.everything.apply(document)
        text = whole if shown is document else orjson.dumps(shown)
        return Rendered(resource.location, resource.version, etag(resource.version), whole, text)

    def write(
        self, entities: Sequence[Entity], base: str, show: Show, admits: Admits | None = None, *, partial: bool = False
    ) -> Portion:
        """What a client gets of many entities at once: ``show`` of what ``see`` gives of each that ``admits`` lets by.

        Where no resource names another, only a ``$ref`` of the backend's would be changed, and the text tells whether
        there is one.
        """
        collection, references = f"{base}/{self.name}/", self.references
        locations = locations_of([entity.id for entity in entities], collection)
        results = self.crossing.all_to_common(entities, collection, locations)
        crossed = [
            (entity, location, result.document)
            for entity, location, result in zip(entities, locations, results, strict=True)
            if result.status == "ok"
        ]
        referred = admits is not None or any(
            entity.version is None or names_others(document) for entity, _, document in crossed
        )
        for entity, location, document in crossed:
            if referred:
                refer(document, base, references)
            self._completed(entity, document, collection, location, partial)
        documents = [document for _, _, document in crossed if admits is None or admits(document)]
        text = orjson.dumps([show(document) for document in documents])
        if not referred and b"$" in text and b'"$ref"' in text:
            for document in documents:
                refer(document, base, references)
            text = orjson.dumps([show(document) for document in documents])
        return Portion(text[1:-1], len(documents), _unreadable(entities, results))

    def _crossed(self, entity: Entity, base: str, partial: bool) -> Seen:
        collection = f"{base}/{self.name}/"
        location = collection + encoded_id(entity.id)
        result = self.crossing.to_common(entity, collection, location)
        if result.status != "ok":
            return _unseen(result)
        refer(result.document, base, self.references)
        return Resource(
            entity, result.document, *self._completed(entity, result.document, collection, location, partial)
        )

    def _completed(
        self, entity: Entity, document: Document, collection: str, location: str, partial: bool
    ) -> tuple[str, str]:
        """Gives ``document`` its schemas, id and meta; the location and the version that it has."""
        if not document.get("schemas"):
            document["schemas"] = schemas_of(document, self.resource_type)
        if document.get("id") != entity.id:
            location = collection + encoded_id(own_id(document, entity))
        return location, complete(document, entity, location, self.resource_type.name, partial=partial)

    @property
    def conditioned(self) -> bool:
        """Whether the read transformation may hide entities."""
        read = self.crossing.read
        return read is not None and read.condition is not None

    def unreadable(self, entity_id: str, message: str) -> ScimError:
        """The answer for an entity that exists and cannot cross, by id (decision 6)."""
        logger.error("an entity fails the read transformation", extra={"system": self.system, "entity": entity_id})
        return InternalError(
            f"The {self.resource_type.name} exists, but the read transformation of this system fails on it: {message}. "
            "An administrator must correct the transformation or the entity."
        )

    def failure(self, error: ConnectorError) -> ScimError:
        """The answer for a backend's failure; the log has the backend's own words."""
        answer = as_scim_error(error)
        level = logging.WARNING if answer.status >= 500 else logging.INFO
        logger.log(
            level,
            "the backend refused or failed: %s",
            error,
            extra={"system": self.system, "status": answer.status, "backend": error.backend_message},
        )
        return answer
