"""Writes to one file: whoever comes while the file is being replaced is served together by the next replacement."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from proxeny.connectors.errors import ConflictError, ConnectorError, NotFoundError, RefusedError, VersionConflictError
from proxeny.connectors.file.folder import Folder
from proxeny.connectors.file.formats import Form
from proxeny.connectors.places import Place
from proxeny.connectors.spi import Accept, Entity
from proxeny.documents import Document
from proxeny.scim.comparison import key as same_text

Write = Callable[["Sheet"], Entity | None]


@dataclass(frozen=True, slots=True)
class Paper:
    """One file: its entity type, name, form, key and what must be unique."""

    entity_type: str
    name: str
    form: Form
    key: Place
    unique: tuple[Place, ...]

    def entity(self, document: Document) -> Entity:
        """A document of the file as an entity; RefusedError if it has no key."""
        value = self.key.take(document)
        if value in (None, "") or isinstance(value, dict | list):
            raise RefusedError(f"A line of {self.name} has no {'.'.join(self.key.field)}, which identifies it.")
        document["id"] = str(value)
        return Entity(str(value), document, version_of(document))


def version_of(document: Document) -> str:
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return blake2b(text, digest_size=12).hexdigest()


@dataclass(slots=True)
class Sheet:
    """The whole file in memory while it is being changed; ``taken`` maps unique values to ids."""

    paper: Paper
    documents: dict[str, Document] = field(default_factory=dict)
    taken: dict[tuple[Place, str], str] = field(default_factory=dict)

    def put(self, entity: Entity) -> None:
        self.documents[entity.id] = entity.document
        self.taken.update(dict.fromkeys(self._values(entity.document), entity.id))

    def create(self, document: Document, accept: Accept | None) -> Entity:
        self.paper.key.put(document, self.paper.key.take(document) or str(uuid.uuid4()))
        entity = self._written(document)
        if entity.id in self.documents:
            raise ConflictError(f"The id {entity.id[:120]!r} is taken.", attribute="id", other_id=entity.id)
        return self._accepted(entity, accept)

    def replace(self, entity_id: str, document: Document, version: str | None, accept: Accept | None) -> Entity:
        held = self._held(entity_id, version)
        self.paper.key.put(document, self.paper.key.take(held))
        return self._accepted(self._written(document), accept)

    def delete(self, entity_id: str, version: str | None) -> None:
        for value in self._values(self._held(entity_id, version)):
            self.taken.pop(value, None)
        del self.documents[entity_id]

    def _written(self, document: Document) -> Entity:
        """The entity as it will be read again: what the form cannot hold is refused now."""
        document = {
            name: value for name, value in document.items() if value is not None and name not in ("schemas", "meta")
        }
        for _ in self.paper.form.write([document]):
            pass
        return self.paper.entity(document)

    def _accepted(self, entity: Entity, accept: Accept | None) -> Entity:
        for place, value in self._values(entity.document):
            other = self.taken.get((place, value), entity.id)
            if other != entity.id:
                name, shown = ".".join(place.field), str(place.take(entity.document))
                raise ConflictError(f"{name} {shown[:120]!r} is taken.", attribute=name, value=shown, other_id=other)
        if accept is not None:
            accept(entity)
        for gone in self._values(self.documents.get(entity.id, {})):
            self.taken.pop(gone, None)
        self.put(entity)
        return entity

    def _held(self, entity_id: str, version: str | None) -> Document:
        held = self.documents.get(entity_id)
        if held is None:
            raise NotFoundError(f"There is no {self.paper.entity_type} {entity_id[:200]!r}.")
        if version is not None and version != version_of(held):
            raise VersionConflictError(f"The {self.paper.entity_type} has changed since; read it again.")
        return held

    def _values(self, document: Document) -> Sequence[tuple[Place, str]]:
        found: list[tuple[Place, Any]] = [(place, place.take(document)) for place in self.paper.unique]
        return [(place, same_text(value)) for place, value in found if isinstance(value, str) and value]


class Desk:
    """Takes writes of one file in turn, many at a time."""

    def __init__(self, folder: Folder, paper: Paper) -> None:
        self._folder = folder
        self._paper = paper
        self._waiting: list[tuple[Write, asyncio.Future[Entity | None]]] = []
        self._turn = asyncio.Lock()

    async def write(self, write: Write) -> Entity | None:
        """The entity as it was written, once it is on the disk."""
        done: asyncio.Future[Entity | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, done))
        async with self._turn:
            if not done.done():
                await asyncio.shield(self._serve())
        return await done

    async def _serve(self) -> None:
        waiting, self._waiting = self._waiting, []
        outcomes = await asyncio.to_thread(self._together, [write for write, _ in waiting])
        for (_, done), outcome in zip(waiting, outcomes, strict=True):
            if done.done():
                continue
            if isinstance(outcome, Exception):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)

    def _together(self, writes: Sequence[Write]) -> list[Entity | Exception | None]:
        try:
            sheet = self._sheet()
            outcomes = [_tried(write, sheet) for write in writes]
            if any(not isinstance(outcome, Exception) for outcome in outcomes):
                self._folder.replace(self._paper.name, self._paper.form.write([*sheet.documents.values()]))
        except ConnectorError as error:
            return [error for _ in writes]
        return outcomes

    def _sheet(self) -> Sheet:
        sheet = Sheet(self._paper)
        stream = self._folder.open(self._paper.name)
        if stream is not None:
            with stream:
                for document in self._paper.form.read(stream):
                    sheet.put(self._paper.entity(document))
        return sheet


def _tried(write: Write, sheet: Sheet) -> Entity | Exception | None:
    """What one write made, or its own error: the others go on."""
    try:
        return write(sheet)
    except Exception as error:  # it belongs to the one who asked, also when it comes from ``accept``
        return error
