"""LDAP entry → native document: each attribute is a list of texts, as mappings read it (``$.uid[0]``)."""

import base64
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.layout import DN, ENABLED, Kind, Layout
from proxeny.connectors.ldap.link import Raw
from proxeny.connectors.spi import Entity, EntityType
from proxeny.documents import Document

Values = list[bytes]
DISABLED = 2
SECRET = frozenset({"userpassword", "unicodepwd", "authpassword", "sambantpassword", "sambalmpassword", "pwdhistory"})
"""Never handed out."""

BINARY = frozenset(
    {
        "jpegphoto",
        "photo",
        "thumbnailphoto",
        "thumbnaillogo",
        "usercertificate",
        "cacertificate",
        "usersmimecertificate",
        "userpkcs12",
        "audio",
        "msexchmailboxguid",
        "mail-consistencyguid",
        "ms-ds-consistencyguid",
    }
)
"""Bytes rather than text: base64 in documents."""

READ_ONLY = frozenset(
    {
        "distinguishedname",
        "entrydn",
        "entryuuid",
        "entrycsn",
        "objectguid",
        "objectsid",
        "memberof",
        "createtimestamp",
        "modifytimestamp",
        "creatorsname",
        "modifiersname",
        "structuralobjectclass",
        "subschemasubentry",
        "hassubordinates",
        "whencreated",
        "whenchanged",
        "usncreated",
        "usnchanged",
        "pwdlastset",
        "lastlogon",
        "badpwdcount",
        "instancetype",
        "name",
    }
)
"""Written by the server alone, in lower case; a document that has them does not mean to change them."""


_Reading = tuple[str, Callable[[Values], list[Any]]]
"""The name that documents use, and how values read."""


def texts(values: Values) -> list[Any]:
    try:
        return [values[0].decode()] if len(values) == 1 else [value.decode() for value in values]
    except UnicodeDecodeError:
        return coded(values)


def coded(values: Values) -> list[Any]:
    return [base64.b64encode(value).decode() for value in values]


def _guids(values: Values) -> list[Any]:
    return [str(UUID(bytes_le=value)) if len(value) == 16 else value.hex() for value in values]


def _sids(values: Values) -> list[Any]:
    return [names.sid_text(value) for value in values]


class Entries:
    """Makes entities of one system's entries. Attributes are looked at once by name, then only decoded."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._readings: dict[str, _Reading | None] = {}
        directory = layout.active_directory
        self._version = ("uSNChanged",) if directory else ("entryCSN", "modifyTimestamp")
        self.focus: dict[str, frozenset[str]] = {}
        self._created, self._modified = ("whenCreated", "whenChanged") if directory else _TIMES

    def entity(self, kind: Kind, raw: Raw) -> Entity | None:
        """The entity, or None for an entry without the attribute that is the id here."""
        document = self.document(raw)
        found = document.get(kind.id)
        if not found:
            return None
        version = next((document[name][0] for name in self._version if name in document), None)
        return Entity(
            str(found[0]),
            document,
            version,
            moment(document.get(self._created)),
            moment(document.get(self._modified)),
        )

    def document(self, raw: Raw) -> Document:
        dn, attributes = raw
        document: Document = {DN: [dn]}
        readings = self._readings
        for name, values in attributes.items():
            reading = readings[name] if name in readings else self._learn(name)
            if reading is not None:
                shown, decode = reading
                document[shown] = decode(values)
        if self._layout.active_directory and "userAccountControl" in document:
            document[ENABLED] = [not int(document["userAccountControl"][0]) & DISABLED]
        return document

    def _learn(self, name: str) -> _Reading | None:
        low = name.partition(";")[0].lower()
        spelled = self._layout.spellings.get(low)
        shown = spelled + name[len(low) :] if spelled else name
        decode = coded if low in BINARY or name.lower().endswith(";binary") else texts
        if self._layout.active_directory:
            decode = {"objectguid": _guids, "objectsid": _sids}.get(low, decode)
        reading = None if low in SECRET else (shown, decode)
        self._readings[name] = reading
        return reading

    def attributes(self, kind: Kind, omit: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """What to ask the server for: everything, or the operator's list with what the gateway itself needs.

        Everything but ``omit`` cannot be asked for, but what mappings read can (``focus``).
        """
        listed = kind.listed or (tuple(sorted(self.focus.get(kind.name, ()))) if omit else ())
        left = {name.lower() for name in omit} - {kind.id.lower()}
        return tuple(name for name in self._asked(kind, listed) if name.partition(";")[0].lower() not in left)

    def _asked(self, kind: Kind, listed: tuple[str, ...]) -> tuple[str, ...]:
        layout = self._layout
        own = (kind.id, kind.naming, layout.member_of if kind.name == "user" else layout.member, *self._version)
        needed = (*own, self._created, self._modified, "entryUUID", "objectClass")
        if layout.active_directory:
            own = (*own, "objectSid", *(("primaryGroupID",) if kind.name == "user" else ()))
            needed = (*own, self._created, self._modified, "objectGUID", "sAMAccountName", "userAccountControl")
        ranged = {name.partition(";")[0].lower() for name in listed if ";" in name}
        wanted = [name for name in needed if name != DN and name.lower() not in ranged]
        return tuple(dict.fromkeys((*(listed or ("*",)), *wanted)))


_TIMES = ("createTimestamp", "modifyTimestamp")


def entity_type(kind: Kind, layout: Layout) -> EntityType:
    created, modified = ("whenCreated", "whenChanged") if layout.active_directory else _TIMES
    objects = frozenset({layout.member} if layout.typed_members else ())
    return EntityType(kind.name, (kind.id,), (created,), (modified,), unique=((kind.id,),), objects=objects)


def moment(values: list[Any] | None) -> str | None:
    """Generalised time (``20260131120000Z``, ``20260131120000.0Z``) as RFC 3339."""
    text = values[0] if values else ""
    if len(text) < 15 or not text[:14].isdecimal() or text[-1] != "Z":
        return None
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}Z"


# -- the other way ----------------------------------------------------------------------------------------------------


def to_bytes(name: str, value: object) -> bytes:
    """One value for the server; ValueError for what is no value of an attribute."""
    if isinstance(value, bool):
        return b"TRUE" if value else b"FALSE"
    if isinstance(value, int | float):
        return str(value).encode()
    if not isinstance(value, str):
        raise ValueError(f"{name!r} holds {type(value).__name__}; an attribute holds a list of texts")
    if name.partition(";")[0].lower() in BINARY or name.lower().endswith(";binary"):
        return base64.b64decode(value, validate=True)
    return value.encode()


def to_values(document: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The document's attributes as lists without empty elements; a single value is a list of one."""
    found: dict[str, list[Any]] = {}
    for name, value in document.items():
        given = value if isinstance(value, list) else [value]
        found[name] = [each for each in given if each not in (None, "", [])]
    return found
