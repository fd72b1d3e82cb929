"""Custom schemas: what a client may add to users of the Identity Directory, within limits (operations.md §15)."""

import re
from collections.abc import Iterable
from typing import Any

from proxeny.documents import Document
from proxeny.scim.errors import InvalidSyntaxError, InvalidValueError
from proxeny.scim.schema import Schema

PREFIX = "urn:sap:cloud:scim:schemas:extension:custom:2.0:"
MOST_SCHEMAS = 20
MOST_ATTRIBUTES = 20
MOST_SUB_ATTRIBUTES = 20

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_NEEDED = ("name", "type", "multiValued", "required", "caseExact", "mutability", "returned", "uniqueness")
_FLAGS = ("multiValued", "required", "caseExact")
_CHOICES: dict[str, tuple[str, ...]] = {
    "type": ("string", "boolean", "decimal", "integer", "dateTime", "reference", "complex"),
    "mutability": ("readWrite", "readOnly", "writeOnly", "immutable"),
    "returned": ("default", "always", "never", "request"),
    "uniqueness": ("none",),
}
_TEXT = ("description",)


def custom_schema(document: Document) -> Schema:
    """The schema in the body of a ``POST /Schemas``; the error says what is wrong with it and what to write instead.

    InvalidSyntaxError for a body of another shape, InvalidValueError for everything else.
    """
    urn, name = document.get("id"), document.get("name")
    if not isinstance(urn, str) or not urn.startswith(PREFIX) or not _NAME.fullmatch(urn.removeprefix(PREFIX)):
        raise InvalidValueError(f"'id' of a custom schema must be {PREFIX}<Name>, with letters and digits as its name.")
    if name != urn.removeprefix(PREFIX):
        raise InvalidValueError(f"'name' must be the last part of the id: {urn.removeprefix(PREFIX)!r}.")
    if not isinstance(document.get("description", ""), str):
        raise InvalidValueError("'description' must be text.")
    _check_attributes(document.get("attributes"), "attributes", MOST_ATTRIBUTES, inner=False)
    return Schema.from_document(document)


def _check_attributes(attributes: Any, where: str, most: int, *, inner: bool) -> None:
    if not isinstance(attributes, list) or not all(isinstance(each, dict) for each in attributes):
        raise InvalidSyntaxError(f"'{where}' must be a list of attributes.")
    if not 1 <= len(attributes) <= most:
        raise InvalidValueError(f"'{where}' must have at least one attribute and at most {most}.")
    for attribute in attributes:
        _check_attribute(attribute, f"{where}.{attribute.get('name', '?')}", inner=inner)
    _refuse_doubles([str(attribute["name"]).lower() for attribute in attributes], where)


def _check_attribute(attribute: Document, where: str, *, inner: bool) -> None:
    missing = [name for name in _NEEDED if name not in attribute]
    if missing:
        raise InvalidValueError(f"'{where}' lacks {', '.join(missing)}; each attribute must have them.")
    if not isinstance(attribute["name"], str) or not _NAME.fullmatch(attribute["name"]):
        raise InvalidValueError(f"'{where}': a name is a letter, and letters, digits, - or _ behind it.")
    for name, choices in _CHOICES.items():
        if attribute[name] not in choices:
            raise InvalidValueError(f"'{where}.{name}' must be one of {', '.join(choices)}.")
    if not all(isinstance(attribute[name], bool) for name in _FLAGS):
        raise InvalidValueError(f"'{where}': {', '.join(_FLAGS)} must be true or false.")
    if not all(isinstance(attribute.get(name, ""), str) for name in _TEXT):
        raise InvalidValueError(f"'{where}': {', '.join(_TEXT)} must be text.")
    _check_parts(attribute, where, inner=inner)


def _check_parts(attribute: Document, where: str, *, inner: bool) -> None:
    """Only complex attributes have parts, and only they have several values."""
    is_complex = attribute["type"] == "complex"
    if inner and is_complex:
        raise InvalidValueError(f"'{where}': a sub-attribute cannot be complex.")
    if attribute["multiValued"] and not is_complex:
        raise InvalidValueError(f"'{where}' can have several values only if it is complex.")
    if is_complex:
        _check_attributes(attribute.get("subAttributes"), f"{where}.subAttributes", MOST_SUB_ATTRIBUTES, inner=True)
    elif attribute.get("subAttributes"):
        raise InvalidValueError(f"'{where}' has sub-attributes, so its type must be complex.")


def _refuse_doubles(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidValueError(f"'{where}' has {name!r} twice.")
        seen.add(name)
