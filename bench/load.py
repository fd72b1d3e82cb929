"""Load over 16 connections by ``wrk`` (Debian package of that name), contestants in turn."""

import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.serving import HEADERS, Server

ROUNDS = 5
SECONDS = 2
CONNECTIONS = 16

_SCRIPT = """
local n = START
request = function()
  n = n + 1
  local number = (n * 7919) % PEOPLE
  local path = string.gsub(PATH, "NUMBER", string.format("%06d", number))
  path = string.gsub(path, "IDENTITY", string.format("%08x-5f1c-4b7e-9a3d-%012x", number, number))
  return wrk.format(METHOD, path, nil, (string.gsub(BODY, "NUMBER", string.format("%09d", n))))
end
"""


@dataclass(frozen=True)
class Load:
    """``NUMBER`` and ``IDENTITY`` in the path run over ``people``; ``NUMBER`` in the body is always another."""

    server: Server
    path: str
    people: int = 1
    method: str = "GET"
    body: str = ""


@dataclass(frozen=True)
class Figures:
    """Medians of the rounds: requests per second, and processor time of the server per request in seconds."""

    rate: float
    processor: float


def need_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("This benchmark needs wrk (apt-get install wrk).")


def in_turn(contestants: Mapping[str, Load], rounds: int = ROUNDS) -> dict[str, Figures]:
    """Each contestant's medians, the rounds alternating; one round before them does not count."""
    found: dict[str, list[Figures]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            figures = run(contestant, number)
            if number:
                found[name].append(figures)
    return {
        name: Figures(statistics.median(each.rate for each in all_), statistics.median(each.processor for each in all_))
        for name, all_ in found.items()
    }


def run(load: Load, number: int = 0) -> Figures:
    """One round."""
    values = f"[==[{load.path}]==], {load.people}, '{load.method}', [==[{load.body}]==], {number * 1_000_000}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(f"PATH, PEOPLE, METHOD, BODY, START = {values}\n{_SCRIPT}")
        file.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", file.name]
        for name, value in HEADERS.items():
            command += ["-H", f"{name}: {value}"]
        before = load.server.processor_seconds()
        said = subprocess.run([*command, load.server.base], capture_output=True, text=True, check=True).stdout
        used = load.server.processor_seconds() - before
    if "Non-2xx" in said:
        raise SystemExit(f"{load.method} {load.path}: not all answers were good\n{said}")
    answered, rate = re.search(r"(\d+) requests in", said), re.search(r"Requests/sec:\s+([\d.]+)", said)
    if answered is None or rate is None or answered[1] == "0":
        raise SystemExit(f"{load.path}: no answers\n{said}")
    return Figures(float(rate[1]), used / int(answered[1]))


def alternating(contestants: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """The median of each contestant's own figure, the rounds alternating; the first does not count."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            figure = contestant()
            if number:
                found[name].append(figure)
    return {name: statistics.median(figures) for name, figures in found.items()}
