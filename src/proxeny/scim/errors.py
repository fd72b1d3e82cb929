"""Errors that are answers to a SCIM client (RFC 7644 §3.12).

UnknownDialectError                 a setting names a client dialect that does not exist
ScimError
├── BadRequestError (400)
│   ├── InvalidFilterError · TooManyError · InvalidSyntaxError · InvalidPathError
│   ├── NoTargetError · InvalidValueError · InvalidVersionError · SensitiveError · MutabilityError
│   └── InvalidCursorError · ExpiredCursorError · InvalidCountError        (RFC 9865 §2.2)
├── UnauthorizedError (401) · ForbiddenError (403; ForbiddenToAllError) · ResourceNotFoundError (404)
├── MethodNotAllowedError (405) · UniquenessError (409) · ConflictingRequestError (409) · PreconditionFailedError (412)
├── PayloadTooLargeError (413) · UnsupportedMediaTypeError (415) · TooManyRequestsError (429)
└── InternalError (500) · NotImplementedByBackendError (501) · BackendFailedError (502)
    BackendUnavailableError (503) · BackendTimeoutError (504)
"""

from typing import ClassVar

from proxeny.documents import Document
from proxeny.errors import Error, Next

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class UnknownDialectError(Error):
    """A setting names a client dialect or rewrite that does not exist; the sentence lists those that do."""


class ScimError(Error):
    """An answer other than 2xx. ``detail`` is a sentence for the client: what, why, and what to do."""

    next: ClassVar[Next] = "skip"
    status: ClassVar[int] = 500
    scim_type: ClassVar[str | None] = None

    def __init__(self, detail: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = headers

    def to_document(self) -> Document:
        """The error body; ``status`` is a JSON string, as the RFC has it."""
        document: Document = {"schemas": [ERROR_SCHEMA], "status": str(self.status), "detail": self.detail}
        if self.scim_type is not None:
            document["scimType"] = self.scim_type
        return document


class BadRequestError(ScimError):
    status = 400


class InvalidFilterError(BadRequestError):
    scim_type = "invalidFilter"


class TooManyError(BadRequestError):
    scim_type = "tooMany"


class InvalidSyntaxError(BadRequestError):
    scim_type = "invalidSyntax"


class InvalidPathError(BadRequestError):
    scim_type = "invalidPath"


class NoTargetError(BadRequestError):
    scim_type = "noTarget"


class InvalidValueError(BadRequestError):
    scim_type = "invalidValue"


class InvalidVersionError(BadRequestError):
    scim_type = "invalidVers"


class SensitiveError(BadRequestError):
    scim_type = "sensitive"


class MutabilityError(BadRequestError):
    scim_type = "mutability"


class InvalidCursorError(BadRequestError):
    scim_type = "invalidCursor"


class ExpiredCursorError(BadRequestError):
    scim_type = "expiredCursor"


class InvalidCountError(BadRequestError):
    scim_type = "invalidCount"


BAD_REQUESTS: dict[str, type[BadRequestError]] = {
    str(each.scim_type): each for each in BadRequestError.__subclasses__() if each.scim_type is not None
}
"""What can be wrong with a request, by the standard's word for it (``scimType``)."""


class UnauthorizedError(ScimError):
    status = 401


class ForbiddenError(ScimError):
    status = 403


class ForbiddenToAllError(ForbiddenError):
    """What nobody may do here, whoever asks: it says something of the service, and nothing of the caller."""


class ResourceNotFoundError(ScimError):
    status = 404


class MethodNotAllowedError(ScimError):
    status = 405


class UniquenessError(ScimError):
    status = 409
    scim_type = "uniqueness"


class ConflictingRequestError(ScimError):
    """Parts of one request exclude each other, such as a bulk operation that depends on one that failed."""

    status = 409


class PreconditionFailedError(ScimError):
    status = 412


class PayloadTooLargeError(ScimError):
    status = 413


class UnsupportedMediaTypeError(ScimError):
    status = 415


class TooManyRequestsError(ScimError):
    status = 429
    next = "retry"


class InternalError(ScimError):
    status = 500


class NotImplementedByBackendError(ScimError):
    status = 501


class BackendFailedError(ScimError):
    status = 502


class BackendUnavailableError(ScimError):
    status = 503
    next = "retry"


class BackendTimeoutError(ScimError):
    status = 504
    next = "retry"
