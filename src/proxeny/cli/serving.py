"""``proxeny serve``: open everything, answer until a signal comes."""

from pathlib import Path

import click

from proxeny import logs
from proxeny.app import serving
from proxeny.cli.findings import inspect
from proxeny.cli.options import config_option


@click.command()
@config_option
@click.option("--host", help="Address to listen on; wins over server.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; wins over server.port.")
@click.option("--workers", type=click.IntRange(1), help="Processes; wins over server.workers.")
@click.pass_context
def serve(context: click.Context, config: Path, host: str | None, port: int | None, workers: int | None) -> None:
    """Start the gateway. SIGTERM and Ctrl-C stop it, SIGHUP reloads the systems.

    Nothing is started while something is wrong with configuration, systems or transformations: then all of it is said.
    """
    given = {"server.host": host, "server.port": port, "server.workers": workers}
    overrides = {place: value for place, value in given.items() if value is not None}
    inspection = inspect(config, overrides)
    settings = inspection.settings
    if settings is None or inspection.errors:
        inspection.say()
        context.exit(1)
    logs.configure(settings.logs.level, settings.logs.form)
    context.exit(serving.serve(settings))
