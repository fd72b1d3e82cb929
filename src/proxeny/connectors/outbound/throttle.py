"""How often, how fast and whether at all a system is called again (operations.md 6, as data).

One Throttle per system: a 429 holds back every call to that system, not only the one that got it; a breaker spares a
system that is down. Waiting is bounded by the caller's budget, after which the error goes up as it is.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from proxeny.connectors.errors import BusyError, ConnectorError, TimedOutError, UnreachableError

Purpose = Literal["write", "job", "proxy"]
Cause = Literal["timeout", "down", "429", "502", "403"]

purpose: ContextVar[Literal["job", "proxy"]] = ContextVar("purpose", default="proxy")
"""Who reads: a job waits longer for a page than a client of a proxy does."""

budget: ContextVar[float | None] = ContextVar("budget", default=None)
"""Seconds that may go into waiting for one call; None is the operator's ``retry_budget``."""

repeats: ContextVar[bool] = ContextVar("repeats", default=True)
"""Whether a write of which it is not known that it was done is sent again. A job says no: it looks first."""

EVERY = frozenset({"*"})
_BUSY_WRITES = frozenset(
    {
        "IDENTITY_AUTHENTICATION",
        "LOCAL_IDENTITY_DIRECTORY",
        "MICROSOFT_ENTRA_ID",
        "SAP_ANALYTICS_CLOUD",
        "SAP_BTP_XS_ADVANCED_UAA_CLOUD_FOUNDRY",
        "SAP_SALES_CLOUD_AND_SAP_SERVICE_CLOUD",
        "SAP_SUCCESSFACTORS",
        "SAP_JAM_COLLABORATION",
        "SCIM_SYSTEM",
        "SAP_BUILD_WORK_ZONE_ADVANCED_EDITION",
    }
)
_C4C = frozenset({"SAP_SALES_CLOUD_AND_SAP_SERVICE_CLOUD"})
RETRIES: dict[tuple[Cause, Purpose], frozenset[str]] = {
    ("timeout", "write"): EVERY,
    ("timeout", "job"): EVERY,
    ("timeout", "proxy"): frozenset(),
    ("down", "write"): frozenset(),
    ("down", "job"): EVERY,
    ("down", "proxy"): frozenset(),
    ("429", "write"): _BUSY_WRITES,
    ("429", "job"): EVERY,
    ("429", "proxy"): EVERY,
    ("502", "write"): _C4C
    | {"SAP_BTP_XS_ADVANCED_UAA_CLOUD_FOUNDRY", "SAP_BUILD_WORK_ZONE_STANDARD_EDITION", "SCIM_SYSTEM"},
    ("502", "job"): EVERY,
    ("502", "proxy"): _C4C,
    ("403", "write"): frozenset({"SAP_ANALYTICS_CLOUD"}),
    ("403", "job"): frozenset(),
    ("403", "proxy"): frozenset(),
}
"""Cause and purpose → the system types for which the call is tried again. ``down`` is no connection at all: a client of
a proxy is told at once."""

PATCH_ONLY = frozenset({"SAP_BTP_XS_ADVANCED_UAA_CLOUD_FOUNDRY", "SAP_BUILD_WORK_ZONE_STANDARD_EDITION"})
"""Types of which, among writes, only a PATCH is tried again after a 502."""

GROWTH = 1.6
LONGEST = 60.0
LONGEST_502 = {"SAP_BTP_XS_ADVANCED_UAA_CLOUD_FOUNDRY": 50.0, "SAP_SALES_CLOUD_AND_SAP_SERVICE_CLOUD": 50.0}
"""Seconds between tries after a 502, where they are fewer."""
FAILURES_TO_OPEN = 8
OPEN_SECONDS = 5.0


def may_retry(system_type: str, cause: Cause, method: str) -> bool:
    """Whether the table lets this call be tried again."""
    reason: Purpose = purpose.get() if method in ("GET", "HEAD") else "write"
    if reason == "write" and cause in ("timeout", "502") and not repeats.get():
        return False
    if reason == "write" and cause == "502" and system_type in PATCH_ONLY and method != "PATCH":
        return False
    types = RETRIES[cause, reason]
    return types is EVERY or system_type in types


