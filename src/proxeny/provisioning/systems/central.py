"""Which sources tell of their own changes: of all of them, or only of the groups of applications (central store).

The Identity Directory is the central store: with ``realtime.send`` a source over it sends every change to all its
targets. Without it, a target that has ``ips.application.id`` and ``realtime.application`` still gets the groups of that
application at once (operations.md 9). Users are never created by that: members whom the target does not have are left
out, as everywhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from proxeny.connectors.properties import PropertyValues
from proxeny.documents import Document
from proxeny.provisioning.system import Blueprint
from proxeny.scim.schema import SAP_GROUP

APPLICATION = "ips.application.id"
SWITCH = "realtime.application"
SEND = "realtime.send"
_PROTOCOL = "directory"


@dataclass(frozen=True, slots=True)
class Senders:
    """Ids of sources over the directory. ``everything``: those that send all their changes; ``applications``: those
    that send groups to the targets of their application, and nothing else."""

    everything: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.everything or self.applications)


def senders_among(plans: Iterable[Blueprint]) -> Senders:
    """Who sends, among all systems that are switched on; nobody to no target: that would be kept for nothing."""
    known = [plan for plan in plans if plan.definition.enabled]
    targets = [plan for plan in known if plan.role == "target"]
    connected = _named_by(targets)
    central = _named_by(plan for plan in targets if is_central(plan.values))
    sources = [plan for plan in known if plan.role == "source" and plan.type.protocol == _PROTOCOL]
    sending = (plan.definition for plan in sources if plan.values.flag(SEND))
    everything = tuple(one.id for one in sending if connected & {one.id, one.name})
    some = (plan.definition for plan in sources if central & {plan.definition.id, plan.definition.name})
    return Senders(everything, tuple(one.id for one in some if one.id not in everything))


def _named_by(targets: Iterable[Blueprint]) -> set[str]:
    """Ids and names of the sources of these targets."""
    return {name for plan in targets for name in plan.definition.sources}


def application_of(document: Document) -> str:
    """To which application a group of the directory belongs; empty: to none."""
    found = document.get(SAP_GROUP)
    return str(found.get("applicationId") or "") if isinstance(found, dict) else ""


def is_central(target: PropertyValues) -> bool:
    """Whether groups of the target's application come to it at once."""
    return bool(target.flag(SWITCH) and target.text(APPLICATION))


def serves(target: PropertyValues, application: str) -> bool:
    """Whether a group of that application is to come to the target at once."""
    return is_central(target) and target.text(APPLICATION) == application
