"""``manipulateDate``: a date in one Java format, moved, in another; ``Date(milliseconds)`` is Unix time."""

from typing import Any

from proxeny.transform.errors import ParameterError
from proxeny.transform.functions.date_patterns import date_pattern
from proxeny.transform.functions.registry import Core, Function, Given, Parameter
from proxeny.transform.values import MISSING, Run, to_text

FORMAT_PROPERTY = "ips.date.variable.format"
DEFAULT_FORMAT = "yyyy-MM-dd HH:mm:ss.SSS"
"""The format of ``currentDate``, unless the property says otherwise."""

_UNITS = ("years", "months", "days", "hours", "minutes", "seconds")


def _manipulate(given: Given) -> Core:
    """A value that is no date of the source format, or falls out of the years 1 to 9999, is no value (decision 38)."""
    written = given["sourceDateFormat"] or given.environment.properties.get(FORMAT_PROPERTY) or DEFAULT_FORMAT
    source = date_pattern(to_text(written), "sourceDateFormat")
    target = date_pattern(given["targetDateFormat"] or source.text, "targetDateFormat")
    years, months, days, hours, minutes, seconds = (0 if given[u] is MISSING else given[u] for u in _UNITS)
    if max(abs(years), abs(months), abs(days)) > 10**6 or max(abs(hours), abs(minutes), abs(seconds)) > 10**11:
        raise ParameterError("a date cannot be moved so far", "years")
    moved = any((years, months, days, hours, minutes, seconds))
    duration = (hours * 60 + minutes) * 60 + seconds

    def manipulate(value: Any, run: Run) -> Any:
        moment = source.read(to_text(value))
        if moment is None:
            return MISSING
        try:
            if moved:
                moment = moment.moved(years=years, months=months, days=days, seconds=duration)
            return target.write(moment)
        except (ValueError, OverflowError):
            return MISSING

    return manipulate


FUNCTIONS = (
    Function(
        "manipulateDate",
        (
            Parameter("sourceDateFormat", accepts_path=False),
            Parameter("targetDateFormat", accepts_path=False),
            *(Parameter(unit, "integer", default=0) for unit in _UNITS),
        ),
        _manipulate,
    ),
)
