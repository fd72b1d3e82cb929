"""What authentication costs: remembered basic credentials against the same gateway with the check switched off.

``python -m bench.authentication``, with ``wrk``. The gateway without the check exists in this benchmark alone.
"""

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop

from bench.load import Load, in_turn, need_wrk
from bench.runner import Goal, report
from bench.serving import prepare, running
from proxeny import logs
from proxeny.app.conversions import server_settings, web_settings
from proxeny.app.gateway import Gateway
from proxeny.settings import load_settings
from proxeny.web import server
from proxeny.web.auth.caller import Caller
from proxeny.web.request import Request
from proxeny.web.routes import create_app

PEOPLE = 1_000
CALLER = Caller(id="bench", permissions=frozenset({"proxy"}))


async def anyone(request: Request) -> Caller:
    """Everyone is the same technical user."""
    return CALLER


async def serve(config: Path, *, checked: bool) -> None:
    settings = load_settings(config, os.environ)
    logs.configure(settings.logs.level, settings.logs.form)
    async with Gateway.open(settings) as gateway, gateway.served() as served:
        app = served.app if checked else create_app(gateway, web_settings(settings), anyone)
        await server.serve(app, server_settings(settings))


def main() -> int:
    need_wrk()
    with ExitStack() as stack:
        contestants = {}
        for name in ("unchecked", "basic"):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            environment, port = prepare(folder, PEOPLE)
            command = [sys.executable, "-m", "bench.authentication", name, str(folder / "proxeny.toml")]
            gateway = running(command, environment, f"http://127.0.0.1:{port}", "/health/ready")
            contestants[name] = Load(stack.enter_context(gateway), "/proxy/hr/Users/IDENTITY", PEOPLE)
        figures = in_turn(contestants, rounds=9)
    print("\nGET by id")
    for name, each in figures.items():
        print(f"  {name:<34}{each.rate:9.0f}/s{each.processor * 1e6:9.0f} µs of processor")
    overhead = (figures["basic"].processor / figures["unchecked"].processor - 1) * 100
    return report([Goal("what remembered basic credentials add", overhead, 15, unit="%")])


if __name__ == "__main__":
    if len(sys.argv) == 3:
        uvloop.run(serve(Path(sys.argv[2]), checked=sys.argv[1] == "basic"))
    else:
        raise SystemExit(main())
