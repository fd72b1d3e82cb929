"""What can be wrong between the two sides.

DefinitionError        a system's definition is wrong; ``problems`` lists everything                    → stop
UnknownSystemError     no system of that id or name                                                     → skip
SystemNotReadyError    the system is disabled, or could not be opened                                   → skip
"""

from dataclasses import dataclass
from typing import ClassVar

from proxeny.errors import Error, Next


@dataclass(frozen=True, slots=True)
class DefinitionProblem:
    """``place`` is where in the file (``properties.URL``, ``readTransformation``), ``line`` counts from 1 if known."""

    file: str
    place: str
    message: str
    line: int | None = None
    severity: str = "error"

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        place = f"{self.place}: " if self.place else ""
        return f"{self.file}{line}: {place}{self.message}"


class DefinitionError(Error):
    def __init__(self, problems: tuple[DefinitionProblem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class UnknownSystemError(Error):
    next: ClassVar[Next] = "skip"


class SystemNotReadyError(Error):
    next: ClassVar[Next] = "skip"
