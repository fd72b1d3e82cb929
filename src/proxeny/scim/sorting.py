"""The order of resources by one attribute (RFC 7644 §3.4.2.3)."""

from collections.abc import Callable
from typing import Any

from proxeny.documents import Document
from proxeny.scim.errors import InvalidValueError
from proxeny.scim.filter.ast import AttributePath
from proxeny.scim.filter.evaluate import reader
from proxeny.scim.schema import Located, ResourceType
from proxeny.scim.values import comparable


def sort_key(path: AttributePath, resource_type: ResourceType) -> Callable[[Document], tuple[bool, Any]]:
    """A key for ``sorted``; with ``reverse=True`` for descending order. InvalidValueError if there is no such order.

    Of several values the primary one counts, else the first. Resources without a value come last in ascending order
    and first in descending order, as the standard says.
    """
    located = resource_type.find(path)
    if located is None or located.leaf.returned == "never":
        raise InvalidValueError(f"sortBy: '{path}' is not an attribute of these resources to sort by.")
    sub = located.sub or (located.attribute.sub("value") if located.attribute.type == "complex" else None)
    if located.leaf.type == "complex" and sub is None:
        raise InvalidValueError(f"sortBy: '{path}' is an object; name one of its sub-attributes.")
    read = reader(Located(located.urn, located.attribute))
    convert = comparable(sub or located.attribute)

    def order(document: Document) -> tuple[bool, Any]:
        value = read(document)
        if isinstance(value, list):
            value = _preferred(value)
        if sub is not None:
            value = value.get(sub.name) if isinstance(value, dict) else None
        made = None if value is None else convert(value)
        return (True, 0) if made is None else (False, made)

    return order


def _preferred(values: list[Any]) -> Any:
    primary = (value for value in values if isinstance(value, dict) and value.get("primary") is True)
    return next(primary, values[0] if values else None)
