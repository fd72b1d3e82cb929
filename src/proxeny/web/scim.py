"""SCIM over HTTP (RFC 7644 §3): what each method does below a SCIM base, as tables, and the bases themselves.

Handlers only translate: HTTP to a ``Call``, the provider's ``Answer`` to a response.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from proxeny.provisioning.endpoints.exchange import Answer, Call
from proxeny.scim.discovery import refuse_filter
from proxeny.scim.errors import MethodNotAllowedError, NotImplementedByBackendError
from proxeny.web.ports import Provider
from proxeny.web.request import Operation, Request, Route
from proxeny.web.responses import Response, from_answer

Step = Callable[[Request, Provider, Call], Awaitable[Answer]]


async def _search(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.search(request.params["endpoint"], request.query(), call)


async def _search_document(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.search_document(request.params.get("endpoint"), await request.resource(), call)


async def _create(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.create(request.params["endpoint"], await request.resource(), request.query(), call)


async def _read(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.read(request.params["endpoint"], request.params["id"], request.query(), call)


async def _replace(request: Request, provider: Provider, call: Call) -> Answer:
    params = request.params
    return await provider.replace(params["endpoint"], params["id"], await request.resource(), request.query(), call)


async def _patch(request: Request, provider: Provider, call: Call) -> Answer:
    params = request.params
    return await provider.patch(params["endpoint"], params["id"], await request.resource(), request.query(), call)


async def _delete(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.delete(request.params["endpoint"], request.params["id"], call)


async def _bulk(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.bulk(await request.resource(), call)


async def _me(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.me(request.query(), call)


async def _change_me(request: Request, provider: Provider, call: Call) -> Answer:
    raise NotImplementedByBackendError("/Me can be read; change the resource at the location that it names.")


def _check_unfiltered(request: Request) -> None:
    refuse_filter(next((value for name, value in request.query() if name.lower() == "filter"), None))


async def _configuration(request: Request, provider: Provider, call: Call) -> Answer:
    _check_unfiltered(request)
    return await provider.service_provider_config(call)


async def _resource_types(request: Request, provider: Provider, call: Call) -> Answer:
    _check_unfiltered(request)
    return await provider.resource_types(call)


async def _resource_type(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.resource_type(request.params["id"], call)


async def _schemas(request: Request, provider: Provider, call: Call) -> Answer:
    _check_unfiltered(request)
    return await provider.schemas(call)


async def _schema(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.schema(request.params["id"], call)


async def _create_schema(request: Request, provider: Provider, call: Call) -> Answer:
    """Schemas are read (RFC 7644 §4); one that is to be made stands in the body."""
    if request.header(b"content-length") in (None, b"0") and request.header(b"transfer-encoding") is None:
        raise MethodNotAllowedError(
            "Schemas are read with GET; to make one, POST it in the body.", headers=(("Allow", "GET, HEAD, POST"),)
        )
    return await provider.create_schema(await request.resource(), call)


async def _delete_schema(request: Request, provider: Provider, call: Call) -> Answer:
    return await provider.delete_schema(request.params["id"], call)


@dataclass(frozen=True, slots=True)
class _Access:
    """A method's step and whether it writes."""

    step: Step
    writes: bool = False


_ENDPOINTS: Mapping[str, Mapping[str, _Access]] = {
    "/ServiceProviderConfig": {"GET": _Access(_configuration)},
    "/ResourceTypes": {"GET": _Access(_resource_types)},
    "/ResourceTypes/{id}": {"GET": _Access(_resource_type)},
    "/Schemas": {"GET": _Access(_schemas)},
    "/Schemas/{id}": {"GET": _Access(_schema)},
    "/Bulk": {"POST": _Access(_bulk, writes=True)},
    "/.search": {"POST": _Access(_search_document)},
    "/Me": {
        "GET": _Access(_me),
        **{method: _Access(_change_me, writes=True) for method in ("POST", "PUT", "PATCH", "DELETE")},
    },
    "/{endpoint}": {"GET": _Access(_search), "POST": _Access(_create, writes=True)},
    "/{endpoint}/.search": {"POST": _Access(_search_document)},
    "/{endpoint}/{id}": {
        "GET": _Access(_read),
        "PUT": _Access(_replace, writes=True),
        "PATCH": _Access(_patch, writes=True),
        "DELETE": _Access(_delete, writes=True),
    },
}

_DIRECTORY_ENDPOINTS: Mapping[str, Mapping[str, _Access]] = {
    **_ENDPOINTS,
    "/Schemas": {"GET": _Access(_schemas), "POST": _Access(_create_schema, writes=True)},
    "/Schemas/{id}": {"GET": _Access(_schema), "DELETE": _Access(_delete_schema, writes=True)},
}


@dataclass(frozen=True, slots=True)
class Base:
    """A SCIM base: where it is and which permission reading and writing need."""

    path: str
    reading: str
    writing: str
    endpoints: Mapping[str, Mapping[str, _Access]]


BASES = (
    Base("/proxy/{system}", "proxy", "proxy", _ENDPOINTS),
    Base("/ipsproxy/service/api/v1/scim/{system}", "proxy", "proxy", _ENDPOINTS),
    Base("/scim", "directory.read", "directory.write", _DIRECTORY_ENDPOINTS),
)


def scim_routes() -> Iterator[Route]:
    """Every route below every base, and one for each base that takes whatever else stands below it."""
    for base in BASES:
        size = base.path.count("/")
        for template, methods in base.endpoints.items():
            operations = {
                method: Operation(_handler(access.step), base.writing if access.writes else base.reading, access.writes)
                for method, access in methods.items()
            }
            yield Route(base.path + template, "scim", operations, size, base.reading)
        yield Route(base.path + "/{*}", "scim", {}, size, base.reading)


def _handler(step: Step) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        system = request.params.get("system")
        provider = request.gateway.directory if system is None else await request.gateway.provider(system)
        with provider.use:
            return from_answer(await step(request, provider, _call(request)))

    return handle


def _call(request: Request) -> Call:
    caller = request.caller
    headers = request.headers
    return Call(
        base=request.base,
        request_id=request.id,
        caller=caller.id if caller else "",
        if_match=request.text_header(b"if-match") if b"if-match" in headers else None,
        if_none_match=request.text_header(b"if-none-match") if b"if-none-match" in headers else None,
        dialect=caller.dialect if caller else None,
        body_bytes=request.settings.limits.body_bytes,
    )
