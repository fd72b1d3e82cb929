"""``proxeny job``: runs of jobs, from a source to its targets.

A gateway that serves takes a run over by itself; if none does within a moment, the command works on it.
"""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proxeny.app.jobs import Provisioning
from proxeny.cli.opened import with_provisioning
from proxeny.cli.options import ExistingFile, config_option
from proxeny.cli.output import json_option, write_error, write_json, write_rows, write_table
from proxeny.cli.program import Commands
from proxeny.cli.schedules import schedule
from proxeny.cli.storing import whoever
from proxeny.logs import printable
from proxeny.provisioning.deliveries.reasons import sentence
from proxeny.provisioning.job import Progress
from proxeny.provisioning.jobs.validating import validate as validated
from proxeny.provisioning.report import contents_of, described, place_of
from proxeny.store.held import HeldKey
from proxeny.store.outcomes import BEGINNING
from proxeny.store.runs import Kind, Run

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

_MOMENT = 1.5


@click.group(cls=Commands)
def job() -> None:
    """Run jobs and look at them: from a source to all its targets."""


job.add_command(schedule)


@job.command()
@click.argument("source")
@click.option("--resync", is_flag=True, help="Write every entity again, not only what has changed.")
@click.option("--wait/--no-wait", default=True, help="Wait for the end, or only queue the run.")
@config_option
@json_option
@click.pass_context
def run(context: click.Context, source: str, resync: bool, wait: bool, config: Path, as_json: bool) -> None:
    """Run the job of SOURCE: what is new, changed or gone there comes to its targets."""
    _begin(context, source, "RESYNC" if resync else "READ", config, wait=wait, as_json=as_json)


@job.command()
@click.argument("source")
@config_option
@json_option
@click.pass_context
def simulate(context: click.Context, source: str, config: Path, as_json: bool) -> None:
    """Say what a resync of SOURCE would do, and write nothing."""
    _begin(context, source, "SIMULATE", config, wait=True, as_json=as_json)


