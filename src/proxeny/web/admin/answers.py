"""What the admin API has in common: pages, errors in words of HTTP, streams of events."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import quote

import orjson
from starlette.types import Send

from proxeny.errors import Error
from proxeny.provisioning.errors import (
    DefinitionError,
    EventError,
    RecordsError,
    ScheduleError,
    SystemNotReadyError,
    UnknownSystemError,
)
from proxeny.scim.errors import (
    BadRequestError,
    ConflictingRequestError,
    ForbiddenError,
    ResourceNotFoundError,
    ScimError,
)
from proxeny.store.errors import AlreadyExistsError, UnknownError
from proxeny.web.bodies import check_media_type, parse_json
from proxeny.web.request import Handler, Request
from proxeny.web.responses import RawHeaders, Response, document

LARGEST_PAGE = 1000


class HasId(Protocol):
    @property
    def id(self) -> int: ...


Numbered = TypeVar("Numbered", bound=HasId)
_ERRORS: tuple[tuple[type[Error], type[ScimError]], ...] = (
    (UnknownSystemError, ResourceNotFoundError),
    (UnknownError, ResourceNotFoundError),
    (SystemNotReadyError, ConflictingRequestError),
    (AlreadyExistsError, ConflictingRequestError),
    (DefinitionError, BadRequestError),
    (ScheduleError, BadRequestError),
    (RecordsError, BadRequestError),
    (EventError, BadRequestError),
)


def answering(handler: Handler) -> Handler:
    """What was asked for wrongly is the caller's error, in the words of whoever found it."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Error as error:
            for kind, answer in _ERRORS:
                if isinstance(error, kind):
                    raise answer(str(error)) from error
            raise

    return handle


def query(request: Request, *known: str) -> dict[str, str]:
    """The query's fields; BadRequestError for one that nobody knows."""
    found = dict(request.query())
    unknown = sorted(found.keys() - set(known))
    if unknown:
        raise BadRequestError(f"{', '.join(unknown)}: no such parameter. There are: {', '.join(known)}.")
    return found


async def optional_resource(request: Request) -> dict[str, Any]:
    """The body as a JSON object; an empty one without a body."""
    body = await request.body()
    if not body.strip():
        return {}
    check_media_type(request.header(b"content-type"), request.header(b"content-encoding"))
    found = parse_json(body, request.settings.limits.json_depth)
    if not isinstance(found, dict):
        raise BadRequestError("The body must be a JSON object, or absent.")
    return found


def limit_of(fields: Mapping[str, str], default: int = 50) -> int:
    given = fields.get("limit", str(default))
    if not given.isdecimal() or len(given) > 9 or not 1 <= int(given) <= LARGEST_PAGE:
        raise BadRequestError(f"limit must be a number from 1 to {LARGEST_PAGE}.")
    return int(given)


def number_of(text: str, what: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise ResourceNotFoundError(f"There is no {what} {text[:40]!r}.")
    return int(text)


def made_at(request: Request, *segments: str) -> RawHeaders:
    """The Location of what was made; each segment encoded, as ids and names are the caller's own text."""
    return [(b"location", "/".join((request.origin.base, *(quote(each, safe="") for each in segments))).encode())]


def page(items: Sequence[Any], following: str | None) -> Response:
    """A page; ``next`` is the cursor of the following one, if there may be more."""
    return document({"items": items, "next": following})


def cursor(*parts: str) -> str:
    """An opaque cursor of these parts."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def parts_of(text: str | None, count: int) -> list[str] | None:
    """The parts of a cursor; None if there is none."""
    if text is None:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        parts = None
    if not isinstance(parts, list) or len(parts) != count or not all(isinstance(part, str) for part in parts):
        raise BadRequestError("The cursor is none that was given here. Begin again without it.")
    return parts


def number_before(text: str | None) -> int:
    """The number in a cursor of one part, behind which a page of the newest begins; more than any without a cursor."""
    parts = parts_of(text, 1)
    if parts is None:
        return 2**62
    if not parts[0].isdecimal() or len(parts[0]) > 18:
        raise BadRequestError("The cursor is none that was given here. Begin again without it.")
    return int(parts[0])


def systems_seen(request: Request) -> frozenset[str] | None:
    """Ids and names of the systems that the caller is restricted to; None: it may see all."""
    caller = request.caller
    if caller is None or caller.systems is None:
        return None
    return caller.systems.union(*map(request.gateway.names, caller.systems))


async def newest_seen(
    request: Request, source: str, latest: Callable[[str], Awaitable[Sequence[Numbered]]], limit: int
) -> Sequence[Numbered]:
    """The newest of a source, or, if it is empty, of all that the caller may see. ``latest`` tells those of one."""
    seen = systems_seen(request)
    if seen is None or source:
        return await latest(source) if seen is None or source in seen else ()
    found = [one for name in seen for one in await latest(name)]
    return sorted(found, key=lambda one: -one.id)[:limit]


def may_see(request: Request, system: str) -> bool:
    """Whether the caller is not restricted to other systems."""
    seen = systems_seen(request)
    return seen is None or bool(({system} | request.gateway.names(system)) & seen)


def require_system(request: Request, system: str) -> None:
    if not may_see(request, system):
        raise ForbiddenError("The technical user is not allowed to use this system.")


def caller_of(request: Request) -> str:
    return request.caller.id if request.caller is not None else ""


@dataclass(slots=True)
class EventStream(Response):
    """Server-sent events (WHATWG HTML, 9.2): each document as one event, until the source of them ends."""

    streams: ClassVar[bool] = True
    events: AsyncIterator[Any] | None = None
    headers: RawHeaders = field(default_factory=lambda: [(b"content-type", b"text/event-stream")])

    async def send(self, send: Send, more: RawHeaders, *, head: bool = False) -> None:
        headers = [*self.headers, *more]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        if self.events is not None and not head:
            await send(_part(b"retry: 1000\n\n"))
            async for event in self.events:
                await send(_part(b"data: " + orjson.dumps(event) + b"\n\n"))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _part(data: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": True}
