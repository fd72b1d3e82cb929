"""The deletion guard: may so many entities go at once? Pure; decision 24 and ``ips.delete.threshold.*``."""

from dataclasses import dataclass
from typing import Literal

PERCENT = 10
FLOOR = 20


@dataclass(frozen=True, slots=True)
class Toll:
    """What a run is about to do with one entity type in one target.

    ``planned``: deletions that nobody has approved; ``linked``: entities that are linked now; ``read``: entities of the
    type that the source gave in this run, wanted or not; ``threshold``: ``ips.delete.threshold.*``, if set.
    """

    planned: int
    linked: int
    read: int
    threshold: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``go``: delete them all; ``hold``: keep them for approval; ``refuse``: delete none, they count as failed."""

    says: Literal["go", "hold", "refuse"]
    reason: str | None = None


def judge(toll: Toll) -> Verdict:
    """One verdict for all planned deletions of a type: it is all or none."""
    if not toll.planned:
        return Verdict("go")
    if toll.threshold is not None and toll.planned > toll.threshold:
        return Verdict("refuse", "threshold")
    if not toll.read:
        return Verdict("hold", "source-empty")
    if toll.planned > FLOOR and toll.planned * 100 > toll.linked * PERCENT:
        return Verdict("hold", "too-many")
    return Verdict("go")
