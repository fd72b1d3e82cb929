"""A command of the program, run in this process."""

from click.testing import CliRunner, Result

from proxeny.cli import cli


def run(*arguments: str, stdin: str | bytes | None = None, **environ: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), input=stdin, env=environ, prog_name="proxeny")
