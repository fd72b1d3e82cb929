"""Attributes of a resource whatever the case of their names (RFC 7643 §2.1).

``canonical_names`` brings a document into the schema's case once, at the edge; from then on everything reads plain
keys. ``read`` and ``write`` are for the few places that get their names from people.
"""

from typing import Any

from proxeny.documents import Document
from proxeny.scim.errors import InvalidSyntaxError
from proxeny.scim.filter.ast import AttributePath
from proxeny.scim.schema import NameTable, ResourceType


def canonical_names(document: Document, resource_type: ResourceType) -> tuple[Document, tuple[str, ...]]:
    """The document with every name in the schema's case, and the names that no schema has.

    A document that is already canonical comes back itself, and so does every part of it that is; the argument is never
    changed. Two names that differ only in case are InvalidSyntaxError.
    """
    unknown: list[str] = []
    named = _named(document, resource_type.names, "", unknown)
    return named, tuple(unknown)


def canonical_element(value: Any, names: NameTable, prefix: str, unknown: list[str]) -> Any:
    """``canonical_names`` for the value of one attribute: an object, a list of objects, or anything else as it is."""
    if isinstance(value, dict):
        return _named(value, names, prefix, unknown)
    if isinstance(value, list):
        return _elements(value, names, prefix, unknown)
    return value


def _named(container: Document, names: NameTable, prefix: str, unknown: list[str]) -> Document:
    made: Document | None = None
    for name, value in container.items():
        spelled = names.spelled(name)
        if spelled is None:
            unknown.append(prefix + name)
            part, spelled = value, name
        elif isinstance(value, dict | list) and (inner := names.exact[spelled].names).exact:
            part = canonical_element(value, inner, f"{prefix}{spelled}.", unknown)
        else:
            part = value
        if spelled != name or part is not value:
            made = dict(container) if made is None else made
            if spelled != name:
                _rename(made, name, spelled, prefix)
            made[spelled] = part
    return container if made is None else _in_order(container, made, names)


def _rename(container: Document, name: str, spelled: str, prefix: str) -> None:
    if spelled in container:
        raise InvalidSyntaxError(f"'{prefix}{spelled}' is given twice, in different case; send it once.")
    del container[name]


def _in_order(original: Document, made: Document, names: NameTable) -> Document:
    return {spelled: made[spelled] for name in original for spelled in (names.spelled(name) or name,)}


def _elements(values: list[Any], names: NameTable, prefix: str, unknown: list[str]) -> list[Any]:
    made: list[Any] | None = None
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            continue
        part = _named(value, names, prefix, unknown)
        if part is not value:
            made = list(values) if made is None else made
            made[index] = part
    return values if made is None else made


def spelled_key(container: Document, name: str) -> str | None:
    """The key of ``container`` that is ``name`` in whatever case, or None."""
    if name in container:
        return name
    lowered = name.lower()
    return next((key for key in container if key.lower() == lowered), None)


def read(document: Document, path: AttributePath) -> Any:
    """The value at ``urn:name.sub``, names in any case, or None; of several objects the list of their values."""
    value: Any = document
    for name in (path.urn, path.name, path.sub):
        if name is None:
            continue
        if isinstance(value, list):
            value = [part for element in value if (part := _part(element, name)) is not None]
        else:
            value = _part(value, name)
    return value


def _part(value: Any, name: str) -> Any:
    key = spelled_key(value, name) if isinstance(value, dict) else None
    return None if key is None else value[key]


def write(document: Document, path: AttributePath, value: Any) -> Document:
    """A document with ``value`` at ``urn:name.sub``; the argument is not changed, and what is beside is shared.

    A name that is there keeps its case. What stands in the way and is no object is replaced.
    """
    names = [name for name in (path.urn, path.name, path.sub) if name is not None]
    return _written(document, names, value)


def _written(container: Any, names: list[str], value: Any) -> Document:
    made: Document = dict(container) if isinstance(container, dict) else {}
    name = spelled_key(made, names[0]) or names[0]
    made[name] = value if len(names) == 1 else _written(made.get(name), names[1:], value)
    return made
