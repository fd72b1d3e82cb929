"""Options that several commands share."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

ExistingFile = click.Path(exists=True, dir_okay=False, path_type=Path)
Folder = click.Path(file_okay=False, path_type=Path)


def config_option(command: Function) -> Function:
    """``--config``, as ``config``: $PROXENY_CONFIG, then config/proxeny.toml."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        default=lambda: os.environ.get("PROXENY_CONFIG") or "config/proxeny.toml",
        show_default="$PROXENY_CONFIG, then config/proxeny.toml",
        help="The configuration.",
    )(command)


def pairs(context: click.Context, parameter: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    """Option values ``key=value`` as a mapping; the last of equal keys wins."""
    found = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter("must be written as key=value", ctx=context, param=parameter)
        found[key] = value
    return found
