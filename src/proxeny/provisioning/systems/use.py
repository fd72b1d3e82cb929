"""Who is at work on an open system: requests and runs, counted, so that its connector is closed after the last of them.

``with system.use: …`` on the event loop, where nothing is awaited to begin or to end; ``await system.use.ended(10)`` is
true once nobody is at work any more.
"""

import asyncio
from types import TracebackType


class Use:
    """``at_work``: how many there are now."""

    __slots__ = ("_last", "at_work")

    def __init__(self) -> None:
        self.at_work = 0
        self._last: asyncio.Event | None = None

    def __enter__(self) -> None:
        self.at_work += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.at_work -= 1
        if self._last is not None and not self.at_work:
            self._last.set()

    async def ended(self, seconds: float) -> bool:
        """Waits for the last one, no longer than ``seconds``; whether nobody is at work. For a system that nobody new
        comes to."""
        if not self.at_work:
            return True
        self._last = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await self._last.wait()
        except TimeoutError:
            return False
        return True
