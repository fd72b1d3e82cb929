"""What there is to tell of a run: its statistics as SAP shows them, and its logs to download (operations.md 7)."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from proxeny.provisioning.deliveries.reasons import sentence
from proxeny.provisioning.deliveries.tracing import KINDS, WISHES, kind_of
from proxeny.provisioning.errors import RecordsError
from proxeny.store.contents import Contents
from proxeny.store.outcomes import BEGINNING, Outcome, Outcomes, Place, Statistic
from proxeny.store.runs import Run

PAGE = 2000
PAGE_WITH_CONTENTS = 50
STATUS = {
    "queued": "Queued",
    "running": "Running",
    "success": "Success",
    "error": "Finished with Error",
    "stopped": "Manually Terminated",
}
NameOf = Callable[[str], str]
_WRITTEN = {
    "create": "numberCreated",
    "update": "numberUpdated",
    "correlate": "numberUpdated",
    "delete": "numberDeleted",
}
_HIDDEN = "<hidden content>"


@dataclass(frozen=True, slots=True)
class LogKind:
    """One kind of log: the name of its file, the property without which it is empty, and which outcomes it has."""

    file: str
    wanted: str | None
    filters: tuple[Mapping[str, str], ...]


LOGS: Mapping[str, LogKind] = {
    "failedEntitiesLog": LogKind("ips_jobErrorLogs", None, ({"outcome": "failed"},)),
    "allErrorsLog": LogKind("ips_jobErrorLogs", None, ({"outcome": "failed"},)),
    "skippedEntitiesLog": LogKind(
        "ips_jobSkippedEntitiesLogs", "ips.trace.skipped.entity", ({"outcome": "skipped"}, {"outcome": "held"})
    ),
    "createdEntitiesLog": LogKind(
        "ips_jobCreatedEntitiesLogs", "ips.trace.created.entity", ({"outcome": "done", "action": "create"},)
    ),
    "updatedEntitiesLog": LogKind(
        "ips_jobUpdatedEntitiesLogs",
        "ips.trace.updated.entity",
        ({"outcome": "done", "action": "update"}, {"outcome": "done", "action": "correlate"}),
    ),
    "deletedEntitiesLog": LogKind(
        "ips_jobDeletedEntitiesLogs", "ips.trace.deleted.entity", ({"outcome": "done", "action": "delete"},)
    ),
}
COMMON = "commonLog"


@dataclass(frozen=True, slots=True)
class Archive:
    """A ZIP, and the name to keep it under."""

    name: str
    content: bytes


def table(run: Run, statistics: Iterable[Statistic], name_of: NameOf) -> list[dict[str, Any]]:
    """One row for each entity type and system, as SAP's statistics have them."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in statistics:
        source = one.system == run.source
        row = rows.get((one.entity_type, one.system))
        if row is None:
            row = rows[one.entity_type, one.system] = {
                "entity": one.entity_type,
                "system": name_of(one.system),
                "action": "Read" if source else "Write",
                **({"numberRead": 0} if source else dict.fromkeys(("numberCreated", "numberUpdated"), 0)),
                **({} if source else {"numberDeleted": 0, "numberUnchanged": 0, "numberHeld": 0}),
                "numberSkipped": 0,
                "numberFailed": 0,
            }
        if source:
            row["numberRead"] += one.count
        if (column := _column(one, source=source)) is not None:
            row[column] += one.count
    return sorted(rows.values(), key=lambda row: (row["entity"], row["action"], row["system"]))


def _status_text(run: Run) -> str:
    if any(note.code == "superseded" for note in run.notes):
        return "Superseded"
    return "Paused" if run.paused else STATUS[run.status]


def _column(one: Statistic, *, source: bool) -> str | None:
    if one.outcome == "failed":
        return "numberFailed"
    if one.outcome == "skipped":
        return "numberSkipped"
    if source:
        return None
    if one.outcome in ("held", "planned"):
        return "numberHeld"
    return _WRITTEN.get(one.action, "numberUnchanged")


