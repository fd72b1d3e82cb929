"""The audit trail: records in a chain, each bound to all before it, so that whoever alters one is found out.

A record's link is a keyed hash of its number, its text and the link before. The head holds number and link of the last
record, so that a tail that was cut off is missed too.
"""

from collections.abc import AsyncIterator, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from proxeny.database import Database, Request, Row, Statement

NEXT = Statement("UPDATE store_audit_head SET number = number + 1 WHERE head = 1 RETURNING number, chain")
LINK = Statement("UPDATE store_audit_head SET chain = :chain WHERE head = 1")
HEAD = Statement("SELECT number, chain FROM store_audit_head WHERE head = 1")
APPEND = Statement("INSERT INTO store_audit (number, record, chain) VALUES (:number, :record, :chain)")
RECORDS = Statement(
    "SELECT number, record, chain FROM store_audit WHERE number > :after AND number <= :until "
    "ORDER BY number LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What happened. ``fields`` hold no secret: whoever records has redacted them."""

    number: int
    at: str
    event: str
    fields: Mapping[str, Any]


class Audit:
    """Appends, reads and verifies the trail. ``key``: up to 64 bytes that those who can write the database lack."""

    def __init__(self, database: Database, key: bytes = b"") -> None:
        self._database = database
        self._key = key

    async def record(self, event: str, fields: Mapping[str, Any]) -> None:
        """Append one record; it is durable when this returns."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = orjson.dumps({"at": at, "event": event, "fields": dict(fields)}, default=str)

        def steps() -> Generator[Request, list[Row], None]:
            number, before = (yield NEXT, {})[0]
            chain = self._link(number, text, before)
            yield APPEND, {"number": number, "record": text, "chain": chain}
            yield LINK, {"chain": chain}

        await self._database.transaction(steps)

    async def records(self, *, after: int = 0) -> AsyncIterator[AuditRecord]:
        """All records after a number, oldest first."""
        async for number, text, _ in self._database.stream(RECORDS, {"until": 2**62}, after=after):
            document = orjson.loads(text)
            yield AuditRecord(number, document["at"], document["event"], document["fields"])

    async def verify(self) -> int | None:
        """The number of the first record that was changed, removed, moved or cut off; None if all are as written."""
        head = await self._database.fetch_one(HEAD)
        last, last_chain = head or (0, "")
        number, before = 0, ""
        async for found, text, chain in self._database.stream(RECORDS, {"until": last}, after=0):
            number += 1
            if found != number or chain != self._link(number, text, before):
                return number
            before = chain
        return None if (number, before) == (last, last_chain) else number + 1 if number < last else number

    def _link(self, number: int, text: bytes, before: str) -> str:
        return blake2b(b"%d\n%s\n%s" % (number, before.encode(), text), key=self._key, digest_size=32).hexdigest()
