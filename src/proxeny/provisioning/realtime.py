"""Real time: what a sender tells of one entity goes to every connected target at once (operations.md 9, decision 25).

An event is accepted when it is durable, and then carried out by whichever worker takes it: through the read
transformation, then to each target as a job would, so that links, conditions and conflicts mean the same. Filters are
not applied. What a target cannot take now is tried again, with growing pauses.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from proxeny.connectors.errors import ConnectorError, NotFoundError
from proxeny.connectors.outbound import throttle
from proxeny.connectors.spi import Entity, EntityType, Reader
from proxeny.database.errors import DatabaseError
from proxeny.documents import Document
from proxeny.errors import Error
from proxeny.provisioning.catalog import OpenSystem, at_work
from proxeny.provisioning.deliveries.delivering import reason_of
from proxeny.provisioning.deliveries.destination import Destination, destination
from proxeny.provisioning.deliveries.origin import Item, Origin, origin
from proxeny.provisioning.deliveries.reasons import sentence
from proxeny.provisioning.errors import EventError, UnknownSystemError
from proxeny.provisioning.events.single import Single
from proxeny.provisioning.events.states import ended, source_state, state_of
from proxeny.provisioning.jobs.ledger import Memory
from proxeny.provisioning.jobs.running import Systems, targets_of
from proxeny.provisioning.systems.central import application_of, is_central, serves
from proxeny.store.errors import LeaseLostError
from proxeny.store.events import CENTRAL, LEASE_SECONDS, Claimed, Events, EventStatus, Operation, Sent, State
from proxeny.store.links import Link
from proxeny.store.outcomes import Outcome

log = logging.getLogger("proxeny.realtime")

POLL_SECONDS = 0.5
AT_ONCE = 8
TRIES = 10
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 600.0
_AGAIN = frozenset({"unreachable", "busy", "timed-out", "target-down"})


@dataclass
class Realtime:
    """See the module. Every replica has one; ``owner`` is the name under which it takes events, and runs."""

    events: Events
    memory: Memory
    systems: Systems
    owner: str
    at_once: int = AT_ONCE
    first_pause: float = FIRST_PAUSE
    lease: float = LEASE_SECONDS
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    # -- accepting ------------------------------------------------------------------------------------------------

    async def accept(
        self,
        source: str,
        entity_type: str,
        operation: Operation,
        *,
        document: Document | None = None,
        entity_id: str | None = None,
        stamp: int | None = None,
        sent_by: str = "",
    ) -> int:
        """Keep an event of a source (id or name); its number, once it is durable. EventError, UnknownSystemError,
        SystemNotReadyError. ``document`` is the entity in the source's own form."""
        found = self.systems.system(source)
        native = self._native(found, entity_type)
        known = entity_id if entity_id is not None else id_of(native, document or {})
        if known is None:
            raise EventError(f"The {entity_type} has no {'.'.join(native.id)}, by which its source knows it.")
        kept = document if operation == "write" else None
        sent = Sent(found.blueprint.definition.id, entity_type, known, operation, kept, stamp, sent_by)
        (event,) = await self.events.accept([sent])
        self.wake()
        return event

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def _native(self, found: OpenSystem, entity_type: str) -> EntityType:
        name = found.blueprint.definition.name
        if found.blueprint.role != "source":
            raise UnknownSystemError(f"System {name!r} is no source.")
        read = found.blueprint.read
        native = found.connector.entity_types.get(entity_type)
        if native is None or (read is not None and read.entity(entity_type) is None):
            raise EventError(f"System {name!r} has no {entity_type}s, or its read transformation ignores them.")
        return native

    # -- carrying out ---------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Take events and carry them out, until cancelled."""
        throttle.purpose.set("job")
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                room = self.at_once - len(tasks)
                taken = await self._take(room) if room else []
                for claimed in taken:
                    task = asyncio.create_task(self._one(claimed))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    task.add_done_callback(lambda _: self.wake())
                if not taken or not room:
                    await self._sleep()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def work_off(self) -> None:
        """Carry out what is due now, and return."""
        while taken := await self._take(self.at_once):
            await asyncio.gather(*map(self._one, taken))

    async def _sleep(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        self._woken.clear()

    async def _take(self, limit: int) -> list[Claimed]:
        try:
            return await self.events.claim(self.owner, limit, seconds=self.lease)
        except DatabaseError as error:
            log.error("no event can be taken: %s", error)
            return []

    async def _one(self, claimed: Claimed) -> None:
        heart = asyncio.create_task(self._keep_alive(claimed))
        try:
            states, again = await self._carried_out(claimed)
            await self._settle(claimed, states, again=again)
        except asyncio.CancelledError:
            with suppress(DatabaseError):
                await self.events.release(claimed)
            raise
        except LeaseLostError as lost:
            log.warning("%s", lost, extra={"event": claimed.id})
        except DatabaseError as error:
            log.error("an event cannot be ended, and will be repeated: %s", error, extra={"event": claimed.id})
        except Exception:
            log.exception("an event failed", extra={"event": claimed.id})
            with suppress(Error):
                states = [State(claimed.source, "none", "Entity Failed", "internal-error", sentence("internal-error"))]
                await self._settle(claimed, states, again=True)
        finally:
            heart.cancel()

    async def _keep_alive(self, claimed: Claimed) -> None:
        while True:
            await asyncio.sleep(claimed.lease / 3)
            with suppress(DatabaseError, LeaseLostError):
                await self.events.renew(claimed)

    async def _settle(self, claimed: Claimed, states: Sequence[State], *, again: bool) -> None:
        if again and claimed.tries + 1 < TRIES:
            await self.events.defer(claimed, min(LONGEST_PAUSE, self.first_pause * 2**claimed.tries), states)
            return
        status: EventStatus = "error" if any(one.state == "Entity Failed" for one in states) else "success"
        await self.events.finish(claimed, status, states)

    async def _carried_out(self, claimed: Claimed) -> tuple[list[State], bool]:
        """What became of an event in its source and in each target, and whether to try again."""
        try:
            opened = self.systems.system(claimed.source)
        except Error as error:
            return [_unread(claimed, error)], error.next == "retry"
        reached = [*targets_of(self.systems, opened)]
        with at_work(opened, *reached):
            return await self._carried(claimed, opened, reached)

    async def _carried(
        self, claimed: Claimed, opened: OpenSystem, reached: Sequence[OpenSystem]
    ) -> tuple[list[State], bool]:
        try:
            source = origin(opened)
            entity = await _entity(source, claimed)
        except (Error, ConnectorError) as error:
            return [_unread(claimed, error)], error.next == "retry"
        item = source.item(claimed.entity_type, entity) if entity is not None else None
        if item is not None and item.said == "failed":
            words = sentence(item.reason, item.message)
            return [State(source.id, "read", "Entity Failed", item.reason or "", words)], False
        targets = [destination(each) for each in reached]
        targets = [target for target in targets if target.takes(claimed.entity_type)]
        if claimed.central:
            targets = await _of_application(self.memory, targets, claimed, entity)
            if not targets:
                words = sentence("no-application")
                return [State(source.id, "read", "Entity Skipped", "no-application", words)], False
        work = [
            self._to(Single(self.memory, source, target, claimed, self._id_of), target, claimed, item)
            for target in targets
        ]
        outcomes = [one for found in await asyncio.gather(*work) for one in found]
        made = (state_of(outcome, central=claimed.central) for outcome in outcomes)
        states = [source_state(source.id, claimed, item), *made]
        return states, any(one.outcome == "failed" and one.reason in _AGAIN for one in outcomes)

    async def _to(self, single: Single, target: Destination, claimed: Claimed, item: Item | None) -> list[Outcome]:
        """What became of it in one target. A target that breaks does not break the others."""
        try:
            if item is not None and item.said == "ok":
                outcomes = await single.bring(item)
                if any(one.action in ("create", "correlate") and one.outcome == "done" for one in outcomes):
                    await self._send_again(claimed, await single.followers(item.source_id))
                return outcomes
            reason = "deleted" if item is None else "source-condition"
            known = await self.memory.links.of_native(claimed.source, claimed.entity_id)
            mine = [link for pair, link in known if (pair.target, link.entity_type) == (target.id, claimed.entity_type)]
            found = [one for link in mine for one in await single.take_away(link, reason)]
            return found or [ended(target.id, claimed, "skipped", reason)]
        except ConnectorError as error:
            reason, words = reason_of(error)
            return [ended(target.id, claimed, "failed", reason, words)]

    async def _send_again(self, claimed: Claimed, followers: Sequence[Link]) -> None:
        """Entities that were sent without one that is there now are read and sent once more (decision 22)."""
        by = CENTRAL if claimed.central else ""
        again = [
            Sent(claimed.source, one.entity_type, one.native_id or one.source_id, "read", sent_by=by)
            for one in followers
        ]
        if again:
            await self.events.accept(again)
            self.wake()

    def _id_of(self, name: str) -> str:
        try:
            return self.systems.system(name).blueprint.definition.id
        except Error:
            return name


def _unread(claimed: Claimed, error: Exception) -> State:
    return State(claimed.source, "read", "Entity Failed", type(error).__name__, str(error))


def id_of(native: EntityType, document: Document) -> str | None:
    """The id under which the source itself knows the entity."""
    value: object = document
    for name in native.id:
        value = value.get(name) if isinstance(value, dict) else None
    return None if value is None or value == "" or isinstance(value, dict | list) else str(value)


async def _of_application(
    memory: Memory, targets: Sequence[Destination], claimed: Claimed, entity: Entity | None
) -> list[Destination]:
    """The targets that the group's application is; those that have it, if it is gone."""
    if entity is not None:
        return [target for target in targets if serves(target.values, application_of(entity.document))]
    known = await memory.links.of_native(claimed.source, claimed.entity_id)
    linked = {pair.target for pair, link in known if link.entity_type == claimed.entity_type}
    return [target for target in targets if is_central(target.values) and target.id in linked]


async def _entity(source: Origin, claimed: Claimed) -> Entity | None:
    """The entity in the source's own form; None if it is gone."""
    if claimed.operation == "delete":
        return None
    if claimed.operation == "write":
        return Entity(claimed.entity_id, claimed.document or {})
    if not isinstance(source.connector, Reader):
        raise EventError(f"{source.name} cannot be read.")
    try:
        return await source.connector.read(claimed.entity_type, claimed.entity_id)
    except NotFoundError:
        return None
