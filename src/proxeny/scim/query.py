"""What a client asks for in a search: a query string or a .search body → Query (RFC 7644 §3.4.2, §3.4.3; RFC 9865 §2).

Numbers out of range are brought into range (``startIndex`` below 1 is 1, ``count`` below 0 is 0 and above the maximum
is the maximum); what is no number at all is 400. Parameters that nobody knows are ignored.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from proxeny.documents import Document
from proxeny.scim.errors import (
    BadRequestError,
    InvalidCountError,
    InvalidCursorError,
    InvalidSyntaxError,
    InvalidValueError,
)
from proxeny.scim.filter.ast import AttributePath, Filter
from proxeny.scim.filter.parser import DEFAULT_LIMITS, FilterLimits, parse_attribute_path, parse_filter
from proxeny.scim.schema import ResourceType

SEARCH_REQUEST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@dataclass(frozen=True, slots=True)
class Query:
    """A checked search. ``cursor`` is None for paging by index, and ``""`` asks for the first page by cursor.

    ``count`` is what is served, ``asked_count`` what the client wrote. ``attributes`` and ``excluded_attributes`` are
    names as the client wrote them; empty means everything. ``filter_text`` is the filter as the client wrote it.
    """

    filter: Filter | None = None
    filter_text: str | None = None
    sort_by: AttributePath | None = None
    sort_order: Literal["ascending", "descending"] = "ascending"
    start_index: int = 1
    count: int = 100
    asked_count: int | None = None
    cursor: str | None = None
    attributes: tuple[str, ...] = ()
    excluded_attributes: tuple[str, ...] = ()
    members_type: Literal["user", "group"] | None = None

    @property
    def descending(self) -> bool:
        return self.sort_order == "descending"


_PARAMETERS = {
    name.lower(): name
    for name in (
        "filter", "sortBy", "sortOrder", "startIndex", "count", "cursor",
        "attributes", "excludedAttributes", "membersType",
    )
}  # fmt: skip
_Choice = TypeVar("_Choice", bound=str)
_INTEGER = re.compile(r"\s*([+-]?\d{1,15})\s*", re.ASCII)


def parse_query(
    params: Mapping[str, str] | Iterable[tuple[str, str]],
    *,
    default_count: int,
    max_count: int,
    resource_type: ResourceType | None = None,
    lenient: bool = True,
    limits: FilterLimits = DEFAULT_LIMITS,
) -> Query:
    """The query of a request line; ``params`` are decoded. A parameter that is given twice is InvalidValueError.

    With ``resource_type``, ``sortBy`` is checked against it. Raises InvalidFilterError, InvalidValueError,
    InvalidCursorError, InvalidCountError (a count of a page by cursor, RFC 9865 §2.1).
    """
    given: dict[str, Any] = {}
    for name, value in params.items() if isinstance(params, Mapping) else params:
        known = _PARAMETERS.get(name.lower())
        if known is None:
            continue
        if known in given:
            raise InvalidValueError(f"The parameter '{known}' is given twice; send it once.")
        given[known] = value
    for name in ("attributes", "excludedAttributes"):
        if name in given:
            given[name] = given[name].split(",")
    return _query(given, default_count, max_count, resource_type, lenient, limits)


def parse_search_request(
    document: Document,
    *,
    default_count: int,
    max_count: int,
    resource_type: ResourceType | None = None,
    lenient: bool = True,
    limits: FilterLimits = DEFAULT_LIMITS,
) -> Query:
    """The query of a ``POST …/.search`` body; the same errors, and InvalidSyntaxError if it is no SearchRequest."""
    schemas = document.get("schemas", [SEARCH_REQUEST_SCHEMA] if lenient else None)
    if not isinstance(schemas, list) or SEARCH_REQUEST_SCHEMA not in schemas:
        raise InvalidSyntaxError(f"The body is not a search request: 'schemas' must hold {SEARCH_REQUEST_SCHEMA}.")
    given: dict[str, Any] = {}
    for name, value in document.items():
        known = _PARAMETERS.get(name.lower())
        if known is None or value is None:
            continue
        if known in given:
            raise InvalidSyntaxError(f"'{known}' is given twice, in different case; send it once.")
        given[known] = _names(known, value) if known in ("attributes", "excludedAttributes") else value
    return _query(given, default_count, max_count, resource_type, lenient, limits)


def _names(parameter: str, value: Any) -> list[str]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidValueError(f"'{parameter}' must be a list of attribute names.")
    return names


def _query(
    given: dict[str, Any],
    default_count: int,
    max_count: int,
    resource_type: ResourceType | None,
    lenient: bool,
    limits: FilterLimits,
) -> Query:
    cursor = _text("cursor", given)
    if cursor is not None and "startIndex" in given:
        raise InvalidCursorError("'cursor' and 'startIndex' exclude each other; send one of them.")
    text = _text("filter", given)
    asked = _number("count", given, InvalidValueError if cursor is None else InvalidCountError)
    return Query(
        filter=parse_filter(text, limits=limits, lenient=lenient) if text is not None else None,
        filter_text=text,
        sort_by=_sort_by(_text("sortBy", given), resource_type),
        sort_order=_choice("sortOrder", given, "ascending", "descending") or "ascending",
        start_index=max(1, _number("startIndex", given) or 1),
        count=min(default_count if asked is None else max(0, asked), max_count),
        asked_count=asked,
        cursor=cursor,
        attributes=_attribute_names("attributes", given),
        excluded_attributes=_attribute_names("excludedAttributes", given),
        members_type=_choice("membersType", given, "user", "group"),
    )


def _text(name: str, given: dict[str, Any]) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidValueError(f"'{name}' must be text.")
    return value


def _number(name: str, given: dict[str, Any], error: type[BadRequestError] = InvalidValueError) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    match = _INTEGER.fullmatch(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    if match is None:
        raise error(f"'{name}' must be a whole number of at most 15 digits.")
    return int(match[1])


def _choice(name: str, given: dict[str, Any], *choices: _Choice) -> _Choice | None:
    value = _text(name, given)
    if not value:
        return None
    found = next((choice for choice in choices if choice == value.strip().lower()), None)
    if found is None:
        raise InvalidValueError(f"'{name}' must be one of: {', '.join(choices)}.")
    return found


def _sort_by(text: str | None, resource_type: ResourceType | None) -> AttributePath | None:
    if not text or not text.strip():
        return None
    path = parse_attribute_path(text.strip(), error=InvalidValueError)
    if resource_type is not None and resource_type.find(path) is None:
        raise InvalidValueError(f"sortBy: '{path}' is not an attribute of these resources; see /Schemas.")
    return path


def _attribute_names(name: str, given: dict[str, Any]) -> tuple[str, ...]:
    """The names that are not blank; a single space or comma leaves none, which means everything."""
    return tuple(stripped for each in given.get(name, ()) if (stripped := each.strip()))
