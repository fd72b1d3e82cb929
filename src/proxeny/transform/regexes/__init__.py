"""Java regular expressions of administrators on callers' data: the same meaning, bounded time (spec: transformations
§5, decision 31).

text → ``scanner``, ``brackets``, ``properties``, ``charset`` → ``parser`` → tree (``syntax``) → ``emit`` → an engine
→ ``pattern``.
"""

from proxeny.transform.regexes.library import Patterns
from proxeny.transform.regexes.pattern import Alert, Pattern, compile_pattern
from proxeny.transform.regexes.replacement import (
    Groups,
    Replacement,
    parse_replacement,
    quote_pattern,
    quote_replacement,
)

__all__ = [
    "Alert",
    "Groups",
    "Pattern",
    "Patterns",
    "Replacement",
    "compile_pattern",
    "parse_replacement",
    "quote_pattern",
    "quote_replacement",
]
