"""Whether a target is worth calling: one that fails for everybody is left alone, and asked now and then if it is back.

In a job a target that is down makes its lane stop where it is, and the run pause: what was not tried has no outcome and
goes on from there. How long it has been so is kept with the lane's checkpoint, and told to the run that takes over.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxeny.connectors.errors import AuthenticationFailedError, PropertyError, UnreachableError

FAILURES = 10
PROBE_SECONDS = 5.0
WAITS = (60.0, 120.0, 240.0, 300.0)
"""Seconds from one question to the next; the last one for all further ones. So an hour has about fourteen."""
SIGN_IN_WAITS = (300.0, 900.0, 1800.0, 3600.0)
"""The same where the system refuses our credentials, and may lock the account."""


def pause_after(waits: int, *, final: bool) -> float:
    """Seconds to wait after the question number ``waits`` (from 0); ``final``: our credentials were refused."""
    gaps = SIGN_IN_WAITS if final else WAITS
    return gaps[min(waits, len(gaps) - 1)]


def refused(error: BaseException) -> bool:
    """Whether an error says that nothing gets better by itself: credentials, or a property."""
    return isinstance(error, AuthenticationFailedError | PropertyError)


@dataclass(slots=True)
class Health:
    """Of one target in one run. ``down`` says why it is not called. ``final``: nobody tries again in this run, except
    where it ``pauses``. ``waits``: how often it was asked in vain since it went down. Times are Unix times."""

    clock: Callable[[], float] = time.time
    failures: int = 0
    down: str | None = None
    final: bool = False
    next_probe: float = 0.0
    pauses: bool = False
    waits: int = 0

    @classmethod
    def of(cls, outage: Mapping[str, Any] | None, *, pauses: bool) -> "Health":
        """As an earlier worker or run has left it."""
        if not outage or not pauses:
            return cls(pauses=pauses)
        return cls(
            down=outage["why"],
            final=outage["final"],
            next_probe=outage["next"],
            pauses=True,
            waits=outage["waits"],
        )

    def outage(self) -> dict[str, Any] | None:
        """To be kept; None while the target answers."""
        if self.down is None:
            return None
        return {"why": self.down, "final": self.final, "next": self.next_probe, "waits": self.waits}

    def admit(self) -> bool:
        """Whether to call now. Where nothing pauses, one caller at a time finds out whether a target is back."""
        if self.down is None:
            return True
        if self.pauses or self.final or self.clock() < self.next_probe:
            return False
        self.next_probe = self.clock() + PROBE_SECONDS
        return True

    def due(self) -> bool:
        """Whether it is time to ask a target that is down."""
        return self.down is not None and self.clock() >= self.next_probe

    def succeeded(self) -> None:
        self.failures = self.waits = 0
        self.down, self.final = None, False

    def returned(self) -> None:
        """It answers; only a success of what we want ends the waiting that grows."""
        self.failures = 0
        self.down, self.final = None, False

    def failed(self, error: Exception) -> bool:
        """Takes note of an error; whether it belongs to a target that is down, rather than to an entity."""
        if refused(error):
            self._out(error, final=True)
        elif isinstance(error, UnreachableError):
            self.failures += 1
            if self.failures >= FAILURES:
                self._out(error, final=False)
        else:
            self.succeeded()
            return False
        return self.down is not None

    def unanswered(self, error: Exception) -> None:
        """It was asked whether it is back, and is not."""
        self.down = None
        self._out(error, final=refused(error))

    def _out(self, error: Exception, *, final: bool) -> None:
        if self.down is not None:
            return
        self.down, self.final = str(error), final
        wait = pause_after(self.waits, final=final) if self.pauses else PROBE_SECONDS
        self.next_probe = self.clock() + wait
        self.waits += 1
