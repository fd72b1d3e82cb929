"""Who has a taken name: search by the system's unique attributes after a conflict (operations.md 5)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxeny.connectors.errors import ConflictError, ConnectorError
from proxeny.connectors.filtering import AllOf, AnyOf, Compare, Field, NativeFilter
from proxeny.connectors.spi import Search, Searcher
from proxeny.documents import Document

NAMES: Mapping[str, Field] = {"user": ("userName",), "group": ("displayName",)}
"""What names an entity where the system does not say."""

_TOKEN = re.compile(r"\['([^']+)'\]|\[(?:\d+|\*)\]|\.?([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """The attributes of ``*.unique.attribute``: all must match, or any (a few systems)."""

    fields: tuple[Field, ...]
    any_of: bool = False

    def values(self, document: Document) -> list[tuple[Field, Any]]:
        """The fields with their values in ``document``; those without a value are left out."""
        found = [(field, value_at(document, field)) for field in self.fields]
        return [(field, value) for field, value in found if value not in (None, "", [], {})]

    def where(self, document: Document) -> NativeFilter | None:
        """The filter that finds the other entity; None if the document lacks what is needed."""
        values = self.values(document)
        terms = tuple(Compare(field, "eq", value) for field, value in values)
        if not terms or (not self.any_of and len(terms) < len(self.fields)):
            return None
        return terms[0] if len(terms) == 1 else (AnyOf(terms) if self.any_of else AllOf(terms))


def unique_key(text: str, any_of: bool = False) -> UniqueKey:
    """``userName,emails[0].value`` as fields; list indexes are left out, a schema in brackets is kept whole."""
    return UniqueKey(tuple(field for part in _split(text) if (field := parse_field(part))), any_of)


def keys_of(text: str | None, entity_type: str, quirks: Mapping[str, Any]) -> tuple[UniqueKey, ...]:
    """In the order in which they are tried; without the property: the name, then the e-mail."""
    if text:
        return (unique_key(text, bool(quirks.get("unique_any_of"))),)
    keys = (UniqueKey((NAMES[entity_type],)),)
    return (*keys, UniqueKey((("emails", "value"),))) if entity_type == "user" else keys


async def explained(
    searcher: Searcher, entity_type: str, document: Document, conflict: ConflictError, keys: Sequence[UniqueKey]
) -> ConflictError:
    """The conflict with the name of what is taken, and who has it if exactly one does; else the conflict as it was."""
    for key in keys:
        where, values = key.where(document), key.values(document)
        others = await _others(searcher, entity_type, where) if where is not None else []
        if others:
            field, value = values[0]
            return ConflictError(
                str(conflict),
                attribute=".".join(field),
                value=str(value),
                other_id=others[0] if len(others) == 1 else None,
                backend_message=conflict.backend_message,
            )
    return conflict


async def _others(searcher: Searcher, entity_type: str, where: NativeFilter) -> list[str]:
    try:
        page = await searcher.search(entity_type, Search(filter=where, count=2))
    except ConnectorError:
        return []
    return [entity.id for entity in page.entities]


def parse_field(text: str) -> Field:
    """``emails[0].value``, ``$.name.familyName``, ``['urn:…:User']['userUuid']`` as a field."""
    names = (match.group(1) or match.group(2) for match in _TOKEN.finditer(text.strip().removeprefix("$")))
    return tuple(name for name in names if name)


def value_at(document: Document, field: Sequence[str]) -> Any:
    """The value at ``field``; of a list the first element's."""
    found: Any = document
    for name in field:
        if isinstance(found, list):
            found = found[0] if found else None
        found = found.get(name) if isinstance(found, dict) else None
    return found[0] if isinstance(found, list) and found else found


def _split(text: str) -> list[str]:
    """At commas outside brackets and quotes."""
    return [part for part in re.findall(r"(?:\[[^\]]*\]|[^,\[\]])+", text) if part.strip()]
