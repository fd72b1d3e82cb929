"""Requests per second through a proxy system, as ratios to a Starlette route that returns the same bytes.

Needs ``wrk`` (Debian package of that name) as the load generator: 16 connections, one thread, contestants in turn.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from bench.serving import AUTHORIZATION, Server, gateway, static

ROUNDS = 3
SECONDS = 3
CONNECTIONS = 16

_SCRIPT = """
local n = 0
request = function()
  n = n + 1
  local path = string.gsub(PATH, "NUMBER", string.format("%06d", (n * 7919) % PEOPLE))
  return wrk.format("GET", path)
end
"""


def load(server: Server, path: str, people: int = 1) -> float:
    """Requests per second; ``NUMBER`` in the path runs over all people."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'PATH = "{path}"\nPEOPLE = {people}\n{_SCRIPT}')
        script.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"Authorization: {AUTHORIZATION}"]
        if "NUMBER" in path:
            command += ["-s", script.name]
        said = subprocess.run([*command, server.base + path], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(f"{path}: not all answers were 200\n{said}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return float(rate[1]) if rate else 0.0


def in_turn(*contestants: Callable[[], float]) -> list[float]:
    """The median of each contestant's rounds, the rounds alternating."""
    rounds = [[contestant() for contestant in contestants] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def filter_path(attribute: str = "userName") -> str:
    return "/proxy/hr/Users?filter=" + quote(f'{attribute} eq "userNUMBER"')


def main() -> None:
    if shutil.which("wrk") is None:
        print("bench/gateway.py needs wrk (apt-get install wrk).", file=sys.stderr)
        raise SystemExit(1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        small = stack.enter_context(gateway(folder / "small", 1_000))
        large = stack.enter_context(gateway(folder / "large", 100_000))
        idle = small.peak_memory()
        page = large.get(filter_path().replace("NUMBER", "000042"))
        user_id = re.search(rb'"id":"([^"]+)"', page)
        assert user_id is not None
        by_id = f"/proxy/hr/Users/{user_id[1].decode()}"
        one = stack.enter_context(static(folder, large.get(by_id)))
        got, fixed = in_turn(lambda: load(large, by_id), lambda: load(one, "/"))
        print(f"GET by id      {got:8.0f}/s  static route {fixed:8.0f}/s  ratio {got / fixed:.2f}")
        wide, narrow, fixed = in_turn(
            lambda: load(large, filter_path(), 100_000),
            lambda: load(small, filter_path(), 1_000),
            lambda: load(one, "/"),
        )
        print(f"filter eq      {wide:8.0f}/s  static route {fixed:8.0f}/s  ratio {wide / fixed:.2f}")
        print(f"filter eq, cost with 100,000 people over 1,000: {narrow / wide:.2f} x")
        first, last = "/proxy/hr/Users?count=100", "/proxy/hr/Users?count=100&startIndex=90001"
        front, back = in_turn(lambda: load(large, first), lambda: load(large, last))
        print(f"page of 100    {front:8.0f}/s  at 90,000 {back:8.0f}/s  cost {front / back:.2f} x")
        print(f"memory: idle gateway {idle:.0f} MB, after the load with 100,000 people {large.peak_memory():.0f} MB")


if __name__ == "__main__":
    main()
