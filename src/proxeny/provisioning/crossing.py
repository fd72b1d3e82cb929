"""One document across: native → common by the read program, common → native by the write program, whoever asks.

A proxy request, a job and a real-time event all cross here, so that a transformation means the same for each of them.
An endpoint without transformations (the directory at /scim) crosses as it is.
"""

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxeny.connectors.spi import Entity
from proxeny.documents import Document
from proxeny.provisioning.presenting import encoded_id
from proxeny.transform import Answers, EntityProgram, Lookup, Lookups, Operation, Result

BASE_LOCATION = "entityBaseLocation"
LOCATION = "entityLocationSourceSystem"
SOURCE_ID = "entityIdSourceSystem"
TARGET_ID = "entityIdTargetSystem"

Ask = Callable[[frozenset[Lookup]], Awaitable[Answers]]
"""Which id has each of these entities in the target? Absent or None: it has none."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A common document that is to cross, and for what. ``target_id`` is the linked one, if there is a link."""

    operation: Operation
    document: Document
    target_id: str | None = None

    @property
    def variables(self) -> dict[str, Any]:
        return {} if self.target_id is None else {TARGET_ID: self.target_id}


@dataclass(slots=True)
class Resolved:
    """What the write program made, and the references of the source that have no counterpart in the target."""

    result: Result
    unresolved: tuple[Lookup, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Crossing:
    """The two programs of one entity type; None stands for "as it is"."""

    read: EntityProgram | None
    write: EntityProgram | None

    @property
    def repeatable(self) -> bool:
        """Whether reading the same content again gives the same, so that it may be kept."""
        return self.read is None or self.read.repeatable

    def to_common(self, entity: Entity, base_location: str, location: str | None = None) -> Result:
        """The common form of a native entity. ``base_location`` is the collection's URL, ending in ``/``; ``location``
        that of the entity in it, where it is known."""
        if self.read is None:
            return Result("ok", entity.document)
        if location is None:
            location = base_location + encoded_id(entity.id)
        return self.read.run("read", entity.document, {BASE_LOCATION: base_location, LOCATION: location})

    def all_to_common(self, entities: Sequence[Entity], base_location: str, locations: Sequence[str]) -> list[Result]:
        """``to_common`` of each. First all of them are parsed, then all cross: a processor is quicker at doing the same
        thing again than at going to and fro."""
        documents = [entity.document for entity in entities]
        if self.read is None:
            return [Result("ok", document) for document in documents]
        variables = ({BASE_LOCATION: base_location, LOCATION: location} for location in locations)
        return self.read.run_each("read", documents, variables)

    def to_native(
        self,
        operation: Operation,
        document: Document,
        *,
        target_id: str | None = None,
        after_patch: Document | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Result:
        """The native form of a common document, or of a PatchOp (operation ``patch``).

        ``target_id`` is the id in the URL, or the linked one; ``after_patch`` the common form after the patch, on which
        the entity condition is decided (decision 2).
        """
        if self.write is None:
            return Result("ok", document)
        bound = dict(variables or {})
        if target_id is not None:
            bound[TARGET_ID] = target_id
        return self.write.run(operation, document, bound, after_patch=after_patch)

    async def to_native_resolved(self, drafts: Sequence[Draft], ask: Ask) -> list[Resolved]:
        """The native forms of several documents, their references answered together by ``ask``.

        Programs that need nothing run at once; the others go on in step, so that one question serves all of them.
        """
        write = self.write
        if write is None:
            return [Resolved(Result("ok", draft.document)) for draft in drafts]
        if not write.has_lookups:
            return [Resolved(write.run(draft.operation, draft.document, draft.variables)) for draft in drafts]
        runs = [_Stepping(write.steps(draft.operation, draft.document, draft.variables)) for draft in drafts]
        while waiting := [run for run in runs if run.result is None]:
            answers = await ask(frozenset(lookup for run in waiting for lookup in run.asked))
            for run in waiting:
                run.go_on(answers)
        return [Resolved(run.result, tuple(run.unresolved)) for run in runs if run.result is not None]


class _Stepping:
    """One program that is being run step by step."""

    def __init__(self, steps: Generator[Lookups, Answers, Result]) -> None:
        self._steps = steps
        self.asked: Lookups = ()
        self.unresolved: dict[Lookup, None] = {}
        self.result: Result | None = None
        self._advance(None)

    def go_on(self, answers: Answers) -> None:
        self.unresolved.update((lookup, None) for lookup in self.asked if answers.get(lookup) is None)
        self._advance(answers)

    def _advance(self, answers: Answers | None) -> None:
        try:
            self.asked = next(self._steps) if answers is None else self._steps.send(answers)
        except StopIteration as end:
            self.result = end.value
