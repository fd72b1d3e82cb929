"""What is generated: the plan of one operation, and the form that the function takes."""

from dataclasses import dataclass

from proxeny.transform.instructions import Guard, Instruction, Operation


@dataclass(frozen=True, slots=True)
class Plan:
    """What one operation does with an entity type. ``indexes`` are the instructions' places in the trace."""

    entity_type: str
    operation: Operation
    guard: Guard | None
    skips: bool
    instructions: tuple[Instruction, ...]
    indexes: tuple[int, ...]

    @property
    def correlates(self) -> bool:
        return any(instruction.correlates for instruction in self.instructions)


@dataclass(frozen=True, slots=True)
class Form:
    """``traced``: reports each step to a trace. ``yielding``: a generator that yields the look-ups it needs."""

    traced: bool = False
    yielding: bool = False
