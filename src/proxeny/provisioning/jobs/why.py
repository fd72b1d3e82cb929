"""Why an entity is in a target, or is not: the verdict in one sentence, and the steps behind it.

The entity is looked for in each source, taken across both transformations as the next run would, and held against the
link, the last outcomes and the real-time events that there are.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from proxeny.connectors.errors import ConnectorError, NotFoundError
from proxeny.connectors.filtering import Compare, Field
from proxeny.connectors.spi import Entity, Reader, Search, Searcher
from proxeny.documents import Document
from proxeny.provisioning.catalog import OpenSystem, at_work
from proxeny.provisioning.crossing import TARGET_ID
from proxeny.provisioning.deliveries.destination import Destination, destination
from proxeny.provisioning.deliveries.origin import Item, Origin, origin
from proxeny.provisioning.deliveries.reasons import sentence
from proxeny.provisioning.jobs.ledger import Memory
from proxeny.provisioning.jobs.running import Systems, targets_of
from proxeny.store.links import Link, Pair
from proxeny.store.outcomes import Outcome
from proxeny.transform import Trace

RUNS = 20
_NAMES: dict[str, Field] = {"user": ("userName",), "group": ("displayName",)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """About one entity of a source in one target (empty: no target at all). ``there``: it is in the target."""

    source: str
    target: str
    entity_type: str
    entity_id: str
    there: bool
    sentence: str
    steps: tuple[str, ...] = field(default=())

    def document(self) -> Document:
        return {
            "source": self.source,
            "target": self.target or None,
            "type": self.entity_type,
            "id": self.entity_id,
            "provisioned": self.there,
            "verdict": self.sentence,
            "steps": list(self.steps),
        }


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one entity: its id at the source, and itself if the source has it. ``key``: the link that was
    asked for, if it is one of several of the entity (variants.py)."""

    entity_type: str
    source_id: str
    native: Entity | None
    item: Item | None
    key: str = ""

    @property
    def own_id(self) -> str:
        """The id by which the source itself knows it."""
        return self.native.id if self.native is not None else self.source_id


