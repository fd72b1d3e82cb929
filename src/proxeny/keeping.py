"""Work that goes on for as long as the gateway runs is kept going, whatever happens to it.

A loop that ended with an error that nobody foresaw would leave a gateway behind that looks well and does nothing: no
job would be taken any more, no changed file read again. What is foreseen each loop handles itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("proxeny.keeping")

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0


async def kept(name: str, work: Callable[[], Awaitable[None]], *, pause: float = _FIRST_PAUSE) -> None:
    """Awaits ``work()`` to its end or until this is cancelled; after an error it is begun anew, with growing pauses."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s failed, and is begun anew", name)
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
