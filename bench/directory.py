"""The embedded directory on SQLite: reads, filters, pages and memberships, small and large beside each other.

``python -m bench.directory``: makes a directory of 1,000 and one of 100,000 users in a temporary folder, the large one
by an import whose time and memory are measured in a process of its own.
"""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path
from typing import Any

import orjson

from bench.runner import Goal, measure, report
from proxeny.connectors.directory import DirectoryConnector
from proxeny.connectors.directory.load import import_lines
from proxeny.connectors.filtering import Compare
from proxeny.connectors.spi import Search
from proxeny.database import Database

SMALL, LARGE = 1_000, 100_000
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
OMIT = frozenset({"groups"})


def people(number: int) -> Iterator[bytes]:
    """JSON lines of ``number`` users, and one group of them all."""
    for index in range(number):
        yield orjson.dumps(
            {
                "id": f"id-{index}",
                "userName": f"user{index:06d}",
                "name": {"givenName": f"Given{index}", "familyName": f"Family{index % 5000}"},
                "displayName": f"Given{index} Family{index % 5000}",
                "emails": [{"value": f"user{index}@example.org", "type": "work", "primary": True}],
                "active": True,
                "externalId": f"ext-{index}",
                ENTERPRISE: {"employeeNumber": str(index), "department": f"D{index % 50}"},
            }
        )
    members = [{"value": f"id-{index}"} for index in range(number)]
    yield orjson.dumps({"id": "group", "displayName": "Everyone", "members": members})
    yield orjson.dumps({"id": "spare", "userName": "spare"})


async def load(url: str, number: int) -> None:
    database = await Database.open(url)
    await DirectoryConnector(database).open()
    began = time.perf_counter()
    imported = await import_lines(database, people(number))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await database.close()
    assert imported.ok, imported.problems[:3]
    print(orjson.dumps({"seconds": seconds, "megabytes": peak}).decode())


def loaded(folder: Path, number: int) -> tuple[str, dict[str, float]]:
    """The URL of a directory of that size, and what its import took in its own process."""
    url = f"sqlite:///{folder / f'{number}.db'}"
    program = [sys.executable, "-m", "bench.directory", "load", url, str(number)]
    output = subprocess.run(program, check=True, capture_output=True).stdout
    return url, orjson.loads(output)


@dataclass
class Contestant:
    """One directory, with calls that run to their end."""

    loop: asyncio.AbstractEventLoop
    directory: DirectoryConnector
    size: int

    def __post_init__(self) -> None:
        self.numbers = cycle(range(0, self.size, max(1, self.size // 997)))
        self.turns = count()

    def call(self, make: Callable[[], Coroutine[Any, Any, object]]) -> Callable[[], object]:
        return lambda: self.loop.run_until_complete(make())

    async def read(self) -> object:
        return await self.directory.read("user", f"id-{next(self.numbers)}", omit=OMIT)

    async def equal(self) -> object:
        search = Search(Compare(("userName",), "eq", f"USER{next(self.numbers):06d}"), omit=OMIT)
        page = await self.directory.search("user", search)
        assert page.total == 1
        return page

    async def page(self, start: int) -> object:
        return await self.directory.search("user", Search(start=start, omit=OMIT))

    async def member(self) -> object:
        """Add one member, and take it away again the next time."""
        if next(self.turns) % 2:
            operation: dict[str, Any] = {"op": "remove", "path": 'members[value eq "spare"]'}
        else:
            operation = {"op": "add", "path": "members", "value": [{"value": "spare"}]}
        return await self.directory.patch("group", "group", {"Operations": [operation], "schemas": [PATCH]})


PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


async def _open(url: str) -> DirectoryConnector:
    return DirectoryConnector(await Database.open(url))


def compare(small: Contestant, large: Contestant) -> list[Goal]:
    size, big = f"{small.size:,} users", f"{large.size:,} users"
    read = measure({size: small.call(small.read), big: large.call(large.read)})
    read.print("read by id", size)
    equal = measure({size: small.call(small.equal), big: large.call(large.equal)})
    equal.print('userName eq "…"', size)
    pages = measure({"first": large.call(lambda: large.page(0)), "at 90,000": large.call(lambda: large.page(90_000))})
    pages.print("page of 100 by index", "first")
    member = measure({size: small.call(small.member), big: large.call(large.member)})
    member.print("add or remove one member (processor time)", size)
    return [
        Goal("filter eq at 100,000 users", equal.ratio(big, size), 1.3),
        Goal("page at 90,000 against the first", pages.ratio("at 90,000", "first"), 2.0),
        Goal("one member of 100,000 against 1,000", member.ratio(big, size), 1.5),
    ]


def main() -> int:
    with tempfile.TemporaryDirectory() as name, asyncio.Runner() as runner:
        (small_url, _), (large_url, took) = loaded(Path(name), SMALL), loaded(Path(name), LARGE)
        print(f"import of {LARGE:,} users: {took['seconds']:.1f} s, peak {took['megabytes']:.0f} MB")
        loop = runner.get_loop()
        small = Contestant(loop, runner.run(_open(small_url)), SMALL)
        large = Contestant(loop, runner.run(_open(large_url)), LARGE)
        goals = [Goal(f"import of {LARGE:,} users", took["megabytes"], 250, unit="MB"), *compare(small, large)]
        for contestant in (small, large):
            runner.run(contestant.directory._database.close())
    return report(goals)


if __name__ == "__main__":
    if sys.argv[1:2] == ["load"]:
        asyncio.run(load(sys.argv[2], int(sys.argv[3])))
    else:
        raise SystemExit(main())
