"""What a backend can do to us, in words that the middle understands.

ConnectorError                 ``next`` says what to do
├── NotFoundError              no such entity                        → skip
├── ConflictError              a unique value is taken               → skip
├── VersionConflictError       the entity has changed since          → skip
├── RefusedError               the backend rejects this request      → skip
├── UnsupportedError           this backend cannot do that           → skip
├── BusyError                  too many requests; ``retry_after``    → retry
├── UnreachableError           no connection, or it broke            → retry
│   └── TimedOutError          no answer in time: it may be done     → retry
├── AuthenticationFailedError  the backend does not know us          → stop
└── PropertyError              a property of the system is wrong     → stop
    └── NoSuchSchemaError      it names what was there and is gone   → stop
"""

from typing import ClassVar

from proxeny.errors import Error, Next


class ConnectorError(Error):
    """A backend's failure. ``backend_message`` keeps the backend's own words: short, and without secrets."""

    next: ClassVar[Next] = "skip"

    def __init__(self, message: str, *, backend_message: str | None = None) -> None:
        super().__init__(message)
        self.backend_message = backend_message


class NotFoundError(ConnectorError):
    pass


class ConflictError(ConnectorError):
    """``attribute`` and ``value`` name what is taken (native path), ``other_id`` who has it; each if known."""

    def __init__(
        self,
        message: str,
        *,
        attribute: str | None = None,
        value: str | None = None,
        other_id: str | None = None,
        backend_message: str | None = None,
    ) -> None:
        super().__init__(message, backend_message=backend_message)
        self.attribute = attribute
        self.value = value
        self.other_id = other_id


class VersionConflictError(ConnectorError):
    pass


class RefusedError(ConnectorError):
    """``status`` is the backend's HTTP status, if it speaks HTTP. ``scim_type`` says what is wrong with the request in
    the words of RFC 7644 §3.12, if the backend knows them."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        scim_type: str | None = None,
        backend_message: str | None = None,
    ) -> None:
        super().__init__(message, backend_message=backend_message)
        self.status = status
        self.scim_type = scim_type


class UnsupportedError(ConnectorError):
    pass


class BusyError(ConnectorError):
    """``retry_after`` is in seconds, if the backend named a time."""

    next = "retry"

    def __init__(self, message: str, *, retry_after: float | None = None, backend_message: str | None = None) -> None:
        super().__init__(message, backend_message=backend_message)
        self.retry_after = retry_after


class UnreachableError(ConnectorError):
    """``answered``: somebody is there, and said that it does not work."""

    next = "retry"
    answered = False


class TimedOutError(UnreachableError):
    pass


class AuthenticationFailedError(ConnectorError):
    next = "stop"


class PropertyError(ConnectorError):
    next = "stop"


class NoSuchSchemaError(PropertyError):
    """A filter property is about a custom schema that is not there; the message may be told to clients."""
