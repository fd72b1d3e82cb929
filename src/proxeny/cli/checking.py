"""``proxeny check``: everything wrong with configuration, systems and transformations, at once; nothing is started."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from proxeny.app.conversions import server_settings
from proxeny.app.definitions import file_problems
from proxeny.cli.options import config_option
from proxeny.cli.output import json_option, write_error, write_json
from proxeny.errors import Problem
from proxeny.provisioning.assembling import directory_problems
from proxeny.provisioning.errors import DefinitionProblem
from proxeny.settings import Settings, survey_settings
from proxeny.web.errors import ServerSettingsError
from proxeny.web.tls import build_context

Finding = Problem | DefinitionProblem


@click.command()
@config_option
@json_option
@click.pass_context
def check(context: click.Context, config: Path, as_json: bool) -> None:
    """Say everything that is wrong with configuration and transformations; exit 1 if something is."""
    survey = survey_settings(config, os.environ)
    findings: list[Finding] = [*survey.problems, *(file_problems(survey.systems) if survey.systems else ())]
    if survey.settings:
        findings += [*directory_problems(survey.settings.directory.properties), *_tls_problems(survey.settings)]
    errors = sum(_severity(finding) == "error" for finding in findings)
    if as_json:
        write_json([_document(finding) for finding in findings])
    else:
        _say(findings, errors, config)
    context.exit(1 if errors else 0)


def _tls_problems(settings: Settings) -> Iterator[Problem]:
    """What the server would say of its certificates when it starts."""
    tls = server_settings(settings).tls
    if tls is not None:
        try:
            build_context(tls)
        except ServerSettingsError as error:
            yield Problem(str(settings.file), "server.tls", str(error))


def _say(findings: Iterable[Finding], errors: int, config: Path) -> None:
    for finding in findings:
        write_error(str(finding))
    if errors:
        write_error(f"{errors} {'mistake' if errors == 1 else 'mistakes'}; nothing was started.")
    else:
        click.echo(f"{config} and its systems are in order.")


def _severity(finding: Finding) -> str:
    return finding.severity if isinstance(finding, DefinitionProblem) else "error"


def _document(finding: Finding) -> dict[str, Any]:
    remedy = finding.remedy if isinstance(finding, Problem) else ""
    return {
        "severity": _severity(finding),
        "file": finding.file,
        "line": finding.line,
        "column": finding.column if isinstance(finding, DefinitionProblem) else None,
        "place": finding.place,
        "message": f"{finding.message} {remedy}".strip(),
    }
