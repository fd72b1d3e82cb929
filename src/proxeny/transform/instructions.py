"""A mapping after loading: everything that could be decided is decided, the rest are plain functions.

Instructions are what the source generator writes down, lineage and reverse read, and a trace names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from proxeny.transform.conditions.ast import Condition
from proxeny.transform.functions.registry import Step
from proxeny.transform.paths.ast import Path
from proxeny.transform.trace import Label, Operands
from proxeny.transform.values import Evaluate, Run, Test

Operation = Literal["read", "create", "update", "patch", "delete"]
OPERATIONS: tuple[Operation, ...] = ("read", "create", "update", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition. ``never`` is true if no document can meet it; ``operands`` gives the values that it compares."""

    text: str
    condition: Condition
    test: Test
    operands: Callable[[Any, Run], Operands]
    never: bool


@dataclass(frozen=True, slots=True)
class FromPath:
    """``sourcePath``."""

    path: Path
    evaluate: Evaluate


@dataclass(frozen=True, slots=True)
class FromVariable:
    """``sourceVariable``, and ``variablePath`` into its value."""

    name: str
    path: Path | None
    evaluate: Evaluate | None


@dataclass(frozen=True, slots=True)
class FromConstant:
    """``constant``; ``fill`` puts variables in if it names any."""

    value: Any
    fill: Callable[[Mapping[str, Any]], Any] | None


@dataclass(frozen=True, slots=True)
class FromTable:
    """``sourcePaths`` and ``valueMappings``: the texts of all values are the key into the table."""

    paths: tuple[Path, ...]
    choose: Callable[[Any, Run], Any]


Origin = FromPath | FromVariable | FromConstant | FromTable | None


@dataclass(frozen=True, slots=True)
class Target:
    """``targetPath`` and what is done there: its ``effect``: a function of (document, value, run),
    for remove and rename of (document, run)."""

    path: Path
    effect: Callable[..., None]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One active mapping. ``default`` is MISSING if there is none; ``origin`` None means that a function makes the
    value."""

    label: Label
    operations: frozenset[Operation]
    guard: Guard | None
    origin: Origin
    collapse: bool
    functions: tuple[Step, ...]
    default: Any
    optional: bool
    target: Target | None
    variable: str | None
    correlates: bool
    new_name: str | None

    @property
    def number(self) -> int:
        return self.label.number

    @property
    def may_lack(self) -> bool:
        """Whether the entity goes on when there is no value (spec §3 step 7)."""
        unused = self.target is None and self.variable is None
        return self.optional or unused or (isinstance(self.origin, FromVariable) and self.origin.path is None)
