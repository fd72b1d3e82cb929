"""Technical users over HTTP: who there is, what they may do, new secrets (each told once), certificates.

Whoever administers technical users becomes nobody else by that: it grants and touches no part of ``admin`` that it does
not hold itself, and if it is restricted to systems, it sees and makes only technical users of these.
"""

from collections.abc import Iterator
from typing import Any

from proxeny.documents import Document
from proxeny.scim.errors import BadRequestError, ForbiddenError, ResourceNotFoundError
from proxeny.web.admin.answers import caller_of, made_at, may_see, optional_resource, page, query
from proxeny.web.admin.jobs import API, admin_route
from proxeny.web.admin.ports import Administration
from proxeny.web.request import Request, Route
from proxeny.web.responses import Response, document

_OF_SYSTEMS = frozenset({"proxy", "realtime"})
_LONGEST_DAYS = 3650
_LONGEST_HOURS = 24 * 90


def client_routes(administration: Administration) -> Iterator[Route]:
    """All need ``admin.clients``."""
    clients = _Clients(administration)
    one = f"{API}/clients/{{client}}"
    for template, operations in (
        (f"{API}/clients", {"GET": clients.list, "POST": clients.add}),
        (one, {"GET": clients.show, "PATCH": clients.change, "DELETE": clients.remove}),
        (f"{one}/rotate", {"POST": clients.rotate}),
        (f"{one}/certificates", {"GET": clients.certificates, "POST": clients.add_certificate}),
        (f"{one}/certificates/{{certificate}}", {"DELETE": clients.remove_certificate}),
    ):
        yield admin_route(template, operations, "admin.clients")


class _Clients:
    def __init__(self, administration: Administration) -> None:
        self._clients = administration.clients

    async def list(self, request: Request) -> Response:
        query(request)
        return page([one for one in await self._clients.all() if _sees(request, one)], None)

    async def show(self, request: Request) -> Response:
        return document(await self._seen(request))

    async def add(self, request: Request) -> Response:
        """The answer has ``secret``, which nothing shows again."""
        body = await request.resource()
        client_id, secret, days = body.pop("id", None), body.pop("secret", True), _days(body)
        if not isinstance(client_id, str) or not isinstance(secret, bool):
            raise BadRequestError("id is the text that it signs in with; secret is true, or false if it needs none.")
        _check_grant(request, body)
        _check_reach(request, body.get("systems"))
        made, shown = await self._clients.add(client_id, body, caller_of(request), secret=secret, expires_days=days)
        headers = made_at(request, *API[1:].split("/"), "clients", client_id)
        return document({**made, "secret": shown}, 201, headers=headers)

    async def change(self, request: Request) -> Response:
        body = await request.resource()
        await self._own(request)
        _check_grant(request, body)
        if "systems" in body:
            _check_reach(request, body["systems"])
        return document(await self._clients.change(request.params["client"], body, caller_of(request)))

    async def rotate(self, request: Request) -> Response:
        body = await optional_resource(request)
        await self._own(request)
        days, hours = _days(body), body.pop("keep_old_hours", 24)
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 <= hours <= _LONGEST_HOURS:
            raise BadRequestError(f"keep_old_hours is a number from 0 to {_LONGEST_HOURS}.")
        if body:
            raise BadRequestError("There are keep_old_hours and expires_days, nothing else.")
        client = request.params["client"]
        made = await self._clients.rotate(client, caller_of(request), keep_old_hours=hours, expires_days=days)
        return document({"id": client, "secret": made})

    async def remove(self, request: Request) -> Response:
        await self._own(request)
        await self._clients.remove(request.params["client"], caller_of(request))
        return Response(204)

    async def certificates(self, request: Request) -> Response:
        await self._seen(request)
        return page(await self._clients.certificates(request.params["client"]), None)

    async def add_certificate(self, request: Request) -> Response:
        body = await request.resource()
        await self._own(request)
        return document(await self._clients.add_certificate(request.params["client"], body, caller_of(request)), 201)

    async def remove_certificate(self, request: Request) -> Response:
        await self._own(request)
        client, certificate = request.params["client"], request.params["certificate"]
        await self._clients.remove_certificate(client, certificate, caller_of(request))
        return Response(204)

    async def _seen(self, request: Request) -> Document:
        """The technical user that is meant; as unknown as any other if the caller may not see it."""
        client = request.params["client"]
        found = await self._clients.one(client)
        if not _sees(request, found):
            raise ResourceNotFoundError(f"There is no technical user '{client}'.")
        return found

    async def _own(self, request: Request) -> None:
        """That the caller may change it: it holds no part of ``admin`` that the caller lacks."""
        _check_grant(request, await self._seen(request))


def _sees(request: Request, client: Document) -> bool:
    caller = request.caller
    if caller is None or caller.systems is None:
        return True
    return bool(client["systems"]) and all(may_see(request, system) for system in client["systems"])


def _check_grant(request: Request, client: Document) -> None:
    """Raises ForbiddenError for permissions that the caller may not hand on. What is no list is refused later."""
    caller = request.caller
    permissions: Any = client.get("permissions")
    if caller is None or not isinstance(permissions, list):
        return
    for permission in map(str, permissions):
        own = caller.systems is not None and permission not in _OF_SYSTEMS
        if (own or permission == "admin" or permission.startswith("admin.")) and not caller.holds(permission):
            raise ForbiddenError(
                f"The technical user does not hold {permission[:40]!r} itself, so it can neither grant it nor change "
                "who holds it. An administrator who does can."
            )


def _check_reach(request: Request, systems: Any) -> None:
    """Raises ForbiddenError if a caller that is restricted to systems would make one that is not."""
    if request.caller is None or request.caller.systems is None:
        return
    named = systems if isinstance(systems, list) else []
    if not named or not all(may_see(request, str(system)) for system in named):
        raise ForbiddenError("The technical user is restricted to some systems: name systems, and only of these.")


def _days(body: dict[str, Any]) -> int | None:
    days = body.pop("expires_days", None)
    if days is not None and (isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= _LONGEST_DAYS):
        raise BadRequestError(f"expires_days is a whole number from 1 to {_LONGEST_DAYS}.")
    return days
