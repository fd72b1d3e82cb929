"""Searches of the embedded directory: they agree with the evaluation of filters, page by page, whatever is written."""

import asyncio
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.connectors.embedded import SAP_USER, group, user

from proxeny.connectors.directory import DirectoryConnector, native_filter, searching, tables
from proxeny.connectors.directory.fields import RESOURCE_TYPES
from proxeny.connectors.directory.load import import_lines
from proxeny.connectors.errors import PropertyError, RefusedError
from proxeny.connectors.filtering import Compare, NativeFilter
from proxeny.connectors.spi import Entity, Page, Search, Sort
from proxeny.database import Database, Statement
from proxeny.scim.filter.evaluate import compile_filter
from proxeny.scim.filter.parser import parse_filter
from proxeny.scim.sorting import sort_key

WORDS = [
    "anna",
    "Anna B",
    "ANNABEL",
    "straße",
    "STRASSE",
    "Åsa",
    "A\u030asa",
    "e",
    "x" * 300,
    "X" * 300 + "y",
    "\U0001f600",
    "",
]
PEOPLE: list[dict[str, Any]] = [
    {
        "userName": f"{word}-{number}",
        "displayName": word,
        "externalId": word if number % 2 else word.upper(),
        "emails": [{"value": f"{word}@x.org", "type": "work"}, {"value": f"{number}@y.org", "type": "home"}],
        "name": {"familyName": word} if number % 3 else {},
        "active": number % 2 == 0,
        "title": word[:1],
        SAP_USER: {"userId": f"U{number}"},
    }
    for number, word in enumerate(WORDS)
]
TEXTS = [
    "userName",
    "displayName",
    "externalId",
    "emails",
    "emails.value",
    "name.familyName",
    "title",
    f"{SAP_USER}:userId",
]
OPERATORS = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
LITERALS = [*WORDS, "anna-0", "U3", "an", "STR", "", "x@x.org", "ANNA@X.ORG", "x" * 299, "\ufb01"]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


terms = st.one_of(
    st.tuples(st.sampled_from(TEXTS), st.sampled_from(OPERATORS), st.sampled_from(LITERALS)).map(
        lambda parts: f"{parts[0]} {parts[1]} {quoted(parts[2])}"
    ),
    st.sampled_from([*TEXTS, "meta.created", "id", "groups", "active"]).map(lambda path: f"{path} pr"),
    st.sampled_from(
        [
            "active eq true",
            'meta.lastModified gt "2020-01-01T00:00:00Z"',
            'meta.created lt "2020-01-01T00:00:00.0001+01:00"',
            'emails[type eq "work" and value sw "anna"]',
            'emails[value ew "@y.org"]',
            'emails[not (value co "anna")]',
            'groups.value eq "{inner}"',
            'groups.value eq "{outer}"',
            'id eq "{first}"',
            'id ge "8"',
        ]
    ),
)
filters = st.recursive(
    terms,
    lambda inner: st.one_of(
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
    ),
    max_leaves=5,
)


async def populated(directory: DirectoryConnector) -> list[Entity]:
    people = [await directory.create("user", dict(person)) for person in PEOPLE]
    inner = await group(directory, "Inner", people[0].id, people[3].id)
    outer = await group(directory, "Outer", inner.id, people[5].id)
    assert (inner.document["displayName"], outer.document["displayName"]) == ("Inner", "Outer")
    return [await directory.read("user", person.id) for person in people]


def ids(page: Page) -> list[str]:
    return [entity.id for entity in page.entities]


async def test_every_filter_gives_what_the_evaluation_gives(directory: DirectoryConnector) -> None:
    """The keys' answer holds all that the filter admits, and no other where it says that it is exact."""
    people = await populated(directory)
    groups = {entity.document["displayName"]: entity.id async for entity in directory.read_all("group")}
    names = {"{inner}": groups["Inner"], "{outer}": groups["Outer"], "{first}": people[0].id}
    sought = ("an", "\u202e", "\u200b" * 20)  # what nobody sees is in every text, whatever was asked before it
    cases = [f'{path} {operator} "{text}"' for text in sought for path in TEXTS for operator in OPERATORS]
    last = ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.9999Z", "0001-01-01T00:00:00.0001Z")
    cases += [f'meta.created {operator} "{time}"' for time in last for operator in ("eq", "gt", "ge", "lt", "le")]

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(filters)
    def collect(text: str) -> None:
        cases.append(text)

    collect()
    exact = 0
    for case in cases:
        text = case
        for name, value in names.items():
            text = text.replace(name, value)
        admits = compile_filter(parse_filter(text), RESOURCE_TYPES["user"])
        expected = [person.id for person in people if admits(person.document)]
        native, residue = native_filter.compiled("user", RESOURCE_TYPES["user"], text)
        page = await directory.search("user", Search(native))
        assert set(expected) <= set(ids(page)), text
        if page.exact:
            exact += 1
            assert ids(page) == expected, text
            assert page.total == len(expected), text
        sifted = await directory.search("user", Search(native_filter=text))
        assert ids(sifted) == expected, text
        assert sifted.exact
        assert (residue is None) == page.exact
    assert exact > 20


