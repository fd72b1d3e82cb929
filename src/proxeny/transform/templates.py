"""``${name}`` in constants: the variable's value, put in when a mapping runs (decisions 14 and 35).

A constant that is exactly ``"${name}"`` keeps the value's type and is no value while the variable is unset; inside a
longer
text an unset variable is empty. Nothing that is put in is read again.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from proxeny.transform.values import MISSING, to_text

_VARIABLE = re.compile(r"\$\{([^${}]+)\}")
Fill = Callable[[Mapping[str, Any]], Any]


def template(value: Any) -> Fill | None:
    """A function of the variables that gives the filled constant; None if the constant names no variable."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        items = [template(item) or _same(item) for item in value] if _names_any(value) else []
        return (lambda variables: [_null(item(variables)) for item in items]) if items else None
    if isinstance(value, dict) and _names_any(value):
        fields = {key: template(item) or _same(item) for key, item in value.items()}
        return lambda variables: {key: _null(item(variables)) for key, item in fields.items()}
    return None


def _text(text: str) -> Fill | None:
    whole = _VARIABLE.fullmatch(text)
    if whole:
        name = whole[1]
        return lambda variables: variables.get(name, MISSING)
    if not _VARIABLE.search(text):
        return None
    return lambda variables: _VARIABLE.sub(lambda found: to_text(variables.get(found[1])), text)


def _names_any(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_names_any(item) for item in value.values())
    if isinstance(value, list):
        return any(_names_any(item) for item in value)
    return isinstance(value, str) and _VARIABLE.search(value) is not None


def _same(value: Any) -> Fill:
    return lambda variables: value


def _null(value: Any) -> Any:
    return None if value is MISSING else value
