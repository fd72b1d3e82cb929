"""The deletions of one entity type at the end of a run: found, judged together, carried out or held.

A full read finds them itself. A delta read knows of none, and carries out what people have approved. What no longer
exists at the source is asked for once more before it is deleted.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from proxeny.connectors.errors import ConnectorError
from proxeny.database import Request
from proxeny.provisioning.crossing import Draft
from proxeny.provisioning.deliveries.case import MEMBERS_ONLY, USERS_ONLY, groups, supported
from proxeny.provisioning.deliveries.delivering import Delivering, reason_of
from proxeny.provisioning.deliveries.reasons import SENTENCES
from proxeny.provisioning.deliveries.resolve import Resolver
from proxeny.provisioning.errors import DeliveryError
from proxeny.provisioning.jobs.guard import Toll, Verdict, judge
from proxeny.provisioning.jobs.lane import BATCH, Lane, batches
from proxeny.store import held, links, outcomes
from proxeny.store.held import Status as Decision
from proxeny.store.links import Holder, Link, Pair
from proxeny.store.outcomes import Action, Outcome, Result
from proxeny.store.runs import Note

AT_ONCE = 8


@dataclass(slots=True)
class _Going:
    """One planned deletion and what came of it. ``kept``: in words, what the target keeps of it. ``heirs``: who has
    what the gateway has made for this one."""

    row: Outcome
    link: Link | None
    ending: Outcome | None = None
    forget: bool = False
    kept: str | None = None
    heirs: tuple[Holder, ...] = ()


async def delete(lane: Lane, entity_type: str) -> bool:
    """All deletions of a type; False if it was stopped on the way."""
    if lane.judged is None:
        await (_survey if lane.context.manner.full else _survey_approved)(lane, entity_type)
    if await _source_failed(lane):
        await _spare(lane, entity_type, "skipped", "source-read-failed")
        return True
    rows = lane.memory.outcomes.among(lane.run, lane.target.id, entity_type, "planned")
    planned = {row.entity_id async for row in rows}
    standing = await lane.memory.held.standing(lane.pair, entity_type)
    decisions = {one: status for one, status in standing.items() if one in planned and status != "held"}
    if lane.judged is None:
        await _forget_returned(lane, entity_type, standing.keys() - planned)
        lane.judged = await _verdict(lane, entity_type, len(planned - decisions.keys()))
        await lane.commit([])
    if lane.judged.reason is not None:
        _note(lane, entity_type, lane.judged.reason)
    return await _Executing(lane, entity_type, decisions, lane.judged).work()


async def delete_now(lane: Lane, entity_type: str, rows: Sequence[Outcome]) -> list[Outcome]:
    """Deletions that the guard need not look at (real time), by the same rules; what became of them."""
    return await _Executing(lane, entity_type, {}, Verdict("go")).batch(rows)


async def _survey(lane: Lane, entity_type: str) -> None:
    """A planned deletion for each link whose entity was not read."""
    async for part in batches(lane.memory.links.unseen(lane.pair, entity_type, lane.run), 500):
        rows = [_row(lane, link, "delete", "planned", "not-in-source") for link in part]
        await lane.commit([outcomes.put(lane.run, rows)])


async def _survey_approved(lane: Lane, entity_type: str) -> None:
    """A planned deletion for each approved one whose entity this run has not met."""
    standing = await lane.memory.held.standing(lane.pair, entity_type)
    approved = sorted(one for one, status in standing.items() if status == "approved")
    for start in range(0, len(approved), BATCH):
        known = await lane.memory.links.of(lane.pair, approved[start : start + BATCH])
        found = [link for (kind, _), link in known.items() if kind == entity_type]
        rows = [
            _row(lane, link, "delete", "planned", "not-in-source")
            for link in found
            if await lane.memory.outcomes.of_entity(lane.run, lane.target.id, entity_type, link.source_id) is None
        ]
        await lane.commit([outcomes.put(lane.run, rows)])


async def _source_failed(lane: Lane) -> bool:
    return bool(await lane.memory.outcomes.counted(lane.run, lane.pair.source, "failed"))


async def _forget_returned(lane: Lane, entity_type: str, back: Set[str]) -> None:
    """What is held or decided of an entity that is there again."""
    if back and lane.context.manner.full and not lane.context.manner.simulated:
        await lane.commit([held.drop(lane.pair, [(entity_type, one) for one in back])])


async def _verdict(lane: Lane, entity_type: str, planned: int) -> Verdict:
    """The guard's, on the deletions that nobody has decided on."""
    if not planned:
        return Verdict("go")
    linked = (await lane.memory.links.count(lane.pair)).get(entity_type, 0)
    statistics = await lane.memory.outcomes.statistics(lane.run)
    read = sum(one.count for one in statistics if (one.system, one.entity_type) == (lane.pair.source, entity_type))
    return judge(Toll(planned, linked, read, lane.target.threshold(entity_type)))


