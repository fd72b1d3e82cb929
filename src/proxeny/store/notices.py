"""Notices about jobs: who wants them, what was said last, and what waits to be sent.

A notice is queued in the transaction that remembers that it was said, so that it is said once. Sending takes as long as
it takes: a channel that does not answer keeps only its own notices waiting.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

from proxeny.database import Database, Request, Row, Statement

Channel = Literal["mail", "webhook"]

ONCE_SECONDS = 3600.0
"""A problem is told to one address at most once in so many seconds."""
_SENDING_SECONDS = 120.0
FAILING, PAUSED = 1, 2

SUBSCRIPTIONS = Statement(
    "SELECT source, channel, address FROM job_subscriptions WHERE (:source = '' OR source = :source) "
    "ORDER BY source, channel, address"
)
SUBSCRIBE = Statement(
    "INSERT INTO job_subscriptions (source, channel, address) VALUES (:source, :channel, :address) "
    "ON CONFLICT (source, channel, address) DO NOTHING"
)
UNSUBSCRIBE = Statement(
    "DELETE FROM job_subscriptions WHERE source = :source AND channel = :channel AND address = :address "
    "RETURNING source"
)
BEGIN = Statement(
    "INSERT INTO job_notice_states (source, failures, told, told_running, last_run) VALUES (:source, 0, 0, 0, "
    "COALESCE((SELECT MAX(id) FROM job_runs WHERE source = :source AND ended IS NOT NULL), 0)) "
    "ON CONFLICT (source) DO NOTHING"
)
STATE = Statement("SELECT failures, told, told_running, last_run FROM job_notice_states WHERE source = :source")
REMEMBER = Statement(
    "UPDATE job_notice_states SET failures = :failures, told = :told, told_running = :told_running, "
    "last_run = :last_run WHERE source = :source AND failures = :seen_failures AND told = :seen_told "
    "AND told_running = :seen_told_running AND last_run = :seen_last_run RETURNING source"
)
SAID = Statement(
    "SELECT 1 FROM job_notices WHERE problem = :problem AND channel = :channel AND address = :address "
    "AND created > :since LIMIT 1"
)
ADD = Statement(
    "INSERT INTO job_notices (id, problem, channel, address, subject, body, created, due, attempts, sent, failure) "
    "VALUES (:id, :problem, :channel, :address, :subject, :body, :now, :now, 0, NULL, '') "
    "ON CONFLICT (id) DO NOTHING RETURNING id"
)
DUE = Statement("SELECT 1 FROM job_notices WHERE sent IS NULL AND due <= :now LIMIT 1")
_TAKE = (
    "UPDATE job_notices SET due = :until, attempts = attempts + 1 WHERE id IN (SELECT id FROM job_notices "
    "WHERE sent IS NULL AND due <= :now ORDER BY due LIMIT :limit{}) "
    "RETURNING id, problem, channel, address, subject, body, attempts"
)
TAKE = Statement.per_dialect(_TAKE.format(""), _TAKE.format(" FOR UPDATE SKIP LOCKED"))
SENT = Statement("UPDATE job_notices SET sent = :now, failure = '' WHERE id = :id")
FAILED = Statement("UPDATE job_notices SET due = :due, failure = :failure WHERE id = :id")
WAITING = Statement(
    "SELECT channel, address, COUNT(*), MAX(failure) FROM job_notices WHERE sent IS NULL GROUP BY channel, address"
)
PURGE = Statement("DELETE FROM job_notices WHERE created < :before RETURNING id")


@dataclass(frozen=True, slots=True)
class Subscription:
    source: str
    channel: Channel
    address: str


@dataclass(frozen=True, slots=True)
class NoticeState:
    """How a source stands: failed runs in a row; whether that was told; what was told before a run was over (0, or that
    it is FAILING or PAUSED); the last run that was looked at."""

    failures: int = 0
    told: bool = False
    told_running: int = 0
    last_run: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """``problem`` is what it is about: not told twice within the hour. ``attempts`` counts this one."""

    id: int
    problem: str
    channel: Channel
    address: str
    subject: str
    body: str
    attempts: int = 0


class Notices:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def subscriptions(self, source: str = "") -> list[Subscription]:
        return [Subscription(*row) for row in await self._database.fetch(SUBSCRIPTIONS, {"source": source})]

    async def subscribe(self, subscription: Subscription) -> None:
        def steps() -> Generator[Request, list[Row], None]:
            yield SUBSCRIBE, _values(subscription)

        await self._database.transaction(steps)

    async def unsubscribe(self, subscription: Subscription) -> bool:
        def steps() -> Generator[Request, list[Row], bool]:
            return bool((yield UNSUBSCRIBE, _values(subscription)))

        return await self._database.transaction(steps)

    async def state(self, source: str) -> NoticeState:
        """How the source stands; what was before the first look is not told."""
        row = await self._database.fetch_one(STATE, {"source": source})
        if row is None:

            def steps() -> Generator[Request, list[Row], Row]:
                yield BEGIN, {"source": source}
                return (yield STATE, {"source": source})[0]

            row = await self._database.transaction(steps)
        return NoticeState(int(row[0]), bool(row[1]), int(row[2]), int(row[3]))

    async def say(self, source: str, before: NoticeState, after: NoticeState, notices: Sequence[Notice]) -> bool:
        """Remember how the source stands now, and queue what is to be said; False if another replica was first."""

        def steps() -> Generator[Request, list[Row], bool]:
            values = {f"seen_{name}": value for name, value in _state(before).items()}
            if not (yield REMEMBER, {"source": source, **_state(after), **values}):
                return False
            for notice in notices:
                yield from queueing(notice)
            return True

        return await self._database.transaction(steps)

    async def queue(self, notices: Sequence[Notice]) -> None:
        """Queue what is to be said, whatever was said before."""

        def steps() -> Generator[Request, list[Row], None]:
            for notice in notices:
                yield from queueing(notice)

        await self._database.transaction(steps)

    async def take(self, limit: int) -> list[Notice]:
        """What is due, to be sent now; if whoever took it dies, it is due again after two minutes."""
        now = time.time()
        if not await self._database.fetch(DUE, {"now": now}):
            return []

        def steps() -> Generator[Request, list[Row], list[Row]]:
            return (yield TAKE, {"now": now, "until": now + _SENDING_SECONDS, "limit": limit})

        return [Notice(*row) for row in await self._database.transaction(steps)]

    async def sent(self, notice: Notice) -> None:
        def steps() -> Generator[Request, list[Row], None]:
            yield SENT, {"id": notice.id, "now": time.time()}

        await self._database.transaction(steps)

    async def failed(self, notice: Notice, seconds: float, failure: str) -> None:
        """It was not sent; try again after so many seconds."""

        def steps() -> Generator[Request, list[Row], None]:
            yield FAILED, {"id": notice.id, "due": time.time() + seconds, "failure": failure}

        await self._database.transaction(steps)

    async def waiting(self) -> list[tuple[str, str, int, str]]:
        """(channel, address, notices that wait, last failure)."""
        return [(row[0], row[1], int(row[2]), row[3]) for row in await self._database.fetch(WAITING, heavy=True)]

    async def purge(self, before: float) -> int:
        def steps() -> Generator[Request, list[Row], int]:
            return len((yield PURGE, {"before": before}))

        return await self._database.transaction(steps)


def queueing(notice: Notice) -> Generator[Request, list[Row], None]:
    """The steps that queue a notice, for whoever has a transaction already."""
    now = time.time()
    same = {"problem": notice.problem, "channel": notice.channel, "address": notice.address}
    if (yield SAID, {**same, "since": now - ONCE_SECONDS}):
        return
    number = time.time_ns() // 1000
    while not (yield ADD, {**same, "id": number, "subject": notice.subject, "body": notice.body, "now": now}):
        number += 1


def _values(subscription: Subscription) -> dict[str, str]:
    return {"source": subscription.source, "channel": subscription.channel, "address": subscription.address}


def _state(state: NoticeState) -> dict[str, int]:
    return {
        "failures": state.failures,
        "told": int(state.told),
        "told_running": state.told_running,
        "last_run": state.last_run,
    }
