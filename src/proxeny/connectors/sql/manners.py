"""How databases differ in what a filter needs: comparing code point by code point, and finding what is not ASCII."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

Text = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Manners:
    """``exact``: an operand that compares code point by code point; None where the dialect is not known to have one.

    ``beyond_ascii``: whether a text has letters beyond ASCII; None where it cannot be asked. ``native``: whether ``=``
    on plain columns is already exact, so that an index serves it.
    """

    exact: Callable[[Text], Text] | None = None
    beyond_ascii: Callable[[Text], sa.ColumnElement[bool]] | None = None
    native: bool = False


def _bytes(text: Text) -> Text:
    """In the connection's character set, whatever the column's, so that equal texts have equal bytes."""
    return sa.type_coerce(sa.cast(sa.cast(text, sa.Text), sa.LargeBinary), sa.String)


def _longer_in_bytes(text: Text) -> sa.ColumnElement[bool]:
    return sa.func.octet_length(text) != sa.func.char_length(text)


def _longer_in_utf8(text: Text) -> sa.ColumnElement[bool]:
    """MariaDB counts bytes in the column's own character set, so it is converted."""
    return sa.func.length(sa.cast(text, sa.Text)) != sa.func.char_length(text)


_MARIADB = Manners(_bytes, _longer_in_utf8)
MANNERS: Mapping[str, Manners] = {
    "postgresql": Manners(lambda text: text, _longer_in_bytes, native=True),
    "mariadb": _MARIADB,
    "mysql": _MARIADB,
}
UNKNOWN = Manners()


def manners_of(dialect: str) -> Manners:
    return MANNERS.get(dialect, UNKNOWN)
