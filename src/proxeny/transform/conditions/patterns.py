"""``=~``: whether a whole value matches a pattern, in bounded time.

Numbers and booleans match by their text, of a list one element must match; nothing else ever matches (decision 33).
A ``${variable}`` in the pattern stands for its text, quoted (decision 35).
"""

from typing import Any

from proxeny.transform.conditions.ast import Pattern, Variable
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.regexes import Pattern as Compiled
from proxeny.transform.regexes import quote_pattern
from proxeny.transform.values import Evaluate, Run, Test, to_text


def compile_match(get: Evaluate, pattern: Pattern, environment: Environment) -> Test:
    """Raises PatternSyntaxError for a constant pattern that is wrong; one made at run time fails the entity."""
    if all(isinstance(part, str) for part in pattern.parts):
        source = "".join(part for part in pattern.parts if isinstance(part, str))
        compiled = environment.patterns.compile(source, flags=pattern.flags)
        return lambda current, run: _matches(compiled, get(current, run), run)

    def test(current: Any, run: Run) -> bool:
        text = "".join(part if isinstance(part, str) else _quoted(part, run) for part in pattern.parts)
        built = environment.patterns.compile(text, flags=pattern.flags, label=pattern.text)
        return _matches(built, get(current, run), run)

    return test


def _quoted(variable: Variable, run: Run) -> str:
    return quote_pattern(to_text(run.variables.get(variable.name)))


def _matches(pattern: Compiled, value: Any, run: Run) -> bool:
    if value.__class__ is str:
        return pattern.matches(value, run.budget)
    if isinstance(value, bool | int | float):
        return pattern.matches(to_text(value), run.budget)
    if isinstance(value, list):
        return any(_matches(pattern, item, run) for item in value if not isinstance(item, list))
    return False
