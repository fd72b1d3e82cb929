"""A loaded transformation, and running it: one function for each entity type and operation.

Nothing here does input or output: what a program must know from outside (ids of other entities) it yields as look-ups.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from proxeny.documents import Document
from proxeny.transform.clock import CURRENT_DATE, Clock
from proxeny.transform.codegen import Form, Plan, generate
from proxeny.transform.errors import Problem
from proxeny.transform.functions.registry import Lookup
from proxeny.transform.instructions import Guard, Instruction, Operation
from proxeny.transform.lineage import Lineage, target_names, trace_lineage
from proxeny.transform.results import Result
from proxeny.transform.reverse import Reverse, reverse_of
from proxeny.transform.trace import Label, MappingTrace, Trace
from proxeny.transform.values import Budget

Lookups = tuple[Lookup, ...]
Answers = Mapping[Lookup, str | list[str] | None]
Variables = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Section:
    """One entity type of a transformation, compiled. ``labels`` has every mapping, ``instructions`` only the active
    ones."""

    entity_type: str
    endpoint: str | None
    skip_operations: frozenset[str]
    guard: Guard | None
    labels: tuple[Label, ...]
    ignored: frozenset[int]
    instructions: tuple[Instruction, ...]

    def plan(self, operation: Operation) -> Plan:
        """What runs for an operation."""
        running = tuple(one for one in self.instructions if operation in one.operations)
        places = {label.number: place for place, label in enumerate(self.labels)}
        indexes = tuple(places[one.number] for one in running)
        return Plan(self.entity_type, operation, self.guard, operation in self.skip_operations, running, indexes)


class EntityProgram:
    """One entity type, ready to run. Safe to share between threads: a run keeps its state to itself.

    ``variants`` are the programs, one for each value, of constants ``"%key%[]"``; empty if there is no such constant.
    ``repeatable``: equal documents give equal results, and nothing in them is secret, so that they may be kept.
    """

    def __init__(self, section: Section, variants: tuple[Section, ...] = (), clock: Clock | None = None) -> None:
        self.section = section
        self._clock = clock
        self.entity_type = section.entity_type
        self.endpoint = section.endpoint
        self.skip_operations = section.skip_operations
        self.condition = section.guard.text if section.guard is not None else None
        self.has_patch = any("patch" in one.operations for one in section.instructions)
        self.has_lookups = any(step.lookup is not None for one in section.instructions for step in one.functions)
        has_secrets = any(one.label.secret for one in section.instructions)
        self.repeatable = not self.has_lookups and clock is None and not has_secrets
        self.lineage: Lineage = trace_lineage(section.instructions)
        self.reverse: Reverse = reverse_of(section.instructions)
        self.variants = tuple(EntityProgram(variant, clock=clock) for variant in variants)
        self.per_value = bool(variants)
        self._secret_places = tuple(
            names
            for one in section.instructions
            if one.label.secret and one.target is not None
            for names in target_names(one.target.path)
        )
        self._programs: dict[tuple[Operation, Form], Callable[..., Any]] = {}
        self._plain: dict[Operation, Callable[..., Any]] = {}

    def run(
        self,
        operation: Operation,
        document: Document,
        variables: Variables | None = None,
        *,
        after_patch: Document | None = None,
        budget: Budget | None = None,
    ) -> Result:
        """One entity across. Never raises for an entity; look-ups, if the program has any, find nothing: then use
        ``steps``.

        ``document`` and ``variables`` are not changed. ``after_patch`` is the common form of the resource after a
        patch, on which
        the entity's condition is decided; without it a patch is not held back. ``budget``: time for administrators'
        patterns.
        """
        if self.has_lookups:
            return _answered(self.steps(operation, document, variables, after_patch=after_patch, budget=budget))
        program = self._plain.get(operation) or self._program(operation, _PLAIN)
        result: Result = program(document, self._bound(variables), after_patch, budget)
        return result

    def run_each(
        self, operation: Operation, documents: Iterable[Document], variables: Iterable[dict[str, Any]]
    ) -> list[Result]:
        """``run`` of each document with its own variables, which are changed."""
        if self.has_lookups or self._clock is not None:
            return [self.run(operation, each, its) for each, its in zip(documents, variables, strict=True)]
        program = self._plain.get(operation) or self._program(operation, _PLAIN)
        return [program(each, its, None, None) for each, its in zip(documents, variables, strict=True)]

    def _bound(self, variables: Variables | None) -> dict[str, Any]:
        """The run's own variables; ``currentDate`` is the time of the run unless it was given."""
        bound = {} if variables is None else dict(variables)
        if self._clock is not None and CURRENT_DATE not in bound:
            bound[CURRENT_DATE] = self._clock()
        return bound

    def steps(
        self,
        operation: Operation,
        document: Document,
        variables: Variables | None = None,
        *,
        after_patch: Document | None = None,
        budget: Budget | None = None,
    ) -> Generator[Lookups, Answers, Result]:
        """The same as a generator: yields the look-ups it needs and is sent the answers; None or absent is
        unresolved."""
        program = self._program(operation, _YIELDING)
        result: Result = yield from program(document, self._bound(variables), after_patch, budget)
        return result

    def explain(
        self,
        operation: Operation,
        document: Document,
        variables: Variables | None = None,
        *,
        after_patch: Document | None = None,
        budget: Budget | None = None,
    ) -> Trace:
        """What each mapping did: the same program, with a report after each step. Look-ups find nothing."""
        return _answered(self.explain_steps(operation, document, variables, after_patch=after_patch, budget=budget))

    def explain_steps(
        self,
        operation: Operation,
        document: Document,
        variables: Variables | None = None,
        *,
        after_patch: Document | None = None,
        budget: Budget | None = None,
    ) -> Generator[Lookups, Answers, Trace]:
        """``explain`` for a program with look-ups."""
        trace = Trace(self.entity_type, operation, [self._blank(label, operation) for label in self.section.labels])
        trace.secret_places = self._secret_places
        program = self._program(operation, _TRACED)
        result: Result = yield from program(document, self._bound(variables), after_patch, budget, trace)
        return trace.finish(result)

    def prepare(self, operations: tuple[Operation, ...]) -> None:
        """Generate the programs now instead of at their first use."""
        for operation in operations:
            self._program(operation, _YIELDING if self.has_lookups else _PLAIN)

    def _program(self, operation: Operation, form: Form) -> Callable[..., Any]:
        program = self._programs.get((operation, form))
        if program is None:
            program = self._programs[operation, form] = generate(self.section.plan(operation), form)
            if form == _PLAIN:
                self._plain[operation] = program
        return program

    def _blank(self, label: Label, operation: Operation) -> MappingTrace:
        if label.number in self.section.ignored:
            return MappingTrace(label, "ignored")
        runs = any(one.number == label.number and operation in one.operations for one in self.section.instructions)
        return MappingTrace(label, "not reached" if runs else "scope")


_PLAIN = Form()
_YIELDING = Form(yielding=True)
_TRACED = Form(traced=True, yielding=True)


def _answered(steps: Generator[Lookups, Answers, T]) -> T:
    """Run to the end; every look-up finds nothing."""
    try:
        next(steps)
        while True:
            steps.send({})
    except StopIteration as end:
        result: T = end.value
        return result


@dataclass(frozen=True, slots=True)
class Transformation:
    """All entity types of a transformation that exist (``ignore`` is not set). ``warnings`` are those of loading."""

    name: str
    entities: Mapping[str, EntityProgram]
    warnings: tuple[Problem, ...] = field(default=())

    def entity(self, name: str) -> EntityProgram | None:
        return self.entities.get(name)
