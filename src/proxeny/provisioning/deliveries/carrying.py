"""A page of entities to one target: resolve, decide, call, and say what became of each.

Nothing is stored here: the lane stores what comes back, together with its checkpoint.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from proxeny.connectors.errors import ConnectorError, UnreachableError
from proxeny.provisioning.crossing import Draft
from proxeny.provisioning.deliveries import prints
from proxeny.provisioning.deliveries.calling import Calling
from proxeny.provisioning.deliveries.case import MEMBERS_ONLY, Case, payload, supported
from proxeny.provisioning.deliveries.claims import Claims
from proxeny.provisioning.deliveries.delivering import reason_of
from proxeny.provisioning.deliveries.destination import Destination
from proxeny.provisioning.deliveries.health import Health
from proxeny.provisioning.deliveries.origin import Item, Origin
from proxeny.provisioning.deliveries.resolve import Resolver
from proxeny.provisioning.errors import DeliveryError
from proxeny.provisioning.plan import Decision, Facts, Said, decide
from proxeny.store.links import Link, Links
from proxeny.store.outcomes import Action
from proxeny.transform import Operation

logger = logging.getLogger("proxeny.job")


@dataclass(frozen=True, slots=True)
class Manner:
    """How the run wants it: does it read everything (and may delete), does it write the unchanged too, does it only
    say what it would do?"""

    full: bool
    resync: bool
    simulated: bool


class Carrying:
    """Entities of one type from one source to one target."""

    def __init__(
        self,
        entity_type: str,
        source: Origin,
        target: Destination,
        links: Links,
        claims: Claims,
        manner: Manner,
        health: Health,
    ) -> None:
        self._type = entity_type
        self._target = target
        self._manner = manner
        self._health = health
        self._calling = Calling(entity_type, source, target, links, claims, simulated=manner.simulated)
        self._places = asyncio.Semaphore(target.at_once)
        self._versions = f"{source.version} {target.version}"

    async def prepare(
        self, items: Iterable[Item], links: Mapping[tuple[str, str], Link], resolver: Resolver
    ) -> list[Case]:
        """Each entity once, with its decision; nothing was called."""
        latest = {item.source_id: item for item in items}
        cases = [
            Case(item, self._type, links.get((self._type, key)), self._target.id, self._versions)
            for key, item in latest.items()
        ]
        wanted = [case for case in cases if case.item.said == "ok"]
        for value in dict.fromkeys(case.item.value for case in wanted):
            await self._resolve([case for case in wanted if case.item.value == value], value, resolver)
        for case in cases:
            case.decision = decide(self._facts(case))
            if self._type == "group":
                _limit(case)
        return cases

    async def _resolve(self, cases: Sequence[Case], value: str, resolver: Resolver) -> None:
        drafts = [self._draft(case) for case in cases]
        crossing = self._target.crossing(self._type, value)
        for case, resolved in zip(cases, await crossing.to_native_resolved(drafts, resolver.ask), strict=True):
            case.resolved = resolved

    def begun(self, cases: Iterable[Case]) -> list[Link]:
        """Links that say, before the calls, which entities are about to be created."""
        now = time.time()
        return [
            replace(case.linked(None, None, existed=False, pending=()), since=now)
            for case in cases
            if case.decision.action == "create" and case.link is None
        ]

    async def carry(self, cases: Sequence[Case], resolver: Resolver, stopping: asyncio.Event) -> None:
        """Do what was decided. Cases that were not begun when ``stopping`` was set have no outcome."""
        calls = []
        for case in cases:
            if case.calls and not (self._manner.simulated and case.decision.action != "correlate"):
                calls.append(self._called(case, resolver, stopping))
            else:
                self._settle(case)
        if calls:
            await asyncio.gather(*calls)

    def _draft(self, case: Case) -> Draft:
        operation: Operation = "create" if case.target_id is None else "update"
        return Draft(operation, case.item.document, case.target_id)

    def _facts(self, case: Case) -> Facts:
        linked = case.target_id is not None
        said = _said(case)
        changed = linked and said == "ok" and not prints.same(case.known, payload(case.crossed))
        return Facts(case.item.said, said, linked, changed, self._manner.full, self._manner.resync)

    # -- without a call -------------------------------------------------------------------------------------------

    def _settle(self, case: Case) -> None:
        """What is decided without the target: skipped, failed, unchanged, to be deleted; in a simulation, the rest."""
        action, reason = case.decision.action, case.decision.reason
        if action == "fail":
            attempted: Action = "create" if case.target_id is None else "update"
            case.end(attempted, "failed", case.crossed.reason, case.crossed.message)
        elif action == "delete":
            case.end("delete", "planned", reason)
        elif action == "skip":
            case.end("none", "skipped", reason, case.crossed.message if reason == "condition" else None)
        elif action == "unchanged":
            case.end("none", "unchanged", "unresolved" if case.pending else None)
            if case.link is not None and case.link.pending != case.pending:
                case.after = replace(case.link, pending=case.pending)
        else:
            simulated: Action = "create" if action == "create" else "update"
            changed = case.changed
            reason = "resync-only" if simulated == "update" and not changed else "unresolved" if case.pending else None
            case.end(simulated, "done", reason, changed=changed)

    # -- with calls -----------------------------------------------------------------------------------------------

    async def _called(self, case: Case, resolver: Resolver, stopping: asyncio.Event) -> None:
        async with self._places:
            if stopping.is_set():
                return
            attempted: Action = "update" if case.target_id is not None else "create"
            if not self._health.admit():
                if not self._health.pauses:
                    case.end(attempted, "failed", "target-down", self._health.down)
                return
            try:
                await self._calling.call(case, resolver)
                self._health.succeeded()
            except (ConnectorError, DeliveryError) as error:
                if not (self._health.failed(error) and self._health.pauses):  # else it waits for the target to be back
                    self._failed(case, attempted, error)
            except Exception as error:
                logger.exception("an entity could not be delivered", extra={"target": self._target.id})
                self._failed(case, attempted, error)

    def _failed(self, case: Case, action: Action, error: Exception) -> None:
        reason, words = reason_of(error)
        case.end(action, "failed", reason, words, attempts=1)
        if case.after is not None:  # it was written, and what follows was not: keep the link, write it again next time
            case.after = replace(case.after, fingerprint=None)
        elif action == "create":  # it is known that nothing was created, unless nobody answered
            case.dropped = isinstance(error, ConnectorError | DeliveryError) and not isinstance(error, UnreachableError)


def _limit(case: Case) -> None:
    """An application-specific group says what may be done with it (operations.md 11)."""
    may = supported(case.item.document)
    if may == "readOnly" and case.calls:
        case.decision = Decision("skip", "read-only-group")
    elif may in MEMBERS_ONLY and case.calls:
        case.members_only = may
        if case.decision.action == "create":
            case.decision = Decision("correlate")


def _said(case: Case) -> Said:
    result = case.crossed
    if result.status == "skipped":
        return "skip-operation" if result.reason == "skip-operation" else "condition"
    return "ok" if result.status == "ok" else "failed"
