"""Whether a target is worth calling: one that fails for everybody is tried only now and then."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from proxeny.connectors.errors import AuthenticationFailedError, PropertyError, UnreachableError

FAILURES = 10
PROBE_SECONDS = 5.0


@dataclass(slots=True)
class Health:
    """Of one target in one run. ``down`` says why it is not called; ``final``: nobody tries again in this run."""

    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    down: str | None = None
    final: bool = False
    next_probe: float = 0.0

    def admit(self) -> bool:
        """Whether to call now; of a target that is down, one caller at a time finds out whether it is back."""
        if self.down is None:
            return True
        if self.final or self.clock() < self.next_probe:
            return False
        self.next_probe = self.clock() + PROBE_SECONDS
        return True

    def succeeded(self) -> None:
        self.failures = 0
        self.down = None

    def failed(self, error: Exception) -> None:
        """Takes note of an error; one of a single entity says that the target is there."""
        if isinstance(error, AuthenticationFailedError | PropertyError):
            self.down, self.final = str(error), True
        elif isinstance(error, UnreachableError):
            self.failures += 1
            if self.failures >= FAILURES and self.down is None:
                self.down, self.next_probe = str(error), self.clock() + PROBE_SECONDS
        else:
            self.succeeded()