@job.command()
@click.argument("source")
@click.option("--users", type=ExistingFile, help="CSV of at most ten users in the source's form.")
@click.option("--groups", type=ExistingFile, help="CSV of at most ten groups.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default="validation.zip", show_default=True)
@config_option
def validate(source: str, users: Path | None, groups: Path | None, output: Path, config: Path) -> None:
    """Show what would become of the records of CSV files in each target: a ZIP with a CSV for each."""
    files = {kind: path.read_bytes() for kind, path in (("user", users), ("group", groups)) if path is not None}
    if not files:
        raise click.UsageError("Give --users, --groups, or both.")

    async def work(opened: Provisioning) -> tuple[bytes, list[str]]:
        made = validated(opened.catalog, opened.catalog.system(source), files)
        return made.packed(), made.trace

    packed, trace = with_provisioning(config, work)
    output.write_bytes(packed)
    for line in trace:
        write_error(line)
    click.echo(f"{output} written.")


@job.command("list")
@click.option("--source", default="", help="Only runs of this source.")
@click.option("--status", type=click.Choice(["queued", "running", "success", "error", "stopped"]))
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@config_option
@json_option
def list_runs(source: str, status: str | None, limit: int, config: Path, as_json: bool) -> None:
    """List runs, newest first."""

    async def work(opened: Provisioning) -> list[dict[str, Any]]:
        named = opened.source_id(source) if source else ""
        found = await opened.jobs.memory.runs.latest(source=named, status=status or "", limit=limit)
        return [_short(described(one, one.statistics, opened.name_of)) for one in found]

    write_rows(
        with_provisioning(config, work), as_json=as_json, nothing="No runs yet. Start one: proxeny job run SOURCE"
    )


@job.command()
@click.argument("run_id", metavar="RUN", type=int)
@click.option("--outcomes", type=click.Choice(["done", "unchanged", "skipped", "failed", "held"]), help="List these.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--content", is_flag=True, help="With what was kept of them (properties ips.trace.*.content).")
@config_option
@json_option
def show(run_id: int, outcomes: str | None, limit: int, content: bool, config: Path, as_json: bool) -> None:
    """Show a run: what it did in each system, what influenced it, and single entities with --outcomes."""

    async def work(opened: Provisioning) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        one = await opened.jobs.memory.runs.get(run_id)
        found = [] if outcomes is None else await _outcomes(opened, one, outcomes, limit, content=content)
        return await _shown(opened, one), found

    shown, rows = with_provisioning(config, work)
    if as_json:
        write_json({**shown, "outcomes": rows} if outcomes else shown)
    elif outcomes and content and rows:
        for row in rows:
            click.echo(printable(f"{row['system']}: {row['type']} {row['id']}: {row['action']}: {row['why']}"))
            click.echo(printable(f"  {row['content'] or 'its content was not kept'}"))
    elif outcomes:
        write_rows(rows, as_json=False, nothing=f"Nothing is {outcomes}.")
    else:
        _say(shown)


@job.command()
@click.argument("run_id", metavar="RUN", type=int)
@config_option
def stop(run_id: int, config: Path) -> None:
    """Stop a run: calls under way end, no more begin."""
    if not with_provisioning(config, lambda opened: opened.jobs.stop(run_id)):
        raise click.ClickException("The run is over already, or there is none of that number.")
    click.echo("It stops.")


@job.command()
@click.argument("run_id", metavar="RUN", type=int)
@config_option
def resume(run_id: int, config: Path) -> None:
    """Let a stopped or failed run go on from where it was, when a gateway takes it."""
    if not with_provisioning(config, lambda opened: opened.jobs.resume(run_id)):
        raise click.ClickException("Only a run that was stopped or has failed can go on.")
    click.echo("It is queued again.")


@job.command()
@click.option("--approve", multiple=True, metavar="ID", help="Let the deletion of this entity of the source happen.")
@click.option("--reject", multiple=True, metavar="ID", help="Keep this entity.")
@click.option("--target", default="", help="Only of this target (its id).")
@config_option
@json_option
def held(approve: tuple[str, ...], reject: tuple[str, ...], target: str, config: Path, as_json: bool) -> None:
    """List deletions that the guard holds back, and decide on them. The next run carries out what is approved."""

    async def work(opened: Provisioning) -> list[dict[str, Any]]:
        memory, by = opened.jobs.memory, whoever()
        named = {*approve, *reject}
        keys: dict[str, list[HeldKey]] = {}
        async for one in memory.held.each(target=target):
            if one.source_id in named:
                keys.setdefault(one.source_id, []).append(one.key)
        await memory.held.approve([key for entity in approve for key in keys.get(entity, ())], by)
        await memory.held.reject([key for entity in reject for key in keys.get(entity, ())], by)
        return [
            {
                "source": one.source,
                "target": one.target,
                "type": one.entity_type,
                "id": one.source_id,
                "status": one.status,
                "why": sentence(one.reason),
            }
            async for one in memory.held.each(target=target)
        ]

    write_rows(with_provisioning(config, work), as_json=as_json, nothing="Nothing is held.")


# -- shared -----------------------------------------------------------------------------------------------------------


def _begin(context: click.Context, source: str, kind: Kind, config: Path, *, wait: bool, as_json: bool) -> None:
    async def work(opened: Provisioning) -> dict[str, Any]:
        number = await opened.jobs.start(source, kind, "IMMEDIATE", whoever())
        if wait:
            await _watched(opened, number, quiet=as_json)
        return await _shown(opened, await opened.jobs.memory.runs.get(number))

    shown = with_provisioning(config, work)
    if as_json:
        write_json(shown)
    elif wait:
        _say(shown)
    else:
        click.echo(f"Run {shown['id']} is queued; a gateway that serves takes it.")
    context.exit(1 if shown["status"] in ("error", "stopped") or shown["statusText"] == "Paused" else 0)


async def _watched(opened: Provisioning, number: int, *, quiet: bool) -> None:
    """Waits for the end of a run, working on it if nobody else does."""
    helper = asyncio.create_task(_helped(opened, number))
    length = await _expected(opened, number)
    bar: Any = nullcontext() if quiet else click.progressbar(length=length, label="Running", show_pos=True)
    try:
        with bar as drawn:
            async for progress in opened.jobs.watch(number, seconds=0.2):
                if drawn is not None:
                    _draw(drawn, progress)
    finally:
        helper.cancel()
        with suppress(asyncio.CancelledError):
            await helper


async def _helped(opened: Provisioning, number: int) -> None:
    await asyncio.sleep(_MOMENT)
    if (await opened.jobs.memory.runs.get(number)).status == "queued":
        await opened.jobs.work()


async def _expected(opened: Provisioning, number: int) -> int:
    """How many entities the last run of the source has read, times its targets."""
    memory = opened.jobs.memory
    now = await memory.runs.get(number)
    last = next((one for one in await memory.runs.latest(source=now.source, limit=5) if _has_read(one)), None)
    return max(1, sum(one.count for one in last.statistics if one.system != now.source)) if last is not None else 1


def _has_read(one: Run) -> bool:
    return any(row.count for row in one.statistics)


def _draw(bar: "ProgressBar[int]", progress: Progress) -> None:
    done = sum(sum(target.get("counts", {}).values()) for target in progress.targets.values())
    phases = {str(target.get("phase", "")) for target in progress.targets.values()}
    bar.label = ", ".join(sorted(phases)) or "Running"
    bar.length = max(bar.length or 1, done)
    bar.update(done - bar.pos)


async def _outcomes(opened: Provisioning, one: Run, outcome: str, limit: int, *, content: bool) -> list[dict[str, Any]]:
    memory = opened.jobs.memory
    found = await memory.outcomes.page(one.id, BEGINNING, limit, outcome=outcome)
    kept = await contents_of(one, found, memory.contents) if content else {}
    return [
        {
            "system": opened.name_of(row.system),
            "type": row.entity_type,
            "id": row.entity_id,
            "action": row.action,
            "reason": row.reason,
            "why": sentence(row.reason, row.message) if row.reason else "",
            **({"content": kept.get(place_of(row))} if content else {}),
        }
        for row in found
    ]


async def _shown(opened: Provisioning, one: Run) -> dict[str, Any]:
    statistics = one.statistics or await opened.jobs.memory.outcomes.statistics(one.id)
    return described(one, statistics, opened.name_of)


def _short(one: Mapping[str, Any]) -> dict[str, Any]:
    keys = {"id": "run", "sourceName": "source", "type": "type", "mode": "mode", "statusText": "status"}
    return {name: one[key] for key, name in keys.items()} | {"started": one["started"], "ended": one["ended"]}


def _say(shown: Mapping[str, Any]) -> None:
    click.echo(f"Run {shown['id']} of {shown['sourceName']}: {shown['type']}, {shown['mode']}, {shown['statusText']}")
    for note in shown["notes"]:
        click.echo(f"{note['system']}: {note['text']}")
    columns = ("Read", "Created", "Updated", "Deleted", "Unchanged", "Skipped", "Held", "Failed")
    rows = [
        [row["entity"], row["system"], *(row.get(f"number{column}", "") for column in columns)]
        for row in shown["statistics"]
    ]
    if rows:
        write_table(["ENTITY", "SYSTEM", *(column.upper() for column in columns)], rows)
