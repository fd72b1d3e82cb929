"""What can be wrong between the two sides.

DefinitionError        a system's definition is wrong; ``problems`` lists everything                    → stop
UnknownSystemError     no system of that id or name                                                     → skip
SystemNotReadyError    the system is disabled, or could not be opened                                   → skip
DeliveryError          an entity could not be delivered, for a reason of reasons.py                     → skip
BehindError            a page of a shared stream is no longer kept                                      → retry
SourceBrokenError      the source could not be read to its end                                          → stop
ScheduleError          a schedule as somebody wrote it cannot be used                                   → stop
RecordsError           a file of records to validate cannot be used                                     → stop
EventError             a real-time event cannot be accepted                                             → skip
MailError              a mail server did not take a message                                             → retry
"""

from dataclasses import dataclass
from typing import ClassVar

from proxeny.errors import Error, Next


@dataclass(frozen=True, slots=True)
class DefinitionProblem:
    """``place`` is where in the file (``properties.URL``, ``readTransformation``); ``line`` and ``column`` count from 1
    if they are known."""

    file: str
    place: str
    message: str
    line: int | None = None
    severity: str = "error"
    column: int | None = None

    def __str__(self) -> str:
        where = "".join(f":{number}" for number in (self.line, self.column) if number)
        place = f"{self.place}: " if self.place else ""
        return f"{'' if self.severity == 'error' else 'warning: '}{self.file}{where}: {place}{self.message}"


class DefinitionError(Error):
    def __init__(self, problems: tuple[DefinitionProblem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class UnknownSystemError(Error):
    next: ClassVar[Next] = "skip"


class SystemNotReadyError(Error):
    next: ClassVar[Next] = "skip"


class DeliveryError(Error):
    """``reason`` is a code of reasons.py; ``words`` say more than its sentence, if there is more to say."""

    next: ClassVar[Next] = "skip"

    def __init__(self, reason: str, words: str | None = None) -> None:
        super().__init__(words or reason)
        self.reason = reason
        self.words = words


class BehindError(Error):
    next: ClassVar[Next] = "retry"


class SourceBrokenError(Error):
    """``cause``: the connector's error, if the source could not be reached or does not let us in."""

    next: ClassVar[Next] = "stop"

    def __init__(self, message: str, cause: Exception | None = None) -> None:
        super().__init__(message)
        self.cause = cause


class ScheduleError(Error):
    pass


class RecordsError(Error):
    pass


class EventError(Error):
    next: ClassVar[Next] = "skip"


class MailError(Error):
    next: ClassVar[Next] = "retry"
