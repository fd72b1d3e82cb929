"""The program's root: finds commands when they are typed, and says errors in one way."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from proxeny import __version__
from proxeny.cli.output import write_error
from proxeny.errors import Error

_WHOLE = 1000
"""Characters of a sentence, more than any has: click would cut it off at the width of the terminal."""


class Commands(click.Group):
    """A group of commands that lists each with the whole first sentence of its help, however narrow the terminal is."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(_WHOLE)) for name, command in named if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Program(Commands):
    """A group whose commands are named by place, so that typing one does not load the others."""

    def __init__(self, *, commands_at: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(**attributes)
        self._commands_at = commands_at
        click.version_option(__version__, prog_name="proxeny")(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self._commands_at.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        two_words = " ".join(args[:2])
        if len(args) > 1 and two_words in self._commands_at:
            return two_words, self.get_command(ctx, two_words), args[2:]
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Error as error:
            write_error(str(error))
            ctx.exit(1)
        except BrokenPipeError:
            ctx.exit(1)
        except OSError as error:
            if error.filename is None:  # not about a file that somebody named: a mistake of ours, with its traceback
                raise
            write_error(f"{error.filename} cannot be used ({error.strerror}). Correct that, or name another.")
            ctx.exit(1)
