"""Native document → what an entry shall be: attributes as bytes, members as DNs, passwords aside."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxeny.connectors.errors import RefusedError
from proxeny.connectors.ldap import active_directory, names
from proxeny.connectors.ldap.entries import READ_ONLY, to_bytes, to_values
from proxeny.connectors.ldap.layout import DN, Kind, Layout
from proxeny.connectors.ldap.link import Link
from proxeny.connectors.ldap.schema import PASSWORD_MODIFY
from proxeny.connectors.ldap.searching import Far
from proxeny.documents import Document

_HASHED = re.compile(r"\{(?:S?SHA(?:256|384|512)?|S?MD5|CRYPT|ARGON2|PBKDF2[A-Z0-9-]*)\}[\x21-\x7e]{8}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document as attributes of an entry; ``dn`` only if the document names one.

    ``password`` is one in clear text, which the server shall hash; a hashed one is a value like others.
    """

    values: dict[str, list[bytes]]
    name: str | None
    dn: str | None
    password: str | None = field(default=None, repr=False)


def wanted_of(
    link: Link, layout: Layout, kind: Kind, document: Document, current: Mapping[str, list[bytes]] | None, far: Far
) -> Wanted:
    """The document's attributes as bytes; RefusedError names what is no attribute or value."""
    values = to_values(document)
    placed = values.get(DN)
    name = next((each for key, each in values.items() if key.lower() == kind.naming.lower()), None)
    if layout.active_directory and kind.name == "user":
        active_directory.write_account(values, current, link.channel.secure)
    password = _clear_password(values) if PASSWORD_MODIFY in far.server.extensions else None
    made: dict[str, list[bytes]] = {}
    for key, given in values.items():
        low = key.partition(";")[0].lower()
        if not names.DESCRIPTION.fullmatch(key):
            raise RefusedError(f"{key[:60]!r} is no name of an LDAP attribute.")
        if low in READ_ONLY:
            continue
        if kind.name == "group" and low == layout.member.lower():
            made[layout.member] = [dn.encode() for dn in far.members.members(link, given)]
        else:
            made[key] = [each if isinstance(each, bytes) else _bytes(key, each) for each in given]
    at = str(placed[0]) if placed and names.is_dn(str(placed[0])) else None
    return Wanted(made, str(name[0]) if name else None, at, password)


def _clear_password(values: dict[str, list[Any]]) -> str | None:
    """A password in clear text, taken out of the values; one that names its hashing stays."""
    name = next((key for key in values if key.lower() == "userpassword"), None)
    if name is None or not values[name] or _HASHED.match(str(values[name][0])):
        return None
    return str(values.pop(name)[0])


def _bytes(name: str, value: object) -> bytes:
    try:
        return to_bytes(name, value)
    except ValueError as error:
        raise RefusedError(f"Attribute {name!r} cannot be written: {error}.") from error
