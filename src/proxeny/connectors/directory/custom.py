"""Custom schemas of the directory: extensions of users that somebody added, and what becomes of their values.

A schema that is taken away is hidden first, then its values are taken out of all users, a portion in each transaction,
and last its row goes; a start of the program finishes what an end had interrupted.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from proxeny.connectors.directory import resources, times
from proxeny.connectors.directory.failures import translated
from proxeny.connectors.directory.fields import RESOURCE_TYPES
from proxeny.connectors.errors import ConflictError, NotFoundError, RefusedError
from proxeny.connectors.spi import EntityType
from proxeny.database import Database, Migration, Request, Row, Statement
from proxeny.database.errors import DatabaseError
from proxeny.documents import Document
from proxeny.scim.schema import Extension, ResourceType, Schema

COMPONENT = "directory.schemas"
MIGRATIONS = (
    Migration(
        "custom schemas",
        (
            Statement.ddl(
                "CREATE TABLE directory_schemas (id {TEXT} PRIMARY KEY, place BIGINT NOT NULL, "
                "leaving BIGINT NOT NULL, document {BYTES} NOT NULL)"
            ),
        ),
    ),
)
PORTION = 500

ALL = Statement("SELECT id, document, leaving, place FROM directory_schemas ORDER BY place, id")
ADD = Statement("INSERT INTO directory_schemas (id, place, leaving, document) VALUES (:id, :place, 0, :document)")
LEAVE = Statement("UPDATE directory_schemas SET leaving = 1 WHERE id = :id AND leaving = 0 RETURNING id")
FORGET = Statement("DELETE FROM directory_schemas WHERE id = :id")
USERS = Statement(
    "SELECT seq, id, modified, document FROM directory_entities WHERE type = 'user' AND seq > :after "
    "ORDER BY seq LIMIT :limit"
)
LOCKED = Statement.per_dialect(
    "SELECT modified, document FROM directory_entities WHERE seq = :seq",
    "SELECT modified, document FROM directory_entities WHERE seq = :seq FOR UPDATE",
)
CHANGE = Statement("UPDATE directory_counters SET value = value + 1 WHERE name = 'change' RETURNING value")
STRIP = Statement(
    "UPDATE directory_entities SET version = version + 1, modified = :modified, change = :change, document = :document "
    "WHERE seq = :seq"
)


class CustomSchemas:
    """What one connector knows of the custom schemas; ``load`` asks the database again."""

    def __init__(self, database: Database, builtin: Mapping[str, EntityType]) -> None:
        self._database = database
        self._builtin = builtin
        self._rows: list[Row] = []
        self.entity_types: Mapping[str, EntityType] = builtin
        self.resource_types: Mapping[str, ResourceType] = RESOURCE_TYPES

    async def open(self) -> None:
        """Brings the table to the newest version, finishes interrupted removals, and loads."""
        await self._database.migrate(COMPONENT, MIGRATIONS)
        for urn, _, leaving, _ in await self._database.fetch(ALL):
            if leaving:
                await self._sweep(urn)
        await self.load()

    async def load(self) -> bool:
        """Whether the schemas are others than before."""
        rows = [row for row in await self._fetch() if not row[2]]
        if rows == self._rows:
            return False
        self._rows = rows
        schemas = tuple(Schema.from_document(orjson.loads(row[1])) for row in rows)
        user, known = self._builtin["user"], RESOURCE_TYPES["user"]
        self.entity_types = {**self._builtin, "user": replace(user, schemas=(*user.schemas, *schemas))}
        extended = replace(known, extensions=(*known.extensions, *map(Extension, schemas)))
        self.resource_types = {**RESOURCE_TYPES, "user": extended}
        return True

    async def add(self, document: Document, most: int) -> None:
        """Keeps a schema, which ``load`` brings into use.

        ConflictError if there is one of that id; RefusedError if there are ``most`` already.
        """
        urn = document["id"]

        def steps() -> Generator[Request, list[Row], None]:
            rows = yield ALL, {}
            if any(row[0].lower() == urn.lower() for row in rows):
                raise ConflictError(f"There is a schema {urn} already.", attribute="id", value=urn)
            if len(rows) >= most:
                raise RefusedError(f"There are {most} custom schemas already; delete one first.", status=400)
            place = max((row[3] for row in rows), default=0) + 1
            yield ADD, {"id": urn, "place": place, "document": orjson.dumps(document)}

        await self._strip_all(urn)  # what a write that was late may have left of an earlier one
        await self._run(steps)

    async def remove(self, urn: str) -> None:
        """Takes a schema away, with all values that users have of it; NotFoundError."""
        known = {row[0].lower(): row[0] for row in await self._fetch()}
        held = known.get(urn.lower())

        def steps() -> Generator[Request, list[Row], list[Row]]:
            return (yield LEAVE, {"id": held or urn})

        if held is None or not await self._run(steps):
            raise NotFoundError(f"There is no custom schema {urn}.")
        await self._sweep(held)

    async def _sweep(self, urn: str) -> None:
        def forget() -> Generator[Request, list[Row], None]:
            yield FORGET, {"id": urn}

        await self._strip_all(urn)
        await self._run(forget)

    async def _strip_all(self, urn: str) -> None:
        mark, after = orjson.dumps(urn), -1
        while True:
            try:
                rows = await self._database.fetch(USERS, {"after": after, "limit": PORTION}, heavy=True)
            except DatabaseError as error:
                raise translated(error) from error
            found = [(row[0], row[1]) for row in rows if mark in bytes(row[3])]
            if found:
                await self._run(partial(_strip, found, urn))
            if len(rows) < PORTION:
                return
            after = rows[-1][0]

    async def _fetch(self) -> list[Row]:
        try:
            return await self._database.fetch(ALL)
        except DatabaseError as error:
            raise translated(error) from error

    async def _run(self, steps: Any) -> Any:
        try:
            return await self._database.transaction(steps)
        except DatabaseError as error:
            raise translated(error) from error


def _strip(users: Sequence[tuple[int, str]], urn: str) -> Generator[Request, list[Row], None]:
    """Take the values of a schema out of these users."""
    for seq, entity_id in users:
        rows = yield LOCKED, {"seq": seq}
        content = resources.content_of(orjson.loads(rows[0][1])) if rows else {}
        if urn not in content:
            continue
        del content[urn]
        change = yield CHANGE, {}
        stored = resources.stored("user", entity_id, content)
        modified = times.after(rows[0][0])
        yield STRIP, {"seq": seq, "modified": modified, "change": change[0][0], "document": stored}