def described(run: Run, statistics: Iterable[Statistic], name_of: NameOf) -> dict[str, Any]:
    """A run for programs and people."""
    statistics = list(statistics)
    failing = any(one.outcome == "failed" for one in statistics)
    shown = "Running with Error" if run.status == "running" and failing else _status_text(run)
    return {
        "id": str(run.id),
        "source": run.source,
        "sourceName": name_of(run.source),
        "type": run.kind,
        "mode": "Full Read" if run.mode == "full" else "Delta Read",
        "trigger": run.trigger,
        "triggeredBy": run.triggered_by or None,
        "status": run.status,
        "statusText": shown,
        "created": _moment(run.created),
        "started": _moment(run.started),
        "ended": _moment(run.ended),
        "notes": [{"code": note.code, "system": name_of(note.system), "text": note.text} for note in run.notes],
        "statistics": table(run, statistics, name_of),
    }


async def archive(
    run: Run,
    log: str,
    outcomes: Outcomes,
    wants: Callable[[str], bool],
    name_of: NameOf,
    now: datetime | None = None,
    *,
    contents: Contents | None = None,
) -> Archive:
    """One log of a run as a ZIP; without entries if the source does not want that log: ``wants`` tells its properties.
    ``contents``: what was kept of the entities. RecordsError for a log that there is not."""
    moment = (now or datetime.now(UTC)).strftime("%Y-%m-%d_%H-%M-%S")
    if log == COMMON:
        statistics = run.statistics or await outcomes.statistics(run.id)
        text = orjson.dumps(described(run, statistics, name_of), option=orjson.OPT_INDENT_2)
        return await _zipped(f"ips_jobLogs_{run.id}_{moment}", "json", _once(text))
    kind = LOGS.get(log)
    if kind is None:
        raise RecordsError(f"There is no log {log!r}. There are: {COMMON}, {', '.join(LOGS)}.")
    name = f"{kind.file}_{run.id}_{moment}"
    if kind.wanted is not None and not wants(kind.wanted):
        return await _zipped(name, "log", None)
    return await _zipped(name, "log", _records(run, kind, outcomes, name_of, contents))


async def _records(
    run: Run, kind: LogKind, outcomes: Outcomes, name_of: NameOf, contents: Contents | None
) -> AsyncIterator[bytes]:
    size = PAGE if contents is None or not run.plan.get("contents") else PAGE_WITH_CONTENTS
    for wanted in kind.filters:
        place = BEGINNING
        while rows := await outcomes.page(run.id, place, size, **wanted):
            kept = await contents_of(run, rows, contents)
            yield "".join(_record(row, name_of(row.system), kept.get(place_of(row), _HIDDEN)) for row in rows).encode()
            place = place_of(rows[-1])


async def contents_of(run: Run, rows: Sequence[Outcome], contents: Contents | None) -> Mapping[Place, str]:
    """What was kept of these entities of a run, if its outcome is of a kind that the run was to keep."""
    wanted = set(run.plan.get("contents", ()))
    if contents is None or not wanted:
        return {}
    kinds = {kind for kind, name in zip(KINDS, WISHES, strict=True) if name in wanted}
    return await contents.of(run.id, [row for row in rows if kind_of(row) in kinds])


def place_of(row: Outcome) -> Place:
    return (row.system, row.entity_type, row.entity_id)


def _record(row: Outcome, system: str, content: str) -> str:
    shown = row.entity_id if row.outcome != "done" else row.target_id or row.entity_id
    lines = [f"{row.entity_type}:{shown},", f"system={system},"]
    why = sentence(row.reason, row.message)
    if row.outcome == "failed":
        lines += [f"time={_moment(row.at)},", f"error={why}"]
    elif row.outcome != "done":
        lines.append(f"skip reason={why}")
    return "\n".join([*lines, f"content={content}"]) + "\n\n"


async def _zipped(name: str, suffix: str, parts: AsyncIterator[bytes] | None) -> Archive:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        if parts is not None:
            with packed.open(f"{name}.{suffix}", "w", force_zip64=True) as file:
                async for part in parts:
                    await asyncio.to_thread(file.write, part)
    return Archive(f"{name}.zip", target.getvalue())


async def _once(part: bytes) -> AsyncIterator[bytes]:
    yield part


def _moment(time: float | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
