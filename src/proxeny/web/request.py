"""One request as handlers see it: parsed no further than somebody asks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.types import Receive, Scope

from proxeny.provisioning.endpoints.exchange import Params
from proxeny.scim.errors import BadRequestError, InvalidSyntaxError
from proxeny.web.auth.caller import Caller
from proxeny.web.bodies import check_media_type, parse_json, read_body
from proxeny.web.origin import Headers, Origin
from proxeny.web.ports import Gateway
from proxeny.web.responses import Family, Response
from proxeny.web.settings import WebSettings

_QUERY_FIELDS = 100
_SHORT = 512

Handler = Callable[["Request"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What a method does on a route. ``permission`` None: no authentication. ``writes``: refused to read-only callers.
    ``own_authentication``: the handler authenticates by itself (the token endpoint)."""

    handler: Handler
    permission: str | None
    writes: bool = False
    own_authentication: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A path template (``/proxy/{system}/{endpoint}``; a last ``{*}`` takes any rest) and what each method does on it.
    The first ``base`` segments are the SCIM base."""

    template: str
    family: Family
    operations: Mapping[str, Operation]
    base: int = 0
    permission: str | None = None


@lru_cache(maxsize=1024)
def _fields_again(query: str) -> Params:
    """The fields of a short query, which clients send again and again."""
    return fields(query)


def fields(query: str) -> Params:
    """The fields of a query, decoded; UnicodeDecodeError, or ValueError if they are too many. One alone, which nearly
    every query has, is spared the general way."""
    if "&" in query:
        return tuple(parse_qsl(query, True, errors="strict", max_num_fields=_QUERY_FIELDS))
    name, _, value = query.replace("+", " ").partition("=")
    return ((unquote(name, errors="strict"), unquote(value, errors="strict")),)


@dataclass(slots=True)
class Request:
    scope: Scope
    receive: Receive
    id: str
    headers: Headers
    origin: Origin
    gateway: Gateway
    settings: WebSettings
    route: Route | None = None
    segments: list[str] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    caller: Caller | None = None
    head_bytes: int = 0

    @property
    def method(self) -> str:
        method: str = self.scope["method"]
        return method

    @property
    def family(self) -> Family:
        return self.route.family if self.route else "plain"

    def header(self, name: bytes) -> bytes | None:
        """The value of a header in lower case; several are one list, as in RFC 9110 §5.3."""
        values = self.headers.get(name)
        if values is None:
            return None
        return values[0] if len(values) == 1 else b", ".join(values)

    def text_header(self, name: bytes) -> str | None:
        value = self.header(name)
        return None if value is None else value.decode("latin-1")

    def query(self) -> Params:
        """The query's fields in order, empty ones kept; raises BadRequestError."""
        text: bytes = self.scope["query_string"]
        if not text:
            return ()
        try:
            return (_fields_again if len(text) <= _SHORT else fields)(text.decode("ascii"))
        except UnicodeDecodeError:
            raise BadRequestError("The query is not percent-encoded UTF-8. Encode it and try again.") from None
        except ValueError:
            raise BadRequestError(f"The query has more than {_QUERY_FIELDS} fields.") from None

    async def body(self) -> bytes:
        return await read_body(self.receive, self.header(b"content-length"), self.settings.limits)

    async def document(self) -> Any:
        """The body as JSON, whatever its kind; raises the errors of ``bodies``."""
        check_media_type(self.header(b"content-type"), self.header(b"content-encoding"))
        return parse_json(await self.body(), self.settings.limits.json_depth)

    async def resource(self) -> dict[str, Any]:
        """The body as a JSON object."""
        document = await self.document()
        if not isinstance(document, dict):
            raise InvalidSyntaxError("The body must be a JSON object.")
        return document

    @property
    def base(self) -> str:
        """The SCIM base as the caller sees it, without a trailing slash."""
        size = self.route.base if self.route else 0
        return "/".join((self.origin.base, *self.segments[:size]))
