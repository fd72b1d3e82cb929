"""Many writers at once: no change is lost, and of those who want the same thing one gets it (T44, T46, T47)."""

import asyncio

import pytest
from tests.connectors.embedded import group, member_ids, patch, user

from proxeny.connectors.directory import DirectoryConnector
from proxeny.connectors.directory.load import import_lines
from proxeny.connectors.errors import ConflictError, VersionConflictError
from proxeny.connectors.spi import Entity, Search
from proxeny.database import Database

CONNECTIONS = 32


async def test_a_thousand_members_added_at_once_all_stay(directory: DirectoryConnector, database: Database) -> None:
    await import_lines(database, (b'{"userName":"user%04d"}' % number for number in range(1000)))
    people = [entity.id async for entity in directory.read_all("user")]
    made = await group(directory, "G")
    slots = asyncio.Semaphore(CONNECTIONS)

    async def join(person: str) -> str:
        async with slots:
            added = patch({"op": "add", "path": "members", "value": [{"value": person}]})
            return (await directory.patch("group", made.id, added)).version or ""

    versions = await asyncio.gather(*map(join, people))
    assert sorted(await member_ids(directory, made.id)) == sorted(people)
    assert len(set(versions)) == 1000  # each state has its own version
    assert (await directory.read("group", made.id)).version == "1001"


@pytest.mark.parametrize("round_number", range(3))
async def test_of_many_who_saw_the_same_version_one_writes(directory: DirectoryConnector, round_number: int) -> None:
    made = await user(directory, f"anna{round_number}")

    def put(number: int) -> "asyncio.Future[Entity]":
        document = {"userName": f"anna{round_number}", "title": str(number)}
        return asyncio.ensure_future(directory.replace("user", made.id, document, version=made.version))

    results = await asyncio.gather(*map(put, range(200)), return_exceptions=True)
    won = [result for result in results if isinstance(result, Entity)]
    assert len(won) == 1
    assert sum(isinstance(result, VersionConflictError) for result in results) == 199
    assert await directory.read("user", made.id) == won[0]


@pytest.mark.parametrize("round_number", range(3))
async def test_of_many_who_want_one_name_one_gets_it(directory: DirectoryConnector, round_number: int) -> None:
    spellings = [f"Åsa{round_number}", f"ÅSA{round_number}", f"a\u030asa{round_number}"]
    wanted = [user(directory, spellings[number % 3]) for number in range(50)]
    results = await asyncio.gather(*wanted, return_exceptions=True)
    assert sum(isinstance(result, Entity) for result in results) == 1
    conflicts = [result for result in results if isinstance(result, ConflictError)]
    assert len(conflicts) == 49
    assert {conflict.attribute for conflict in conflicts} == {"userName"}
    assert (await directory.search("user", Search())).total == 1


async def test_members_who_are_deleted_while_they_join_leave_no_trace(directory: DirectoryConnector) -> None:
    """Locks are taken in different orders here: a deadlock must be sorted out, not shown."""
    people = [(await user(directory, f"user{number}")).id for number in range(40)]
    groups = [(await group(directory, f"G{number}", *people)).id for number in range(3)]
    leave = [directory.delete("user", person) for person in people[::2]]
    join = [
        directory.patch("group", each, patch({"op": "replace", "path": "members", "value": [{"value": people[1]}]}))
        for each in groups
    ]
    await asyncio.gather(*leave, *join)
    for each in groups:
        assert await member_ids(directory, each) == [people[1]]
    assert (await directory.search("user", Search())).total == 20


async def test_changes_are_never_passed_over_by_a_reader_who_reads_while_others_write(
    directory: DirectoryConnector,
) -> None:
    async def write(number: int) -> str:
        return (await user(directory, f"user{number}")).id

    writers = asyncio.gather(*map(write, range(300)))
    seen: list[str] = []
    cursor: str | None = None
    while not writers.done():
        async for change in directory.read_changes("user", cursor):
            seen.append(change.id)
            cursor = change.cursor
        await asyncio.sleep(0)
    seen += [change.id async for change in directory.read_changes("user", cursor)]
    assert sorted(seen) == sorted(writers.result())
