"""Lock-outs: an address that guesses is refused for the user it guesses at, for a while; nobody else is.

Counted by address and user, so that guessing from elsewhere never locks the rightful caller out.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cachetools import TTLCache

from proxeny.web.settings import LockOut

_ENTRIES = 50_000
_LONGEST = 900.0


@dataclass(slots=True)
class _Tries:
    since: float
    failures: int = 0
    rounds: int = 0
    locked_until: float = 0.0


class LockOuts:
    """Each further lock-out of the same pair lasts twice as long, up to a quarter of an hour."""

    def __init__(self, settings: LockOut, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        keep = max(settings.window, settings.seconds, _LONGEST) * 2
        self._tries: TTLCache[tuple[str, str], _Tries] = TTLCache(_ENTRIES, keep, clock)
        self._news: list[tuple[str, str, float]] = []

    def remaining(self, address: str, user: str) -> int:
        """Seconds until the pair may try again, rounded up; 0 when it may."""
        tries = self._tries.get((address, user))
        if tries is None or tries.locked_until <= (now := self._clock()):
            return 0
        return int(tries.locked_until - now) + 1

    def failed(self, address: str, user: str) -> bool:
        """Counts a failure; True when it locks the pair. One that is locked already is locked no longer for it."""
        now = self._clock()
        tries = self._tries.get((address, user)) or _Tries(now)
        if tries.locked_until > now:
            return False
        if now - tries.since > self._settings.window:
            tries.since, tries.failures = now, 0
        tries.failures += 1
        locks = tries.failures >= self._settings.tries
        if locks:
            tries.locked_until = now + min(
                self._settings.seconds * 2**tries.rounds, max(_LONGEST, self._settings.seconds)
            )
            tries.rounds += 1
            self._news.append((address, user, time.time() + tries.locked_until - now))
            tries.since, tries.failures = now, 0
        self._tries[address, user] = tries
        return locks

    def news(self) -> list[tuple[str, str, float]]:
        """What was locked here since the last call: address, user, and until when (Unix time)."""
        news, self._news = self._news, []
        return news

    def learn(self, locks: Iterable[tuple[str, str, float]]) -> None:
        """Takes over what was locked elsewhere; a lock that is known here stays as it is."""
        now, wall = self._clock(), time.time()
        for address, user, until in locks:
            tries = self._tries.get((address, user))
            if tries is None:
                tries = self._tries[address, user] = _Tries(now)
            tries.locked_until = max(tries.locked_until, now + until - wall)

    def succeeded(self, address: str, user: str) -> None:
        self._tries.pop((address, user), None)
