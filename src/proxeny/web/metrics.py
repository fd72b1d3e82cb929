"""Counters in the text format of Prometheus. Labels come only from our own tables, so their number is bounded."""

from collections import Counter
from dataclasses import dataclass, field

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class _Duration:
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    seconds: float = 0.0
    count: int = 0

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        self.count += 1
        for index, limit in enumerate(BUCKETS):
            if seconds <= limit:
                self.buckets[index] += 1
                return


@dataclass(slots=True)
class Metrics:
    """Counts since the start of this process."""

    in_flight: int = 0
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    durations: dict[str, _Duration] = field(default_factory=dict)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """``route`` is the template, never the path."""
        self.requests[method if method in _METHODS else "other", route, status] += 1
        duration = self.durations.get(route)
        if duration is None:
            duration = self.durations[route] = _Duration()
        duration.add(seconds)

    def count_event(self, name: str, reason: str) -> None:
        """``reason`` is one of our own codes, never text from outside."""
        self.events[name, reason] += 1

    def text(self) -> str:
        """All of it, in the exposition format 0.0.4."""
        return "\n".join([*self._requests(), *self._durations(), *self._events(), ""])

    def _requests(self) -> list[str]:
        lines = ["# TYPE proxeny_requests_in_flight gauge", f"proxeny_requests_in_flight {self.in_flight}"]
        lines.append("# TYPE proxeny_requests_total counter")
        for (method, route, status), count in sorted(self.requests.items()):
            lines.append(f'proxeny_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}')
        return lines

    def _durations(self) -> list[str]:
        lines = ["# TYPE proxeny_request_seconds histogram"]
        for route, duration in sorted(self.durations.items()):
            total = 0
            for limit, count in zip(BUCKETS, duration.buckets, strict=True):
                total += count
                lines.append(f'proxeny_request_seconds_bucket{{route="{route}",le="{limit:g}"}} {total}')
            lines.append(f'proxeny_request_seconds_bucket{{route="{route}",le="+Inf"}} {duration.count}')
            lines.append(f'proxeny_request_seconds_sum{{route="{route}"}} {duration.seconds:.6f}')
            lines.append(f'proxeny_request_seconds_count{{route="{route}"}} {duration.count}')
        return lines

    def _events(self) -> list[str]:
        lines = ["# TYPE proxeny_security_events_total counter"]
        for (name, reason), count in sorted(self.events.items()):
            lines.append(f'proxeny_security_events_total{{event="{name}",reason="{reason}"}} {count}')
        return lines
