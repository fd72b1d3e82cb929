"""The audit trail: records in a chain, each bound to all before it, so that whoever alters one is found out.

A record's link is a keyed hash of its number, its text and the link before. The head holds number and link of the last
record under a seal of its own, so that a tail that was cut off is missed even if the head was set back with it. Whoever
puts an old database in place of the newest, sealed head and all, is found out by the anchor, a file outside of it.

Trails that are older than seals begin without one. The first record after that says how many there were; their links
hold them together, but whether the last of them were cut off before cannot be told, and is not claimed.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from proxeny.database import Database, Request, Row, Statement
from proxeny.documents import Document
from proxeny.store.anchor import Anchor

NEXT = Statement("UPDATE store_audit_head SET number = number + 1 WHERE head = 1 RETURNING number, chain, seal")
LINK = Statement("UPDATE store_audit_head SET number = :number, chain = :chain, seal = :seal WHERE head = 1")
HEAD = Statement("SELECT number, chain, seal FROM store_audit_head WHERE head = 1")
APPEND = Statement("INSERT INTO store_audit (number, record, chain) VALUES (:number, :record, :chain)")
RECORDS = Statement(
    "SELECT number, record, chain FROM store_audit WHERE number > :after AND number <= :until "
    "ORDER BY number LIMIT :limit"
)
NEWEST = Statement(
    "SELECT number, record, chain FROM store_audit WHERE number < :before ORDER BY number DESC LIMIT :limit"
)
LAST = Statement("SELECT number, chain FROM store_audit ORDER BY number DESC LIMIT 1")

BROKEN = "audit.broken"
"""The event that is put into the trail when its head was found altered; from there on it is as written again."""

SEALED = "audit.sealed"
"""The event that tells how many records (``before``) a trail had when it was sealed for the first time."""

_CHUNK = 500

_BROKEN_MARK = b'"event":"audit.broken"'
_SEALED_MARK = b'"event":"audit.sealed"'


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What happened. ``fields`` hold no secret: whoever records has redacted them."""

    number: int
    at: str
    event: str
    fields: Mapping[str, Any]

    def document(self) -> Document:
        return {"number": self.number, "at": self.at, "event": self.event, "fields": dict(self.fields)}


def as_written(text: str) -> str:
    """A date or time (ISO 8601; UTC if no zone is named) as records tell theirs; ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are looked for: ``event`` begins so, ``client`` did it or it was done to it, from ``since`` (see
    ``as_written``) on."""

    event: str = ""
    client: str | None = None
    since: str = ""

    def __call__(self, record: AuditRecord) -> bool:
        return (
            record.event.startswith(self.event)
            and (self.client is None or self.client in (record.fields.get("client"), record.fields.get("by")))
            and record.at >= self.since
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """``first_bad``: the number of the first record that was changed, removed, moved or cut off, and ``reason``; None
    if all are as written. ``head`` is ``<number>:<chain>``, to be kept elsewhere and compared some day. ``unsealed``:
    how many of the records are from before sealing began, so that nothing is known of any that followed them then."""

    records: int
    head: str
    first_bad: int | None = None
    reason: str = ""
    unsealed: int = 0

    def document(self) -> Document:
        return {
            "whole": self.first_bad is None,
            "records": self.records,
            "first_bad": self.first_bad,
            "reason": self.reason,
            "before_sealing": self.unsealed,
            "head": self.head,
        }


class Audit:
    """Appends, reads and verifies the trail. ``key``: up to 64 bytes that those who can write the database lack."""

    def __init__(self, database: Database, key: bytes = b"", anchor: Anchor | None = None) -> None:
        self._database = database
        self._key = key
        self._anchor = anchor

    async def record(self, event: str, fields: Mapping[str, Any]) -> None:
        """Append one record; it is durable when this returns."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")

        def steps() -> Generator[Request, list[Row], tuple[int, str]]:
            number, chain, seal = (yield NEXT, {})[0]
            told = [(event, dict(fields))]
            if not self._is_sealed(number - 1, chain, seal):
                last = (*(yield LAST, {}), (0, ""))[0]
                if self._is_older(number - 1, seal) and last == (number - 1, chain):
                    told.insert(0, (SEALED, {"before": last[0]}))
                else:
                    told.insert(0, (BROKEN, {"reason": "the head of the trail was not as written"}))
                    number = max(number, last[0] + 1)
            number -= 1
            for what, about in told:
                number += 1
                text = orjson.dumps({"event": what, "at": at, "fields": about}, default=str)
                chain = self._link(number, text, chain)
                yield APPEND, {"number": number, "record": text, "chain": chain}
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

    async def newest(self, *, before: int = 2**62) -> AsyncIterator[AuditRecord]:
        """All records before a number, newest first."""
        while rows := await self._database.fetch(NEWEST, {"before": before, "limit": _CHUNK}):
            for number, text, _ in rows:
                document = orjson.loads(text)
                yield AuditRecord(number, document["at"], document["event"], document["fields"])
            before = rows[-1][0]
            await asyncio.sleep(0)

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
        number, before, unsealed = 0, "", 0
        async for found, text, chain in self._database.stream(RECORDS, {"until": 2**62}, after=0):
            number += 1
            if number % _CHUNK == 0:
                await asyncio.sleep(0)  # others have their turn
            if reason := self._complaint(number, found, text, chain, before, expected):
                return Verdict(number - 1, verdict, number, reason, unsealed)
            if text[1:].startswith(_SEALED_MARK):
                if unsealed:
                    return Verdict(number - 1, verdict, number, "tells of a second beginning", unsealed)
                unsealed = number - 1
            before = chain
        older = not unsealed and self._is_older(last, seal)
        if (number, before) != (last, last_chain) or not (older or self._is_sealed(last, last_chain, seal)):
            bad = number + 1 if number < last else max(number, 1)
            return Verdict(number, verdict, bad, "the end was cut off", unsealed)
        if beyond := [cut for cut in expected if cut > number]:
            reason = f"the end was cut off: there were {max(beyond)} records"
            return Verdict(number, verdict, number + 1, reason, unsealed)
        return Verdict(number, verdict, unsealed=number if older else unsealed)

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

    def _is_older(self, number: int, seal: str) -> bool:
        """Whether the head was never sealed: whoever has sealed it from here has noted an anchor, too."""
        return number > 0 and seal == "" and self._anchor is not None and self._anchor.read() is None

    def _seal(self, number: int, chain: str) -> str:
        return blake2b(b"head %d %s" % (number, chain.encode()), key=self._key, digest_size=32).hexdigest()

    def _link(self, number: int, text: bytes, before: str) -> str:
        return blake2b(b"%d\n%s\n%s" % (number, before.encode(), text), key=self._key, digest_size=32).hexdigest()