@dataclass(frozen=True, slots=True)
class Why:
    """See the module."""

    memory: Memory
    systems: Systems

    async def ask(self, entity: str, *, entity_type: str = "", source: str = "", target: str = "") -> list[Verdict]:
        """A verdict for each target of each source that knows the entity. ``entity``: an id of the source or of a
        target, a userName, or the displayName of a group."""
        verdicts = []
        for system in self._sources(source):
            reached = [*targets_of(self.systems, system)]
            with at_work(system, *reached):
                targets = [each for each in map(destination, reached) if target in ("", each.id, each.name)]
                verdicts += await self._of(origin(system), targets, entity, entity_type)
        return verdicts

    def sources(self, source: str = "") -> list[str]:
        """The names of the sources that are asked."""
        return [one.blueprint.definition.name for one in self._sources(source)]

    def _sources(self, source: str) -> list[OpenSystem]:
        return [
            system
            for system in self.systems.systems().values()
            if system.blueprint.role == "source"
            and source in ("", system.blueprint.definition.id, system.blueprint.definition.name)
        ]

    async def _of(self, source: Origin, targets: Sequence[Destination], entity: str, entity_type: str) -> list[Verdict]:
        verdicts = []
        for known in await self._find(source, targets, entity, entity_type):
            for each in targets:
                if each.takes(known.entity_type):
                    keys = await self._keys(source, each, known)
                    verdicts += [await self._judge(source, each, known, key) for key in keys]
            if not targets:
                verdicts.append(_verdict(source, None, known, False, f"{source.name} has no targets", ()))
        return verdicts

    # -- finding --------------------------------------------------------------------------------------------------

    async def _find(
        self, source: Origin, targets: Sequence[Destination], entity: str, entity_type: str
    ) -> list[_Known]:
        found = []
        for kind in source.entity_types:
            if entity_type in ("", kind):
                link = await self._link(source, targets, kind, entity)
                native_id = (link.native_id or link.source_id) if link is not None else None
                native = await self._read(source, kind, native_id or entity)
                native = native or await self._by_name(source, kind, entity)
                key = link.source_id if link is not None and entity == link.source_id != native_id else ""
                if native is not None:
                    item = source.item(kind, native)
                    found.append(_Known(kind, item.source_id, native, item, key))
                elif native_id is not None:
                    found.append(_Known(kind, native_id, None, None, key))
        return found

    async def _link(self, source: Origin, targets: Sequence[Destination], entity_type: str, entity: str) -> Link | None:
        """A link of the entity under this id of the source or of a target."""
        links = [link for _, link in await self.memory.links.of_native(source.id, entity)]
        links += [link for _, link in await self.memory.links.of_entity(source.id, entity)]
        for target in targets:
            held = await self.memory.links.of_target(target.id, entity_type, entity)
            links += [link for pair, link in held if pair.source == source.id]
        return next((one for one in links if one.entity_type == entity_type), None)

    async def _keys(self, source: Origin, target: Destination, known: _Known) -> list[str]:
        """The ids under which the entity is, or would be, linked to the target: one, or one for each value of it."""
        several = known.entity_type in target.variants.by_type
        if known.key and several:
            return [known.key]
        keys = target.variants.keys(known.entity_type, known.source_id)
        for pair, link in await self.memory.links.of_native(source.id, known.own_id) if several else ():
            if (pair.target, link.entity_type) == (target.id, known.entity_type) and link.source_id not in keys:
                keys.append(link.source_id)
        return keys

    async def _read(self, source: Origin, entity_type: str, entity_id: str) -> Entity | None:
        if not isinstance(source.connector, Reader):
            return None
        try:
            return await source.connector.read(entity_type, entity_id)
        except (NotFoundError, ConnectorError):
            return None

    async def _by_name(self, source: Origin, entity_type: str, name: str) -> Entity | None:
        connector, wanted = source.connector, _NAMES.get(entity_type)
        if not isinstance(connector, Searcher) or wanted is None:
            return None
        read = source.crossings[entity_type].read
        behind = read.reverse.field_of(wanted) if read is not None else None
        where = Compare(behind.keys if behind is not None else wanted, "eq", name)
        try:
            page = await connector.search(entity_type, Search(filter=where, count=2))
        except ConnectorError:
            return None
        return next((one for one in page.entities if _is_named(one, where.field, name, exact=page.exact)), None)

    # -- judging --------------------------------------------------------------------------------------------------

    async def _judge(self, source: Origin, target: Destination, known: _Known, key: str) -> Verdict:
        pair = Pair(source.id, target.id)
        link = (await self.memory.links.of(pair, [key])).get((known.entity_type, key))
        last = await self._last(source.id, target.id, known.entity_type, key)
        there = link is not None and link.target_id is not None
        steps = [step async for step in self._steps(source, target, known, link, last)]
        crossing = self._crossing(source, target, known, link, key)
        where = f"in {target.name} as {link.target_id}" if link is not None and there else f"not in {target.name}"
        if crossing is not None:
            words = f"{where}: {crossing}"
        elif last is not None and last[1].outcome in ("failed", "held"):
            words = f"{where}: the last {last[1].action} {last[1].outcome}: {_why(last[1])}"
        elif there:
            words = f"{where}, as the source has it"
        elif last is not None and last[1].reason:
            words = f"{where}: {_why(last[1])}"
        else:
            words = f"{where} yet: no run has brought it; the next one would create it"
        return _verdict(source, target, replace(known, source_id=key), there, words, steps)

    def _crossing(self, source: Origin, target: Destination, known: _Known, link: Link | None, key: str) -> str | None:
        """What keeps the entity from crossing now, or None."""
        if known.native is None or known.item is None:
            return f"{source.name} does not have it (any more)"
        read = source.crossings[known.entity_type].read
        if known.item.said != "ok" and read is not None:
            trace = read.explain("read", known.native.document)
            return _stopped(trace, f"read transformation of {source.name}", source.version, known.item.message)
        variant = target.variants.of_key(known.entity_type, key)
        if variant is None and known.entity_type in target.variants.by_type:
            return sentence("value-removed").rstrip(".")
        write = target.crossing(known.entity_type, variant.value if variant is not None else "").write
        if write is None or known.item.said != "ok":
            return None
        linked = link.target_id if link is not None else None
        trace = write.explain(
            "create" if linked is None else "update", known.item.document, {TARGET_ID: linked} if linked else {}
        )
        if trace.result.status == "ok":
            return None
        return _stopped(trace, f"write transformation of {target.name}", target.version, trace.result.message)

    async def _steps(
        self, source: Origin, target: Destination, known: _Known, link: Link | None, last: "tuple[int, Outcome] | None"
    ) -> AsyncIterator[str]:
        if known.native is None:
            yield f"{source.name} has no {known.entity_type} {known.source_id}."
        else:
            yield f"{source.name} has the {known.entity_type} {known.native.id}."
        if known.item is not None:
            said = "lets it through" if known.item.said == "ok" else sentence(known.item.reason, known.item.message)
            yield f"The read transformation of {source.name} ({source.version}): {said}."
        if link is None:
            yield f"No link to an entity of {target.name}."
        else:
            origin_of = "it was there before" if link.existed_before else "made by the gateway"
            yield f"Linked to {link.target_id or 'nothing yet (a create was begun)'} of {target.name}, {origin_of}."
            for one in link.pending:
                yield f"Its reference to the {one.entity_type} {one.id} is not resolved, as {target.name} lacks it."
        if last is not None:
            run, outcome = last
            why = f": {_why(outcome)}" if outcome.reason else ""
            moment = datetime.fromtimestamp(outcome.at, UTC).isoformat(timespec="seconds")
            yield f"Run {run} at {moment}: {outcome.action}, {outcome.outcome}{why}"

    async def _last(self, source: str, target: str, entity_type: str, source_id: str) -> "tuple[int, Outcome] | None":
        """The newest outcome of the entity in the target, among the last runs."""
        for run in await self.memory.runs.latest(source=source, limit=RUNS):
            if run.kind == "SIMULATE":
                continue
            found = await self.memory.outcomes.of_entity(run.id, target, entity_type, source_id)
            if found is not None:
                return run.id, found
        return None


