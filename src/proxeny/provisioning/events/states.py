"""What became of an event, in the words of SAP's log of real-time provisioning (operations.md 9)."""

import time

from proxeny.provisioning.deliveries.origin import Item
from proxeny.provisioning.deliveries.reasons import sentence
from proxeny.store.events import Claimed, State
from proxeny.store.outcomes import Outcome, Result

_DONE = {
    "create": "Entity Created",
    "correlate": "Entity Updated",
    "update": "Entity Updated",
    "delete": "Entity Deleted",
}


def ended(target: str, claimed: Claimed, ending: Result, reason: str, words: str | None = None) -> Outcome:
    """How an event ended in a target that was not called."""
    return Outcome(claimed.entity_id, target, claimed.entity_type, "none", ending, reason, words, at=time.time())


def source_state(source: str, claimed: Claimed, item: Item | None) -> State:
    """What became of it at its source; ``item`` is None if it is gone there."""
    if item is not None and item.said != "ok":
        return State(source, "read", "Entity Skipped", "source-condition", sentence("source-condition"))
    operation = "delete" if item is None else claimed.operation
    return State(source, operation, "Entity Deleted" if item is None else "Entity Read")


def state_of(outcome: Outcome, *, central: bool = False) -> State:
    """An outcome in the words of the log. A group that may not be created counts as failed in the central store's."""
    names = {"done": _DONE.get(outcome.action, "Entity Not Provisioned"), "unchanged": "Entity Already Provisioned"}
    skipped = "Entity Skipped" if outcome.target_id else "Entity Not Provisioned"
    barred = central and outcome.reason == "read-only-group" and not outcome.target_id
    name = "Entity Failed" if outcome.outcome == "failed" or barred else names.get(outcome.outcome, skipped)
    words = sentence(outcome.reason, outcome.message) if outcome.reason else ""
    info = ": ".join(part for part in (outcome.target_id or "", words) if part)
    return State(outcome.system, outcome.action, name, outcome.reason or "", info)
