"""The system variable ``currentDate``: the time of the run in UTC, in the format of ``ips.date.variable.format``.

A program asks for it only if its transformation names the variable, so that all others give the same for the same
input.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from proxeny.transform.declarations import EntityDeclaration
from proxeny.transform.functions.date_patterns import date_pattern
from proxeny.transform.functions.dates import DEFAULT_FORMAT, FORMAT_PROPERTY
from proxeny.transform.functions.moments import Moment
from proxeny.transform.values import to_text

CURRENT_DATE: Final = "currentDate"
Clock = Callable[[], str]


def clock(properties: Mapping[str, Any]) -> Clock:
    """Tells the time as text. Raises ParameterError if the format of the property is none."""
    pattern = date_pattern(to_text(properties.get(FORMAT_PROPERTY) or DEFAULT_FORMAT), FORMAT_PROPERTY)

    def now() -> str:
        moment = datetime.now(UTC)
        local = moment.replace(microsecond=0, tzinfo=None)
        return pattern.write(Moment(local, moment.microsecond * 1000, UTC, "UTC"))

    return now


def needs_clock(entity: EntityDeclaration, properties: Mapping[str, Any]) -> bool:
    """Whether the variable is named in the declaration, or in a property that may be put into it."""
    return CURRENT_DATE in repr(entity) or any(CURRENT_DATE in to_text(value) for value in properties.values())
