"""One stream of a source, shared by all targets of a run: each page is read once and kept for a short while.

Whoever wants the next page first makes it be read, one page ahead; nobody else reads. So a source that is faster than
its targets waits, and the memory is bounded. A target that falls behind by more than the window is told so
(BehindError) and goes on with a stream of its own, so that it does not slow down the others.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from proxeny.connectors.errors import ConnectorError
from proxeny.provisioning.deliveries.origin import Item, Stretch
from proxeny.provisioning.errors import BehindError, SourceBrokenError
from proxeny.provisioning.jobs.pausing import is_down

WINDOW = 8
TRIES = 6
TRIES_DOWN = 3
"""A page that fails is asked for six times; a source that is not there three times, and then the run pauses."""
LONGEST_PAUSE = 60.0

logger = logging.getLogger("proxeny.job")


@dataclass(slots=True)
class Page:
    """``position`` is that behind the page."""

    number: int
    items: list[Item]
    position: str | None


class Feed:
    """See the module. ``keep`` is called with each page before anybody gets it."""

    def __init__(
        self,
        open_at: Callable[[str | None], AsyncIterator[Stretch]],
        position: str | None,
        keep: Callable[[Page], Awaitable[None]] | None = None,
        *,
        interval: float = 30.0,
    ) -> None:
        self._open_at = open_at
        self._position = position
        self._keep = keep
        self._interval = interval
        self._stream: AsyncIterator[Stretch] | None = None
        self._pages: dict[int, Page | None] = {}
        self._read = 0
        self._ended = False
        self._turn = asyncio.Lock()
        self._ahead: asyncio.Task[None] | None = None
        self._broken: Exception | None = None

    async def page(self, number: int) -> Page | None:
        """The page of that number (from 0), None behind the last; BehindError, SourceBrokenError."""
        while number >= self._read and not self._ended:
            await self._advance(number)
        if number >= self._read:
            return None
        if number not in self._pages:
            raise BehindError("The page is no longer kept.")
        if number == self._read - 1 and not self._ended and (self._ahead is None or self._ahead.done()):
            self._ahead = asyncio.create_task(self._try_ahead(number + 1))
        return self._pages[number]

    async def close(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)
        await self._drop()

    async def _try_ahead(self, number: int) -> None:
        try:
            await self._advance(number)
        except Exception:  # whoever asks for the page gets the same error
            logger.debug("reading ahead failed", exc_info=True)

    async def _advance(self, number: int) -> None:
        async with self._turn:
            if number < self._read or self._ended:
                return
            if self._broken is not None:
                raise self._broken
            try:
                stretch = await self._patiently()
            except Exception as error:
                self._broken = error
                raise
            if stretch is None:
                self._ended = True
                return
            page = Page(self._read, *stretch)
            if self._keep is not None:
                await self._keep(page)
            self._position = page.position
            self._pages[self._read] = page
            self._pages.pop(self._read - WINDOW, None)
            self._read += 1

    async def _patiently(self) -> Stretch | None:
        """The next part of the stream; a source that fails is asked again from where it was."""
        failures = 0
        while True:
            try:
                if self._stream is None:
                    self._stream = self._open_at(self._position)
                return await anext(self._stream, None)
            except ConnectorError as error:
                failures += 1
                await self._drop()
                down = is_down(error)
                if error.next != "retry" or failures >= (TRIES_DOWN if down else TRIES):
                    told = f"The source cannot be read to its end: {error}"
                    raise SourceBrokenError(told, error if down else None) from error
                logger.warning("a page of the source cannot be read; it is tried again: %s", error)
                await asyncio.sleep(min(LONGEST_PAUSE, self._interval * 1.6 ** (failures - 1)))

    async def _drop(self) -> None:
        stream, self._stream = self._stream, None
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
