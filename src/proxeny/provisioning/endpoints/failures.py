"""A backend's failure as an answer to the SCIM client: one table from connector errors to SCIM errors."""

from collections.abc import Callable

from proxeny.connectors.errors import (
    AuthenticationFailedError,
    BusyError,
    ConflictError,
    ConnectorError,
    NoSuchSchemaError,
    NotFoundError,
    PropertyError,
    RefusedError,
    TimedOutError,
    UnreachableError,
    UnsupportedError,
    VersionConflictError,
)
from proxeny.scim.errors import (
    BAD_REQUESTS,
    BackendFailedError,
    BackendTimeoutError,
    BackendUnavailableError,
    ForbiddenToAllError,
    InternalError,
    InvalidValueError,
    NotImplementedByBackendError,
    PreconditionFailedError,
    ResourceNotFoundError,
    ScimError,
    UniquenessError,
)

_RETRY_AFTER = 5  # seconds, when the backend names no time


def _conflict(error: ConflictError) -> ScimError:
    if error.attribute is None:
        said = (
            f"The backend says that a value is taken: {error.backend_message}" if error.backend_message else str(error)
        )
        return UniquenessError(f"{said.rstrip('.')}. Use other values, or update the resource that has them.")
    value = f" {error.value!r}" if error.value is not None else ""
    return UniquenessError(
        f"The value{value} of {error.attribute} is already taken by another resource. "
        "Use another value, or update that resource."
    )


def _refused(error: RefusedError) -> ScimError:
    if error.status is not None and error.status >= 500:
        return BackendFailedError(_worded("The backend failed", error))
    if error.status == 403:
        return ForbiddenToAllError(_worded("The backend does not let the gateway's user do this", error))
    mistake = BAD_REQUESTS.get(error.scim_type or "", InvalidValueError)
    return mistake(_worded("The backend refused the request", error))


def _busy(error: BusyError) -> ScimError:
    seconds = max(1, round(error.retry_after if error.retry_after is not None else _RETRY_AFTER))
    return BackendUnavailableError(
        "The backend is busy; nothing was changed. Try again later.", headers=(("Retry-After", str(seconds)),)
    )


def _worded(lead: str, error: ConnectorError) -> str:
    return f"{lead}: {error.backend_message or error}"


_TABLE: dict[type[ConnectorError], Callable[..., ScimError]] = {
    NotFoundError: lambda error: ResourceNotFoundError(str(error) or "No such resource."),
    ConflictError: _conflict,
    VersionConflictError: lambda _: PreconditionFailedError(
        "The resource has changed since it was read. Read it again and repeat the change."
    ),
    RefusedError: _refused,
    UnsupportedError: lambda error: NotImplementedByBackendError(str(error)),
    BusyError: _busy,
    TimedOutError: lambda error: BackendTimeoutError(
        _worded("The backend did not answer in time; the change may or may not have been made", error)
    ),
    UnreachableError: lambda error: BackendUnavailableError(
        _worded("The backend cannot be reached", error), headers=(("Retry-After", str(_RETRY_AFTER)),)
    ),
    AuthenticationFailedError: lambda _: BackendFailedError(
        "The backend does not accept the gateway's credentials. An administrator must correct the system's properties."
    ),
    NoSuchSchemaError: lambda error: BackendUnavailableError(str(error)),
    PropertyError: lambda _: InternalError(
        "The system behind this address is not configured correctly; an administrator finds the reason in the log."
    ),
}


def without_filter(error: ConnectorError) -> ConnectorError:
    """The failure of a call in which no client's filter went out: what the backend says of a filter is then said of the
    system's own filter property, and is no mistake of the client.
    """
    if isinstance(error, RefusedError) and error.scim_type == "invalidFilter":
        return RefusedError(str(error), status=500, backend_message=error.backend_message)
    return error


def as_scim_error(error: ConnectorError) -> ScimError:
    """The answer for the nearest class of ``error``; its words come from the backend and hold no secret."""
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind](error)
    return BackendFailedError(_worded("The backend failed", error))
