"""What is wrong with configuration, systems and transformations, gathered and said at once; nothing is started."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxeny.app.conversions import server_settings
from proxeny.app.definitions import file_problems
from proxeny.cli.output import write_error
from proxeny.errors import Problem
from proxeny.provisioning.errors import DefinitionProblem
from proxeny.provisioning.proxies.assembling import directory_problems
from proxeny.settings import Settings, survey_settings
from proxeny.web.errors import ServerSettingsError
from proxeny.web.tls import build_context

Finding = Problem | DefinitionProblem


@dataclass(frozen=True, slots=True)
class Inspection:
    """The settings, if they could be read, and all mistakes and warnings."""

    settings: Settings | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(severity(finding) == "error" for finding in self.findings)

    def say(self) -> None:
        """Every finding, and how many of them are mistakes."""
        for finding in self.findings:
            write_error(str(finding))
        if self.errors:
            write_error(f"{self.errors} {'mistake' if self.errors == 1 else 'mistakes'}; nothing was started.")


def inspect(config: Path, overrides: Mapping[str, Any] | None = None) -> Inspection:
    """Everything that can be told without opening anything. ``overrides`` as for ``load_settings``."""
    survey = survey_settings(config, os.environ, overrides)
    findings: list[Finding] = [*survey.problems, *(file_problems(survey.systems) if survey.systems else ())]
    if survey.settings:
        findings += [*directory_problems(survey.settings.directory.properties), *_tls_problems(survey.settings)]
    return Inspection(survey.settings, tuple(findings))


def severity(finding: Finding) -> str:
    return finding.severity if isinstance(finding, DefinitionProblem) else "error"


def _tls_problems(settings: Settings) -> Iterator[Problem]:
    """What the server would say of its certificates when it starts."""
    tls = server_settings(settings).tls
    if tls is not None:
        try:
            build_context(tls)
        except ServerSettingsError as error:
            yield Problem(str(settings.file), "server.tls", str(error))
