"""Which attributes the directory indexes, and the keys under which it finds them.

Keys are made here, in one place and in Python, by the one comparison rule of ``scim.comparison``; the database only
compares code points. So SQLite, PostgreSQL and the gateway's own evaluation of a filter never disagree.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from proxeny.connectors.filtering import Field
from proxeny.documents import Document
from proxeny.scim.comparison import key as folded
from proxeny.scim.schema import (
    CUSTOM_GROUP,
    ENTERPRISE_USER,
    GROUP_TYPE,
    SAP_USER,
    USER_TYPE,
    ResourceType,
)
from proxeny.scim.values import text as as_text

LONGEST_KEY = 240
"""Characters; the rest of a longer value is told apart by a digest, for an index takes no value of any length."""

NUL = "\x01"
"""Stands for U+0000 in keys, which PostgreSQL's text cannot hold: its neighbour, so that the order stays."""


def storable(text: str) -> str:
    """Text that both databases take and that differs where texts do; half a surrogate pair is no text (``?``)."""
    if text.isascii():
        return text.replace("\0", NUL)
    return text.replace("\0", NUL).encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class IndexedField:
    """``code`` is what the database stores and never changes. ``exact``: compares with case. ``always``: every entity
    of the type has exactly one value. ``unique``: no two entities have the same."""

    code: int
    entity_type: str
    field: Field
    exact: bool = False
    always: bool = False
    unique: bool = False

    def key(self, value: str) -> str:
        """The key of a value: equal for values that compare equal, ordered as they are."""
        text = storable(value if self.exact else folded(value))
        if len(text) <= LONGEST_KEY:
            return text
        return f"{text[:LONGEST_KEY]}\uffff{blake2b(text.encode(), digest_size=16).hexdigest()}"


FIELDS: tuple[IndexedField, ...] = (
    IndexedField(1, "user", ("userName",), always=True, unique=True),
    IndexedField(2, "user", (SAP_USER, "userUuid"), exact=True, always=True, unique=True),
    IndexedField(3, "user", (SAP_USER, "userId"), always=True, unique=True),
    IndexedField(4, "group", (CUSTOM_GROUP, "name"), always=True, unique=True),
    IndexedField(20, "user", ("externalId",), exact=True),
    IndexedField(21, "user", ("emails", "value")),
    IndexedField(22, "user", ("displayName",)),
    IndexedField(23, "user", ("name", "familyName")),
    IndexedField(24, "user", ("name", "givenName")),
    IndexedField(25, "user", (ENTERPRISE_USER, "employeeNumber")),
    IndexedField(26, "user", ("phoneNumbers", "value")),
    IndexedField(27, "user", (ENTERPRISE_USER, "manager", "value")),
    IndexedField(40, "group", ("externalId",), exact=True),
    IndexedField(41, "group", ("displayName",), always=True),
)
BY_FIELD: dict[tuple[str, Field], IndexedField] = {(each.entity_type, each.field): each for each in FIELDS}
OF_TYPE: dict[str, tuple[IndexedField, ...]] = {
    name: tuple(each for each in FIELDS if each.entity_type == name) for name in ("user", "group")
}
USER_NAME, USER_UUID, USER_ID, GROUP_NAME = FIELDS[:4]

IndexKey = tuple[int, str]
"""Code of the field, and key."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything under which one entity is found."""

    unique: frozenset[IndexKey]
    plain: frozenset[IndexKey]


def keys_of(entity_type: str, document: Document) -> Keys:
    """The keys of a document of the directory."""
    unique: set[IndexKey] = set()
    plain: set[IndexKey] = set()
    for code, to_key, first, rest, is_unique in _READERS[entity_type]:
        value = document.get(first)
        if value is None:
            continue
        if not rest and isinstance(value, str):
            if value:
                (unique if is_unique else plain).add((code, to_key(value)))
            continue
        for text in _values(value, rest):
            (unique if is_unique else plain).add((code, to_key(text)))
    return Keys(frozenset(unique), frozenset(plain))


def value_of(field: IndexedField, document: Document) -> str | None:
    """The first value of the field, as it was written."""
    return next(_values(document, field.field), None)


def field_of(code: int) -> IndexedField:
    return next(field for field in FIELDS if field.code == code)


def path_of(field: IndexedField) -> str:
    """The field as people write it: ``userName``, ``urn:…:User:userId``."""
    first, *rest = field.field
    return f"{first}:{'.'.join(rest)}" if first.startswith("urn:") else ".".join(field.field)


_READERS = {
    name: tuple((field.code, field.key, field.field[0], field.field[1:], field.unique) for field in fields)
    for name, fields in OF_TYPE.items()
}
"""Each indexed field, taken apart for ``keys_of``, which runs at every write."""


def _values(value: Any, path: Field) -> Iterator[str]:
    for depth, name in enumerate(path):
        if isinstance(value, list):
            for element in value:
                yield from _values(element, path[depth:])
            return
        value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return
    for leaf in value if isinstance(value, list) else (value,):
        text = leaf if isinstance(leaf, str) else as_text(leaf)
        if text:
            yield text


RESOURCE_TYPES: dict[str, ResourceType] = {"user": USER_TYPE, "group": GROUP_TYPE}
"""The SCIM resource types of the directory's own documents."""

RESOURCE_NAMES = {name: each.name for name, each in RESOURCE_TYPES.items()}
