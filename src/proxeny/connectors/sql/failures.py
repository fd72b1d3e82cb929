"""What a database's error means, in the words of connectors/errors.py: tables of SQLSTATEs and of MariaDB's numbers."""

import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from proxeny.connectors.errors import (
    AuthenticationFailedError,
    BusyError,
    ConflictError,
    ConnectorError,
    PropertyError,
    RefusedError,
    TimedOutError,
    UnreachableError,
)
from proxeny.connectors.outbound.guard import MARK
from proxeny.connectors.sql.tables import EntityTable
from proxeny.documents import Document

Meaning = tuple[type[ConnectorError], str]
_REFERENCE: Meaning = (RefusedError, "A row refers to another that does not exist, or is still referred to.")
_NO_VALUE: Meaning = (RefusedError, "A column that must have a value has none.")
_TOO_LONG: Meaning = (RefusedError, "A value is too long or too large for its column.")
_CHECK: Meaning = (RefusedError, "A value does not meet a condition of its table.")
_RIGHTS: Meaning = (RefusedError, "The database user may not do this; grant it the rights it needs.")
_SIGN_IN: Meaning = (AuthenticationFailedError, "The database does not accept the User and Password of this system.")
_NO_DATABASE: Meaning = (PropertyError, "The database that the property URL names does not exist.")
_NO_TABLE: Meaning = (PropertyError, "A table or column that the properties name does not exist (any more).")
_AGAIN: Meaning = (BusyError, "The database took the write back in favour of another one at the same time.")
_FULL: Meaning = (BusyError, "The database has no connection left.")
_SLOW: Meaning = (TimedOutError, "The database stopped a statement that took too long.")
_DOWN: Meaning = (UnreachableError, "The database is shutting down or starting.")
_BROKEN: Meaning = (UnreachableError, "The connection to the database broke.")
CONFLICT: Meaning = (ConflictError, "A value that must be unique is taken.")

BY_STATE: Mapping[str, Meaning] = {
    "23505": CONFLICT,
    "23503": _REFERENCE,
    "23001": _REFERENCE,
    "23502": _NO_VALUE,
    "23514": _CHECK,
    "22001": _TOO_LONG,
    "22003": _TOO_LONG,
    "42501": _RIGHTS,
    "25006": (RefusedError, "The database takes no writes: it is read-only."),
    "28P01": _SIGN_IN,
    "28000": _SIGN_IN,
    "3D000": _NO_DATABASE,
    "42P01": _NO_TABLE,
    "42703": _NO_TABLE,
    "40001": _AGAIN,
    "40P01": _AGAIN,
    "55P03": _AGAIN,
    "53300": _FULL,
    "57014": _SLOW,
    "57P01": _DOWN,
    "57P03": _DOWN,
}
BY_NUMBER: Mapping[int, Meaning] = {
    1062: CONFLICT,
    1586: CONFLICT,
    1451: _REFERENCE,
    1452: _REFERENCE,
    1048: _NO_VALUE,
    1364: _NO_VALUE,
    4025: _CHECK,
    1406: _TOO_LONG,
    1264: _TOO_LONG,
    1142: _RIGHTS,
    1143: _RIGHTS,
    1290: _RIGHTS,
    1045: _SIGN_IN,
    1044: _SIGN_IN,
    1698: _SIGN_IN,
    1049: _NO_DATABASE,
    1146: _NO_TABLE,
    1054: _NO_TABLE,
    1205: _AGAIN,
    1213: _AGAIN,
    1020: _AGAIN,
    1040: _FULL,
    1203: _FULL,
    1226: _FULL,
    1969: _SLOW,
    3024: _SLOW,
    1053: _DOWN,
    2003: _BROKEN,
    2006: _BROKEN,
    2013: _BROKEN,
}


