"""What an attacker learns, costs and can hide: secrets told by time, a storm of guesses, a trail that is altered.

``python -m bench.guarding [full] [timing] [storm] [trail]``. ``make siege`` is the full size and takes minutes: 20,000
tries of each kind, guesses for a minute, a million records. Else it is a tenth of that, with wider bounds.
"""

import asyncio
import json
import os
import random
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from argon2 import PasswordHasher

from bench.callers import PACE, Caller, ask, started
from bench.runner import Goal, report
from bench.serving import SECRET, id_of, prepare
from proxeny.app.gateway import Gateway
from proxeny.database import Database, Statement
from proxeny.settings import load_settings
from proxeny.store import secrets
from proxeny.store.anchor import Anchor
from proxeny.store.audit import Audit
from proxeny.store.clients import StoredClient
from proxeny.store.migrations import migrate
from proxeny.web.routes import Application

KNOWN, STRANGER = "known-client", "other-client"
GUESSES_A_SECOND = 500
GUESSERS = 40
ELSEWHERE = "127.0.0.3"
LONGEST_WAIT = 130.0


@dataclass(frozen=True)
class Size:
    tries: int
    apart: float
    storm: float
    records: int


FULL = Size(tries=20_000, apart=0.015, storm=60.0, records=1_000_000)
SMALL = Size(tries=2_000, apart=0.05, storm=6.0, records=100_000)


# -- what time tells ------------------------------------------------------------------------------------------------


async def timing(size: Size) -> list[Goal]:
    """How far the times of a wrong first character, a wrong last one and an unknown technical user can be told apart:
    the area under the curve, 0.5 for not at all. Hashes cost next to nothing here, so that they hide nothing."""
    secrets._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), 1)
        config = Path(folder) / "proxeny.toml"
        config.write_text(config.read_text() + "\n[limits.lock_out]\ntries = 1_000_000_000\n")
        async with Gateway.open(load_settings(config, os.environ)) as gateway, gateway.served() as served:
            made = StoredClient(id=KNOWN, permissions=frozenset({"proxy"}))
            _, secret = await gateway.store.clients.add(made)
            own, echoes = await _times(served.app, _wrong(secret or ""), size.tries)
    print(
        "\nmedian refusal: " + ", ".join(f"{kind} {statistics.median(one) * 1e6:.1f} µs" for kind, one in own.items())
    )
    goals = []
    for what, times in (("a refusal", own), ("a stranger's refusal right after", echoes)):
        kinds = sorted(times)
        for one, other in ((one, other) for one in kinds for other in kinds if one < other):
            found = area(times[one], times[other])
            print(f"AUC of {what}, {one} or {other}: {found:.4f}")
            apart = abs(found - 0.5)
            goals.append(Goal(f"{what}, {one} or {other}: distance of the AUC from 0.5", apart, size.apart, unit=""))
    return goals


def _wrong(secret: str) -> dict[str, bytes]:
    """Credentials of each kind, as the header has them."""
    last = "A" if secret[-1] != "A" else "B"
    first = "A" if secret[0] != "A" else "B"
    pairs = {
        "wrong first character": f"{KNOWN}:{first}{secret[1:]}",
        "wrong last character": f"{KNOWN}:{secret[:-1]}{last}",
        "unknown technical user": f"{STRANGER}:{secret}",
    }
    return {kind: b"Basic " + b64encode(pair.encode()) for kind, pair in pairs.items()}