async def _spare(lane: Lane, entity_type: str, ending: Result, reason: str) -> None:
    """Nothing is deleted: every planned deletion ends with the reason."""
    found = False
    async for part in batches(lane.memory.outcomes.among(lane.run, lane.target.id, entity_type, "planned")):
        found = True
        rows = [replace(row, outcome=ending, reason=reason, at=time.time()) for row in part]
        lane.count(rows)
        await lane.commit([outcomes.put(lane.run, rows)])
    if found:
        _note(lane, entity_type, reason)


class _Executing:
    """Carries out one verdict."""

    def __init__(self, lane: Lane, entity_type: str, decisions: Mapping[str, Decision], verdict: Verdict) -> None:
        self._lane = lane
        self._type = entity_type
        self._decisions = decisions
        self._verdict = verdict
        self._delivering = Delivering(lane.target)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._simulated = lane.context.manner.simulated

    async def work(self) -> bool:
        lane = self._lane
        planned = lane.memory.outcomes.among(lane.run, lane.target.id, self._type, "planned")
        async for part in batches(planned):
            async with lane.memory.turns.of(lane.pair, self._type, (row.entity_id for row in part)):
                ended = await self.batch(part)
            if len(ended) < len(part):
                return False
        return True

    async def batch(self, rows: Sequence[Outcome]) -> list[Outcome]:
        """What became of these planned deletions; without those that a stop came before."""
        lane, names = self._lane, [row.target_id for row in rows if row.target_id is not None]
        async with lane.memory.turns.of(Pair("", min(lane.target.kin)), self._type, names):  # the last one deletes
            known = await lane.memory.links.of(lane.pair, [row.entity_id for row in rows])
            going = [_Going(row, known.get((self._type, row.entity_id))) for row in rows]
            targets = [one.link.target_id for one in going if one.link is not None and one.link.target_id is not None]
            holders = await lane.memory.links.holders(lane.target.kin, self._type, targets)
            await asyncio.gather(*(self._one(one, holders) for one in going))
            ended = [one.ending for one in going if one.ending is not None]
            lane.count(ended)
            await lane.commit([*self._requests(going), outcomes.put(lane.run, ended)])
        return ended

    def _requests(self, going: Sequence[_Going]) -> list[Request]:
        if self._simulated:
            return []
        gone = [(self._type, one.row.entity_id) for one in going if one.forget]
        holding = [
            (one.row.entity_id, one.row.target_id, one.ending.reason or "")
            for one in going
            if one.ending is not None and one.ending.outcome == "held"
        ]
        pair = self._lane.pair
        return [
            links.drop(pair, gone),
            links.inherit(self._type, [heir for one in going for heir in one.heirs]),
            held.drop(pair, gone),
            held.hold(pair, self._type, self._lane.run, holding),
        ]

    async def _one(self, one: _Going, holders: Mapping[str, list[Holder]]) -> None:
        async with self._places:
            if self._lane.context.stopping.is_set():
                return
            decision = self._decisions.get(one.row.entity_id)
            if one.link is None or one.link.target_id is None:
                self._end(one, "unlink", "done", "gone", forget=True)
            elif decision == "rejected":
                self._end(one, "delete", "skipped", "rejected")
            elif decision != "approved" and self._verdict.says != "go":
                self._end(one, "delete", "held" if self._verdict.says == "hold" else "failed", self._verdict.reason)
            else:
                await self._judged(one, one.link, one.link.target_id, holders)

    async def _judged(self, one: _Going, link: Link, target_id: str, holders: Mapping[str, list[Holder]]) -> None:
        """The guard lets it go; the rules of this entity come next (operations.md 4, decision 24)."""
        program = self._lane.target.program(self._type)
        if _shared(self._lane, one, link, holders.get(target_id, [])):
            self._end(one, "unlink", "done", "shared", forget=True)
        elif program is not None and "delete" in program.skip_operations:
            self._end(one, "delete", "skipped", "skip-operation")
        elif not await self._confirmed(one, link):
            return
        elif link.existed_before and not self._lane.target.existed_before:
            self._end(one, "unlink", "done", "existed-before", forget=True)
        else:
            await self._call(one, target_id)

    async def _confirmed(self, one: _Going, link: Link) -> bool:
        """Whether the source itself says that it is to go; why is in the row then."""
        if one.row.reason != "not-in-source":
            return True
        source_id = self._lane.target.variants.base(self._type, link.source_id)
        if source_id == link.source_id and self._type in self._lane.target.variants.by_type:
            one.row = replace(one.row, reason="value-removed")
            return True
        said = await self._lane.context.source.is_gone(self._type, source_id, link.native_id or source_id)
        if said is None or said == "still-in-source":
            self._end(one, "delete", "skipped", said or "unconfirmed")
            return False
        one.row = replace(one.row, reason=said)
        return True

    async def _call(self, one: _Going, target_id: str) -> None:
        health = self._lane.health
        if not health.admit():
            if not health.pauses:
                self._end(one, "delete", "failed", "target-down", message=health.down)
            return
        try:
            reason = await self._deleted(one, target_id)
            health.succeeded()
            if reason == "read-only-group":
                self._end(one, "delete", "skipped", reason)
            else:
                attempts = 0 if self._simulated else 1
                words = f"{SENTENCES['deleted-by-update']} {one.kept}" if one.kept else None
                reason = reason or one.row.reason
                self._end(one, "delete", "done", reason, message=words, forget=True, attempts=attempts)
        except (ConnectorError, DeliveryError) as error:
            if health.failed(error) and health.pauses:
                return
            code, words = reason_of(error)
            self._end(one, "delete", "failed", code, message=words, attempts=1)

    async def _deleted(self, one: _Going, target_id: str) -> str | None:
        """Why it did not simply go, if so. A simulation reads what a run would read, and writes nothing."""
        lane = self._lane
        if self._type == "group":
            limit = await self._limited(target_id)
            if limit is not None:
                return limit
        if not lane.target.sends_instead_of_delete(self._type):
            return await self._simply_deleted(target_id)
        resolver = Resolver(lane.memory.links, lane.pair, lane.context.id_of, lane.target.variants)
        draft = Draft("delete", {}, target_id)
        variant = lane.target.variants.of_key(self._type, one.row.entity_id)
        crossing = lane.target.crossing(self._type, variant.value if variant is not None else "")
        result = (await crossing.to_native_resolved([draft], resolver.ask))[0].result
        if result.status != "ok":
            raise DeliveryError(result.reason or "internal-error", result.message)
        leaving, sent = groups(result.variables, "unassignGroup"), result.document.keys() - {"id", "schemas"}
        if not leaving and not sent:
            return await self._simply_deleted(target_id)
        if leaving and not self._simulated:
            await self._delivering.assign(target_id, leaving, member=False)
        if sent and not self._simulated:
            one.kept = (await self._delivering.send_instead(self._type, target_id, result.document)).message
        return "deleted-by-update"

    async def _simply_deleted(self, target_id: str) -> str | None:
        return None if self._simulated else await self._delivering.delete(self._type, target_id)

    async def _limited(self, target_id: str) -> str | None:
        """What is done in place of deleting a group that says so itself (operations.md 11); None: it may be deleted."""
        may = supported(await self._delivering.group(target_id))
        if may == "readOnly":
            return "read-only-group"
        if may not in MEMBERS_ONLY:
            return None
        if not self._simulated:
            await self._delivering.set_members(target_id, (), keep_groups=may == USERS_ONLY)
        return "members-removed"

    def _end(
        self,
        one: _Going,
        action: Action,
        ending: Result,
        reason: str | None,
        *,
        message: str | None = None,
        forget: bool = False,
        attempts: int = 0,
    ) -> None:
        one.forget = forget
        one.ending = replace(
            one.row,
            action=action,
            outcome=ending,
            reason=reason,
            message=message,
            attempts=attempts,
            at=time.time(),
        )