def cause_of(error: ConnectorError, status: int | None) -> Cause | None:
    """Which row of the table an error belongs to."""
    if isinstance(error, BusyError):
        return "429"
    if isinstance(error, TimedOutError):
        return "timeout"
    if isinstance(error, UnreachableError):
        return "502" if status is not None else "down"
    return "403" if status == 403 else None


def pause(attempt: int, interval: float, spread: float) -> float:
    """Seconds before try ``attempt`` (1 is the first repetition), growing; ``spread`` in 0…1 moves it by ±25 %."""
    return min(LONGEST, interval * GROWTH ** (attempt - 1)) * (0.75 + 0.5 * spread)


@dataclass(slots=True)
class Breaker:
    """Open after several failures in a row; then one call at a time finds out whether the system is back."""

    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    open_until: float = 0.0
    probing: bool = False

    def admit(self) -> None:
        """UnreachableError at once, while the system is known to be down."""
        if self.failures < FAILURES_TO_OPEN:
            return
        wait = self.open_until - self.clock()
        if wait > 0 or self.probing:
            raise UnreachableError(
                f"The system failed {self.failures} times in a row; it is tried again in {max(wait, 1):.0f} s."
            )
        self.probing = True

    def succeeded(self) -> None:
        self.failures = 0
        self.probing = False

    def failed(self) -> None:
        self.failures += 1
        self.probing = False
        self.open_until = self.clock() + OPEN_SECONDS

    def released(self) -> None:
        """The call ended without saying anything about the system (it was cancelled)."""
        self.probing = False


@dataclass(slots=True)
class Pace:
    """The distance between the starts of calls: none until a system says that it is busy, then as fast as it bears."""

    clock: Callable[[], float] = time.monotonic
    distance: float = 0.0
    hold_until: float = 0.0
    next_turn: float = 0.0
    measured: bool = False
    answered: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    @property
    def slow(self) -> bool:
        """Whether calls have to wait for their turn at all."""
        return bool(self.distance or self.hold_until)

    async def wait(self) -> None:
        """Wait for this call's turn."""
        seconds = self._missing()
        while seconds > 0:  # another call may have taken the turn, or the system may have asked for more quiet
            await asyncio.sleep(seconds)
            seconds = self._missing()
        if self.distance:
            self.next_turn = self.clock() + self.distance

    def _missing(self) -> float:
        return max(self.hold_until, self.next_turn) - self.clock()

    def busy(self, seconds: float) -> None:
        """The system wants ``seconds`` of quiet: nothing starts before; what follows is spaced."""
        now = self.clock()
        if now >= self.hold_until:
            borne = sum(1 for moment in self.answered if moment > now - 1)
            self.measured = borne > 0
            self.distance = min(1.0, 1.1 / borne if borne else max(self.distance * 2, 0.05))
        self.hold_until = max(self.hold_until, now + seconds)

    def fine(self) -> None:
        """A call went well: come a very little closer again; much closer, where the distance was only a guess."""
        self.answered.append(self.clock())
        if self.distance:
            closer = 0.9999 if self.measured else 0.9
            self.distance = self.distance * closer if self.distance > 0.001 else 0.0


class Throttle:
    """Pace, breaker and retries of one system."""

    def __init__(self, system_type: str, attempts: int, interval: float, retry_budget: float) -> None:
        self.system_type = system_type
        self.attempts = max(0, min(attempts, 3))
        self.interval = max(0.0, min(interval, LONGEST))
        self.retry_budget = retry_budget
        self.pace = Pace()
        self.breaker = Breaker()

    def delay(self, error: ConnectorError, status: int | None, method: str, attempt: int, spent: float) -> float | None:
        """Seconds to wait before the next try, or None if there is none.

        A wait that the system itself named does not count as a try; it is bounded by the budget alone.
        """
        cause = cause_of(error, status)
        if cause is None or not may_retry(self.system_type, cause, method):
            return None
        named = error.retry_after if isinstance(error, BusyError) else None
        if named is None and attempt > self.attempts:
            return None
        spread = random.random()  # noqa: S311  # spreads calls in time; nothing secret depends on it
        seconds = named if named is not None else pause(attempt, self.interval, spread)
        if cause == "502":
            seconds = min(seconds, LONGEST_502.get(self.system_type, seconds))
        granted = budget.get()
        return seconds if spent + seconds <= (self.retry_budget if granted is None else granted) else None
