"""Requests of one technical user a minute: slowed above one number, refused above another; others are not affected."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxeny.scim.errors import TooManyRequestsError
from proxeny.web.auth.caller import Caller
from proxeny.web.request import Request
from proxeny.web.settings import RateLimit

_MINUTE = 60.0


@dataclass(slots=True)
class _Window:
    """Requests of this minute and of the one before, which counts as far as it still reaches into the last 60 s."""

    began: float
    count: int = 0
    before: int = 0
    elsewhere: int = 0

    def add(self, now: float) -> float:
        """How many requests the last 60 seconds have seen, this one with them."""
        passed = now - self.began
        if passed >= _MINUTE:
            self.before = self.count if passed < 2 * _MINUTE else 0
            self.count = self.elsewhere = 0
            self.began = now - passed % _MINUTE
            passed = now - self.began
        seen = self.before * (1 - passed / _MINUTE) + self.count + self.elsewhere
        self.count += 1
        return seen + 1


class RateLimits:
    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.time) -> None:
        self._limit = limit
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    @property
    def active(self) -> bool:
        return self._limit.active

    def counts(self) -> tuple[int, dict[str, int]]:
        """This minute since the epoch, and how many requests each technical user sent in it here."""
        now = self._clock()
        fresh = {name: window.count for name, window in self._windows.items() if now - window.began < _MINUTE}
        return int(now // _MINUTE), fresh

    def learn(self, elsewhere: Mapping[str, int]) -> None:
        """Takes over how many requests of this minute other replicas have seen."""
        now = self._clock()
        for name, count in elsewhere.items():
            window = self._windows.setdefault(name, _Window(now - now % _MINUTE))
            window.elsewhere = count

    async def __call__(self, request: Request, caller: Caller) -> None:
        """Waits if the caller is to be slowed; raises TooManyRequestsError if refused, which does not count."""
        if not self._limit.active:
            return
        now = self._clock()
        window = self._windows.get(caller.id)
        if window is None:
            window = self._windows[caller.id] = _Window(now - now % _MINUTE)
        seen = window.add(now)
        if seen > self._limit.refuse:
            window.count -= 1
            wait = max(1, round(_MINUTE / self._limit.refuse * (seen - self._limit.refuse)))
            raise TooManyRequestsError(
                f"The technical user may send {self._limit.refuse} requests a minute; nothing was changed. Slow down.",
                headers=(("Retry-After", str(wait)),),
            )
        if self._limit.slow and seen > self._limit.slow:
            await asyncio.sleep(_MINUTE / self._limit.refuse)
