"""Writes to an embedded directory until it is killed; prints what has been acknowledged, one a line."""

import asyncio
import sys
from collections.abc import Iterator

from proxeny.connectors.directory import DirectoryConnector
from proxeny.connectors.directory.load import import_lines
from proxeny.database import Database


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def create(directory: DirectoryConnector, salt: str) -> None:
    async def one(writer: int) -> None:
        for number in range(10_000):
            name = f"user-{salt}-{writer}-{number}"
            await directory.create("user", {"userName": name})
            say(name)

    await asyncio.gather(*map(one, range(4)))


def people() -> Iterator[bytes]:
    for number in range(1_000_000):
        yield b'{"userName": "imported-%d"}\n' % number


async def main(url: str, mode: str, salt: str) -> None:
    database = await Database.open(url)
    directory = DirectoryConnector(database)
    await directory.open()
    if mode == "create":
        await create(directory, salt)
    else:
        await import_lines(database, people(), lambda done: say(str(done)))


asyncio.run(main(*sys.argv[1:]))
