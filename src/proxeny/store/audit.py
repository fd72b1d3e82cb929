"""The audit trail: records in a chain, each bound to all before it, so that whoever alters one is found out.

A record's link is a keyed hash of its number, its text and the link before. The head holds number and link of the last
record under a seal of its own, so that a tail that was cut off is missed even if the head was set back with it. Whoever
puts an old database in place of the newest, sealed head and all, is found out by the anchor, a file outside of it.
"""

import hmac
from collections.abc import AsyncIterator, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from proxeny.database import Database, Request, Row, Statement
from proxeny.store.anchor import Anchor

NEXT = Statement("UPDATE store_audit_head SET number = number + 1 WHERE head = 1 RETURNING number, chain, seal")
LINK = Statement("UPDATE store_audit_head SET number = :number, chain = :chain, seal = :seal WHERE head = 1")
HEAD = Statement("SELECT number, chain, seal FROM store_audit_head WHERE head = 1")
APPEND = Statement("INSERT INTO store_audit (number, record, chain) VALUES (:number, :record, :chain)")
RECORDS = Statement(
    "SELECT number, record, chain FROM store_audit WHERE number > :after AND number <= :until "
    "ORDER BY number LIMIT :limit"
)
LAST = Statement("SELECT MAX(number) FROM store_audit")

BROKEN = "audit.broken"
"""The event that is put into the trail when its head was found altered; from there on it is as written again."""

_BROKEN_MARK = b'"event":"audit.broken"'


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What happened. ``fields`` hold no secret: whoever records has redacted them."""

    number: int
    at: str
    event: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``first_bad``: the number of the first record that was changed, removed, moved or cut off, and ``reason``; None
    if all are as written. ``head`` is ``<number>:<chain>``, to be kept elsewhere and compared some day."""

    records: int
    head: str
    first_bad: int | None = None
    reason: str = ""


class Audit:
    """Appends, reads and verifies the trail. ``key``: up to 64 bytes that those who can write the database lack."""

    def __init__(self, database: Database, key: bytes = b"", anchor: Anchor | None = None) -> None:
        self._database = database
        self._key = key
        self._anchor = anchor

    async def record(self, event: str, fields: Mapping[str, Any]) -> None:
        """Append one record; it is durable when this returns."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        texts = [
            orjson.dumps({"event": what, "at": at, "fields": told}, default=str)
            for what, told in ((BROKEN, {"reason": "the head of the trail was not as written"}), (event, dict(fields)))
        ]

        def steps() -> Generator[Request, list[Row], tuple[int, str]]:
            number, chain, seal = (yield NEXT, {})[0]
            intact = self._is_sealed(number - 1, chain, seal)
            number = number if intact else max(number, ((yield LAST, {})[0][0] or 0) + 1)
            for offset, text in enumerate(texts[1:] if intact else texts):
                chain = self._link(number + offset, text, chain)
                yield APPEND, {"number": number + offset, "record": text, "chain": chain}
            number += 0 if intact else 1
            yield LINK, {"number": number, "chain": chain, "seal": self._seal(number, chain)}
            return number, chain

        number, chain = await self._database.transaction(steps)
        if self._anchor is not None:
            self._anchor.note(number, chain)

    async def records(self, *, after: int = 0) -> AsyncIterator[AuditRecord]:
        """All records after a number, oldest first."""
        async for number, text, _ in self._database.stream(RECORDS, {"until": 2**62}, after=after):
            document = orjson.loads(text)
            yield AuditRecord(number, document["at"], document["event"], document["fields"])

    async def head(self) -> tuple[int, str]:
        """Number and chain of the last record."""
        found = await self._database.fetch_one(HEAD)
        return (found[0], found[1]) if found else (0, "")

    async def verify(self, *known: tuple[int, str]) -> Verdict:
        """Walks the whole trail. ``known``: heads as they once were (number, chain), beside that of the anchor."""
        last, last_chain, seal = await self._database.fetch_one(HEAD) or (0, "", "")
        anchored = self._anchor.read() if self._anchor else None
        expected = dict((*known, *([anchored] if anchored else [])))
        verdict = f"{last}:{last_chain}"
        number, before = 0, ""
        async for found, text, chain in self._database.stream(RECORDS, {"until": 2**62}, after=0):
            number += 1
            if reason := self._complaint(number, found, text, chain, before, expected):
                return Verdict(number - 1, verdict, number, reason)
            before = chain
        if (number, before) != (last, last_chain) or not self._is_sealed(last, last_chain, seal):
            return Verdict(number, verdict, number + 1 if number < last else max(number, 1), "the end was cut off")
        if beyond := [cut for cut in expected if cut > number]:
            return Verdict(number, verdict, number + 1, f"the end was cut off: there were {max(beyond)} records")
        return Verdict(number, verdict)

    def _complaint(
        self, number: int, found: int, text: bytes, chain: str, before: str, expected: Mapping[int, str]
    ) -> str:
        if found != number:
            return "is missing"
        if chain != self._link(number, text, before):
            return "was changed, or one before it was removed"
        if text[1:].startswith(_BROKEN_MARK):
            return "tells that the head of the trail had been altered"
        return "is another than was noted" if expected.get(number, chain) != chain else ""

    def _is_sealed(self, number: int, chain: str, seal: str) -> bool:
        fresh = (number, chain, seal) == (0, "", "")
        return fresh or hmac.compare_digest(self._seal(number, chain), seal)

    def _seal(self, number: int, chain: str) -> str:
        return blake2b(b"head %d %s" % (number, chain.encode()), key=self._key, digest_size=32).hexdigest()

    def _link(self, number: int, text: bytes, before: str) -> str:
        return blake2b(b"%d\n%s\n%s" % (number, before.encode(), text), key=self._key, digest_size=32).hexdigest()
