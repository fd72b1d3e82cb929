"""Announcements: which entities somebody has changed, for real time (decision 25).

An announcement is kept in the transaction of the change itself, so that none is lost and none is for a change that was
taken back. Jobs write without announcing, so that what one job brought does not start another.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

from proxeny.connectors.directory import tables
from proxeny.database import Database, Migration, Request, Row, Statement

T = TypeVar("T")

ANNOUNCEMENTS = Migration(
    "announcements of changes",
    (
        Statement.ddl(
            "CREATE TABLE directory_announcements (type {TEXT} NOT NULL, id {TEXT} NOT NULL, count BIGINT NOT NULL, "
            "PRIMARY KEY (type, id)) {CLUSTERED}"
        ),
        Statement.ddl("INSERT INTO directory_counters (name, value) VALUES ('senders', 0)"),
    ),
)

ANNOUNCE = Statement(
    "INSERT INTO directory_announcements (type, id, count) VALUES (:type, :id, 1) "
    "ON CONFLICT (type, id) DO UPDATE SET count = directory_announcements.count + 1"
)
"""An update even of what is there already: so whoever takes it waits for this change, or leaves it for next time."""
ANY = Statement("SELECT 1 FROM directory_announcements LIMIT 1")
TAKE = Statement(
    "DELETE FROM directory_announcements WHERE (type, id) IN (SELECT type, id FROM directory_announcements "
    "ORDER BY type DESC, id LIMIT :limit) RETURNING type, id"
)
LISTENING = Statement("SELECT value FROM directory_counters WHERE name = 'senders'")
LISTEN = Statement("UPDATE directory_counters SET value = :value WHERE name = 'senders' AND value <> :value")

Announcement = tuple[str, str]
"""Entity type and id."""


def announced(entity_type: str, ids: Iterable[str]) -> Request:
    """A step that announces changes."""
    return ANNOUNCE, [{"type": entity_type, "id": one} for one in ids]


def announcing(
    steps: Callable[[], Generator[Request, list[Row], T]], entity_type: str, id_of: Callable[[T], str]
) -> Generator[Request, list[Row], T]:
    """The steps of one write, with its announcement."""
    result = yield from steps()
    yield announced(entity_type, (id_of(result),))
    return result


def announcing_deletion(
    steps: Callable[[], Generator[Request, list[Row], list[int]]], entity_type: str, entity_id: str
) -> Generator[Request, list[Row], None]:
    """The steps of one deletion, with its announcement, and those of the groups that have lost the entity."""
    holders = yield from steps()
    yield announced(entity_type, (entity_id,))
    if holders:
        groups = yield tables.NAMES, {"seqs": holders}
        yield announced("group", [row[1] for row in groups])


def taking(limit: int) -> Generator[Request, list[Row], Sequence[Announcement]]:
    """Steps that take announcements, users before groups; whoever takes them keeps them in the same transaction."""
    rows = yield TAKE, {"limit": limit}
    return sorted(((row[0], row[1]) for row in rows), reverse=True)


async def waiting(database: Database) -> bool:
    """Whether there is an announcement."""
    return bool(await database.fetch(ANY))


async def listening(database: Database) -> bool:
    """Whether a gateway wants announcements; for programs beside it."""
    row = await database.fetch_one(LISTENING)
    return bool(row and row[0])


async def listen(database: Database, *, wanted: bool) -> None:
    """Say whether announcements are wanted, to programs beside the gateway."""

    def steps() -> Generator[Request, list[Row], None]:
        yield LISTEN, {"value": int(wanted)}

    if await listening(database) != wanted:
        await database.transaction(steps)
