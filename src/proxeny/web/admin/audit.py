"""The audit trail over HTTP: its records, the newest first, and whether it is as it was written."""

import asyncio
from collections.abc import Iterator

from proxeny.scim.errors import BadRequestError, ForbiddenError, TooManyRequestsError
from proxeny.store.audit import AuditRecord, Wanted, as_written
from proxeny.web.admin.answers import cursor, limit_of, may_see, number_before, page, query
from proxeny.web.admin.jobs import API, admin_route
from proxeny.web.admin.ports import Administration
from proxeny.web.request import Request, Route
from proxeny.web.responses import Response, document

_LOOKED_AT = 20_000
"""Records that one request looks at; where few of them are wanted, pages are shorter than their limit."""


def audit_routes(administration: Administration) -> Iterator[Route]:
    """All need ``admin.audit``; a caller that is restricted to some systems sees only records that name one of them."""
    audit = _Audit(administration)
    for template, operations in (
        (f"{API}/audit", {"GET": audit.list}),
        (f"{API}/audit/verify", {"GET": audit.verify}),
    ):
        yield admin_route(template, operations, "admin.audit")


class _Audit:
    def __init__(self, administration: Administration) -> None:
        self._audit = administration.audit
        self._verifying = asyncio.Lock()

    async def list(self, request: Request) -> Response:
        fields = query(request, "event", "client", "since", "cursor", "limit")
        limit, before = limit_of(fields), number_before(fields.get("cursor"))
        wanted = Wanted(fields.get("event", ""), fields.get("client"), _since(fields.get("since", "")))
        found, looked = list[AuditRecord](), 0
        async for record in self._audit.newest(before=before):
            before, looked = record.number, looked + 1
            if wanted(record) and _sees(request, record):
                found.append(record)
            if len(found) == limit or looked == _LOOKED_AT:
                return page([one.document() for one in found], cursor(str(before)))
        return page([one.document() for one in found], None)

    async def verify(self, request: Request) -> Response:
        """``head``: one that was noted earlier."""
        given = query(request, "head").get("head")
        if request.caller is not None and request.caller.systems is not None:
            raise ForbiddenError("The trail as a whole is not for technical users that are restricted to systems.")
        if self._verifying.locked():
            raise TooManyRequestsError("The trail is being verified already.", headers=(("Retry-After", "5"),))
        async with self._verifying:
            verdict = await self._audit.verify(*([_head(given)] if given else []))
        return document(verdict.document())


def _sees(request: Request, record: AuditRecord) -> bool:
    if request.caller is None or request.caller.systems is None:
        return True
    system = record.fields.get("system")
    return isinstance(system, str) and may_see(request, system)


def _since(text: str) -> str:
    try:
        return as_written(text) if text else ""
    except (ValueError, OverflowError):
        raise BadRequestError("since is a date or time (ISO 8601), like 2026-01-31 or 2026-01-31T12:00Z.") from None


def _head(text: str) -> tuple[int, str]:
    number, _, chain = text.partition(":")
    if not number.isdecimal() or len(number) > 18 or not chain:
        raise BadRequestError("head is written as an earlier answer had it: <number>:<chain>.")
    return int(number), chain
