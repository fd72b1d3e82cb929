"""The README's tour: its commands and the output that it shows; typed into one shell, one after the other.

``python -m tests.journeys.tour FOLDER PORT`` writes what a gateway started in FOLDER really answers into the README.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_MARK = "--end-of-output--"
_VOLATILE = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z", "TIME"),
    (r"localhost:\d+", "localhost:8080"),
    (r"P\d{6,}", "P000000"),
    (r'W/\\?"[^"\\]*\\?"', "VERSION"),
)


@dataclass(frozen=True)
class Step:
    """A command as typed (it may go on over lines that begin with "> ") and the output under it."""

    command: str
    output: str


def steps(text: str) -> list[Step]:
    found = []
    for block in _BLOCK.findall(text):
        for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = entry.splitlines()
            more = 1
            while more < len(lines) and lines[more].startswith("> "):
                more += 1
            command = "\n".join([lines[0], *(line[2:] for line in lines[1:more])])
            found.append(Step(command, "\n".join(lines[more:])))
    return found


def typed(commands: list[str], folder: Path, port: int) -> list[str]:
    """What the commands print, standard error included, in a shell in ``folder``."""
    script = "\n".join(f"{command}\necho; echo {_MARK}" for command in commands)
    done = subprocess.run(
        ["bash"], input=script.replace(":8080", f":{port}"), cwd=folder, text=True, timeout=120, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return [output.strip("\n").replace(f":{port}", ":8080") for output in done.stdout.split(f"{_MARK}\n")[:-1]]


def steady(text: str) -> str:
    """The output without what differs from run to run."""
    for pattern, name in _VOLATILE:
        text = re.sub(pattern, name, text)
    return text.strip()


def rewritten(text: str, answer: Callable[[list[str]], list[str]]) -> str:
    """The README with the outputs that ``answer`` gives for its commands."""
    outputs = iter(answer([step.command for step in steps(text)]))

    def block(match: re.Match[str]) -> str:
        lines = []
        for step in steps(match[0]):
            lines += [f"$ {step.command}".replace("\n", "\n> ")]
            lines += [output] if (output := next(outputs)) else []
        return "```console\n" + "\n".join(lines) + "\n```"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    README.write_text(rewritten(README.read_text(), lambda commands: typed(commands, folder, port)))