@pytest.mark.parametrize("field", [("userName",), ("displayName",), ("emails", "value"), ("externalId",)])
async def test_a_look_up_by_key_is_exact(directory: DirectoryConnector, field: tuple[str, ...]) -> None:
    await populated(directory)
    page = await directory.search("user", Search(Compare(field, "eq", "anna", case_exact=field == ("externalId",))))
    assert page.exact


@pytest.mark.parametrize("hostile", ['" or "1"="1', "x' OR 1=1 --", "%", "_", "\\", "\0", "\ud800", "*)(uid=*"])
@pytest.mark.parametrize("operator", ["eq", "co", "sw", "gt"])
async def test_a_value_is_never_taken_for_a_statement(
    directory: DirectoryConnector, hostile: str, operator: Any
) -> None:
    anna = await user(directory, "anna")
    page = await directory.search("user", Search(Compare(("userName",), operator, hostile)))
    expected = [anna.id] if operator == "gt" and hostile < "anna" else []
    assert ids(page) == expected if page.exact else set(expected) <= set(ids(page))
    assert ids(await directory.search("user", Search(Compare(("id",), "eq", hostile)))) == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("attribute", ["userName", "id", "meta.created", "meta.lastModified", f"{SAP_USER}:userId"])
async def test_the_order_is_that_of_the_evaluation(
    directory: DirectoryConnector, attribute: str, descending: bool
) -> None:
    people = await populated(directory)
    path = parse_filter(f"{attribute} pr").path  # type: ignore[union-attr]  # it is a Present
    key = sort_key(path, RESOURCE_TYPES["user"])
    expected = sorted((key(person.document) for person in people), reverse=descending)
    field = tuple(part for part in (path.urn, path.name, path.sub) if part)
    page = await directory.search("user", Search(sort=Sort(field, descending)))
    assert page.exact
    assert [key(entity.document) for entity in page.entities] == expected
    walked = [entity async for entity in walk(directory, Search(sort=Sort(field, descending), count=3))]
    assert [entity.id for entity in walked] == ids(page)


async def test_an_order_that_the_keys_do_not_have_is_not_claimed(directory: DirectoryConnector) -> None:
    await populated(directory)
    assert not (await directory.search("user", Search(sort=Sort(("title",))))).exact


async def walk(directory: DirectoryConnector, search: Search) -> Any:
    cursor: str | None = None
    while True:
        page = await directory.search(
            "user", Search(search.filter, search.native_filter, 0, search.count, cursor, search.sort)
        )
        for entity in page.entities:
            yield entity
        cursor = page.next_cursor
        if cursor is None:
            return


@pytest.mark.parametrize("native", [None, 'displayName sw "a"', 'title eq "a"'])
async def test_pages_by_index_and_by_cursor_hold_everyone_once(
    directory: DirectoryConnector, native: str | None
) -> None:
    await populated(directory)
    everyone = ids(await directory.search("user", Search(native_filter=native)))
    for count in (1, 2, 3, 50):
        by_index: list[str] = []
        for start in range(0, len(WORDS) + count, count):
            page = await directory.search("user", Search(native_filter=native, start=start, count=count))
            by_index += ids(page)
        assert by_index == everyone
        assert [entity.id async for entity in walk(directory, Search(native_filter=native, count=count))] == everyone


async def test_count_zero_tells_the_total_only(directory: DirectoryConnector) -> None:
    await populated(directory)
    page = await directory.search("user", Search(count=0))
    assert (page.entities, page.total, page.next_cursor) == ([], len(WORDS), None)
    sought: NativeFilter = Compare(("displayName",), "sw", "anna")
    page = await directory.search("user", Search(sought, count=0))
    assert (page.entities, page.total) == ([], 3)


