"""A page of entities to one target: resolve, decide, call, and say what became of each.

Nothing is stored here: the lane stores what comes back, together with its checkpoint.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from proxeny.connectors.errors import ConnectorError, NotFoundError, UnreachableError
from proxeny.provisioning import prints
from proxeny.provisioning.case import Case, groups, payload, references, supported
from proxeny.provisioning.crossing import Draft, Resolved
from proxeny.provisioning.delivering import Delivered, Delivering, reason_of
from proxeny.provisioning.destination import Destination
from proxeny.provisioning.errors import DeliveryError
from proxeny.provisioning.health import Health
from proxeny.provisioning.origin import Item, Origin
from proxeny.provisioning.plan import Decision, Facts, Said, decide
from proxeny.provisioning.resolve import Resolver
from proxeny.scim.schema import SAP_USER
from proxeny.store.links import Link, Links
from proxeny.store.outcomes import Action, Outcome
from proxeny.store.outcomes import Result as Ending
from proxeny.transform import Operation

_GIVES_GLOBAL_IDS = frozenset({"LOCAL_IDENTITY_DIRECTORY", "IDENTITY_AUTHENTICATION"})

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
        self, entity_type: str, source: Origin, target: Destination, links: Links, manner: Manner, health: Health
    ) -> None:
        self._type = entity_type
        self._source = source
        self._target = target
        self._links = links
        self._manner = manner
        self._health = health
        self._delivering = Delivering(target)
        self._places = asyncio.Semaphore(target.at_once)
        self._versions = f"{source.version} {target.version}"

    async def prepare(
        self, items: Iterable[Item], links: Mapping[tuple[str, str], Link], resolver: Resolver
    ) -> list[Case]:
        """Each entity once, with its decision; nothing was called."""
        latest = {item.source_id: item for item in items}
        cases = [Case(item, self._type, links.get((self._type, key))) for key, item in latest.items()]
        wanted = [case for case in cases if case.item.said == "ok"]
        drafts = [self._draft(case) for case in wanted]
        crossing = self._target.crossings[self._type]
        for case, resolved in zip(wanted, await crossing.to_native_resolved(drafts, resolver.ask), strict=True):
            case.resolved = resolved
        for case in cases:
            case.decision = decide(self._facts(case))
            if self._type == "group":
                _limit(case)
        return cases

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
        changed = linked and said == "ok" and not prints.same(_known(case), payload(case.crossed))
        return Facts(case.item.said, said, linked, changed, self._manner.full, self._manner.resync)

    # -- without a call -------------------------------------------------------------------------------------------

    def _settle(self, case: Case) -> None:
        """What is decided without the target: skipped, failed, unchanged, to be deleted; in a simulation, the rest."""
        action, reason = case.decision.action, case.decision.reason
        if action == "fail":
            attempted: Action = "create" if case.target_id is None else "update"
            self._ends(case, attempted, "failed", case.crossed.reason, case.crossed.message)
        elif action == "delete":
            self._ends(case, "delete", "planned", reason)
        elif action == "skip":
            self._ends(case, "none", "skipped", reason, case.crossed.message if reason == "condition" else None)
        elif action == "unchanged":
            self._ends(case, "none", "unchanged", "unresolved" if case.pending else None)
            if case.link is not None and case.link.pending != case.pending:
                case.after = replace(case.link, pending=case.pending)
        else:
            simulated: Action = "create" if action == "create" else "update"
            changed = self._changed(case)
            reason = "resync-only" if simulated == "update" and not changed else "unresolved" if case.pending else None
            self._ends(case, simulated, "done", reason, changed=changed)

    def _ends(
        self,
        case: Case,
        action: Action,
        outcome: Ending,
        reason: str | None = None,
        message: str | None = None,
        *,
        target_id: str | None = None,
        changed: tuple[str, ...] = (),
        attempts: int = 0,
    ) -> None:
        case.outcome = Outcome(
            case.item.source_id,
            self._target.id,
            self._type,
            action,
            outcome,
            reason,
            message,
            target_id or case.target_id,
            changed,
            attempts,
            self._versions,
            time.time(),
        )

    def _changed(self, case: Case) -> tuple[str, ...]:
        return prints.changed(_known(case), payload(case.crossed)) if case.target_id is not None else ()

    # -- with calls -----------------------------------------------------------------------------------------------

    async def _called(self, case: Case, resolver: Resolver, stopping: asyncio.Event) -> None:
        async with self._places:
            if stopping.is_set():
                return
            attempted: Action = "update" if case.target_id is not None else "create"
            if not self._health.admit():
                self._ends(case, attempted, "failed", "target-down", self._health.down)
                return
            try:
                await self._call(case, resolver)
                self._health.succeeded()
            except (ConnectorError, DeliveryError) as error:
                self._health.failed(error)
                self._failed(case, attempted, error)
            except Exception as error:
                logger.exception("an entity could not be delivered", extra={"target": self._target.id})
                self._failed(case, attempted, error)

    def _failed(self, case: Case, action: Action, error: Exception) -> None:
        reason, words = reason_of(error)
        self._ends(case, action, "failed", reason, words, attempts=1)
        if case.after is not None:  # it was written, and what follows was not: keep the link, write it again next time
            case.after = replace(case.after, fingerprint=None)
        elif action == "create":  # it is known that nothing was created, unless nobody answered
            case.dropped = isinstance(error, ConnectorError | DeliveryError) and not isinstance(error, UnreachableError)

    async def _call(self, case: Case, resolver: Resolver) -> None:
        document = case.crossed.document
        if case.decision.action == "correlate":
            found = await self._delivering.correlate(self._type, await self._searched(case, resolver))
            await self._linked(case, found, resolver)
        elif case.target_id is None:
            begun = case.link.since if case.link is not None else None
            await self._linked(case, await self._delivering.create(self._type, document, begun=begun), resolver)
        else:
            await self._update(case, case.target_id, resolver)

    async def _searched(self, case: Case, resolver: Resolver) -> dict[str, Any]:
        """The native form of an entity that may not be created, to search by: as an update would be."""
        resolved = await self._crossed(case, "update", None, resolver)
        return resolved.result.document if resolved.result.status == "ok" else case.item.document

    async def _crossed(self, case: Case, operation: Operation, target_id: str | None, resolver: Resolver) -> Resolved:
        draft = Draft(operation, case.item.document, target_id)
        return (await self._target.crossings[self._type].to_native_resolved([draft], resolver.ask))[0]

    async def _linked(self, case: Case, delivered: Delivered, resolver: Resolver, reason: str | None = None) -> None:
        """The entity is there, made or found: link it, and bring a found one up to date."""
        target_id, attempts = delivered.target_id, delivered.attempts
        if delivered.correlated:
            await self._refuse_stolen(case, target_id)
        update = await self._crossed(case, "update", target_id, resolver)
        ok, pending = update.result.status == "ok", references(update)
        sent = payload(update.result)
        if delivered.correlated and ok and not self._manner.simulated:
            attempts += await self._write(case, target_id, update.result.document)
        print_ = prints.print_of(sent) if ok else None
        case.after = case.linked(target_id, print_, existed=delivered.existed_before, pending=pending)
        if not self._manner.simulated:
            await self._assign(case.crossed.variables, target_id)
            await self._write_back(case, delivered)
        action: Action = "correlate" if delivered.correlated else "create"
        told = reason or ("correlated" if delivered.correlated else "recovered" if delivered.recovered else None)
        told = told or ("unresolved" if pending else None)
        self._ends(case, action, "done", told, target_id=target_id, attempts=attempts)

    async def _update(self, case: Case, target_id: str, resolver: Resolver) -> None:
        sent, changed = payload(case.crossed), self._changed(case)
        existed = case.link.existed_before if case.link is not None else False
        try:
            calls = await self._write(case, target_id, case.crossed.document)
        except NotFoundError:
            await self._again(case, resolver)
            return
        case.after = case.linked(target_id, prints.print_of(sent), existed=existed, pending=case.pending)
        await self._assign(case.crossed.variables, target_id)
        reason = "unresolved" if case.pending else None
        self._ends(case, "update", "done", reason, target_id=target_id, changed=changed, attempts=calls)

    async def _write(self, case: Case, target_id: str, document: dict[str, Any]) -> int:
        if case.members_only:
            return await self._delivering.set_members(target_id, document.get("members") or ())
        return await self._delivering.update(self._type, target_id, document)

    async def _again(self, case: Case, resolver: Resolver) -> None:
        """The target lost an entity: it is made again."""
        create = await self._crossed(case, "create", None, resolver)
        if create.result.status != "ok":
            raise DeliveryError("gone")
        delivered = await self._delivering.create(self._type, create.result.document)
        await self._linked(case, delivered, resolver, "gone")

    async def _refuse_stolen(self, case: Case, target_id: str) -> None:
        """An entity that belongs to another entity of this source is not handed over silently."""
        holders = await self._links.holders(self._target.kin, self._type, [target_id])
        for holder in holders.get(target_id, ()):
            if holder.source == self._source.id and holder.source_id != case.item.source_id:
                raise DeliveryError(
                    "conflict-linked", f"It belongs to {self._type} {holder.source_id!r} of this source."
                )

    async def _assign(self, variables: Mapping[str, Any], target_id: str) -> None:
        for name, member in (("assignGroup", True), ("unassignGroup", False)):
            wanted = groups(variables, name)
            if wanted:
                await self._delivering.assign(target_id, wanted, member=member)

    async def _write_back(self, case: Case, delivered: Delivered) -> None:
        """The Global User ID that a directory gave goes back to the source (operations.md 14)."""
        if self._target.type not in _GIVES_GLOBAL_IDS or self._type != "user" or delivered.entity is None:
            return
        given = (delivered.entity.document.get(SAP_USER) or {}).get("userUuid")
        known = (case.item.document.get(SAP_USER) or {}).get("userUuid")
        if given and given != known:
            try:
                await self._source.take_global_id(self._type, case.item.native_id, str(given))
            except ConnectorError as error:
                raise DeliveryError("write-back", str(error)) from error


def _limit(case: Case) -> None:
    """An application-specific group says what may be done with it (operations.md 11)."""
    may = supported(case.item)
    if may == "readOnly" and case.calls:
        case.decision = Decision("skip", "read-only-group")
    elif may in ("membership", "userOnlyMembership") and case.calls:
        case.members_only = True
        if case.decision.action == "create":
            case.decision = Decision("correlate")


def _known(case: Case) -> str | None:
    return case.link.fingerprint if case.link is not None else None


def _said(case: Case) -> Said:
    result = case.crossed
    if result.status == "skipped":
        return "skip-operation" if result.reason == "skip-operation" else "condition"
    return "ok" if result.status == "ok" else "failed"
