"""One entity on its way to one target: what is known, what is decided, what came of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxeny.documents import Document
from proxeny.provisioning.crossing import Resolved
from proxeny.provisioning.deliveries import prints
from proxeny.provisioning.deliveries.origin import Item
from proxeny.provisioning.plan import Decision
from proxeny.scim.schema import SAP_GROUP
from proxeny.store.links import Link, Reference
from proxeny.store.outcomes import Action, Outcome
from proxeny.store.outcomes import Result as Ending
from proxeny.transform import Result

ASSIGNING = ("assignGroup", "unassignGroup")
USERS_ONLY = "userOnlyMembership"
MEMBERS_ONLY = ("membership", USERS_ONLY)
_NOTHING = Result("skipped")


@dataclass(slots=True)
class Case:
    """``after`` is the link to keep, if it is to change; ``dropped``: it is to be forgotten.

    ``outcome`` is None as long as nothing was done. ``members_only``: which members, and nothing else of a group,
    may be written (``supportedOperations``), or empty.
    """

    item: Item
    entity_type: str
    link: Link | None
    system: str
    versions: str
    resolved: Resolved | None = None
    decision: Decision = field(default_factory=lambda: Decision("skip"))
    after: Link | None = None
    outcome: Outcome | None = None
    dropped: bool = False
    members_only: str = ""

    @property
    def target_id(self) -> str | None:
        return self.link.target_id if self.link is not None else None

    @property
    def crossed(self) -> Result:
        return self.resolved.result if self.resolved is not None else _NOTHING

    @property
    def pending(self) -> tuple[Reference, ...]:
        """References that have no counterpart in the target, in a stable order."""
        return references(self.resolved)

    @property
    def calls(self) -> bool:
        """Whether the target is to be called."""
        return self.decision.action in ("create", "correlate", "update")

    @property
    def known(self) -> str | None:
        """The print of what was last sent."""
        return self.link.fingerprint if self.link is not None else None

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the attributes that an update changes."""
        return prints.changed(self.known, payload(self.crossed)) if self.target_id is not None else ()

    def end(
        self,
        action: Action,
        outcome: Ending,
        reason: str | None = None,
        message: str | None = None,
        *,
        target_id: str | None = None,
        changed: tuple[str, ...] = (),
        attempts: int = 0,
    ) -> None:
        """Say what became of the entity."""
        self.outcome = Outcome(
            self.item.source_id,
            self.system,
            self.entity_type,
            action,
            outcome,
            reason,
            message,
            target_id or self.target_id,
            changed,
            attempts,
            self.versions,
            time.time(),
        )

    def linked(
        self, target_id: str | None, fingerprint: str | None, *, existed: bool, pending: tuple[Reference, ...]
    ) -> Link:
        """The link of this entity to ``target_id``."""
        native = self.item.native_id if self.item.native_id != self.item.source_id else None
        return Link(self.item.source_id, self.entity_type, target_id, native, fingerprint, existed, pending)


def references(resolved: Resolved | None) -> tuple[Reference, ...]:
    if resolved is None or not resolved.unresolved:
        return ()
    found = {(one.entity_type, one.id) for one in resolved.unresolved}
    return tuple(Reference(*one) for one in sorted(found))


def supported(document: Document) -> str:
    """``supportedOperations`` of an application-specific group (operations.md 11), else empty."""
    found = document.get(SAP_GROUP)
    return str(found.get("supportedOperations") or "") if isinstance(found, dict) else ""


def payload(result: Result) -> Document:
    """All that an update sends: the document, and the groups that the user is put into or taken out of."""
    asked = {name: result.variables[name] for name in ASSIGNING if result.variables.get(name) is not None}
    return {**result.document, **asked} if asked else result.document


def groups(variables: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The ids of ``assignGroup`` or ``unassignGroup``: ``[{"id": …}]``, one such object, or plain ids."""
    value = variables.get(name)
    elements = value if isinstance(value, list) else [] if value is None else [value]
    ids = (element.get("id") if isinstance(element, dict) else element for element in elements)
    return tuple(str(one) for one in ids if one not in (None, ""))
