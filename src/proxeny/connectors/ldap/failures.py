"""What an LDAP server or its library says, as an error of the connector port: one table."""

from collections.abc import Callable, Mapping
from typing import Any

import ldap

from proxeny.connectors.errors import (
    AuthenticationFailedError,
    BusyError,
    ConflictError,
    ConnectorError,
    NotFoundError,
    PropertyError,
    RefusedError,
    TimedOutError,
    UnreachableError,
    UnsupportedError,
    VersionConflictError,
)

BROKEN = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.UNAVAILABLE, ldap.DECODING_ERROR, ldap.LOCAL_ERROR)
"""After these nothing more can be said over the same connection."""

_LIMIT = (
    "The server ended the answer at its limit for {what}, so it is not complete and was not used. "
    "Raise the limit for the user of ldap.user, or lower ldap.page.size."
)
_TABLE: Mapping[type[Exception], tuple[Callable[..., ConnectorError], str]] = {
    ldap.NO_SUCH_OBJECT: (NotFoundError, "The directory has no such entry."),
    ldap.ALREADY_EXISTS: (ConflictError, "The directory has an entry of that name."),
    ldap.ASSERTION_FAILED: (VersionConflictError, "The entry has changed since it was read."),
    ldap.NO_SUCH_ATTRIBUTE: (VersionConflictError, "A value that was to be taken away is not there any more."),
    ldap.TYPE_OR_VALUE_EXISTS: (VersionConflictError, "A value that was to be added is there already."),
    ldap.INVALID_CREDENTIALS: (AuthenticationFailedError, "The server does not accept ldap.user and ldap.password."),
    ldap.INAPPROPRIATE_AUTH: (AuthenticationFailedError, "The server does not let this user sign in so."),
    ldap.AUTH_UNKNOWN: (AuthenticationFailedError, "The server does not know this way of signing in."),
    ldap.AUTH_METHOD_NOT_SUPPORTED: (AuthenticationFailedError, "The server does not offer this way of signing in."),
    ldap.STRONG_AUTH_REQUIRED: (PropertyError, "The server wants TLS: use ldaps:// in ldap.url, or ldap.start.tls."),
    ldap.CONFIDENTIALITY_REQUIRED: (PropertyError, "The server wants TLS: use ldaps:// or ldap.start.tls."),
    ldap.FILTER_ERROR: (PropertyError, "ldap.user.filter or ldap.group.filter is no LDAP filter (RFC 4515)."),
    ldap.INSUFFICIENT_ACCESS: (RefusedError, "The user of ldap.user may not do that."),
    ldap.BUSY: (BusyError, "The server is busy."),
    ldap.ADMINLIMIT_EXCEEDED: (ConnectorError, _LIMIT.format(what="one request")),
    ldap.SIZELIMIT_EXCEEDED: (ConnectorError, _LIMIT.format(what="entries")),
    ldap.TIMELIMIT_EXCEEDED: (TimedOutError, _LIMIT.format(what="time")),
    ldap.TIMEOUT: (TimedOutError, "The server did not answer in time (timeout.total)."),
    ldap.SERVER_DOWN: (UnreachableError, "The connection to the server broke."),
    ldap.CONNECT_ERROR: (UnreachableError, "The connection to the server broke."),
    ldap.UNAVAILABLE: (UnreachableError, "The server is going down or not ready."),
    ldap.DECODING_ERROR: (UnreachableError, "The server answered with something that is no LDAP."),
    ldap.LOCAL_ERROR: (UnreachableError, "The connection to the server broke."),
    ldap.UNAVAILABLE_CRITICAL_EXTENSION: (UnsupportedError, "The server lacks a control that this needs."),
}


def as_connector_error(error: Exception) -> ConnectorError:
    """The error to raise for one of the library; what the table does not name is a refusal of this request."""
    said = words(error)
    if isinstance(error, ldap.CONSTRAINT_VIOLATION) and "unique" in said.lower():
        return ConflictError("A value that must be unique is taken.", backend_message=said)
    for kind in type(error).__mro__:
        if kind in _TABLE:
            made, message = _TABLE[kind]
            return made(message, backend_message=said)
    return RefusedError("The directory refused the request.", backend_message=said)


def words(error: Exception) -> str:
    """The server's own words, on one line and bounded."""
    first: Any = error.args[0] if error.args else {}
    if not isinstance(first, dict):
        return type(error).__name__
    parts = [str(first[name]) for name in ("desc", "info") if first.get(name)]
    return " ".join(": ".join(parts).split())[:300] or type(error).__name__
