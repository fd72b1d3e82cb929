"""One entity to one target by calls: create or take over, update, make again, and what goes with it.

Sets ``after`` and ``outcome`` of the case, or raises what kept it from its end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proxeny.connectors.errors import ConnectorError, NotFoundError
from proxeny.provisioning.crossing import Draft, Resolved
from proxeny.provisioning.deliveries import prints
from proxeny.provisioning.deliveries.case import USERS_ONLY, Case, groups, payload, references
from proxeny.provisioning.deliveries.claims import Claim, Claims
from proxeny.provisioning.deliveries.delivering import Delivered, Delivering, Written
from proxeny.provisioning.deliveries.destination import Destination
from proxeny.provisioning.deliveries.origin import Origin
from proxeny.provisioning.deliveries.resolve import Resolver
from proxeny.provisioning.errors import DeliveryError
from proxeny.scim.schema import SAP_USER
from proxeny.store.links import Links
from proxeny.store.outcomes import Action
from proxeny.transform import Operation

_GIVES_GLOBAL_IDS = frozenset({"LOCAL_IDENTITY_DIRECTORY", "IDENTITY_AUTHENTICATION"})


class Calling:
    """Calls for entities of one type. ``simulated``: an entity may be looked for, and nothing is written."""

    def __init__(
        self, entity_type: str, source: Origin, target: Destination, links: Links, claims: Claims, *, simulated: bool
    ) -> None:
        self._type = entity_type
        self._source = source
        self._target = target
        self._links = links
        self._claims = claims
        self._place = target.place(source.id, entity_type)
        self._simulated = simulated
        self._delivering = Delivering(target)

    async def call(self, case: Case, resolver: Resolver) -> None:
        """What was decided: create, correlate or update."""
        document = case.crossed.document
        if case.decision.action == "correlate":
            found = await self._delivering.correlate(self._type, await self._searched(case, resolver))
            await self._linked(case, found, resolver)
        elif case.target_id is None:
            begun = case.link.since if case.link is not None else None
            made = await self._delivering.create(self._type, document, self._claim(case), begun=begun)
            await self._linked(case, made, resolver)
        else:
            await self._update(case, case.target_id, resolver)

    async def _searched(self, case: Case, resolver: Resolver) -> dict[str, Any]:
        """The native form of an entity that may not be created, to search by: as an update would be."""
        resolved = await self._crossed(case, "update", None, resolver)
        return resolved.result.document if resolved.result.status == "ok" else case.item.document

    async def _crossed(self, case: Case, operation: Operation, target_id: str | None, resolver: Resolver) -> Resolved:
        draft = Draft(operation, case.item.document, target_id)
        crossing = self._target.crossing(self._type, case.item.value)
        return (await crossing.to_native_resolved([draft], resolver.ask))[0]

    async def _linked(self, case: Case, delivered: Delivered, resolver: Resolver, reason: str | None = None) -> None:
        """The entity is there, made or found: link it, and bring a found one up to date."""
        target_id, attempts = delivered.target_id, delivered.attempts
        if delivered.correlated or delivered.recovered:
            await self._refuse_stolen(case, target_id)
        update = await self._crossed(case, "update", target_id, resolver)
        ok, pending = update.result.status == "ok", references(update)
        sent = payload(update.result)
        begun_before = delivered.recovered and case.link is not None  # made of what the source was then
        written = Written(0)
        if (delivered.correlated or begun_before) and ok and not self._simulated:
            written = await self._write(case, target_id, update.result.document)
            attempts += written.calls
        print_ = prints.print_of(sent) if ok else None
        case.after = case.linked(target_id, print_, existed=delivered.existed_before, pending=pending)
        if not self._simulated:
            await self._assign(case.crossed.variables, target_id)
            await self._write_back(case, delivered)
        action: Action = "correlate" if delivered.correlated else "create"
        told = reason or ("correlated" if delivered.correlated else "recovered" if delivered.recovered else None)
        told = written.reason or told or ("unresolved" if pending else None)
        case.end(action, "done", told, written.message, target_id=target_id, attempts=attempts)

    async def _update(self, case: Case, target_id: str, resolver: Resolver) -> None:
        sent, changed = payload(case.crossed), case.changed
        existed = case.link.existed_before if case.link is not None else False
        try:
            written = await self._write(case, target_id, case.crossed.document)
        except NotFoundError:
            await self._again(case, resolver)
            return
        case.after = case.linked(target_id, prints.print_of(sent), existed=existed, pending=case.pending)
        await self._assign(case.crossed.variables, target_id)
        reason = written.reason or ("unresolved" if case.pending else None)
        case.end(
            "update", "done", reason, written.message, target_id=target_id, changed=changed, attempts=written.calls
        )

    async def _write(self, case: Case, target_id: str, document: dict[str, Any]) -> Written:
        if case.members_only:
            members, users_only = document.get("members") or (), case.members_only == USERS_ONLY
            wanted = await self._users(members) if users_only else members
            return Written(await self._delivering.set_members(target_id, wanted, keep_groups=users_only))
        return await self._delivering.update(self._type, target_id, document)

    async def _users(self, members: Sequence[Any]) -> list[Any]:
        """Those members that are not linked as groups."""
        ids = [str(member.get("value")) for member in members if isinstance(member, dict)]
        linked = await self._links.holders(self._target.kin, "group", ids)
        return [member for member in members if not isinstance(member, dict) or str(member.get("value")) not in linked]

    async def _again(self, case: Case, resolver: Resolver) -> None:
        """The target lost an entity: it is made again."""
        create = await self._crossed(case, "create", None, resolver)
        if create.result.status != "ok":
            raise DeliveryError("gone")
        delivered = await self._delivering.create(self._type, create.result.document, self._claim(case))
        await self._linked(case, delivered, resolver, "gone")

    def _claim(self, case: Case) -> Claim:
        return Claim(self._claims, self._place, case.item.source_id)

    async def _refuse_stolen(self, case: Case, target_id: str) -> None:
        """An entity that belongs to another entity of this source is not handed over silently."""
        owners = [self._claim(case).take(target_id)]
        holders = await self._links.holders(self._target.kin, self._type, [target_id])
        owners += [one.source_id for one in holders.get(target_id, ()) if one.source == self._source.id]
        for owner in owners:
            if owner != case.item.source_id:
                raise DeliveryError("conflict-linked", f"It belongs to {self._type} {owner!r} of this source.")

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
