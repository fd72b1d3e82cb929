"""Files as a system: read as streams, replaced as a whole with each write."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO

from proxeny.connectors.errors import NotFoundError, PropertyError, UnsupportedError
from proxeny.connectors.file.declarations import NAMES, format_of, problems
from proxeny.connectors.file.desk import Desk, Paper
from proxeny.connectors.file.folder import Folder
from proxeny.connectors.file.formats import Form
from proxeny.connectors.filtering import NativeFilter
from proxeny.connectors.outbound.probe import walk
from proxeny.connectors.places import Place, parse_place
from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.spec import Connection
from proxeny.connectors.spi import Accept, Entity, EntityType, Page, Search, TestStep
from proxeny.documents import Document

AT_ONCE = 500
NO_FIELDS: frozenset[str] = frozenset()
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}


class FileConnector:
    """Reader, Searcher, Creator, Replacer and Deleter of files below the operator's folder."""

    def __init__(self, connection: Connection) -> None:
        values = connection.properties
        found = [f"{problem.name} {problem.message}." for problem in problems(values)]
        if found:
            raise PropertyError(" ".join(found))
        self._folder = Folder(connection.outbound.settings.files)
        self._papers = {name: _paper(values, name) for name in NAMES if values.text(f"file.{name}.path")}
        for paper in self._papers.values():
            self._folder.path(paper.name)
        self._desks = {name: Desk(self._folder, paper) for name, paper in self._papers.items()}
        self._types = {
            name: EntityType(name, ("id",), unique=tuple(place.field for place in paper.unique))
            for name, paper in self._papers.items()
        }

    @property
    def entity_types(self) -> Mapping[str, EntityType]:
        return self._types

    async def open(self) -> None:
        """Files are opened when they are read."""

    async def close(self) -> None:
        """No file stays open."""

    async def test(self) -> Sequence[TestStep]:
        """Each file read to its end."""
        return await walk([(f"read {paper.name}", self._trying(name)) for name, paper in self._papers.items()])

    def _trying(self, entity_type: str) -> Callable[[], Awaitable[str]]:
        async def step() -> str:
            there = await asyncio.to_thread(self._open, self._papers[entity_type])
            if there is None:
                return "there is no such file yet"
            there.close()
            return f"{len([entity async for entity in self.read_all(entity_type)])} read"

        return step

    def _open(self, paper: Paper) -> IO[bytes] | None:
        return self._folder.open(paper.name)

    async def read(self, entity_type: str, entity_id: str, *, omit: frozenset[str] = NO_FIELDS) -> Entity:
        async for entity in self.read_all(entity_type):
            if entity.id == entity_id:
                for name in omit:
                    entity.document.pop(name, None)
                return entity
        raise NotFoundError(f"There is no {entity_type} {entity_id[:200]!r}.")

    async def read_all(
        self, entity_type: str, where: NativeFilter | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Entity]:
        paper = self._paper_of(entity_type)
        stream = await asyncio.to_thread(self._open, paper)
        if stream is None:
            return
        try:
            documents = paper.form.read(stream)
            while portion := await asyncio.to_thread(_portion, paper, documents):
                for entity in portion:
                    yield entity
                if len(portion) < AT_ONCE:
                    return
        finally:
            stream.close()

    async def search(self, entity_type: str, search: Search) -> Page:
        """A page in the order of the file; filters and orders are the gateway's to decide."""
        page: list[Entity] = []
        total = 0
        async for entity in self.read_all(entity_type):
            if search.start <= total < search.start + search.count:
                page.append(entity)
            total += 1
        for entity in page:
            for name in search.omit:
                entity.document.pop(name, None)
        return Page(page, total, exact=search.filter is None and search.sort is None)

    async def create(self, entity_type: str, document: Document, *, accept: Accept | None = None) -> Entity:
        self._paper_of(entity_type)
        made = await self._desks[entity_type].write(lambda sheet: sheet.create(document, accept))
        assert made is not None  # noqa: S101  # a creation has an entity
        return made

    async def replace(
        self,
        entity_type: str,
        entity_id: str,
        document: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity | None:
        self._paper_of(entity_type)
        return await self._desks[entity_type].write(lambda sheet: sheet.replace(entity_id, document, version, accept))

    async def delete(self, entity_type: str, entity_id: str, *, version: str | None = None) -> None:
        self._paper_of(entity_type)
        await self._desks[entity_type].write(lambda sheet: sheet.delete(entity_id, version))

    def _paper_of(self, entity_type: str) -> Paper:
        paper = self._papers.get(entity_type)
        if paper is None:
            raise UnsupportedError(
                f"This system has no {entity_type[:60]!r}: there is no file.{entity_type[:60]}.path."
            )
        return paper


def _paper(values: PropertyValues, name: str) -> Paper:
    path, of = values.text(f"file.{name}.path"), f"file.{name}"
    named = values.text(f"{of}.format", "auto")
    form = Form(
        (format_of(path) or "jsonl") if named == "auto" else named,
        DELIMITERS[values.text("file.delimiter", "comma")],
        _places(values.text(f"{of}.boolean", "active")),
    )
    key = parse_place(values.text(f"{of}.key", "id"))
    return Paper(name, path, form, key, _places(values.text(f"{of}.unique", NAMES[name])))


def _places(text: str) -> tuple[Place, ...]:
    return tuple(parse_place(part) for part in text.split(",") if part.strip())


def _portion(paper: Paper, documents: Iterator[Document]) -> list[Entity]:
    return [paper.entity(document) for document in islice(documents, AT_ONCE)]
