"""What is around runs: held deletions, schedules, real-time events, subscriptions, and why an entity is as it is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, replace
from datetime import UTC, datetime
from typing import Any

from proxeny.provisioning.deliveries.reasons import sentence
from proxeny.provisioning.jobs.expiring import EVERYTHING
from proxeny.provisioning.schedule import WEEKDAYS, new_schedule, warning_of
from proxeny.scim.errors import BadRequestError, ResourceNotFoundError
from proxeny.store.events import Event
from proxeny.store.held import BEGINNING, Held, HeldKey
from proxeny.store.notices import Subscription
from proxeny.store.schedules import Schedule
from proxeny.web.admin.answers import (
    LARGEST_PAGE,
    caller_of,
    cursor,
    limit_of,
    may_see,
    newest_seen,
    number_before,
    number_of,
    page,
    parts_of,
    query,
    require_system,
    systems_seen,
)
from proxeny.web.admin.jobs import API, admin_route
from proxeny.web.admin.ports import Administration
from proxeny.web.request import Request, Route
from proxeny.web.responses import Response, document

_CHANNELS = {
    "mail": re.compile(r"[^\s@<>,;:\x00-\x20\x7f-\x9f]+@[^\s@<>,;:/\x00-\x20\x7f-\x9f]+"),
    "webhook": re.compile(r"https?://[^\s/?#\x00-\x20\x7f-\x9f][^\s\x00-\x20\x7f-\x9f]*"),
}
"""What an address of each looks like: one mail box, or a URL that a POST can go to."""
_LONGEST_ADDRESS = 500


def provisioning_routes(administration: Administration) -> Iterator[Route]:
    """All need ``admin.jobs``."""
    rest = _Rest(administration)
    for template, operations in (
        (f"{API}/held", {"GET": rest.held}),
        (f"{API}/held/approve", {"POST": rest.approve}),
        (f"{API}/held/reject", {"POST": rest.reject}),
        (f"{API}/schedules", {"GET": rest.schedules}),
        (
            f"{API}/systems/{{system}}/schedules/{{kind}}",
            {"GET": rest.schedule, "PUT": rest.set_schedule, "DELETE": rest.remove_schedule},
        ),
        (f"{API}/systems/{{system}}/subscriptions", {"GET": rest.subscriptions, "POST": rest.subscribe}),
        (f"{API}/systems/{{system}}/subscriptions/{{channel}}/{{address}}", {"DELETE": rest.unsubscribe}),
        (f"{API}/events", {"GET": rest.events}),
        (f"{API}/events/{{event}}", {"GET": rest.event}),
        (f"{API}/why", {"GET": rest.why}),
    ):
        yield admin_route(template, operations, "admin.jobs")


class _Rest:
    def __init__(self, administration: Administration) -> None:
        self._admin = administration
        self._memory = administration.jobs.memory

    # -- held deletions -------------------------------------------------------------------------------------------

    async def held(self, request: Request) -> Response:
        fields = query(request, "source", "target", "status", "cursor", "limit")
        limit, parts = limit_of(fields), parts_of(fields.get("cursor"), 4)
        after = HeldKey(*parts) if parts else BEGINNING
        wanted = {name: fields.get(name, "") for name in ("source", "target", "status")}
        chunk = limit if systems_seen(request) is None else LARGEST_PAGE
        items, more = list[Held](), True
        while more and len(items) < limit:
            found = await self._memory.held.list(**wanted, limit=chunk, after=after)
            items += [one for one in found if _sees(request, one.source, one.target)]
            more = len(found) == chunk
            after = found[-1].key if found else after
        shown = [{**asdict(one), "why": sentence(one.reason)} for one in items[:limit]]
        return page(shown, cursor(*astuple(items[limit - 1].key)) if len(items) >= limit else None)

    async def approve(self, request: Request) -> Response:
        keys = await self._keys(request)
        return document({"approved": await self._memory.held.approve(keys, caller_of(request))})

    async def reject(self, request: Request) -> Response:
        keys = await self._keys(request)
        return document({"rejected": await self._memory.held.reject(keys, caller_of(request))})

    async def _keys(self, request: Request) -> list[HeldKey]:
        items = (await request.resource()).get("items")
        names = ("source", "target", "entity_type", "source_id")
        if not isinstance(items, list) or not all(
            isinstance(item, dict) and all(isinstance(item.get(name), str) for name in names) for item in items
        ):
            raise BadRequestError(f'Send {{"items": [{{{", ".join(names)}}}, …]}}, as the list of held ones has them.')
        keys = [HeldKey(*(item[name] for name in names)) for item in items]
        for system in {system for key in keys for system in (key.source, key.target)}:
            require_system(request, system)
        return keys

    # -- schedules ------------------------------------------------------------------------------------------------

    async def schedules(self, request: Request) -> Response:
        query(request)
        found = await self._admin.schedules.all()
        return page([_schedule(one) for one in found if may_see(request, one.source)], None)

    async def schedule(self, request: Request) -> Response:
        found = await self._admin.schedules.find(self._source(request), _kind(request))
        if found is None:
            raise ResourceNotFoundError("There is no such schedule.")
        return document(_schedule(found))

    async def set_schedule(self, request: Request) -> Response:
        body = await request.resource()
        unknown = body.keys() - {"enabled", "minutes", "weekdays", "at", "zone"}
        if unknown:
            raise BadRequestError(f"{', '.join(sorted(unknown))}: a schedule has no such key.")
        if isinstance(body.get("minutes"), bool):
            raise BadRequestError("minutes is a number.")
        try:
            made = new_schedule(
                self._source(request),
                _kind(request),  # type: ignore[arg-type]  # READ or RESYNC
                enabled=bool(body.get("enabled", True)),
                minutes=body.get("minutes"),
                weekdays=tuple(body.get("weekdays") or ()),
                at=body.get("at") or "",
                zone=body.get("zone") or "UTC",
            )
        except (TypeError, AttributeError):
            raise BadRequestError("minutes is a number, weekdays a list of names, at and zone are texts.") from None
        await self._admin.schedules.put(made)
        return document({**_schedule(made), "warning": warning_of(made)})

    async def remove_schedule(self, request: Request) -> Response:
        if not await self._admin.schedules.remove(self._source(request), _kind(request)):
            raise ResourceNotFoundError("There is no such schedule.")
        return Response(204)

    # -- subscriptions --------------------------------------------------------------------------------------------

    async def subscriptions(self, request: Request) -> Response:
        found = await self._admin.notices.subscriptions(await self._subject(request))
        return page([asdict(one) for one in found], None)

    async def subscribe(self, request: Request) -> Response:
        body = await request.resource()
        channel, address = body.get("channel"), body.get("address")
        form = _CHANNELS.get(channel) if isinstance(channel, str) else None
        if (
            not isinstance(address, str)
            or form is None
            or len(address) > _LONGEST_ADDRESS
            or not form.fullmatch(address)
        ):
            raise BadRequestError("channel is mail or webhook; address is a mail address, or the URL of the webhook.")
        made = Subscription(await self._subject(request), channel, address)  # type: ignore[arg-type]  # one of _CHANNELS
        await self._admin.notices.subscribe(made)
        return document(asdict(made), 201)

    async def unsubscribe(self, request: Request) -> Response:
        channel, address = request.params["channel"], request.params["address"]
        gone = Subscription(await self._subject(request), channel, address)  # type: ignore[arg-type]  # any other is not there
        if not await self._admin.notices.unsubscribe(gone):
            raise ResourceNotFoundError("There is no such subscription.")
        return Response(204)

    # -- real time ------------------------------------------------------------------------------------------------

    async def events(self, request: Request) -> Response:
        fields = query(request, "source", "status", "id", "cursor", "limit")
        limit, before = limit_of(fields), number_before(fields.get("cursor"))
        status, entity_id = fields.get("status", ""), fields.get("id", "")

        async def latest(source: str) -> Sequence[Event]:
            events = self._admin.realtime.events
            return await events.latest(source=source, status=status, entity_id=entity_id, before=before, limit=limit)

        found = await newest_seen(request, fields.get("source", ""), latest, limit)
        items = [_event(request, one) for one in found]
        return page(items, cursor(str(found[-1].id)) if len(found) == limit else None)

    async def event(self, request: Request) -> Response:
        found = await self._admin.realtime.events.find(number_of(request.params["event"], "event"))
        if found is None or not may_see(request, found.source):
            raise ResourceNotFoundError("There is no such event.")
        return document(_event(request, found))

    # -- why ------------------------------------------------------------------------------------------------------

    async def why(self, request: Request) -> Response:
        fields = query(request, "entity", "type", "source", "target")
        if not fields.get("entity"):
            raise BadRequestError("Name the entity: ?entity=<id, userName or name of a group>.")
        kind, source, target = (fields.get(name, "") for name in ("type", "source", "target"))
        found = await self._admin.why.ask(fields["entity"], entity_type=kind, source=source, target=target)
        return page([one.document() for one in found if _sees(request, one.source, one.target)], None)

    async def _subject(self, request: Request) -> str:
        """The id of the system that one is told about: a source's jobs, and what of it ends; ``*``: all that ends."""
        named = request.params["system"]
        return named if named == EVERYTHING else str((await self._admin.systems.one(named))["id"])

    def _source(self, request: Request) -> str:
        return self._admin.source_id(request.params["system"])


def _kind(request: Request) -> str:
    kind = request.params["kind"].upper()
    if kind not in ("READ", "RESYNC"):
        raise BadRequestError("Jobs that can be scheduled are READ and RESYNC.")
    return kind


def _schedule(one: Schedule) -> dict[str, Any]:
    following = datetime.fromtimestamp(one.next, UTC).isoformat() if one.next is not None else None
    return {
        "source": one.source,
        "type": one.kind,
        "enabled": one.enabled,
        "minutes": one.minutes,
        "weekdays": [WEEKDAYS[day] for day in one.weekdays],
        "at": one.at or None,
        "zone": one.zone,
        "next": following,
    }


def _event(request: Request, one: Event) -> dict[str, Any]:
    """An event, and what became of it in systems that the caller may see."""
    states = tuple(state for state in one.states if not state.system or may_see(request, state.system))
    return {**asdict(replace(one, states=states)), "id": str(one.id)}


def _sees(request: Request, *systems: str) -> bool:
    """Whether the caller may see all of them; an empty one is none."""
    return all(may_see(request, system) for system in systems if system)