async def test_the_page_after_the_end_is_empty_and_has_the_total(directory: DirectoryConnector) -> None:
    await populated(directory)
    for tree in (None, Compare(("displayName",), "sw", "anna"), Compare(("userName",), "eq", "anna-0")):
        page = await directory.search("user", Search(tree, start=1000))
        assert page.entities == []
        assert page.total == (await directory.search("user", Search(tree))).total


async def test_pages_are_found_across_buckets_with_holes(directory: DirectoryConnector, database: Database) -> None:
    """Index paging counts in ranges of sequence numbers; deletions leave holes in them."""
    lines = (b'{"userName":"user%05d"}' % number for number in range(3000))
    await import_lines(database, lines)
    everyone = [entity.id async for entity in directory.read_all("user")]
    gone = {everyone[index] for index in (*range(40), *range(1000, 1100), 2999)}
    for entity_id in gone:
        await directory.delete("user", entity_id)
    left = [entity_id for entity_id in everyone if entity_id not in gone]
    for start in (0, 1, 900, 983, 984, 985, 1023, 1024, 2000, len(left) - 1, len(left)):
        page = await directory.search("user", Search(start=start, count=5, omit=frozenset({"groups"})))
        assert ids(page) == left[start : start + 5]
        assert page.total == len(left)


async def test_a_cursor_belongs_to_its_search(directory: DirectoryConnector) -> None:
    await populated(directory)
    cursor = (await directory.search("user", Search(count=1))).next_cursor
    assert cursor is not None
    for search in (
        Search(Compare(("userName",), "pr"), cursor=cursor),
        Search(cursor=cursor, sort=Sort(("userName",))),
        Search(cursor="nonsense"),
        Search(cursor="é"),
        Search(cursor="W10"),
    ):
        with pytest.raises(RefusedError, match="cursor"):
            await directory.search("user", search)
    with pytest.raises(RefusedError, match="cursor"):
        await directory.search("group", Search(cursor=cursor))


async def test_a_walk_by_cursor_sees_whoever_stays_once_while_others_come_and_go(
    directory: DirectoryConnector,
) -> None:
    staying = {(await user(directory, f"stays{number}")).id for number in range(200)}
    chosen = random.Random(7)
    others = [(await user(directory, f"goes{number}")).id for number in range(50)]
    stop = asyncio.Event()

    async def churn() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            others.append((await user(directory, f"comes{number}")).id)
            await directory.delete("user", others.pop(chosen.randrange(len(others))))
            await asyncio.sleep(0)

    writer = asyncio.create_task(churn())
    for _ in range(5):
        seen = []
        async for entity in walk(directory, Search(count=20)):
            seen.append(entity.id)
            if len(seen) % 20 == 0:
                await asyncio.sleep(0.002)
        assert len(seen) == len(set(seen))
        assert staying <= set(seen)
    stop.set()
    await writer


async def test_a_wrong_filter_property_is_named(directory: DirectoryConnector) -> None:
    with pytest.raises(PropertyError, match="own filter of users"):
        await directory.search("user", Search(native_filter='nothing eq "x"'))


STATEMENTS = {name: each for name, each in vars(tables).items() if isinstance(each, Statement)}
SEARCHES: dict[str, NativeFilter | None] = {
    "everyone": None,
    "by name": Compare(("userName",), "eq", "anna"),
    "by start of name": Compare(("emails", "value"), "sw", "anna"),
    "by group": Compare(("groups", "value"), "eq", "g"),
    "by time": Compare(("meta", "lastModified"), "gt", "2020-01-01T00:00:00Z", "dateTime"),
}


@pytest.fixture
def explain(directory: DirectoryConnector, database_url: str) -> Iterator[Callable[[Statement], str]]:
    if not database_url.startswith("sqlite"):
        yield lambda statement: ""  # PostgreSQL plans by what is in its tables, and here that is nothing
        return
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:

        def plan(statement: Statement) -> str:
            sql = statement.prepared("sqlite").sql
            rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", ["[]"] * sql.count("?")).fetchall()
            return "\n".join(row[3] for row in rows)

        yield plan


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_no_statement_looks_through_a_whole_table(explain: Callable[[Statement], str], name: str) -> None:
    assert "SCAN directory_" not in explain(STATEMENTS[name])


@pytest.mark.parametrize("name", sorted(SEARCHES))
def test_no_search_looks_through_a_whole_table(explain: Callable[[Statement], str], name: str) -> None:
    statements, _ = searching.prepare("user", SEARCHES[name], None)
    for statement in (statements.page, statements.after, statements.total):
        assert "SCAN directory_" not in explain(statement)