def _verdict(
    source: Origin, target: Destination | None, known: _Known, there: bool, words: str, steps: Sequence[str]
) -> Verdict:
    name = target.id if target is not None else ""
    return Verdict(source.id, name, known.entity_type, known.source_id, there, f"{words}.", tuple(steps))


def _why(outcome: Outcome) -> str:
    return sentence(outcome.reason, outcome.message).rstrip(".")


def _stopped(trace: Trace, what: str, version: str, message: str | None) -> str:
    """Why a program gave nothing, with the values that decided."""
    operands = "; ".join(_operands(trace.to_document()["operands"]))
    if trace.result.reason == "condition":
        return f"condition of the {what}, version {version}, is false" + (f": {operands}" if operands else "")
    return f"the {what}, version {version}, says: {(message or trace.result.reason or '').rstrip('.')}"


def _operands(operands: Sequence[dict[str, Any]]) -> Iterator[str]:
    for one in operands:
        name = one["operand"].removeprefix("$.")
        value = one["value"]
        empty = value in (None, "", [], {})
        yield f"{name} is empty" if empty else f"{name} is {orjson.dumps(value).decode()}"


def _value(document: Document, names: Field) -> object:
    value: object = document
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _is_named(entity: Entity, field: Field, name: str, *, exact: bool) -> bool:
    """Whether it is the one: a backend may compare without case, and some pass over the filter."""
    value = _value(entity.document, field)
    return value.casefold() == name.casefold() if isinstance(value, str) else exact
