"""``%property.key%`` → the system's property, textually, before a string is read as anything else (spec §2).

A missing property becomes the text ``null``. Done for each decoded string of a transformation; ``%%`` stays, and so do
the keys of objects (decisions 14, 44). A value may hold any text: it is trusted as the transformation is.
"""

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"%([^%]+)%")
_WHOLE_LIST = re.compile(r"%([^%]+)%\[\]")


def substitute(text: str, properties: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The text with every ``%key%`` replaced, and the keys that there is no property for."""
    if "%" not in text:
        return text, ()
    missing: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        value = properties.get(match.group(1))
        if value is None:
            missing.append(match.group(1))
        return property_text(value)

    return _PLACEHOLDER.sub(value_of, text), tuple(dict.fromkeys(missing))


def substitute_value(value: Any, properties: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """The same for every string inside a JSON value, as a new value; ``"%key%[]"`` becomes a list (quirk 46)."""
    if isinstance(value, str):
        return _substitute_string(value, properties)
    if isinstance(value, list):
        items = [substitute_value(item, properties) for item in value]
        return [item for item, _ in items], _together(missing for _, missing in items)
    if isinstance(value, dict):
        fields = {key: substitute_value(item, properties) for key, item in value.items()}
        return {key: item for key, (item, _) in fields.items()}, _together(missing for _, missing in fields.values())
    return value, ()


def names_list(value: Any) -> str | None:
    """The property's key if the constant is ``"%key%[]"``: one entity for each of its values (quirk 46)."""
    found = _WHOLE_LIST.fullmatch(value) if isinstance(value, str) else None
    return found.group(1) if found else None


def split_list(text: str) -> list[str]:
    """The values of a property that holds several: separated by ``;``, without blanks around, empty ones left out."""
    return [part.strip() for part in text.split(";") if part.strip()]


def property_text(value: Any) -> str:
    """A property as it stands in a text; ``null`` where there is none."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _substitute_string(text: str, properties: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    key = names_list(text)
    if key is None:
        return substitute(text, properties)
    value = properties.get(key)
    return ([], (key,)) if value is None else (split_list(property_text(value)), ())


def _together(groups: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for group in groups for key in group))
