"""The SQL connector on PostgreSQL and MariaDB: filters against an oracle, lists, versions, changes, failures."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import trustme
from tests.connectors.kit import free_port
from tests.connectors.sqlside import PROPERTIES, Side

from proxeny.connectors.errors import (
    AuthenticationFailedError,
    ConflictError,
    NotFoundError,
    PropertyError,
    RefusedError,
    TimedOutError,
    UnreachableError,
    UnsupportedError,
    VersionConflictError,
)
from proxeny.connectors.filtering import AllOf, AnyElement, AnyOf, Compare, NativeFilter, Negation
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.registry import spec, system_type
from proxeny.connectors.spi import Search, Sort
from proxeny.scim.comparison import key

ROOT = Path(__file__).parents[2]
GIVEN = ("name", "givenName")
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NAMES = [
    "anna", "ANNA", "Änna", "straße", "STRASSE", "ſam", "sam", "Kelvin", "Kelvin", "ａｎｎａ", "100%", "1000",
    "a_b", "axb", "a/b", "a\\b", "o'neil", 'o"neil', "anna ", " anna", "", "日本", "x'; DROP TABLE person; --",
    "%", "_", "a\u200bnna", "ﬁn", "fin", "ANNA B", None,
]  # fmt: skip
SOUGHT = ["anna", "ANNA", "strasse", "ß", "s", "k", "%", "_", "/", "\\", "'", '"', "a_b", "an", "日", "fi", "b", "1000"]


@pytest.fixture
async def people(side: Side) -> AsyncIterator[Any]:
    opened = side.connector()
    await opened.open()
    yield opened
    await opened.close()


def user(login: str, **more: Any) -> dict[str, Any]:
    return {"userName": login, "active": True, **more}


async def ids(connector: Any, where: NativeFilter | None, entity_type: str = "user") -> set[str]:
    return {entity.id async for entity in connector.read_all(entity_type, where)}


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that go to databases meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def relation(operator: str, exact: bool) -> Callable[[str | None, str], bool]:
    """What SCIM says, in Python."""
    fold = (lambda text: text) if exact else key
    compare: dict[str, Callable[[str, str], bool]] = {
        "eq": lambda held, sought: held == sought,
        "co": lambda held, sought: sought in held,
        "sw": lambda held, sought: held.startswith(sought),
        "ew": lambda held, sought: held.endswith(sought),
    }
    if operator == "ne":
        return lambda held, sought: held is None or fold(held) != fold(sought)
    return lambda held, sought: held is not None and compare[operator](fold(held), fold(sought))


async def test_filters_admit_all_that_scim_admits_and_say_when_they_admit_more(people: Any) -> None:
    held: dict[str, str | None] = {}
    for number, name in enumerate(NAMES):
        made = await people.create("user", user(f"login{number}", name={"givenName": name}))
        held[made.id] = name
    for exact in (True, False):
        for operator in ("eq", "ne", "co", "sw", "ew"):
            holds = relation(operator, exact)
            for sought in SOUGHT:
                where = Compare(GIVEN, operator, sought, case_exact=exact)  # type: ignore[arg-type]  # from a list
                expected = {entity for entity, name in held.items() if holds(name, sought)}
                page = await people.search("user", Search(filter=where, count=100))
                found = {entity.id for entity in page.entities}
                assert found >= expected, (operator, sought, exact)
                assert not page.exact or found == expected, (operator, sought, exact)
                assert not exact or page.exact, "case-sensitive filters are decided by the database"


async def test_filters_on_ascii_columns_are_decided_by_the_database(people: Any) -> None:
    for login in ("anna", "Bert.O", "CARL%", "d_d", "dxd"):
        await people.create("user", user(login))
    for operator, sought, expected in (
        ("eq", "ANNA", {"anna"}),
        ("ne", "ANNA", {"Bert.O", "CARL%", "d_d", "dxd"}),
        ("co", "ERT", {"Bert.O"}),
        ("sw", "carl%", {"CARL%"}),
        ("ew", "%", {"CARL%"}),
        ("co", "_", {"d_d"}),
        ("eq", "ännä", set()),
    ):
        page = await people.search("user", Search(filter=Compare(("userName",), operator, sought)))  # type: ignore[arg-type]  # from a list
        assert page.exact
        assert {entity.document["userName"] for entity in page.entities} == expected


async def test_filters_on_lists_numbers_booleans_and_times(people: Any) -> None:
    number = ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "employeeNumber")
    first = await people.create(
        "user",
        user("a", emails=[{"value": "a@x.org", "type": "work"}, {"value": "b@x.org", "type": "home"}])
        | {number[0]: {number[1]: 7}},
    )
    second = await people.create("user", user("b", emails=[{"value": "a@x.org", "type": "home"}], active=False))
    third = await people.create("user", user("c"))
    work = Compare(("type",), "eq", "work", case_exact=True)
    mail = Compare(("value",), "eq", "a@x.org", case_exact=True)
    assert await ids(people, AnyElement(("emails",), AllOf((work, mail)))) == {first.id}
    anywhere = Compare(("emails", "value"), "eq", "a@x.org", case_exact=True)
    assert await ids(people, anywhere) == {first.id, second.id}
    assert await ids(people, Negation(anywhere)) == {third.id}
    assert await ids(people, Compare(("emails", "value"), "ne", "a@x.org", case_exact=True)) == {third.id}
    assert await ids(people, Compare(("emails",), "pr")) == {first.id, second.id}
    assert await ids(people, Compare(number, "gt", 6, "integer")) == {first.id}
    assert await ids(people, Compare(number, "eq", 10**30, "integer")) == set()
    assert await ids(people, Compare(("active",), "eq", False, "boolean")) == {second.id}
    assert await ids(people, Compare(("meta", "lastModified"), "ge", third.last_modified, "dateTime")) == {third.id}
    assert await ids(people, Compare(("id",), "eq", first.id, case_exact=True)) == {first.id}
    assert await ids(people, Compare(("id",), "eq", "007", case_exact=True)) == set()
    assert await ids(people, AnyOf((anywhere, Compare(("nobody",), "eq", "knows")))) == {first.id, second.id, third.id}


def payloads() -> list[str]:
    """Two hundred texts that mean something to databases, and nothing to a comparison."""
    heads = ("'", '"', "\\'", "')", "';", "`", "%", "_", "$1", ":x", "%(x)s", "?", "{0}", "\\", "/*", "--", "0x27", "ʼ")
    tails = ("", " OR 1=1 --", "; DROP TABLE person; --", " UNION SELECT login FROM person --", "') OR ('1'='1",
             " AND pg_sleep(9) --", " OR SLEEP(9)#", "||'", ") x --", "\n;", "\t", "'\\''")  # fmt: skip
    return [head + tail for head in heads for tail in tails][:200]


async def test_hostile_values_are_plain_text(people: Any, side: Side) -> None:
    for number, payload in enumerate(payloads()):
        await people.create("user", user(f"login{number}", name={"givenName": payload, "familyName": "same"}))
    everyone = await ids(people, None)
    assert len(everyone) == 200
    for payload in payloads():
        for exact in (True, False):
            where = Compare(GIVEN, "eq", payload, case_exact=exact)
            found = {entity.document["name"]["givenName"] async for entity in people.read_all("user", where)}
            assert payload in found
            assert {text for text in found if text.isascii()} <= {
                text for text in payloads() if key(text) == key(payload)
            }
        assert payload in {
            entity.document["name"]["givenName"]
            async for entity in people.read_all("user", Compare(GIVEN, "co", payload, case_exact=True))
        }
        page = await people.search("user", Search(sort=Sort((payload,)), filter=Compare((payload,), "eq", payload)))
        assert not page.exact
        with pytest.raises((NotFoundError, UnsupportedError)):
            await people.read("group", payload)
        with pytest.raises(RefusedError):
            await people.search("user", Search(cursor=payload))
    assert await ids(people, None) == everyone
    assert side.execute("SELECT count(*) FROM person") == [(200,)]


async def test_a_page_needs_one_statement_for_each_list(people: Any) -> None:
    for number in range(30):
        mails = [{"value": f"{number}-{index}@x.org", "type": "work"} for index in range(3)]
        await people.create("user", user(f"u{number}", emails=mails))
    with statements() as sent:
        page = await people.search("user", Search(count=30))
    assert [len(entity.document["emails"]) for entity in page.entities] == [3] * 30
    assert len(sent) <= 4, sent
    with statements() as sent:
        lean = await people.search("user", Search(count=30, omit=frozenset({"emails", "groups"})))
    assert len(sent) <= 2
    assert "emails" not in lean.entities[0].document


async def test_members_are_written_as_differences(people: Any, side: Side) -> None:
    one, two, three = [await people.create("user", user(name)) for name in ("one", "two", "three")]
    group = await people.create("group", {"displayName": "All", "members": [{"value": one.id}, {"value": two.id}]})
    side.execute(f"UPDATE member SET since = '2001-01-01' WHERE person = {two.id}")
    held = await people.replace(
        "group", group.id, {"displayName": "All", "members": [{"value": two.id}, {"value": three.id}]}
    )
    assert [member["value"] for member in held.document["members"]] == [two.id, three.id]
    assert side.execute(f"SELECT count(*) FROM member WHERE person = {two.id} AND since = '2001-01-01'") == [(1,)]
    assert (await people.read("user", three.id)).document["groups"] == [{"value": group.id}]
    await people.delete("user", two.id)
    assert [member["value"] for member in (await people.read("group", group.id)).document["members"]] == [three.id]
    with pytest.raises(RefusedError):
        await people.replace("group", group.id, {"displayName": "All", "members": [{"value": "999999"}]})
    with pytest.raises(RefusedError, match="whole number"):
        await people.replace("group", group.id, {"displayName": "All", "members": [{"value": "nobody"}]})


async def test_a_conflict_names_attribute_value_and_the_other(people: Any) -> None:
    first = await people.create("user", user("taken"))
    with pytest.raises(ConflictError) as caught:
        await people.create("user", user("taken"))
    assert (caught.value.attribute, caught.value.value, caught.value.other_id) == ("userName", "taken", first.id)
    second = await people.create("user", user("free"))
    with pytest.raises(ConflictError):
        await people.replace("user", second.id, user("taken"))
    assert (await people.read("user", second.id)).document["userName"] == "free"


async def test_what_is_not_accepted_is_not_kept(people: Any, side: Side) -> None:
    class NoError(Exception):
        pass

    def refuse(entity: Any) -> None:
        assert entity.document["emails"] == [{"value": "a@x.org"}]
        raise NoError

    with pytest.raises(NoError):
        await people.create("user", user("a", emails=[{"value": "a@x.org"}]), accept=refuse)
    assert side.execute("SELECT count(*) FROM person") == [(0,)]
    assert side.execute("SELECT count(*) FROM mail") == [(0,)]


async def test_of_two_writers_with_one_version_one_wins(people: Any) -> None:
    for entity_type, document in (("user", user("a")), ("group", {"displayName": "A"})):
        made = await people.create(entity_type, dict(document))
        assert (await people.read(entity_type, made.id)).version == made.version
        outcomes = await asyncio.gather(
            *(
                people.replace(
                    entity_type, made.id, {**document, "emails": [{"value": f"{n}@x.org"}]}, version=made.version
                )
                for n in range(8)
            ),
            return_exceptions=True,
        )
        won = [outcome for outcome in outcomes if not isinstance(outcome, VersionConflictError)]
        assert len(won) == 1
        with pytest.raises(VersionConflictError):
            await people.delete(entity_type, made.id, version="1" if entity_type == "group" else made.version)


async def test_a_value_that_does_not_fit_is_refused_by_name(people: Any) -> None:
    for document, words in (
        (user("x" * 500), "long"),
        (user(None), "must have a value"),  # type: ignore[arg-type]  # as a client may send it
        (user("a\x00b"), "userName"),
        (user("\ud800"), "userName"),
        (user("a", emails="no list"), "emails"),
        (user("a", active="perhaps"), "active"),
    ):
        with pytest.raises(RefusedError, match=words):
            await people.create("user", document)
    assert await ids(people, None) == set()


async def test_pages_can_be_walked_by_cursor_while_rows_go(people: Any) -> None:
    made = [await people.create("user", user(f"u{number}")) for number in range(9)]
    page = await people.search("user", Search(count=3))
    seen = [entity.id for entity in page.entities]
    assert (page.total, page.exact) == (9, True)
    await people.delete("user", made[0].id)
    while page.next_cursor:
        page = await people.search("user", Search(count=3, cursor=page.next_cursor))
        seen += [entity.id for entity in page.entities]
    assert seen == [entity.id for entity in made]
    other = Search(count=3, cursor=(await people.search("user", Search(count=3))).next_cursor, native_filter="1=1")
    with pytest.raises(RefusedError, match="cursor"):
        await people.search("user", other)


async def test_sorting_is_done_by_the_database_where_its_order_is_the_gateways(people: Any) -> None:
    made = [
        await people.create("user", user(login, name={"familyName": last}) | {ENTERPRISE: {"employeeNumber": number}})
        for login, last, number in (("a_b", "Zorn", 9), ("B", None, None), ("aB", "adler", 10))
    ]
    number = (ENTERPRISE, "employeeNumber")
    for sort, expected in (
        (Sort(("userName",)), ["a_b", "aB", "B"]),
        (Sort(("userName",), case_exact=True), ["B", "aB", "a_b"]),
        (Sort(("name", "familyName"), case_exact=True), ["a_b", "aB", "B"]),
        (Sort(number, type="integer"), ["a_b", "aB", "B"]),
        (Sort(number), ["aB", "a_b", "B"]),
        (Sort(("meta", "created"), type="dateTime"), ["a_b", "B", "aB"]),
        (Sort(("id",), case_exact=True), [each.document["userName"] for each in sorted(made, key=lambda one: one.id)]),
    ):
        for descending, order in ((False, expected), (True, expected[::-1])):
            page = await people.search("user", Search(sort=replace(sort, descending=descending)))
            assert page.exact, sort
            assert [entity.document["userName"] for entity in page.entities] == order, sort


@pytest.mark.parametrize(
    "sort",
    [
        Sort(("name", "familyName")),  # a collation's order, and letters that lower() does not fold
        Sort(("meta", "lastModified")),
        Sort(("active",), type="string"),
        Sort(("userName",), type="integer"),
        Sort(("emails", "value")),
        Sort(("nobody",)),
    ],
)
async def test_an_order_that_is_not_the_gateways_is_not_claimed(people: Any, sort: Sort) -> None:
    for login in ("b", "a"):
        await people.create("user", user(login, name={"familyName": login}))
    page = await people.search("user", Search(sort=sort))
    assert not page.exact
    assert len(page.entities) == 2


async def test_the_operators_condition_is_added(people: Any) -> None:
    for login in ("a", "b", "c"):
        await people.create("user", user(login, active=login != "c"))
    own = "enabled OR login = 'x:y'"
    found = [entity.document["userName"] async for entity in people.read_all("user", None, native_filter=own)]
    assert found == ["a", "b"]
    page = await people.search("user", Search(filter=Compare(("userName",), "eq", "C"), native_filter=own))
    assert page.entities == []


async def test_deltas_go_back_a_little_and_tell_marked_rows_as_gone(side: Side) -> None:
    connector = side.connector(sql__user__deleted="gone", sql__delta__overlap="0")
    await connector.open()
    first, second = [await connector.create("user", user(name)) for name in ("a", "b")]
    side.execute("INSERT INTO person (login) VALUES ('without time')")
    full = [change async for change in connector.read_changes("user", None)]
    assert [change.entity.document["userName"] for change in full] == ["without time", "a", "b"]
    await connector.replace("user", first.id, user("a2"))
    await connector.delete("user", second.id)
    with pytest.raises(NotFoundError):
        await connector.read("user", second.id)
    later = [change async for change in connector.read_changes("user", full[-1].cursor)]
    told = {change.id: change.entity and change.entity.document["userName"] for change in later}
    assert told == {first.id: "a2", second.id: None}
    assert side.execute("SELECT count(*) FROM person") == [(3,)]
    with pytest.raises(RefusedError, match="cursor"):
        _ = [change async for change in connector.read_changes("user", "nonsense")]
    with pytest.raises(UnsupportedError, match=r"sql\.group\.modified"):
        _ = [change async for change in connector.read_changes("group", None)]
    await connector.close()


async def test_a_delta_sees_what_was_committed_late(side: Side) -> None:
    connector = side.connector(sql__delta__overlap="3600")
    await connector.open()
    await connector.create("user", user("a"))
    cursor = [change async for change in connector.read_changes("user", None)][-1].cursor
    earlier = "touched - interval '1 minute'" if side.dialect == "postgresql" else "touched - INTERVAL 1 MINUTE"
    side.execute(f"INSERT INTO person (login, touched) SELECT 'late', {earlier} FROM person")
    seen = {change.entity.document["userName"] async for change in connector.read_changes("user", cursor)}
    assert "late" in seen
    await connector.close()


async def test_without_a_time_of_change_there_are_no_changes_to_read(side: Side) -> None:
    from proxeny.connectors.spi import Capabilities

    assert Capabilities.of(side.connector()).changes
    assert not Capabilities.of(side.connector(sql__user__modified=None)).changes


async def test_everything_that_the_database_lacks_is_told_at_once(side: Side) -> None:
    wrong = {
        "sql__user__column__userName": "logn",
        "sql__user__modified": "changed_at",
        "sql__user__list__emails__table": "mails",
        "sql__group__key": "kode",
    }
    connector = side.connector(**wrong)
    await connector.open()
    steps = await connector.test()
    assert [(step.name, step.ok) for step in steps] == [("address", True), ("sign-in", True), ("tables", False)]
    for words in (
        "'logn'; did you mean login",
        "'changed_at'",
        "mails; did you mean mail",
        "'kode'; did you mean code",
    ):
        assert words in steps[-1].message
    assert "sql.user.column.userName" in steps[-1].message
    with pytest.raises(PropertyError, match="did you mean login"):
        await connector.read("user", "1")
    await connector.close()


async def test_addresses_are_checked_before_anything_is_sent(side: Side) -> None:
    connector = side.connector(settings=OutboundSettings(deny=("127.0.0.0/8",)))
    await connector.open()
    with pytest.raises(PropertyError, match="outbound"):
        await connector.read("user", "1")
    steps = await connector.test()
    assert [(step.name, step.ok) for step in steps] == [("address", False)]
    await connector.close()


async def test_a_database_that_is_not_there_is_unreachable(side: Side) -> None:
    gone = Side(side.dialect, f"{side.dialect}://127.0.0.1:{free_port()}/x", "u", "p", side.execute)
    connector = gone.connector()
    await connector.open()
    with pytest.raises(UnreachableError):
        await connector.read("user", "1")
    with pytest.raises(UnreachableError):
        await connector.create("user", user("a"))
    await connector.close()


async def test_fields_are_told_as_the_tables_have_them_once_somebody_could_look(side: Side) -> None:
    of_user = ("sql.user.column", "sql.user.l")
    layout = {name.replace(".", "__"): None for name in PROPERTIES if name.startswith(of_user)}
    gone = Side(side.dialect, f"{side.dialect}://127.0.0.1:{free_port()}/x", "u", "p", side.execute)
    away, there = gone.connector(**layout), side.connector(**layout)
    for connector, learned in ((away, False), (there, True)):
        await connector.open()
        assert connector.entity_types["user"].fields is None
        assert await connector.learn_schemas() is learned
        assert not await connector.learn_schemas()
        await connector.close()
    assert away.entity_types["user"].fields is None
    fields = there.entity_types["user"].fields
    assert {("person_no",), ("login",), ("last_name",)} <= fields
    assert not {("made",), ("userName",)} & fields


async def test_tls_verifies_the_servers_name_though_its_address_was_connected_to(
    side: Side, authority: trustme.CA
) -> None:
    authorities = authority.cert_pem.bytes().decode()
    by_name = replace(side, url=side.url.replace("127.0.0.1", "localhost"))
    trusted = by_name.connector(sql__tls="verify", ca__certificate=authorities)
    await trusted.open()
    await trusted.create("user", user("a"))
    if side.dialect == "postgresql":
        used = side.execute(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'proxeny'"
        )
        assert used == [(True,)]
    await trusted.close()
    for unknown, words in (
        (by_name.connector(sql__tls="verify"), "not trusted"),
        (side.connector(sql__tls="verify", ca__certificate=authorities), "not trusted.*127.0.0.1"),
    ):
        await unknown.open()
        with pytest.raises(UnreachableError, match=words):
            await unknown.read("user", "1")
        await unknown.close()


async def test_a_wrong_password_and_an_unknown_database_are_told(side: Side) -> None:
    nowhere = Side(side.dialect, side.url + "_not", side.user, side.password, side.execute).connector()
    await nowhere.open()
    with pytest.raises((PropertyError, AuthenticationFailedError)):
        await nowhere.create("user", user("a"))
    await nowhere.close()
    if side.dialect == "mariadb":  # the other server of the tests believes everybody
        connector = side.connector(Password="wrong-secret-9")
        await connector.open()
        with pytest.raises(AuthenticationFailedError) as caught:
            await connector.read("user", "1")
        assert "wrong-secret-9" not in f"{caught.value} {caught.value.backend_message}"
        await connector.close()


async def test_a_statement_that_takes_too_long_is_stopped(side: Side) -> None:
    connector = side.connector(sql__timeout="1")
    await connector.open()
    await connector.create("user", user("a"))
    wait = "pg_sleep(20) IS NULL" if side.dialect == "postgresql" else "SLEEP(20) = 7"
    with pytest.raises(TimedOutError):
        await connector.search("user", Search(native_filter=wait))
    assert (await connector.search("user", Search())).total == 1
    await connector.close()


async def test_tables_are_looked_at_again_when_they_have_changed(side: Side) -> None:
    connector = side.connector(sql__user__column__title="job")
    side.execute("ALTER TABLE person ADD COLUMN job varchar(20)")
    await connector.open()
    try:
        assert (await connector.create("user", user("a", title="x"))).document["title"] == "x"
    finally:
        side.execute("ALTER TABLE person DROP COLUMN job")
    with pytest.raises(PropertyError):
        await connector.create("user", user("b"))
    with pytest.raises(PropertyError, match=r"sql\.user\.column\.title"):
        await connector.create("user", user("b"))
    await connector.close()


async def test_many_calls_share_few_connections(side: Side) -> None:
    connector = side.connector(sql__pool__size="2")
    await connector.open()
    made = await asyncio.gather(*(connector.create("user", user(f"u{number}")) for number in range(40)))
    found = await asyncio.gather(*(connector.read("user", entity.id) for entity in made))
    assert [entity.document["userName"] for entity in found] == [f"u{number}" for number in range(40)]
    if side.dialect == "postgresql":
        used = side.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'proxeny'")
    else:
        used = side.execute("SELECT count(*) FROM information_schema.processlist WHERE db LIKE 'people%'")
        used = [(used[0][0] - 1,)]  # the one that asks
    assert used[0][0] <= 2
    await connector.close()


async def test_a_broken_connection_is_replaced(people: Any, side: Side) -> None:
    made = await people.create("user", user("a"))
    if side.dialect == "postgresql":
        side.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'proxeny'")
    else:
        pids = side.execute(
            "SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND db LIKE 'people%'"
        )
        side.execute(*(f"KILL {pid}" for (pid,) in pids))
    assert (await people.read("user", made.id)).id == made.id


async def test_composite_keys_make_ids(side: Side) -> None:
    side.execute("INSERT INTO person (login) VALUES ('a')")
    side.execute("INSERT INTO team (code, title) VALUES ('x,y', 'X')")
    side.execute("INSERT INTO member (team, person) SELECT 'x,y', person_no FROM person")
    gone = {name.replace(".", "__"): None for name in PROPERTIES if name.startswith(("sql.user.", "sql.group."))}
    pairs = side.connector(**{**gone, "sql__group__table": "member", "sql__group__key": "team,person"})
    await pairs.open()
    found = [entity async for entity in pairs.read_all("group")]
    person = side.execute("SELECT person_no FROM person")[0][0]
    assert [entity.id for entity in found] == [f"x%2Cy,{person}"]
    assert (await pairs.read("group", found[0].id)).document["team"] == "x,y"
    with pytest.raises(NotFoundError):
        await pairs.read("group", "x%2Cy")
    await pairs.close()


@pytest.mark.parametrize(
    ("given", "place", "words"),
    [
        ({"URL": "postgresql://u:p@x/hr"}, "URL", "must not hold a user"),
        ({"URL": "sqlite:///x.db"}, "URL", "opens files"),
        ({"URL": "postgresql:///hr"}, "URL", "host"),
        ({"URL": "postgresql://x/hr?host=/tmp"}, "URL", "host"),
        ({"URL": "mariadb://x/hr?local_infile=1"}, "URL", "options"),
        ({"URL": "nonsense"}, "URL", "database URL"),
        ({"sql.user.table": ""}, "sql.user.key", "sql.user.table is not"),
        ({"sql.user.key": ""}, "sql.user.key", "missing"),
        ({"sql.user.colum.x": "y"}, "sql.user.colum.x", "no property"),
        ({"sql.user.list.emails.table": "mail"}, "sql.user.list.emails.key", "missing"),
        ({"sql.user.column.a..b": "y"}, "sql.user.column.a..b", "no place"),
        ({"sql.user.list.e.table": "t", "sql.user.list.e.key": "a,b", "sql.user.list.e.column": "c"},
         "sql.user.list.e.key", "as many columns"),
        ({"sql.user.list.e.write": "maybe"}, "sql.user.list.e.write", "one of"),
    ],
)  # fmt: skip
def test_properties_are_checked_without_connecting(given: dict[str, str], place: str, words: str) -> None:
    base = {"URL": "postgresql://x.example/hr", "sql.user.table": "person", "sql.user.key": "id"}
    found = spec("sql").check({**base, **given}, system_type("SQL_DATABASE"))
    assert any(problem.name == place and words in problem.message for problem in found), found


def test_without_drivers_systems_are_checked_and_told_what_to_install() -> None:
    program = """
import sys
for name in ("greenlet", "asyncpg", "pymysql"):
    sys.modules[name] = None
from tests.connectors.kit import connection
from proxeny.connectors.errors import PropertyError
from proxeny.connectors.registry import spec
for dialect in ("postgresql", "mariadb", "hana"):
    given = {"sql.user.table": "person", "sql.user.key": "id"}
    try:
        spec("sql").build(connection(f"{dialect}://x.example/hr", given, type_name="SQL_DATABASE"))._login.link()
    except PropertyError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "Install proxeny[postgresql]" in done.stdout
    assert "Install proxeny[mariadb]" in done.stdout


def test_properties_for_columns_and_lists_are_known() -> None:
    given = {"URL": "postgresql://x.example/hr", **PROPERTIES}
    assert spec("sql").check(given, system_type("SQL_DATABASE")) == ()
