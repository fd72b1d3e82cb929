"""What the web refuses by itself, before or instead of a provider.

NotAuthenticatedError (401)    no credentials, or none that hold; ``reason`` is for the log, never for the caller
OverloadedError (503)          more requests at once than the gateway takes
HeadersTooLargeError (431) · RequestTimeoutError (408)
OAuthError                     an answer of the token endpoint (RFC 6749 §5.2): ``code`` and status
ServerSettingsError            certificate, key, CA or CRL of the server cannot be used
"""

from typing import ClassVar

from proxeny.errors import Error
from proxeny.scim.errors import ScimError, UnauthorizedError

_CHALLENGE = 'Basic realm="proxeny", charset="UTF-8"'


class NotAuthenticatedError(UnauthorizedError):
    """One answer for every kind of failure, so that it helps nobody to guess; the log has ``reason`` and ``client``."""

    def __init__(self, reason: str, *, client: str = "", bearer_error: str = "", locks: bool = False) -> None:
        bearer = 'Bearer realm="proxeny"' + (f', error="{bearer_error}"' if bearer_error else "")
        super().__init__(
            "Authentication is required: send valid credentials of a technical user (Basic, Bearer or certificate).",
            headers=(("WWW-Authenticate", _CHALLENGE), ("WWW-Authenticate", bearer)),
        )
        self.reason = reason
        self.client = client
        self.locks = locks


class OverloadedError(ScimError):
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The gateway is handling as many requests as it may; nothing was changed. Try again in a moment.",
            headers=(("Retry-After", "1"),),
        )


class RequestTimeoutError(ScimError):
    status = 408


class HeadersTooLargeError(ScimError):
    status = 431


class OAuthError(Error):
    """``description`` is for the caller; ``reason`` for the log and the audit trail."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid_request"

    def __init__(self, description: str, *, reason: str = "", client: str = "") -> None:
        super().__init__(description)
        self.description = description
        self.reason = reason or description
        self.client = client


class InvalidClientError(OAuthError):
    """Like a refused sign-in anywhere else: nothing in it tells an unknown client from a wrong secret."""

    status = 401
    code = "invalid_client"

    def __init__(self, reason: str, *, client: str = "", locks: bool = False) -> None:
        super().__init__("Client authentication failed.", reason=reason, client=client)
        self.locks = locks


class UnsupportedGrantTypeError(OAuthError):
    code = "unsupported_grant_type"


class InvalidScopeError(OAuthError):
    code = "invalid_scope"


class InvalidTargetError(OAuthError):
    code = "invalid_target"


class SlowDownError(OAuthError):
    status = 429
    code = "temporarily_unavailable"

    def __init__(self, seconds: int, *, client: str = "") -> None:
        super().__init__("Too many tries; try again later.", client=client)
        self.seconds = seconds


class InvalidTokenError(Error):
    """A bearer token that does not hold; the message is for the log."""


class ServerSettingsError(Error):
    """The server cannot start, or keeps what it had; says which file and why."""


class HandshakeRefusedError(Error):
    """A TLS handshake that failed; the message is the reason, in words of the log."""
