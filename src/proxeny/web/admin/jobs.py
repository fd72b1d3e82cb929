"""Runs of jobs over HTTP: start, watch, stop, resume; their outcomes and logs; as in SAP, and more of it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from proxeny.provisioning.deliveries.reasons import sentence
from proxeny.provisioning.job import Progress
from proxeny.provisioning.report import archive, contents_of, described, place_of
from proxeny.scim.errors import BadRequestError, ConflictingRequestError, ResourceNotFoundError
from proxeny.store.outcomes import BEGINNING, Outcome, Outcomes, Statistic
from proxeny.store.runs import Run
from proxeny.web.admin.answers import (
    EventStream,
    answering,
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
from proxeny.web.admin.ports import Administration
from proxeny.web.request import Handler, Operation, Request, Route
from proxeny.web.responses import Response, document

KINDS = ("READ", "RESYNC", "SIMULATE")
SAP = "/ips/service/publicapi/v1"
API = "/api/v1"
STREAM_SECONDS = 30.0
_NO_FILTERS = ("cursor", "limit", "content")
_FILTERS = {"system": "system", "type": "entity_type", "id": "entity_id", "action": "action", "outcome": "outcome"}


def job_routes(administration: Administration) -> Iterator[Route]:
    """All need ``admin.jobs``; a caller that is restricted to some systems sees only their runs."""
    jobs = _Jobs(administration)
    for template, operations in (
        (f"{SAP}/startJob/{{system}}/jobs/{{kind}}", {"POST": jobs.start}),
        (f"{SAP}/jobLogs/{{run}}", {"GET": jobs.logs}),
        (f"{API}/systems/{{system}}/jobs/{{kind}}", {"POST": jobs.start}),
        (f"{API}/runs", {"GET": jobs.list}),
        (f"{API}/runs/{{run}}", {"GET": jobs.show, "DELETE": jobs.remove}),
        (f"{API}/runs/{{run}}/stop", {"POST": jobs.stop}),
        (f"{API}/runs/{{run}}/resume", {"POST": jobs.resume}),
        (f"{API}/runs/{{run}}/outcomes", {"GET": jobs.outcomes}),
        (f"{API}/runs/{{run}}/logs", {"GET": jobs.logs}),
        (f"{API}/runs/{{run}}/progress", {"GET": jobs.progress}),
    ):
        yield admin_route(template, operations, "admin.jobs")


def admin_route(template: str, operations: Mapping[str, Handler], permission: str) -> Route:
    """A route whose methods all need one permission; all but GET write."""
    made = {
        method: Operation(answering(handler), permission, writes=method != "GET")
        for method, handler in operations.items()
    }
    return Route(template, "plain", made, permission=permission)


class _Jobs:
    def __init__(self, administration: Administration) -> None:
        self._jobs = administration.jobs
        self._memory = administration.jobs.memory
        self._flag = administration.flag
        self._name_of = administration.name_of
        self._source_id = administration.source_id

    async def start(self, request: Request) -> Response:
        kind = request.params["kind"].upper()
        if kind not in KINDS:
            raise BadRequestError(f"There is no job {kind!r}. There are: {', '.join(KINDS)}.")
        by = f"Identity Provisioning API - {caller_of(request)}"
        run = await self._jobs.start(request.params["system"], kind, "IMMEDIATE", by)  # type: ignore[arg-type]  # one of KINDS
        shown = await self._described(request, await self._memory.runs.get(run))
        location = f"{request.origin.base}{API}/runs/{run}".encode()
        return document({"jobId": str(run), **shown}, 202, headers=[(b"location", location)])

    async def list(self, request: Request) -> Response:
        fields = query(request, "source", "type", "status", "cursor", "limit")
        limit, before = limit_of(fields), number_before(fields.get("cursor"))
        kind, status, source = (fields.get(name, "") for name in ("type", "status", "source"))
        if source:
            require_system(request, source)
            source = self._source_id(source)

        async def latest(source: str) -> Sequence[Run]:
            runs = self._memory.runs
            return await runs.latest(source=source, kind=kind, status=status, before=before, limit=limit)

        found = await newest_seen(request, source, latest, limit)
        items = [self._shown(request, run, run.statistics) for run in found]
        return page(items, cursor(str(found[-1].id)) if len(found) == limit else None)

    async def show(self, request: Request) -> Response:
        return document(await self._described(request, await self._run(request)))

    async def remove(self, request: Request) -> Response:
        run = await self._run(request)
        if not run.over:
            raise ConflictingRequestError("The run is not over. Stop it first.")
        await self._memory.runs.remove(run.id)
        return Response(204)

    async def stop(self, request: Request) -> Response:
        run = await self._run(request)
        if not await self._jobs.stop(run.id):
            raise ConflictingRequestError("The run is over already.")
        return document(await self._described(request, await self._memory.runs.get(run.id)), 202)

    async def resume(self, request: Request) -> Response:
        run = await self._run(request)
        if not await self._jobs.resume(run.id):
            raise ConflictingRequestError("Only a run that was stopped or has failed can go on.")
        return document(await self._described(request, await self._memory.runs.get(run.id)), 202)

    async def outcomes(self, request: Request) -> Response:
        run = await self._run(request)
        fields = query(request, *_FILTERS, "reason", "content", "cursor", "limit")
        limit, parts = limit_of(fields), parts_of(fields.get("cursor"), 3)
        wanted = {_FILTERS.get(name, name): text for name, text in fields.items() if name not in _NO_FILTERS}
        place = (parts[0], parts[1], parts[2]) if parts else BEGINNING
        rows = await self._outcomes(request).page(run.id, place, limit, **wanted)
        following = cursor(rows[-1].system, rows[-1].entity_type, rows[-1].entity_id) if len(rows) == limit else None
        if fields.get("content") != "true":
            return page([shown_outcome(row) for row in rows], following)
        kept = await contents_of(run, rows, self._memory.contents)
        return page([{**shown_outcome(row), "content": kept.get(place_of(row))} for row in rows], following)

    async def logs(self, request: Request) -> Response:
        run = await self._run(request)
        fields = query(request, "action", "logType")
        made = await archive(
            _seen(request, run),
            fields.get("logType", "commonLog"),
            self._outcomes(request),
            lambda name: self._flag(run.source, name),
            self._name_of,
            contents=self._memory.contents,
        )
        disposition = f'attachment; filename="{made.name}"'.encode()
        headers = [(b"content-type", b"application/zip"), (b"content-disposition", disposition)]
        return Response(200, made.content, headers)

    async def progress(self, request: Request) -> Response:
        run = await self._run(request)
        return EventStream(200, events=_changes(request, self._jobs.watch(run.id)))

    async def _run(self, request: Request) -> Run:
        """The run that is meant; one of another system is as unknown as one that there is not."""
        number = number_of(request.params["run"], "run")
        run = await self._memory.runs.get(number)
        if not may_see(request, run.source):
            raise ResourceNotFoundError(f"There is no run {number}.")
        return run

    def _outcomes(self, request: Request) -> Outcomes:
        """Those of systems that the caller may see."""
        return self._memory.outcomes.of_systems(systems_seen(request))

    async def _described(self, request: Request, run: Run) -> dict[str, Any]:
        return self._shown(request, run, run.statistics or await self._memory.outcomes.statistics(run.id))

    def _shown(self, request: Request, run: Run, statistics: Iterable[Statistic]) -> dict[str, Any]:
        seen = [one for one in statistics if may_see(request, one.system)]
        return described(_seen(request, run), seen, self._name_of)


def _seen(request: Request, run: Run) -> Run:
    """A run without what it did in systems that the caller may not see."""
    notes = tuple(note for note in run.notes if not note.system or may_see(request, note.system))
    return replace(run, notes=notes, statistics=tuple(one for one in run.statistics if may_see(request, one.system)))


def shown_outcome(row: Outcome) -> dict[str, Any]:
    """An outcome for programs: with the sentence of its reason."""
    return {**asdict(row), "why": sentence(row.reason, row.message) if row.reason else None}


async def _changes(request: Request, progress: AsyncIterator[Progress]) -> AsyncIterator[dict[str, Any]]:
    """The progress for half a minute; a client of server-sent events comes again by itself."""
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            async for one in progress:
                targets = {name: lane for name, lane in one.targets.items() if may_see(request, name)}
                shown = {"run": str(one.run), "status": one.status, "targets": targets, "at": one.at}
                yield shown | ({"paused": True} if one.paused else {})
    except TimeoutError:
        return
