"""What to do with one entity in one target: a pure decision from what is known of it."""

from dataclasses import dataclass
from typing import Literal

Said = Literal["ok", "condition", "skip-operation", "failed"]
Action = Literal["create", "correlate", "update", "unchanged", "delete", "skip", "fail"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known. ``source``: what the read transformation said; ``target``: what the write transformation said,
    run as an update of a linked entity or as a create. ``changed``: the native document differs from what was last
    sent. ``full``: the run reads everything, so it may delete. ``resync``: unchanged entities are written too."""

    source: Said
    target: Said
    linked: bool
    changed: bool
    full: bool
    resync: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason`` is a code of reasons.py, None where the action speaks for itself."""

    action: Action
    reason: str | None = None


def decide(facts: Facts) -> Decision:
    """The one thing to do; see operations.md 2, 4 and 5."""
    if facts.source == "failed":
        return Decision("skip", "source-failed")
    if facts.source != "ok":
        return _unwanted(facts, "source-condition")
    if facts.target == "failed":
        return Decision("fail")
    if facts.target == "condition":
        return _unwanted(facts, "condition")
    if facts.target == "skip-operation":
        return Decision("skip", "skip-operation") if facts.linked else Decision("correlate")
    if not facts.linked:
        return Decision("create")
    return Decision("update") if facts.changed or facts.resync else Decision("unchanged")


def _unwanted(facts: Facts, reason: str) -> Decision:
    """The source or the target does not want the entity (any more)."""
    if not facts.linked:
        return Decision("skip", reason)
    return Decision("delete", reason) if facts.full else Decision("skip", "delta-never-deletes")
