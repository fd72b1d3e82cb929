"""Reading a long list page by page, from servers that give short pages, cap the page size, or forget a number.

The end is the server's total or the end of its cursor, never a short page: a page that lost entries must not look like
the end of the list, or everybody behind it would be taken for deleted.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from proxeny.connectors.errors import UnreachableError
from proxeny.documents import Document

EMPTY_PAGES = 3


@dataclass(frozen=True, slots=True)
class Batch:
    """One page as the server gave it; a number that it did not give is None."""

    items: list[Document]
    total: int | None = None
    per_page: int | None = None
    next_cursor: str | None = None


async def by_index(
    fetch: Callable[[int, int], Awaitable[Batch]], count: int, start: int = 1
) -> AsyncIterator[tuple[list[Document], int]]:
    """All pages of ``fetch(start, count)`` (start counts from 1), each with the start of the next one.

    The next page starts behind what really came, so nothing is jumped over; what comes twice in a row is given once.
    UnreachableError if the list stops before its total.
    """
    size = PageSize(count)
    empty, before = 0, frozenset[str]()
    while True:
        batch = await fetch(start, size.now)
        if _short(batch, start, size.now):
            again = await fetch(start, size.now)
            size.short(len(again.items) if len(again.items) == len(batch.items) else 0)
            batch = again if len(again.items) >= len(batch.items) else batch
        number = len(batch.items)
        if not number:
            if batch.total is None or start > batch.total:
                return
            empty += 1
            if not batch.per_page and empty >= EMPTY_PAGES:
                raise UnreachableError(f"The list stops at entity {start - 1} of {batch.total}; it is not complete.")
            start += batch.per_page or 0
            continue
        empty = 0
        yield [item for item in batch.items if str(item.get("id")) not in before], start + number
        before = frozenset(str(item.get("id")) for item in batch.items)
        start += number
        if batch.total is not None and start > batch.total:
            return
        size.full(number)


async def by_cursor(
    fetch: Callable[[str, int], Awaitable[Batch]], count: int, start: str = ""
) -> AsyncIterator[tuple[list[Document], str | None]]:
    """All pages of ``fetch(cursor, count)`` (RFC 9865), from the empty cursor to the page that names no next one."""
    cursor: str | None = start
    while cursor is not None:
        batch = await fetch(cursor, count)
        if batch.items:
            yield batch.items, batch.next_cursor or None
        if batch.next_cursor == cursor:
            raise UnreachableError("The backend gave the same cursor twice; the list is not complete.")
        cursor = batch.next_cursor or None


@dataclass(slots=True)
class PageSize:
    """How many entities to ask for: less after a server proved that it caps pages, more again if that was chance."""

    most: int
    now: int = 0
    caps: int = 0

    def __post_init__(self) -> None:
        self.now = self.most

    def short(self, number: int) -> None:
        """The same page came short twice, both times with ``number`` entities."""
        if number:
            self.caps += 1
            self.now = number

    def full(self, number: int) -> None:
        """A page came with ``number`` entities."""
        if self.now < self.most and number >= self.now and self.caps < 2:
            self.now = min(self.most, self.now * 2)


def _short(batch: Batch, start: int, asked: int) -> bool:
    number = len(batch.items)
    if number and number >= asked:
        return False
    if not number and batch.per_page:
        return False
    return batch.total is not None and start + number - 1 < batch.total
