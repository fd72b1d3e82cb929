"""What is allowed but suspicious in an entity type: conditions that never hold, writes that never survive."""

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any, Protocol

from proxeny.transform.instructions import FromConstant, FromPath, Guard, Instruction, Operation
from proxeny.transform.mapping import EntityDeclaration
from proxeny.transform.paths.ast import Path
from proxeny.transform.shapes import Names, leading_place
from proxeny.transform.values import MISSING


class Notes(Protocol):
    """Takes problems, also for a mapping further in (``expressions.Expressions``)."""

    @property
    def problem(self) -> Callable[..., None]: ...

    @property
    def inside(self) -> Callable[..., Any]: ...


def check_instructions(
    instructions: tuple[Instruction, ...], guard: Guard | None, entity: EntityDeclaration, notes: Notes
) -> None:
    """Note a warning for everything suspicious."""
    if guard is not None and guard.never:
        notes.problem(
            f"the condition can never be true: no {entity.name} is ever processed", "condition", severity="warning"
        )
    declared = {mapping.number: mapping for mapping in entity.mappings}
    for number, key, message in (*_never(instructions), *_overwritten(instructions)):
        notes.inside(declared[number].origin, mapping=number).problem(message, key, severity="warning")


def _never(instructions: tuple[Instruction, ...]) -> Iterator[tuple[int, str, str]]:
    for one in instructions:
        if one.guard is not None and one.guard.never:
            yield one.number, "condition", "the condition can never be true: the mapping has no effect"


def _overwritten(instructions: tuple[Instruction, ...]) -> Iterator[tuple[int, str, str]]:
    """Writes to a place that a later mapping always writes, in every operation of the earlier one.

    Seen from the end, so that the nearest later mapping of each place is at hand; a rename may have saved what stood
    there before it.
    """
    sure: dict[Names, dict[frozenset[Operation], Instruction]] = {}
    found = []
    for one in reversed(instructions):
        if one.target is None:
            continue
        if one.label.kind == "rename":
            sure.clear()
        if one.label.kind in ("remove", "rename"):
            continue
        names = _leading_names(one.target.path)
        later = None if one.variable is not None or one.correlates else _later(sure, names, one.operations)
        if later is not None:
            path = one.target.path.text
            message = f"what is written to {path} is always overwritten by mapping {later.number}"
            found.append((one.number, "targetPath", message))
        if one.guard is None and len(names) == len(one.target.path.segments) and _always_has_value(one):
            sure.setdefault(names, {})[one.operations] = one
    yield from reversed(found)


def _later(
    sure: dict[Names, dict[frozenset[Operation], Instruction]], names: Names, operations: frozenset[Operation]
) -> Instruction | None:
    """The first mapping that surely writes the place, or one around it, whenever the operations run."""
    around = (sure.get(names[:size], {}) for size in range(1, len(names) + 1))
    later = [one for known in around for covered, one in known.items() if covered >= operations]
    return min(later, key=lambda one: one.number, default=None)


def _leading_names(path: Path) -> Names:
    return tuple(
        key for key in takewhile(lambda key: isinstance(key, str), leading_place(path)) if isinstance(key, str)
    )


def _always_has_value(one: Instruction) -> bool:
    if isinstance(one.origin, FromConstant):
        return one.origin.fill is None and not one.functions
    return one.default is not MISSING or (isinstance(one.origin, FromPath) and not one.may_lack)
