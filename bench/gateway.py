"""Requests through a proxy system with 100,000 people, as ratios: to a Starlette route that returns the same bytes, to
the sum of the parts, to raw sqlite3, to the same with fewer people. ``python -m bench.gateway``, with ``wrk``.

Ratios to the route are of requests per second. What is compared with the sum of its parts is processor time.
"""

import json
import sqlite3
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import orjson

from bench.load import Figures, Load, alternating, in_turn, need_wrk, run
from bench.runner import Goal, measure, report
from bench.serving import HEADERS, Server, gateway, groups, id_of, imported, person, static, transformation
from proxeny.transform import compile_transformation, load

SMALL, LARGE = 1_000, 100_000
FILTER = "/proxy/hr/Users?filter=" + quote('userName eq "userNUMBER"')
BY_ID = "/proxy/hr/Users/IDENTITY"
PAGE = "/proxy/hr/Users?count=100"
MEMBER = 100
"""PATCHes of one group in a round."""


def show(title: str, figures: dict[str, Figures], base: str) -> None:
    print(f"\n{title}")
    for name, each in figures.items():
        ratio = each.rate / figures[base].rate
        print(f"  {name:<34}{each.rate:9.0f}/s{each.processor * 1e6:9.0f} µs of processor{ratio:8.2f} × {base}")


def reads(small: Server, large: Server, one: Server) -> list[Goal]:
    """The goals are about 1,000 of 100,000 people in turn: work for a version of an entity may be kept, and is. With
    everyone in turn nearly nothing that was kept is asked for again before its memory is given to others, so that each
    read is a first one; such figures are shown beside, and hold no goal. They are measured afterwards, as they leave
    nothing kept for the others.
    """
    figures = in_turn(
        {
            "static route": Load(one, "/"),
            "by id": Load(large, BY_ID, SMALL),
            "filter eq": Load(large, FILTER, SMALL),
            "filter eq of 1,000": Load(small, FILTER, SMALL),
        }
    )
    show("GET of one person, 1,000 of 100,000 in turn", figures, "static route")
    everyone = in_turn(
        {
            "static route": Load(one, "/"),
            "by id": Load(large, BY_ID, LARGE),
            "filter eq": Load(large, FILTER, LARGE),
        }
    )
    show("for information: the same with everyone in turn, each read for the first time", everyone, "static route")
    rates = {name: each.rate / figures["static route"].rate for name, each in figures.items()}
    cost = figures["filter eq"].processor / figures["filter eq of 1,000"].processor
    return [
        Goal("GET by id to the route, 1,000 in turn", rates["by id"], 0.4, at_least=True),
        Goal("filter eq to the route, 1,000 in turn", rates["filter eq"], 0.3, at_least=True),
        Goal("filter eq of 100,000 to 1,000 people", cost, 1.3),
    ]


def pages(large: Server, folder: Path, database: Path) -> list[Goal]:
    deep, cursors = walk(large)
    with static(folder, large.get(PAGE)) as fixed:
        figures = in_turn(
            {
                "static page": Load(fixed, "/"),
                "first page": Load(large, PAGE),
                "pages in turn": Load(large, f"{PAGE}&startIndex=NUMBER", LARGE - 100),
                "page at 90,000": Load(large, f"{PAGE}&startIndex=90001"),
                "first by cursor": Load(large, f"{PAGE}&cursor="),
                "by cursor at 90,000": Load(large, f"{PAGE}&cursor={cursors}"),
            }
        )
    show("page of 100", figures, "first page")
    parts = page_parts(large, database) + figures["static page"].processor
    print(f"  its parts, static page included{parts * 1e6:29.0f} µs of processor")
    first = figures["first page"].processor
    return [
        Goal("page of 100, again, to the sum of its parts", first / parts, 1.5),
        Goal("pages of 100 in turn to the sum of their parts", figures["pages in turn"].processor / parts, 1.5),
        Goal("page at 90,000 to the first", figures["page at 90,000"].processor / first, 2.0),
        Goal(
            "page by cursor at 90,000 to the first",
            figures["by cursor at 90,000"].processor / figures["first by cursor"].processor,
            1.1,
        ),
        Goal("memory after listing everyone, twice", deep, 150, unit="MB"),
    ]


def walk(large: Server) -> tuple[float, str]:
    """Lists everyone by index and by cursor; the peak memory in MB, and the cursor at 90,000."""
    found, cursor, at_90_000 = 0, "", ""
    for start in range(1, LARGE + 1, 100):
        found += len(orjson.loads(large.get(f"{PAGE}&startIndex={start}"))["Resources"])
    seen = 0
    while True:
        page = orjson.loads(large.get(f"{PAGE}&cursor={cursor}"))
        seen += len(page["Resources"])
        if seen == 90_000:
            at_90_000 = page["nextCursor"]
        if (cursor := page.get("nextCursor", "")) == "":
            break
    if (found, seen) != (LARGE, LARGE):
        raise SystemExit(f"the lists have {found} and {seen} people")
    return large.peak_memory(), at_90_000


