"""Real-time provisioning: one entity of a source, told by its sender (decision 25). 202 means: it is durable."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from proxeny.provisioning.realtime import Realtime
from proxeny.scim.errors import BadRequestError
from proxeny.store.events import Operation as Kind
from proxeny.web.admin.answers import answering
from proxeny.web.request import Operation, Request, Route
from proxeny.web.responses import Response, document

BASE = "/ipsproxy/service/api/v1/systems/{system}/entities"
_LARGEST = 2**63 - 1


def realtime_routes(realtime: Realtime) -> Iterator[Route]:
    """POST and DELETE for users and groups; an id in the path or in the body of DELETE."""
    for entity_type in ("user", "group"):
        put = _operation(realtime, entity_type, "write")
        delete = _operation(realtime, entity_type, "delete")
        yield Route(f"{BASE}/{entity_type}", "plain", {"POST": put, "DELETE": delete}, permission="realtime")
        yield Route(f"{BASE}/{entity_type}/{{id}}", "plain", {"DELETE": delete}, permission="realtime")


def _operation(realtime: Realtime, entity_type: str, kind: Kind) -> Operation:
    async def handle(request: Request) -> Response:
        body = await request.resource() if kind == "write" or "id" not in request.params else {}
        entity_id = _id(request, body) if kind == "delete" else None
        event = await realtime.accept(
            request.params["system"],
            entity_type,
            kind,
            document=body if kind == "write" else None,
            entity_id=entity_id,
            stamp=stamp_of(request, body),
            sent_by=request.caller.id if request.caller else "",
        )
        location = f"{request.origin.base}/api/v1/events/{event}".encode()
        return document({"id": str(event), "status": "queued"}, 202, headers=[(b"location", location)])

    return Operation(answering(handle), "realtime", writes=True)


def _id(request: Request, body: dict[str, Any]) -> str:
    given = request.params.get("id", body.get("id"))
    if not isinstance(given, str) or not given:
        raise BadRequestError("Name the entity: DELETE …/{id}, or a body with its id as text.")
    return given


def stamp_of(request: Request, body: dict[str, Any]) -> int | None:
    """What orders the versions of one entity: the query's ``version``, else ``meta.lastModified`` of the body; a number
    or a time."""
    given = dict(request.query()).get("version")
    if given is None:
        meta = body.get("meta")
        found = meta.get("lastModified") if isinstance(meta, dict) else None
        return _moment(found) if isinstance(found, str) else None
    stamp = int(given) if given.isdecimal() and len(given) < 20 else _moment(given)
    if stamp is None or stamp > _LARGEST:
        raise BadRequestError("The version must be a whole number, or a time like 2026-03-01T12:00:00Z.")
    return stamp


def _moment(text: str) -> int | None:
    """Microseconds since 1970; a time without a zone is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = datetime.fromisoformat(f"{moment.isoformat()}+00:00")
    return int(moment.timestamp() * 1_000_000)