def _shared(lane: Lane, one: _Going, link: Link, holders: list[Holder]) -> bool:
    """Whether somebody else has it too, and keeps it (decision 24): another source, another entity of this one, or
    this entity by another target with the same backend. If so, this one no longer counts."""
    pair, own = lane.pair, (link.source_id, lane.target.variants.base(link.entity_type, link.source_id))
    ours = Holder(pair.source, link.source_id, pair.target)
    going = one.row.reason != "condition"  # the source itself wants the entity nowhere
    others = [
        holder
        for holder in holders
        if holder != ours and not (going and holder.source == pair.source and holder.source_id in own)
    ]
    if others and ours in holders:
        holders.remove(ours)
    if not link.existed_before:
        one.heirs = tuple(other for other in others if other.source == pair.source)
    return bool(others)


def _row(lane: Lane, link: Link, action: Action, ending: Result, reason: str) -> Outcome:
    versions = f"{lane.context.source.version} {lane.target.version}"
    return Outcome(
        link.source_id,
        lane.target.id,
        link.entity_type,
        action,
        ending,
        reason,
        target_id=link.target_id,
        versions=versions,
        at=time.time(),
    )


def _note(lane: Lane, entity_type: str, reason: str) -> None:
    note = Note(reason, lane.target.id, f"{entity_type}: {SENTENCES[reason]}")
    if note not in lane.context.notes:  # a run that goes on may have noted it before
        lane.context.notes.append(note)
