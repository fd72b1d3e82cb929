"""Whose groups are shown: those of the users of a page, whether their numbers lie close together or far apart."""

import pytest
from tests.connectors.embedded import group, user

from proxeny.connectors.directory import DirectoryConnector, tables
from proxeny.connectors.directory.belonging import groups_of


@pytest.mark.parametrize("apart", [1, 2, 9])
async def test_the_groups_of_some_users_are_theirs_and_nobody_elses(directory: DirectoryConnector, apart: int) -> None:
    people = [await user(directory, f"u{number:02}") for number in range(20)]
    some = people[::apart]
    await group(directory, "Everyone", *(each.id for each in people))
    await group(directory, "Some", *(each.id for each in some[:2]))
    rows = await directory._fetch(tables.FIND, {"ids": [each.id for each in some]})
    wanted = sorted(row[1] for row in rows)
    found = await groups_of(wanted, directory._fetch)
    assert sorted(found) == wanted
    assert [[row[2] for row in found[seq]] for seq in wanted] == [
        ["Everyone", "Some"] if number < 2 else ["Everyone"] for number in range(len(some))
    ]
