"""Measures contestants side by side: they take turns within one run, so that a busy machine is busy for all of them.

Processor time, medians of many rounds. What counts are the ratios; microseconds are printed to make them imaginable. A
goal that is missed is an exit status.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ROUNDS = 31
SECONDS_PER_ROUND = 0.02


@dataclass(frozen=True)
class Measurement:
    """Medians in seconds for one call of each contestant."""

    seconds: Mapping[str, float]

    def ratio(self, one: str, other: str) -> float:
        """How many times as long ``one`` takes as ``other``."""
        return self.seconds[one] / self.seconds[other]

    def print(self, title: str, base: str) -> None:
        print(f"\n{title}")
        for name, seconds in self.seconds.items():
            print(f"  {name:<34}{seconds * 1e6:12.2f} µs{self.ratio(name, base):10.2f} × {base}")


@dataclass(frozen=True)
class Goal:
    """A bound on a measured figure; ``must`` is the one that may not be missed, ``aim`` what is hoped for."""

    what: str
    value: float
    must: float
    aim: float | None = None
    at_least: bool = False
    unit: str = "×"

    @property
    def met(self) -> bool:
        return self.value >= self.must if self.at_least else self.value <= self.must

    def __str__(self) -> str:
        bound = f"must {'≥' if self.at_least else '≤'} {self.must:g}" + (
            "" if self.aim is None else f", aim {self.aim:g}"
        )
        return f"  {'ok  ' if self.met else 'MISS'}  {self.what}: {self.value:.2f} {self.unit} ({bound})"


def measure(contestants: Mapping[str, Callable[[], object]]) -> Measurement:
    """The median of many short rounds, each contestant in turn; the garbage collector rests."""
    calls = {name: _calls_for_a_round(contestant) for name, contestant in contestants.items()}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for name, contestant in contestants.items():
                times[name].append(_round(contestant, calls[name]))
            gc.collect()
    finally:
        if enabled:
            gc.enable()
    return Measurement({name: statistics.median(taken) for name, taken in times.items()})


def report(goals: list[Goal]) -> int:
    """Print the goals; 1 if one is missed."""
    print("\ngoals")
    for goal in goals:
        print(goal)
    return 0 if all(goal.met for goal in goals) else 1


def _calls_for_a_round(contestant: Callable[[], object]) -> int:
    calls = 1
    while _round(contestant, calls) * calls < SECONDS_PER_ROUND / 2:
        calls *= 2
    return calls


def _round(contestant: Callable[[], object], calls: int) -> float:
    numbers = range(calls)
    start = time.process_time()
    for _ in numbers:
        contestant()
    return (time.process_time() - start) / calls
