"""What every request passes, outermost first; ``layered`` is the order.

Layers are functions from request to response, not wrapped ``send`` callables: nothing here streams, and a layer costs
one coroutine.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from proxeny.deadlines import Deadlines
from proxeny.errors import Error
from proxeny.logs import write_event
from proxeny.provisioning.errors import SystemNotReadyError, UnknownSystemError
from proxeny.scim.errors import (
    BackendTimeoutError,
    BackendUnavailableError,
    BadRequestError,
    ForbiddenError,
    ForbiddenToAllError,
    InternalError,
    MethodNotAllowedError,
    ResourceNotFoundError,
    ScimError,
)
from proxeny.web.auth.audit import AuditTrail
from proxeny.web.auth.caller import Caller
from proxeny.web.errors import (
    HeadersTooLargeError,
    InvalidClientError,
    InvalidScopeError,
    NotAuthenticatedError,
    OAuthError,
    OverloadedError,
)
from proxeny.web.metrics import Metrics
from proxeny.web.origin import of_another_site
from proxeny.web.request import Handler, Operation, Request
from proxeny.web.responses import Response, from_oauth_error, from_scim_error
from proxeny.web.settings import Limits

log = logging.getLogger("proxeny.web")
access = logging.getLogger("proxeny.web.access")

_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})

Authenticate = Callable[[Request], Awaitable[Caller]]
Admit = Callable[[Request, Caller], Awaitable[None]]


def layered(handler: Handler, metrics: Metrics, trail: AuditTrail, limits: Limits) -> Handler:
    """A request is logged whatever becomes of it; errors become answers; refusals are recorded; last the limits."""
    refusals, deadlines = Refusals(metrics, trail), Deadlines(limits.request_seconds)
    return logged(answered(limited(handler, limits), refusals, deadlines), metrics)


def logged(handler: Handler, metrics: Metrics) -> Handler:
    """One line for each request, and its metrics. The query is left out: filters name people."""

    async def handle(request: Request) -> Response:
        started = time.perf_counter()
        metrics.in_flight += 1
        status, reason, size = 499, "the caller went away", 0
        try:
            response = await handler(request)
            status, reason, size = response.status, response.reason, len(response.body)
            return response
        finally:
            metrics.in_flight -= 1
            seconds = time.perf_counter() - started
            metrics.count_request(request.method, request.route.template if request.route else "", status, seconds)
            write_event(access, "request", _line(request, status, reason, size, seconds))

    return handle


def _line(request: Request, status: int, reason: str, size: int, seconds: float) -> dict[str, object]:
    line: dict[str, object] = {
        "method": request.method,
        "path": _path(request),
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "bytes": size,
        "address": request.origin.address,
    }
    if request.caller is not None:
        line["caller"] = request.caller.id
    if reason:
        line["reason"] = reason
    return line


def _path(request: Request) -> str:
    """The path; of one that holds an address only its form, as there are addresses that let in whoever knows them."""
    if "address" in request.params and request.route is not None:
        return request.route.template
    path: str = request.scope["path"]
    return path


def answered(handler: Handler, refusals: "Refusals", deadlines: Deadlines) -> Handler:
    """Errors as answers, in the form of the request's family; what nobody foresaw is 500 and a line with the trace."""

    async def handle(request: Request) -> Response:
        task = deadlines.begin()
        try:
            return await handler(request)
        except asyncio.CancelledError:
            if not deadlines.passed(task):
                raise
            return from_scim_error(_late(deadlines.seconds), request.family)
        except OAuthError as error:
            refusals.record(request, error)
            return from_oauth_error(error)
        except ScimError as error:
            refusals.record(request, error)
            return from_scim_error(error, request.family)
        except TimeoutError:
            return from_scim_error(_late(deadlines.seconds), request.family)
        except Exception as error:
            return from_scim_error(_as_scim_error(error), request.family)
        finally:
            deadlines.end(task)

    return handle


def _late(seconds: float) -> ScimError:
    return BackendTimeoutError(
        f"The request took longer than {seconds:g} seconds and was given up; a change may or may not have been made. "
        "Read the resource before you try again."
    )


def _as_scim_error(error: Exception) -> ScimError:
    if isinstance(error, UnknownSystemError):
        return ResourceNotFoundError("There is no proxy system at this address. Check the name or id in the URL.")
    if isinstance(error, SystemNotReadyError):
        return BackendUnavailableError(str(error), headers=(("Retry-After", "30"),))
    if isinstance(error, Error) and error.next == "retry":
        log.warning("a request failed for now", exc_info=error)
        return BackendUnavailableError(
            "The gateway cannot do this at the moment; nothing was changed. Try again.", headers=(("Retry-After", "2"),)
        )
    log.error("a request failed", exc_info=error)
    return InternalError("The gateway failed to do this. Its log names the reason under the request's id.")


