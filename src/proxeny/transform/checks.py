"""What is allowed but suspicious in an entity type: conditions that never hold, writes that never survive."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from proxeny.transform.instructions import FromConstant, FromPath, Guard, Instruction
from proxeny.transform.mapping import EntityDeclaration
from proxeny.transform.paths.ast import Key
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
    """Writes to a place that a later mapping always writes, in every operation of the earlier one."""
    for place, one in enumerate(instructions):
        if one.label.kind in ("remove", "rename") or one.target is None or one.variable is not None or one.correlates:
            continue
        later = next((other for other in instructions[place + 1 :] if _replaces(other, one)), None)
        if later is not None:
            path = one.target.path.text
            yield one.number, "targetPath", f"what is written to {path} is always overwritten by mapping {later.number}"


def _replaces(later: Instruction, earlier: Instruction) -> bool:
    if (
        earlier.target is None
        or later.target is None
        or later.label.kind in ("remove", "rename")
        or later.guard is not None
    ):
        return False
    mine, other = later.target.path.segments, earlier.target.path.segments
    same_place = bool(mine) and other[: len(mine)] == mine and all(isinstance(segment, Key) for segment in mine)
    return same_place and later.operations >= earlier.operations and _always_has_value(later)


def _always_has_value(one: Instruction) -> bool:
    if isinstance(one.origin, FromConstant):
        return one.origin.fill is None and not one.functions
    return one.default is not MISSING or (isinstance(one.origin, FromPath) and not one.may_lack)
