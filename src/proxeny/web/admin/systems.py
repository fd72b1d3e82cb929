"""Systems and their transformations over HTTP."""

from collections.abc import Iterator, Sequence

import orjson

from proxeny.documents import Document
from proxeny.scim.errors import BadRequestError, ForbiddenError
from proxeny.web.admin.answers import caller_of, made_at, may_see, number_of, page, query, systems_seen
from proxeny.web.admin.jobs import API, admin_route
from proxeny.web.admin.ports import Administration
from proxeny.web.request import Request, Route
from proxeny.web.responses import Response, document


def system_routes(administration: Administration) -> Iterator[Route]:
    """All need ``admin.systems``."""
    systems = _Systems(administration)
    one, versions = f"{API}/systems/{{system}}", f"{API}/systems/{{system}}/transformations/{{direction}}"
    for template, operations in (
        (f"{API}/systems", {"GET": systems.list, "POST": systems.add}),
        (one, {"GET": systems.show, "PUT": systems.change, "DELETE": systems.remove}),
        (f"{one}/test", {"POST": systems.test}),
        (f"{one}/reset", {"POST": systems.reset}),
        (versions, {"GET": systems.transformation, "PUT": systems.save}),
        (f"{versions}/versions", {"GET": systems.versions}),
        (f"{versions}/versions/{{version}}", {"GET": systems.version}),
        (f"{versions}/versions/{{version}}/apply", {"POST": systems.apply}),
    ):
        yield admin_route(template, operations, "admin.systems")


class _Systems:
    def __init__(self, administration: Administration) -> None:
        self._systems = administration.systems

    async def list(self, request: Request) -> Response:
        query(request)
        return page([one for one in await self._systems.all() if may_see(request, str(one["id"]))], None)

    async def add(self, request: Request) -> Response:
        body = await request.resource()
        taken = [label for one in await self._systems.all() for label in (one["id"], one["name"])]
        _check_reach(request, {**body, "id": ""} if body.get("id") in taken else body)  # it gets another id
        made = await self._systems.add(body, caller_of(request))
        return document(made, 201, headers=made_at(request, *API[1:].split("/"), "systems", str(made["id"])))

    async def show(self, request: Request) -> Response:
        return document(await self._systems.one(request.params["system"]))

    async def change(self, request: Request) -> Response:
        body = await request.resource()
        system = request.params["system"]
        known = (await self._systems.one(system)).get("sources") or ()
        _check_reach(request, {**body, "id": system}, known)
        return document(await self._systems.change(system, body, caller_of(request)))

    async def remove(self, request: Request) -> Response:
        await self._systems.remove(request.params["system"], caller_of(request))
        return Response(204)

    async def test(self, request: Request) -> Response:
        targets = query(request, "targets").get("targets", "false") == "true"
        tested = await self._systems.test(request.params["system"], targets=targets)
        return page([one for one in tested if may_see(request, str(one["system"]))], None)

    async def reset(self, request: Request) -> Response:
        await self._systems.reset(request.params["system"], caller_of(request))
        return Response(204)

    async def transformation(self, request: Request) -> Response:
        return document(await self._systems.transformation(request.params["system"], _direction(request)))

    async def save(self, request: Request) -> Response:
        body = await request.resource()
        text, description = body.get("transformation"), body.get("description")
        if not isinstance(description, str) or not description.strip():
            raise BadRequestError("A new version needs a description: what was changed, and why.")
        if not isinstance(text, str | dict):
            raise BadRequestError("transformation is the new text, or the same as an object.")
        given = text if isinstance(text, str) else orjson.dumps(text, option=orjson.OPT_INDENT_2).decode()
        return document(
            await self._systems.save(
                request.params["system"], _direction(request), given, description, caller_of(request)
            )
        )

    async def versions(self, request: Request) -> Response:
        return page(await self._systems.versions(request.params["system"], _direction(request)), None)

    async def version(self, request: Request) -> Response:
        number = number_of(request.params["version"], "version")
        return document(await self._systems.version(request.params["system"], _direction(request), number))

    async def apply(self, request: Request) -> Response:
        number = number_of(request.params["version"], "version")
        system, direction = request.params["system"], _direction(request)
        found = await self._systems.version(system, direction, number)
        words = f"Version {number} again"
        return document(await self._systems.save(system, direction, str(found["text"]), words, caller_of(request)))


def _check_reach(request: Request, system: Document, known: Sequence[str] = ()) -> None:
    """Raises ForbiddenError if a caller that is restricted to systems would make another one, or would give one of its
    own a source that it may not see and that is not among the ``known``: a target gets all that its sources give."""
    seen = systems_seen(request)
    if seen is None:
        return
    if not {str(system.get("id")), str(system.get("name"))} & seen:
        raise ForbiddenError("The technical user is restricted to some systems, and this is none of them.")
    sources = system.get("sources") or []
    if not isinstance(sources, list) or not all(one in known or may_see(request, str(one)) for one in sources):
        raise ForbiddenError("The technical user is restricted to some systems; name only these as sources.")


def _direction(request: Request) -> str:
    direction = request.params["direction"]
    if direction not in ("read", "write"):
        raise BadRequestError("A transformation is read or write.")
    return direction