class Refusals:
    """Records every refused sign-in and every refused permission, with reasons that the caller is not told."""

    def __init__(self, metrics: Metrics, trail: AuditTrail) -> None:
        self._metrics = metrics
        self._trail = trail

    def record(self, request: Request, error: ScimError | OAuthError) -> None:
        if isinstance(error, NotAuthenticatedError | InvalidClientError):
            self._failed(request, error.client, error.reason)
            if error.locks:
                self._trail.note("authentication.locked", _event(request, error.client, "too many failures"))
        elif isinstance(error, InvalidScopeError):
            self._metrics.count_event("permission.refused", request.family)
            self._trail.note("permission.refused", _event(request, error.client, error.reason))
        elif isinstance(error, ForbiddenToAllError):
            return
        elif isinstance(error, ForbiddenError) and request.caller is not None:
            self._metrics.count_event("permission.refused", request.family)
            self._trail.note("permission.refused", _event(request, request.caller.id, error.detail))

    def _failed(self, request: Request, client: str, reason: str) -> None:
        self._metrics.count_event("authentication.failed", reason)
        self._trail.note("authentication.failed", _event(request, client, reason))


def _event(request: Request, client: str, reason: str) -> dict[str, object]:
    return {
        "client": client[:128],
        "address": request.origin.address,
        "method": request.method,
        "route": request.route.template if request.route else "",
        "reason": reason,
        "request_id": request.id,
    }


def limited(handler: Handler, limits: Limits) -> Handler:
    """Refuses too large a head, and what goes beyond so many requests at once; health is always told."""
    running = 0

    async def handle(request: Request) -> Response:
        nonlocal running
        if request.head_bytes > limits.header_bytes:
            raise HeadersTooLargeError("The head of the request is too large. Send a shorter URL or fewer headers.")
        if len(request.headers.get(b"host", ())) != 1 and request.scope["http_version"] == "1.1":
            raise BadRequestError("The request must name one Host (RFC 9112 §3.2); nothing was done.")
        if running >= limits.concurrency and not request.scope["path"].startswith("/health/"):
            raise OverloadedError
        running += 1
        try:
            return await handler(request)
        finally:
            running -= 1

    return handle


def dispatcher(authenticate: Authenticate, admit: Admit | None) -> Handler:
    """Authenticates and authorises, then calls the operation. Without ``admit`` nobody is limited."""

    async def handle(request: Request) -> Response:
        route = request.route
        if route is None:
            raise ResourceNotFoundError(
                "There is nothing at this address. SCIM is spoken at /proxy/{system}, and at /scim for the directory."
            )
        if request.method not in _HARMLESS and of_another_site(request.headers, request.origin.base):
            raise ForbiddenError("A page of another site sent this through a browser; nothing was changed.")
        operation = route.operations.get("GET" if request.method == "HEAD" else request.method)
        permission = operation.permission if operation else route.permission
        if permission is not None:
            request.caller = await authenticate(request)
            if admit is not None:
                await admit(request, request.caller)
            authorise(request, request.caller, permission, operation)
        if operation is None:
            raise _no_operation(request)
        return await operation.handler(request)

    return handle


def authorise(request: Request, caller: Caller, permission: str, operation: Operation | None) -> None:
    """Raises ForbiddenError. A system outside the caller's list is refused alike whether or not it exists."""
    if not caller.holds(permission):
        raise ForbiddenError(f"The technical user lacks the permission {permission!r}. An administrator can grant it.")
    if operation is not None and operation.writes and caller.read_only:
        raise ForbiddenError("The technical user may only read.")
    system = request.params.get("system")
    if system is not None and not _may_use(request, caller, system):
        raise ForbiddenError("The technical user is not allowed to use this system.")


def _may_use(request: Request, caller: Caller, system: str) -> bool:
    systems = caller.systems
    return systems is None or system in systems or bool(request.gateway.names(system) & systems)


def _no_operation(request: Request) -> ScimError:
    methods = set(request.route.operations) if request.route else set()
    if not methods:
        base = request.base
        return ResourceNotFoundError(
            "There is nothing at this address. Resources of a type are at one endpoint, such as "
            f"{base}/Users and {base}/Users/{{id}}; {base}/ResourceTypes lists the endpoints."
        )
    allowed = sorted(methods | ({"HEAD"} if "GET" in methods else set()))
    return MethodNotAllowedError(
        f"{request.method} is not possible here; {', '.join(allowed)} are.", headers=(("Allow", ", ".join(allowed)),)
    )