async def _times(
    app: Application, credentials: dict[str, bytes], tries: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of each try, and of a try of a stranger right after it; the kinds come in an order of chance."""
    own: dict[str, list[float]] = {kind: [] for kind in credentials}
    echoes: dict[str, list[float]] = {kind: [] for kind in credentials}
    stranger = b"Basic " + b64encode(b"third-client:" + b"x" * 43)
    chance = random.Random(7)
    for number in range(tries + 50):
        for kind in chance.sample(list(credentials), len(credentials)):
            taken, echo = await _refused(app, credentials[kind]), await _refused(app, stranger)
            if number >= 50:
                own[kind].append(taken)
                echoes[kind].append(echo)
    return own, echoes


async def _refused(app: Application, authorization: bytes) -> float:
    """Seconds until the status of a refusal goes out."""
    told: list[tuple[int, float]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.append((message["status"], time.perf_counter()))

    path = "/proxy/hr/Users/1"
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"authorization", authorization)],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    began = time.perf_counter()
    await app(scope, receive, send)
    status, ended = told[0]
    if status != 401:
        raise SystemExit(f"a wrong sign-in got {status}")
    return ended - began


def area(some: list[float], others: list[float]) -> float:
    """How likely one of ``some`` is below one of ``others`` (Mann and Whitney); ties count half."""
    ranks: dict[float, float] = {}
    both = sorted([*some, *others])
    start = 0
    for end in range(1, len(both) + 1):
        if end == len(both) or both[end] != both[start]:
            ranks[both[start]] = (start + 1 + end) / 2
            start = end
    total = sum(ranks[value] for value in others)
    return (total - len(others) * (len(others) + 1) / 2) / (len(some) * len(others))


# -- a storm --------------------------------------------------------------------------------------------------------


def storm(size: Size) -> list[Goal]:
    """Guesses at one technical user while another works, and he himself from elsewhere."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with started(folder) as (_, port):
            secret = _made(folder)
            trust = str(folder / "certs/ca.crt")
            figures = uvloop.run(_endured(port, trust, secret, size))
    return [
        Goal("p95 of another caller in a storm of guesses", figures["ratio"], 1.5),
        Goal("requests of others that were refused in it", figures["refused"], 0, unit=""),
        Goal("guesses of one address that were looked at before it was locked out", figures["looked at"], 20, unit=""),
        Goal("sign-ins of its victim from elsewhere that were refused", figures["victim refused"], 0, unit=""),
        Goal("until it opened again by itself", figures["opened"], LONGEST_WAIT, unit="s"),
    ]


def _made(folder: Path) -> str:
    """The secret of the technical user that is guessed at."""
    command = [sys.executable, "-m", "proxeny", "client", "add", "victim", "--permission", "proxy", "--json"]
    environment = {**os.environ, "PROXENY_CONFIG": str(folder / "proxeny.toml")}
    said = subprocess.run(command, env=environment, check=True, capture_output=True)
    return str(json.loads(said.stdout)["secret"])


async def _endured(port: int, authority: str, secret: str, size: Size) -> dict[str, float]:
    tls = ssl.create_default_context(cafile=authority)
    working = Caller(port, tls, _basic("bench", SECRET))
    quiet, refused = await _waits(working, max(5.0, size.storm / 3))
    command = [sys.executable, "-m", "bench.guarding", "guess", str(port), authority, str(size.storm)]
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    victim = asyncio.create_task(_elsewhere(port, tls, _basic("victim", secret), size.storm - 2))
    await asyncio.sleep(1.0)
    stormy, more = await _waits(working, size.storm - 3)
    told = json.loads((await process.communicate())[0])
    opened = await _opens(Caller(port, tls, _basic("victim", secret)), began)
    ratio = p95(stormy) / p95(quiet)
    print(f"\nanother caller, p95: {p95(quiet) * 1e3:.2f} ms; in the storm: {p95(stormy) * 1e3:.2f} ms")
    print(f"{told['guesses']} guesses in {size.storm:.0f} s, by status: {told['statuses']}")
    print(f"the guesser's address opened again {opened:.0f} s after the storm began")
    return {
        "ratio": ratio,
        "refused": refused + more,
        "looked at": told["statuses"].get("401", 0),
        "victim refused": await victim,
        "opened": opened,
    }


def _basic(client: str, secret: str) -> str:
    return f"Authorization: Basic {b64encode(f'{client}:{secret}'.encode()).decode()}\r\n"


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


async def _waits(caller: Caller, seconds: float) -> tuple[list[float], int]:
    """Seconds that each of a caller's requests took, at an even pace, and how many were not answered well."""
    streams, found, bad = await caller.connect(), list[float](), 0
    end = time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        bad += await ask(streams, caller.request(len(found))) != 200
        found.append(time.perf_counter() - now)
        await asyncio.sleep(max(0.0, PACE - found[-1]))
    streams[1].close()
    return found, bad


async def _elsewhere(port: int, tls: Any, header: str, seconds: float) -> int:
    """The rightful one from an address of its own: how often it was refused."""
    options: dict[str, Any] = {"ssl": tls, "server_hostname": "localhost", "local_addr": (ELSEWHERE, 0)}
    streams = await asyncio.open_connection("127.0.0.1", port, **options)
    bad, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        path = f"/proxy/hr/Users/{id_of(1)}"
        bad += await ask(streams, f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{header}\r\n".encode()) != 200
        await asyncio.sleep(0.2)
    streams[1].close()
    return bad


async def _opens(victim: Caller, began: float) -> float:
    """When the address that was locked out gets in with the right secret, seconds after the beginning."""
    while True:
        streams = await victim.connect()
        status = await ask(streams, victim.request(1))
        streams[1].close()
        if status == 200 or time.perf_counter() - began > 2 * LONGEST_WAIT:
            return time.perf_counter() - began
        await asyncio.sleep(1.0)


async def guess(port: int, authority: str, seconds: float) -> None:
    """Wrong sign-ins of one technical user from one address, at an even pace."""
    tls = ssl.create_default_context(cafile=authority)
    statuses: dict[int, int] = {}
    began, number = time.perf_counter(), iter(range(int(GUESSES_A_SECOND * seconds)))

    async def one() -> None:
        streams = await Caller(port, tls).connect()
        for each in number:
            await asyncio.sleep(max(0.0, began + each / GUESSES_A_SECOND - time.perf_counter()))
            if time.perf_counter() - began > seconds:
                break
            status = await ask(streams, Caller(port, tls, _basic("victim", f"guess-{each}")).request(1))
            statuses[status] = statuses.get(status, 0) + 1
        streams[1].close()

    await asyncio.gather(*(one() for _ in range(GUESSERS)))
    print(json.dumps({"guesses": sum(statuses.values()), "statuses": statuses}))


# -- the trail ------------------------------------------------------------------------------------------------------

_LATE = "(SELECT MAX(number) FROM store_audit)"
_FIRST = "(SELECT record FROM store_audit WHERE number = 1)"
ALTERED: dict[str, tuple[tuple[str, ...], Callable[[int], int]]] = {
    "changed": (
        (f"UPDATE store_audit SET record = {_FIRST} WHERE number = {_LATE} - 9",),
        lambda records: records - 9,
    ),
    "removed": ((f"DELETE FROM store_audit WHERE number = {_LATE} - 9",), lambda records: records - 9),
    "swapped": (
        (
            f"UPDATE store_audit SET number = 0 - number WHERE number IN ({_LATE} - 9, {_LATE} - 8)",
            f"UPDATE store_audit SET number = {_LATE} - 9 WHERE number = 0 - ({_LATE} - 8)",
            f"UPDATE store_audit SET number = {_LATE} - 8 WHERE number = 0 - ({_LATE} - 9)",
        ),
        lambda records: records - 9,
    ),
    "cut off": ((f"DELETE FROM store_audit WHERE number > {_LATE} - 9",), lambda records: records - 8),
}


async def trail(size: Size) -> list[Goal]:
    """Records as refusals make them; each alteration is made on the whole trail, and then taken back."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trail.db"
        database = await Database.open(f"sqlite:///{file}")
        await migrate(database)
        audit = Audit(database, os.urandom(32), Anchor(Path(folder) / "anchor"))
        began = time.perf_counter()
        for _ in range(size.records // 500):
            about = {"client": "victim", "address": "192.0.2.7", "reason": "wrong or expired secret"}
            await asyncio.gather(*(audit.record("authentication.failed", about) for _ in range(500)))
        wrote = time.perf_counter() - began
        began = time.perf_counter()
        verdict = await audit.verify()
        took = time.perf_counter() - began
        print(f"\n{verdict.records} records written in {wrote:.1f} s, verified in {took:.1f} s")
        missed = 0
        for what, (statements, first) in ALTERED.items():
            found = await _verified_after(database, audit, statements)
            missed += found != first(size.records)
            print(f"  {what:<10} first bad record {found}, expected {first(size.records)}")
        await database.close()
    whole = 0.0 if verdict.first_bad is None and verdict.records == size.records else 1.0
    return [
        Goal("a trail that is as written, called broken", whole, 0, unit=""),
        Goal("to verify a million records", took * 1_000_000 / size.records, 60, unit="s"),
        Goal("of four alterations not found, or named wrongly", missed, 0, unit=""),
    ]


async def _verified_after(database: Database, audit: Audit, statements: tuple[str, ...]) -> int | None:
    """The first bad record once the statements have run; then everything is as before."""
    kept = await database.fetch(
        Statement("SELECT number, record, chain FROM store_audit ORDER BY number DESC LIMIT 20")
    )

    def alter() -> Generator[Any, Any, None]:
        for statement in statements:
            _ = yield Statement(statement), {}

    def restore() -> Generator[Any, Any, None]:
        _ = yield Statement("DELETE FROM store_audit WHERE number >= :first OR number < 1"), {"first": kept[-1][0]}
        rows = [{"number": row[0], "record": row[1], "chain": row[2]} for row in kept]
        insert = "INSERT INTO store_audit (number, record, chain) VALUES (:number, :record, :chain)"
        _ = yield Statement(insert), rows

    await database.transaction(alter)
    found = (await audit.verify()).first_bad
    await database.transaction(restore)
    if (await audit.verify()).first_bad is not None:
        raise SystemExit("the trail was not restored")
    return found


def main() -> int:
    wanted = {"timing", "storm", "trail"} & set(sys.argv[1:]) or {"timing", "storm", "trail"}
    size = FULL if "full" in sys.argv else SMALL
    goals: list[Goal] = []
    if "trail" in wanted:
        goals += uvloop.run(trail(size))
    if "timing" in wanted:
        goals += uvloop.run(timing(size))
    if "storm" in wanted:
        goals += storm(size)
    return report(goals)


if __name__ == "__main__":
    if sys.argv[1:2] == ["guess"]:
        uvloop.run(guess(int(sys.argv[2]), sys.argv[3], float(sys.argv[4])))
    else:
        raise SystemExit(main())