def page_parts(large: Server, database: Path) -> float:
    """Processor seconds for reading 100 stored documents, running the program on each, and writing the page."""
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT document FROM directory_entities WHERE type = 'user' ORDER BY seq LIMIT 100")
        stored = [row[0] for row in rows]
    compiled = compile_transformation(
        load(transformation("read")), properties={}, direction="read", role="proxy", needs_source_id=True
    )
    program = compiled.entities["user"]
    documents = [orjson.loads(each) for each in stored]
    page = orjson.loads(large.get(PAGE))
    variables = {"entityBaseLocation": "https://id.example/proxy/hr/Users/"}
    times = measure(
        {
            "orjson.loads": lambda: [orjson.loads(each) for each in stored],
            "100 runs of the program": lambda: [program.run("read", each, variables) for each in documents],
            "orjson.dumps": lambda: orjson.dumps(page),
        }
    )
    times.print("parts of a page", "orjson.loads")
    return sum(times.seconds.values())


def writes(large: Server, folder: Path) -> list[Goal]:
    """POSTs over 16 connections against one thread that inserts and commits the same documents."""
    template = json.dumps({**person(0), "userName": "newNUMBER", "externalId": "NNUMBER"})
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE documents (id TEXT PRIMARY KEY, document BLOB NOT NULL)")
    rounds = iter(range(1000, 2000))
    numbers = iter(range(10**9))

    def raw() -> float:
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < 1:
            number = next(numbers)
            body = template.replace("NUMBER", f"{number:09}").encode()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO documents VALUES (?, ?)", (id_of(number), body))
            connection.execute("COMMIT")
            count += 1
        return count / (time.perf_counter() - began)

    def post() -> float:
        return run(Load(large, "/proxy/hr/Users", method="POST", body=template), next(rounds)).rate

    rates = alternating({"raw sqlite3": raw, "POST": post})
    connection.close()
    print("\nwrites, each committed with synchronous=FULL")
    for name, rate in rates.items():
        print(f"  {name:<34}{rate:9.0f}/s")
    return [Goal("POST to raw sqlite3", rates["POST"] / rates["raw sqlite3"], 0.25, at_least=True)]


def members(large: Server, folder: Path) -> list[Goal]:
    """One member more and one less, of a group of 1,000 and of one of 100,000."""

    imported(folder, groups(LARGE))
    spare = orjson.loads(sent(large, "POST", "/proxy/hr/Users", {**person(LARGE), "userName": "spare"}))["id"]
    adds = {"op": "add", "path": "members", "value": [{"value": spare}]}
    removes = {"op": "remove", "path": f'members[value eq "{spare}"]'}

    def patched(group: str) -> float:
        before = large.processor_seconds()
        for turn in range(MEMBER):
            body = {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [removes if turn % 2 else adds],
            }
            sent(large, "PATCH", f"/proxy/hr/Groups/{group}", body)
        return (large.processor_seconds() - before) / MEMBER

    times = alternating({"1,000 members": lambda: patched("small"), "100,000 members": lambda: patched("large")}, 9)
    print("\nadding or removing one member, processor time")
    for name, seconds in times.items():
        print(f"  {name:<34}{seconds * 1e3:9.2f} ms")
    return [Goal("one member of 100,000 to 1,000", times["100,000 members"] / times["1,000 members"], 1.5)]


def sent(server: Server, method: str, path: str, body: dict[str, object]) -> bytes:
    with server.connection() as connection:
        connection.request(method, path, json.dumps(body), HEADERS)
        answer = connection.getresponse()
        said = answer.read()
    if answer.status not in (200, 201, 204):
        raise SystemExit(f"{method} {path}: {answer.status} {said[:300]!r}")
    return said


def main() -> int:
    need_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        small = stack.enter_context(gateway(folder / "small", SMALL))
        idle = small.peak_memory()
        large = stack.enter_context(gateway(folder / "large", LARGE))
        one = stack.enter_context(static(folder, large.get(BY_ID.replace("IDENTITY", id_of(42)))))
        goals = [
            Goal("memory of an idle gateway", idle, 120, unit="MB"),
            *pages(large, folder, folder / "large" / "proxeny.db"),
            *reads(small, large, one),
            *members(large, folder / "large"),
            *writes(large, folder),
        ]
        print(f"\npeak memory of the gateway after all of it: {large.peak_memory():.0f} MB")
    return report(goals)


if __name__ == "__main__":
    raise SystemExit(main())
