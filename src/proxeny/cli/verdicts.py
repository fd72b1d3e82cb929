"""``proxeny why``: why somebody is in a target, or is not."""

import asyncio
import os
from pathlib import Path

import click

from proxeny.app.jobs import open_provisioning
from proxeny.cli.options import config_option
from proxeny.cli.output import json_option, write_error, write_json
from proxeny.logs import printable
from proxeny.provisioning.jobs.why import Verdict
from proxeny.settings import Settings, load_settings


@click.command()
@click.argument("entity", metavar="USER")
@click.option("--type", "entity_type", default="", help="user or group; default: whatever is found.")
@click.option("--source", default="", help="Only from this source.")
@click.option("--target", default="", help="Only about this target.")
@config_option
@json_option
@click.pass_context
def why(
    context: click.Context, entity: str, entity_type: str, source: str, target: str, config: Path, as_json: bool
) -> None:
    """Say why USER (a userName, the name of a group, or an id) is in each target, or is not."""
    verdicts, sources = asyncio.run(_ask(load_settings(config, os.environ), entity, entity_type, source, target))
    if as_json:
        write_json([verdict.document() for verdict in verdicts])
    for verdict in () if as_json else verdicts:
        click.echo(printable(f"{verdict.entity_type} {verdict.entity_id}: {verdict.sentence}"))
        for step in verdict.steps:
            click.echo(printable(f"  {step}"))
    if not verdicts and not as_json:
        write_error(_nothing(sources, source))
    context.exit(0 if verdicts else 1)


def _nothing(sources: list[str], source: str) -> str:
    if sources:
        return f"No source knows it. {len(sources)} asked: {', '.join(sources)}."
    if source:
        return f"There is no source {source!r} that could be asked. See: proxeny system list"
    return (
        "There are no sources: no system of accessMode READ that is enabled and can be used. See: proxeny system list"
    )


async def _ask(
    settings: Settings, entity: str, entity_type: str, source: str, target: str
) -> tuple[list[Verdict], list[str]]:
    """The verdicts, and the names of the sources that were asked."""
    async with open_provisioning(settings) as provisioning:
        why = provisioning.why
        return await why.ask(entity, entity_type=entity_type, source=source, target=target), why.sources(source)
