"""Lock-outs and rate limits over all replicas: each tells the others every few seconds what it has seen."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from proxeny.errors import Error
from proxeny.keeping import kept
from proxeny.web.auth.lockout import LockOuts
from proxeny.web.auth.ratelimit import RateLimits

log = logging.getLogger("proxeny.web.security")

_EVERY = 2.0


class LimitStore(Protocol):
    """Times are Unix times; minutes count from the epoch."""

    async def share_locks(self, new: Sequence[tuple[str, str, float]]) -> list[tuple[str, str, float]]: ...

    async def share_counts(self, minute: int, counts: Mapping[str, int]) -> dict[str, int]: ...


class Sharing:
    """An async context: it shares while it is open. Without the database, each replica goes on with what it knows."""

    def __init__(self, store: LimitStore, lock_outs: LockOuts, rate_limits: RateLimits) -> None:
        self._store = store
        self._lock_outs = lock_outs
        self._rate_limits = rate_limits
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(kept("the sharing of lock-outs and limits", self._share))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def exchange(self) -> None:
        """Once: tells what is new here, and learns what is known elsewhere."""
        self._lock_outs.learn(await self._store.share_locks(self._lock_outs.news()))
        if self._rate_limits.active:
            minute, counts = self._rate_limits.counts()
            self._rate_limits.learn(await self._store.share_counts(minute, counts))

    async def _share(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self.exchange()
            except Error as error:
                log.warning("lock-outs and limits could not be shared", extra={"reason": str(error)})
