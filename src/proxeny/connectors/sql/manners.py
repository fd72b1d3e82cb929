"""How databases differ in what filters and orders need: comparing code point by code point, and finding what is not
ASCII.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

Text = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Manners:
    """``exact``: an operand that compares code point by code point; None where the dialect is not known to have one.

    ``beyond_ascii``: whether a text has letters beyond ASCII; None where it cannot be asked. ``native``: whether ``=``
    on plain columns is already exact, so that an index serves it. ``ordered``: an operand in the order of code points.
    """

    exact: Callable[[Text], Text] | None = None
    beyond_ascii: Callable[[Text], sa.ColumnElement[bool]] | None = None
    native: bool = False
    ordered: Callable[[Text], Text] | None = None


def _bytes(text: Text) -> Text:
    """In the connection's character set, whatever the column's, so that equal texts have equal bytes."""
    return sa.type_coerce(sa.cast(sa.cast(text, sa.Text), sa.LargeBinary), sa.String)


def _longer_in_bytes(text: Text) -> sa.ColumnElement[bool]:
    return sa.func.octet_length(text) != sa.func.char_length(text)


def _longer_in_utf8(text: Text) -> sa.ColumnElement[bool]:
    """MariaDB counts bytes in the column's own character set, so it is converted."""
    return sa.func.length(sa.cast(text, sa.Text)) != sa.func.char_length(text)


def _in_utf8(text: Text) -> Text:
    """UTF-8 has the order of code points, whatever the encoding of the database."""
    return sa.func.convert_to(text, sa.literal_column("'UTF8'"))


_MARIADB = Manners(_bytes, _longer_in_utf8, ordered=_bytes)
MANNERS: Mapping[str, Manners] = {
    "postgresql": Manners(lambda text: text, _longer_in_bytes, native=True, ordered=_in_utf8),
    "mariadb": _MARIADB,
    "mysql": _MARIADB,
}
UNKNOWN = Manners()


def manners_of(dialect: str) -> Manners:
    return MANNERS.get(dialect, UNKNOWN)
