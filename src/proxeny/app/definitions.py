"""System files of the configured folder: read with the references of this machine, which nothing else may use."""

import os
from collections.abc import Mapping
from pathlib import Path

from proxeny.provisioning.catalog import check_definitions
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem
from proxeny.provisioning.system import blueprint
from proxeny.provisioning.systems.definition import Resolve, SystemDefinition, survey_definitions
from proxeny.settings import resolve_text


def file_definitions(folder: Path, environ: Mapping[str, str] = os.environ) -> tuple[SystemDefinition, ...]:
    """Every system of the folder, checked and compiled; DefinitionError with all that is wrong with all of them."""
    found, problems = survey_definitions(folder, _resolve(folder, environ))
    try:
        check_definitions(found)
    except DefinitionError as error:
        problems += error.problems
    if any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return found


def file_problems(folder: Path, environ: Mapping[str, str] = os.environ) -> tuple[DefinitionProblem, ...]:
    """All that is wrong with the folder's systems, and all warnings, without connecting to any."""
    found, problems = survey_definitions(folder, _resolve(folder, environ))
    findings = list(problems)
    for definition in found:
        try:
            findings.extend(blueprint(definition).warnings)
        except DefinitionError as error:
            findings.extend(error.problems)
    return tuple(findings)


def _resolve(folder: Path, environ: Mapping[str, str]) -> Resolve:
    return lambda text: resolve_text(text, environ, folder)