def translated(error: BaseException, where: str) -> ConnectorError:
    """The error of the port that ``error`` is; conflicts are without their attribute."""
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, sa.exc.TimeoutError):
        return BusyError(f"All connections to {where} are in use; raise sql.pool.size if that happens often.")
    cause = original(error)
    network = _network(cause, where)
    if network is not None:
        return network
    kind, words = _meaning(cause)
    if kind is not ConnectorError:
        return kind(words, backend_message=_said(cause))
    if getattr(error, "connection_invalidated", False) or _state(cause)[:2] == "08":
        return UnreachableError(f"The connection to {where} broke.", backend_message=_said(cause))
    if isinstance(error, sa.exc.StatementError) and not isinstance(error, sa.exc.DBAPIError):
        return RefusedError("A value cannot be given to the database.", status=400)
    if isinstance(error, sa.exc.DataError | sa.exc.IntegrityError) or _state(cause)[:2] in ("22", "23"):
        return RefusedError("The database refused a value.", status=400, backend_message=_said(cause))
    if isinstance(error, sa.exc.InterfaceError | sa.exc.OperationalError):
        return UnreachableError(f"The connection to {where} broke.", backend_message=_said(cause))
    return RefusedError("The database refused the statement.", backend_message=_said(cause))


def original(error: BaseException) -> BaseException:
    """The driver's own error inside SQLAlchemy's."""
    found: BaseException = getattr(error, "orig", None) or error
    found = getattr(found, "original_exception", None) or found  # what broke the connection, as PyMySQL keeps it
    return found.__cause__ if _state(found) == "" and _state(found.__cause__) and found.__cause__ else found


def may_repeat(error: BaseException) -> bool:
    """Whether the whole transaction was taken back in favour of another, so that it can be tried again at once."""
    return _meaning(original(error)) is _AGAIN


def taken_columns(error: BaseException, entity: EntityTable) -> tuple[str, ...]:
    """The columns whose values are taken, as far as the database says."""
    cause = original(error)
    driver = cause.__cause__ or cause
    name = str(getattr(driver, "constraint_name", "") or "")
    said = f"{getattr(driver, 'detail', '') or ''} {cause}"
    if not name:
        quoted = re.findall(r"for key '([^']+)'", said)
        name = quoted[-1].rpartition(".")[2] if quoted else ""
    if entity.unique.get(name):
        return entity.unique[name]
    named = re.search(r"Key \((.*?)\)=\(", said)
    known = {column.name for column in entity.table.columns}
    return tuple(word for word in re.findall(r"\w+", named[1]) if word in known)[:1] if named else ()


def conflict_of(error: BaseException, entity: EntityTable, document: Document) -> ConflictError:
    """The conflict with the attribute and value that are taken."""
    for name in taken_columns(error, entity):
        column = next((known for known in (*entity.columns, *entity.key) if known.column.name == name), None)
        if column is not None:
            value, attribute = column.place.take(document), ".".join(column.place.field)
            return ConflictError(
                f"{attribute} {str(value)[:120]!r} is taken.",
                attribute=attribute,
                value=None if value is None else str(value),
            )
    return ConflictError(CONFLICT[1], backend_message=_said(original(error)))


def _network(cause: BaseException, where: str) -> ConnectorError | None:
    text = str(cause)
    if MARK in text:
        return PropertyError(f"{where} may not be called: {text}. See [outbound] allow.")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UnreachableError(f"The certificate of {where} is not trusted: {cause.verify_message}.")
    if isinstance(cause, socket.gaierror):
        return UnreachableError(f"The name of {where} cannot be resolved.")
    if isinstance(cause, TimeoutError):
        return TimedOutError(f"{where} did not answer in time.")
    if isinstance(cause, OSError):
        return UnreachableError(f"No connection to {where}: {cause.strerror or cause}.")
    return None


def _meaning(cause: BaseException) -> Meaning:
    found = BY_STATE.get(_state(cause))
    number: Any = cause.args[0] if cause.args else None
    if found is None and isinstance(number, int):
        found = BY_NUMBER.get(number)
    return found or (ConnectorError, "")


def _state(cause: BaseException | None) -> str:
    for name in ("sqlstate", "pgcode"):
        value = getattr(cause, name, None)
        if isinstance(value, str):
            return value
    return ""


def _said(cause: BaseException) -> str:
    """The backend's first line; what it shows of the values stays out of it."""
    words = cause.args[1] if len(cause.args) > 1 and isinstance(cause.args[1], str) else str(cause)
    line = words.split("\n", 1)[0].split(">: ", 1)[-1]
    return re.sub(r"(Duplicate entry )'.*' (for key)", r"\1… \2", line)[:200]
