"""``proxeny why``: why somebody is in a target, or is not."""

import asyncio
import os
from pathlib import Path

import click

from proxeny.app.jobs import open_provisioning
from proxeny.cli.options import config_option
from proxeny.cli.output import json_option, write_json
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
    verdicts = asyncio.run(_ask(load_settings(config, os.environ), entity, entity_type, source, target))
    if as_json:
        write_json([verdict.document() for verdict in verdicts])
    for verdict in () if as_json else verdicts:
        click.echo(printable(f"{verdict.entity_type} {verdict.entity_id}: {verdict.sentence}"))
        for step in verdict.steps:
            click.echo(printable(f"  {step}"))
    if not verdicts and not as_json:
        click.echo("No source knows it.", err=True)
    context.exit(0 if verdicts else 1)


async def _ask(settings: Settings, entity: str, entity_type: str, source: str, target: str) -> list[Verdict]:
    async with open_provisioning(settings) as provisioning:
        return await provisioning.why.ask(entity, entity_type=entity_type, source=source, target=target)
