"""``proxeny job schedule``: when jobs run by themselves, a read or a resync."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from proxeny.app.jobs import Provisioning
from proxeny.cli.opened import with_provisioning
from proxeny.cli.options import config_option
from proxeny.cli.output import json_option, write_error, write_rows
from proxeny.provisioning.schedule import WEEKDAYS, new_schedule, next_point, warning_of
from proxeny.store.schedules import Kind, Schedule


@click.command()
@click.argument("source", required=False)
@click.option("--resync", is_flag=True, help="The schedule of resyncs, not that of reads.")
@click.option("--every", type=click.IntRange(1), metavar="MINUTES", help="Run every so many minutes.")
@click.option("--on", "days", multiple=True, type=click.Choice(WEEKDAYS), help="Run on this weekday, --at a time.")
@click.option("--at", default="", metavar="HH:MM", help="The time on these days.")
@click.option("--zone", default="UTC", show_default=True, help="The time zone of --at.")
@click.option("--enable/--disable", "enabled", default=None, help="Switch it on or off, and keep its times.")
@click.option("--remove", is_flag=True, help="Forget the schedule.")
@config_option
@json_option
def schedule(
    source: str | None,
    resync: bool,
    every: int | None,
    days: tuple[str, ...],
    at: str,
    zone: str,
    enabled: bool | None,
    remove: bool,
    config: Path,
    as_json: bool,
) -> None:
    """List the schedules, or set that of SOURCE: --every 60, or --on monday --on friday --at 06:00.

    A source may have two: one of reads, and with --resync one of resyncs.
    """
    kind: Kind = "RESYNC" if resync else "READ"
    timed = every is not None or bool(days) or bool(at)
    if source is None and (timed or remove or enabled is not None or resync):
        raise click.UsageError("Name the SOURCE whose schedule is to be set.")
    if remove and (timed or enabled is not None):
        raise click.UsageError("--remove goes with no times and no --enable.")

    async def work(opened: Provisioning) -> list[dict[str, Any]]:
        if source is None:
            return [_row(one, opened) for one in await opened.schedules.all()]
        which = opened.source_id(source)
        if remove:
            if not await opened.schedules.remove(which, kind):
                raise click.ClickException(f"{source} has no schedule of the kind {kind}.")
            return []
        if timed:
            made = new_schedule(
                which, kind, enabled=enabled is not False, minutes=every, weekdays=days, at=at, zone=zone
            )
            await opened.schedules.put(made)
        elif enabled is not None:
            await opened.schedules.put(_switched(await opened.schedules.find(which, kind), source, kind, enabled))
        found = [await opened.schedules.find(which, one) for one in ("READ", "RESYNC")]
        for one in found:
            if timed and one is not None and one.kind == kind and (words := warning_of(one)):
                write_error(words)
        return [_row(one, opened) for one in found if one is not None]

    write_rows(with_provisioning(config, work), as_json=as_json, nothing="No schedule: jobs run when they are started.")


def _switched(known: Schedule | None, source: str, kind: Kind, enabled: bool) -> Schedule:
    if known is None:
        raise click.ClickException(f"{source} has no schedule of the kind {kind}. Give its times.")
    now = datetime.now(UTC).timestamp()
    return replace(known, enabled=enabled, next=next_point(known, now) if enabled else None)


def _row(one: Schedule, opened: Provisioning) -> dict[str, Any]:
    days = ", ".join(WEEKDAYS[day] for day in one.weekdays)
    times = f"every {one.minutes} minutes" if one.minutes is not None else f"{days} at {one.at} {one.zone}"
    following = datetime.fromtimestamp(one.next, UTC).isoformat(timespec="seconds") if one.next is not None else None
    return {
        "source": opened.name_of(one.source),
        "type": one.kind,
        "times": times,
        "enabled": one.enabled,
        "next": following,
    }
