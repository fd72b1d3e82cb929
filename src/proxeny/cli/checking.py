"""``proxeny check``: everything wrong with configuration, systems and transformations, at once; nothing is started."""

from pathlib import Path
from typing import Any

import click

from proxeny.cli.findings import Finding, inspect, severity
from proxeny.cli.options import config_option
from proxeny.cli.output import json_option, write_json
from proxeny.errors import Problem
from proxeny.provisioning.errors import DefinitionProblem


@click.command()
@config_option
@json_option
@click.pass_context
def check(context: click.Context, config: Path, as_json: bool) -> None:
    """Say everything that is wrong with configuration and transformations; exit 1 if something is."""
    inspection = inspect(config)
    if as_json:
        write_json([_document(finding) for finding in inspection.findings])
    else:
        inspection.say()
        if not inspection.errors:
            click.echo(f"{config} and its systems are in order.")
    context.exit(1 if inspection.errors else 0)


def _document(finding: Finding) -> dict[str, Any]:
    remedy = finding.remedy if isinstance(finding, Problem) else ""
    return {
        "severity": severity(finding),
        "file": finding.file,
        "line": finding.line,
        "column": finding.column if isinstance(finding, DefinitionProblem) else None,
        "place": finding.place,
        "message": f"{finding.message} {remedy}".strip(),
    }
