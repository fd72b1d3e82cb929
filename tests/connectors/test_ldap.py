"""OpenLDAP through the connector: filters, references, updates by difference, names, deltas, limits."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import ldap
import pytest
from tests.connectors.directories import opened, person, slapd_properties
from tests.fixtures.slapd import ADMIN, GROUPS, PEOPLE, SUFFIX, Slapd

from proxeny.connectors.errors import (
    AuthenticationFailedError,
    ConflictError,
    ConnectorError,
    NotFoundError,
    PropertyError,
    RefusedError,
    UnreachableError,
    VersionConflictError,
)
from proxeny.connectors.filtering import AllOf, AnyOf, Compare, Negation
from proxeny.connectors.ldap.connector import LdapConnector
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.spi import Change, Search


@pytest.fixture
async def directory(openldap_server: Slapd) -> AsyncIterator[LdapConnector]:
    openldap_server.clear()
    async with opened(slapd_properties(openldap_server)) as made:
        yield made


@pytest.fixture
async def bare(bare_server: Slapd) -> AsyncIterator[LdapConnector]:
    bare_server.clear()
    async with opened(slapd_properties(bare_server)) as made:
        yield made


async def found(connector: LdapConnector, where: Any, kind: str = "user", **more: Any) -> list[str]:
    page = await connector.search(kind, Search(filter=where, **more))
    return sorted(entity.id for entity in page.entities)


# -- documents ------------------------------------------------------------------------------------------------------


async def test_attributes_are_lists_of_text_and_secrets_stay_behind(directory: LdapConnector) -> None:
    photo = "/9j/4AAQSkZJRgABAQEA"
    made = await directory.create(
        "user", person("ann", userPassword=["s3cret"], jpegPhoto=[photo], telephoneNumber="1")
    )
    assert made.id == "ann"
    assert made.document["distinguishedName"] == [f"uid=ann,{PEOPLE}"]
    assert made.document["jpegPhoto"] == [photo]
    assert made.document["telephoneNumber"] == ["1"]
    assert "userPassword" not in made.document
    assert made.created
    assert made.created.endswith("Z")
    assert made.version == made.document["entryCSN"][0]


async def test_passwords_are_hashed_by_the_server(directory: LdapConnector, openldap_server: Slapd) -> None:
    await directory.create("user", person("ann", userPassword=["first"]))
    await directory.replace("user", "ann", {"userPassword": ["{second}"]})
    held = openldap_server.admin().search_s(f"uid=ann,{PEOPLE}", 0, "(objectClass=*)", ["userPassword"])
    assert held[0][1]["userPassword"][0].startswith(b"{SSHA}")
    properties = slapd_properties(openldap_server, **{"ldap.user": f"uid=ann,{PEOPLE}"})
    async with opened(properties, {"ldap.password": "{second}"}) as own:
        assert (await own.read("user", "ann")).id == "ann"


async def test_names_with_every_special_character_are_names(directory: LdapConnector) -> None:
    for name in ('a,b+c"d', "#lead", " space ", "ends\\", "x=y;z<>", "ä€😀", "*)(uid=*"):
        made = await directory.create("user", {**person("x"), "uid": [name]})
        assert (await directory.read("user", made.id)).document["distinguishedName"] == made.document[
            "distinguishedName"
        ]
        assert made.id in await found(directory, Compare(("uid",), "eq", name))
        await directory.delete("user", made.id)


async def test_an_id_is_the_one_written_so_and_no_other(directory: LdapConnector) -> None:
    await directory.create("user", person("Ann"))
    with pytest.raises(NotFoundError):
        await directory.read("user", "ann")
    for hostile in ("*", "Ann)(objectClass=*", "", " ", "Ann\x00"):
        with pytest.raises(NotFoundError):
            await directory.read("user", hostile)


async def test_a_dn_may_be_the_id(openldap_server: Slapd) -> None:
    openldap_server.clear()
    async with opened(slapd_properties(openldap_server, **{"ldap.attribute.user.id": "distinguishedName"})) as made:
        ann = await made.create("user", person("ann"))
        assert ann.id == f"uid=ann,{PEOPLE}"
        assert (await made.read("user", ann.id)).id == ann.id
        assert await found(made, Compare(("distinguishedName",), "eq", ann.id)) == [ann.id]
        for elsewhere in (ADMIN, SUFFIX, f"cn=limited,{SUFFIX}", "no dn"):
            with pytest.raises(NotFoundError):
                await made.read("user", elsewhere)


async def test_a_listed_attribute_comes_in_the_spelling_of_the_list(openldap_server: Slapd) -> None:
    openldap_server.clear()
    properties = {"ldap.api.version": "2", "ldap.user.attributes": "TITLE, displayname"}
    async with opened(slapd_properties(openldap_server, **properties)) as made:
        ann = await made.create("user", person("ann", displayName=["Ann"], title=["Dr"]))
        assert (ann.document["TITLE"], ann.document["displayname"]) == (["Dr"], ["Ann"])
        assert "sn" not in ann.document


# -- filters --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def crowd(directory: LdapConnector) -> LdapConnector:
    for uid, more in {
        "ann": {"cn": ["Ann  Straße"], "employeeNumber": ["7"], "homePostalAddress": ["x"]},
        "bob": {"cn": ["Bob STRASSE"], "telephoneNumber": ["+1 2"]},
        "carl": {"cn": ["Carl (2*3)\\"], "labeledURI": ["http://X.example/A"]},
    }.items():
        await directory.create("user", person(uid, **more))
    return directory


@pytest.mark.parametrize(
    ("where", "people"),
    [
        (Compare(("uid",), "eq", "ANN"), ["ann"]),
        (Compare(("cn",), "eq", "bob straße"), ["bob"]),
        (Compare(("cn",), "eq", "ANN STRASSE"), ["ann"]),
        (Compare(("cn",), "co", "(2*3)\\"), ["carl"]),
        (Compare(("cn",), "sw", "carl (2"), ["carl"]),
        (Compare(("cn",), "ew", "sse"), ["ann", "bob"]),
        (Compare(("mail",), "pr"), ["ann", "bob", "carl"]),
        (Compare(("labeledURI",), "eq", "HTTP://x.example/a"), ["carl"]),
        (Compare(("telephoneNumber",), "eq", "+12"), ["bob"]),
        (Negation(Compare(("labeledURI",), "pr")), ["ann", "bob"]),
        (AllOf((Compare(("uid",), "sw", "a"), Compare(("cn",), "co", "STRA"))), ["ann"]),
        (AnyOf((Compare(("uid",), "eq", "ann"), Compare(("uid",), "eq", "bob"))), ["ann", "bob"]),
        (Compare(("modifyTimestamp",), "gt", "2020-01-01T00:00:00.5Z", type="dateTime"), ["ann", "bob", "carl"]),
        (Compare(("modifyTimestamp",), "gt", "2120-01-01T00:00:00Z", type="dateTime"), []),
        (Compare(("noSuchAttribute",), "eq", "x"), []),
    ],
)
async def test_a_filter_finds_everyone_it_means(crowd: LdapConnector, where: Any, people: list[str]) -> None:
    assert set(people) <= set(await found(crowd, where))


@pytest.mark.parametrize(
    "where",
    [
        Compare(("uid",), "eq", "ANN"),
        Compare(("uid",), "sw", "an"),
        Compare(("cn",), "eq", "ANN STRASSE"),
        Negation(AnyOf((Compare(("labeledURI",), "pr"), Compare(("telephoneNumber",), "pr")))),
    ],
)
async def test_a_filter_is_left_to_the_server_where_it_compares_as_we_do(crowd: LdapConnector, where: Any) -> None:
    assert await found(crowd, where) == ["ann"]


async def test_what_is_wider_than_asked_is_never_negated(crowd: LdapConnector) -> None:
    everyone = ["ann", "bob", "carl"]
    assert await found(crowd, Negation(Compare(("cn",), "eq", "ann straße", case_exact=True))) == everyone
    assert await found(crowd, Compare(("uid",), "ne", "ann")) == everyone
    page = await crowd.search("user", Search(filter=Compare(("uid",), "eq", "ann")))
    assert not page.exact
    assert (await crowd.search("user", Search(filter=Compare(("mail",), "pr")))).exact


async def test_the_operators_filter_is_added(crowd: LdapConnector) -> None:
    assert await found(crowd, None, native_filter="uid=ann") == ["ann"]
    assert await found(crowd, Compare(("mail",), "pr"), native_filter="(|(uid=ann)(uid=bob))") == ["ann", "bob"]
    with pytest.raises(PropertyError, match=r"ldap\.user\.filter"):
        await found(crowd, None, native_filter="((uid=ann)")


# -- pages ----------------------------------------------------------------------------------------------------------


async def test_pages_one_after_the_other_read_each_entry_once(directory: LdapConnector, openldap_server: Slapd) -> None:
    for number in range(25):
        await directory.create("user", person(f"p{number:02}"))
    before = openldap_server.operations()
    seen: list[str] = []
    while True:
        page = await directory.search("user", Search(start=len(seen), count=5))
        if not page.entities:
            break
        seen += [entity.id for entity in page.entities]
    assert sorted(seen) == [f"p{number:02}" for number in range(25)]
    assert openldap_server.operations() - before <= 8, "a page continues where the last one ended"
    page = await directory.search("user", Search(start=20, count=5))
    assert (len(page.entities), page.total) == (5, 25)
    assert (await directory.search("user", Search(count=0))).total == 25


async def test_an_answer_cut_by_a_size_limit_is_an_error(openldap_server: Slapd) -> None:
    openldap_server.clear()
    async with opened(slapd_properties(openldap_server)) as made:
        for number in range(20):
            await made.create("user", person(f"p{number:02}"))
    properties = slapd_properties(openldap_server, **{"ldap.user": f"cn=limited,{SUFFIX}", "ldap.page.size": "5"})
    async with opened(properties, {"ldap.password": "limited"}) as limited:
        with pytest.raises(ConnectorError, match="not complete"):
            _ = [entity async for entity in limited.read_all("user")]


# -- groups ---------------------------------------------------------------------------------------------------------


async def test_members_are_ids_and_dns_are_made_of_them(directory: LdapConnector, openldap_server: Slapd) -> None:
    for uid in ("ann", "bob", "c,d"):
        await directory.create("user", person(uid))
    await directory.create("group", {"cn": ["inner"], "member": ["ann"]})
    made = await directory.create(
        "group", {"cn": ["g"], "member": ["bob", {"value": "c,d"}, {"value": "inner", "type": "Group"}]}
    )
    assert sorted(made.document["member"]) == ["bob", "c,d", "inner"]
    assert (await directory.read("user", "bob")).document["memberOf"] == ["g"]
    assert await found(directory, Compare(("member",), "eq", "bob"), "group") == ["g"]
    assert await found(directory, Compare(("memberOf", "value"), "eq", "inner")) == ["ann"]
    assert await found(directory, Compare(("member",), "eq", "nobody*"), "group") == []
    held = openldap_server.admin().search_s(f"cn=g,{GROUPS}", 0)[0][1]["member"]
    assert f"uid=bob,{PEOPLE}".encode() in held


async def test_a_member_put_together_by_a_mapping_is_understood(directory: LdapConnector) -> None:
    for uid in ("ann", "c,d"):
        await directory.create("user", person(uid))
    texts = [f"uid=ann,{PEOPLE}", f"uid=c,d,{PEOPLE}"]
    made = await directory.create("group", {"cn": ["g"], "member": texts})
    assert sorted(made.document["member"]) == ["ann", "c,d"]


async def test_a_group_without_members_has_one_that_nobody_sees(
    directory: LdapConnector, openldap_server: Slapd
) -> None:
    await directory.create("user", person("ann"))
    made = await directory.create("group", {"cn": ["g"], "member": []})
    assert "member" not in made.document
    filled = await directory.replace("group", "g", {"cn": ["g"], "member": ["ann"]})
    assert filled is not None
    assert filled.document["member"] == ["ann"]
    assert len(openldap_server.admin().search_s(f"cn=g,{GROUPS}", 0)[0][1]["member"]) == 1
    emptied = await directory.replace("group", "g", {"cn": ["g"], "member": []})
    assert emptied is not None
    assert "member" not in emptied.document


async def test_unknown_members_are_refused_by_name_or_left_out(
    directory: LdapConnector, openldap_server: Slapd
) -> None:
    await directory.create("user", person("ann"))
    with pytest.raises(RefusedError, match="ghost"):
        await directory.create("group", {"cn": ["g"], "member": ["ann", "ghost"]})
    async with opened(slapd_properties(openldap_server, **{"unknown.members": "skip"})) as lenient:
        made = await lenient.create("group", {"cn": ["g"], "member": ["ann", "ghost", f"uid=ghost2,{PEOPLE}"]})
        assert made.document["member"] == ["ann"]


async def test_members_from_elsewhere_are_neither_shown_nor_taken_away(
    directory: LdapConnector, openldap_server: Slapd
) -> None:
    await directory.create("user", person("ann"))
    await directory.create("group", {"cn": ["g"], "member": ["ann"]})
    foreign = f"cn=limited,{SUFFIX}".encode()
    openldap_server.admin().modify_s(f"cn=g,{GROUPS}", [(ldap.MOD_ADD, "member", [foreign])])
    assert (await directory.read("group", "g")).document["member"] == ["ann"]
    await directory.replace("group", "g", {"cn": ["g"], "member": []})
    assert openldap_server.admin().search_s(f"cn=g,{GROUPS}", 0)[0][1]["member"] == [foreign]


async def test_members_whose_id_is_not_in_their_name_are_looked_up_together(
    openldap_server: Slapd,
) -> None:
    openldap_server.clear()
    properties = {"ldap.attribute.user.id": "mail", "ldap.user.naming.attribute": "uid", "ldap.api.version": "2"}
    async with opened(slapd_properties(openldap_server, **properties)) as made:
        people = [await made.create("user", person(f"p{number}")) for number in range(30)]
        group = await made.create("group", {"cn": ["g"], "member": [entity.id for entity in people]})
        expected = sorted((entity.id, "User") for entity in people)
        assert sorted((each["value"], each["type"]) for each in group.document["member"]) == expected
        async with made._pool.link() as link:
            sent = []
            original = link.find_many
            link.find_many = lambda lookups: sent.append(len(lookups)) or original(lookups)  # type: ignore[method-assign]
        assert len((await made.read("group", "g")).document["member"]) == 30
        assert sent == [30], "one round trip for all of them"


async def test_groups_of_users_are_found_without_the_overlay(bare: LdapConnector, bare_server: Slapd) -> None:
    for number in range(10):
        await bare.create("user", person(f"p{number}"))
    await bare.create("group", {"cn": ["even"], "member": [f"p{number}" for number in range(0, 10, 2)]})
    await bare.create("group", {"cn": ["all"], "member": [f"p{number}" for number in range(10)]})
    people = {entity.id: entity.document["memberOf"] async for entity in bare.read_all("user")}
    assert sorted(people["p2"]) == ["all", "even"]
    assert people["p3"] == ["all"]


# -- updates --------------------------------------------------------------------------------------------------------


async def test_an_update_touches_what_the_document_names(directory: LdapConnector, openldap_server: Slapd) -> None:
    await directory.create("user", person("ann", description=["kept"], title=["t"], mobile=["1", "2"]))
    changed = await directory.replace(
        "user", "ann", {"cn": ["Ann"], "title": [], "mobile": ["2", "3"], "mail": [[]], "memberOf": ["ignored"]}
    )
    assert changed is not None
    document = changed.document
    assert (document["description"], document["cn"], sorted(document["mobile"])) == (["kept"], ["Ann"], ["2", "3"])
    assert "title" not in document
    assert "mail" not in document


async def test_a_new_name_moves_the_entry(openldap_server: Slapd) -> None:
    openldap_server.clear()
    async with opened(slapd_properties(openldap_server, **{"ldap.attribute.user.id": "entryUUID"})) as made:
        ann = await made.create("user", person("ann"))
        await made.create("user", person("bob"))
        moved = await made.replace("user", ann.id, person("anna"))
        assert moved is not None
        assert (moved.id, moved.document["distinguishedName"]) == (ann.id, [f"uid=anna,{PEOPLE}"])
        with pytest.raises(ConflictError) as caught:
            await made.replace("user", ann.id, {"uid": ["bob"]})
        assert (caught.value.attribute, caught.value.value) == ("uid", "bob")
        with pytest.raises(RefusedError):
            await made.replace("user", ann.id, {"uid": ["carl"], "noSuchAttribute": ["x"]})
        assert (await made.read("user", ann.id)).document["uid"] == ["anna"], "a refused change leaves the name"


async def test_a_taken_name_says_who_has_it(directory: LdapConnector) -> None:
    await directory.create("user", person("ann"))
    with pytest.raises(ConflictError) as caught:
        await directory.create("user", person("ann", mail=["other@x.example"]))
    assert (caught.value.attribute, caught.value.value, caught.value.other_id) == ("uid", "ann", "ann")
    with pytest.raises(ConflictError):
        await directory.create("user", person("bob", mail=["ann@x.example"]))


async def test_the_version_is_checked_by_the_server_itself(directory: LdapConnector, openldap_server: Slapd) -> None:
    ann = await directory.create("user", person("ann"))
    openldap_server.admin().modify_s(f"uid=ann,{PEOPLE}", [(ldap.MOD_REPLACE, "title", [b"x"])])
    with pytest.raises(VersionConflictError):
        await directory.replace("user", "ann", {"cn": ["y"]}, version=ann.version)
    with pytest.raises(VersionConflictError):
        await directory.delete("user", "ann", version=ann.version)
    version = (await directory.read("user", "ann")).version
    results = await asyncio.gather(
        *(_add_title(directory, f"t{number}", version) for number in range(8)), return_exceptions=True
    )
    won = [each for each in results if not isinstance(each, Exception)]
    assert len(won) == 1, results
    assert all(isinstance(each, VersionConflictError) for each in results if isinstance(each, Exception))


async def _add_title(directory: LdapConnector, title: str, version: str | None) -> None:
    await directory.replace("user", "ann", {"title": [title]}, version=version)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"cn": ["x"]}, "uid"),
        ({"uid": ["x"], "cn": ["x"]}, "refused"),
        ({**person("x"), "bad name": ["x"]}, "bad name"),
        ({**person("x"), "title": [{"a": 1}]}, "title"),
        ({**person("x"), "distinguishedName": [f"uid=x,{GROUPS}"]}, "does not lie under"),
    ],
)
async def test_what_cannot_be_written_is_refused_by_name(
    directory: LdapConnector, document: dict[str, Any], says: str
) -> None:
    with pytest.raises(RefusedError, match=says):
        await directory.create("user", document)


# -- deltas ---------------------------------------------------------------------------------------------------------


async def delta(connector: LdapConnector, cursor: str | None) -> tuple[dict[str, bool], str | None]:
    """Id → whether it is still there, and where to go on."""
    read: list[Change] = [change async for change in connector.read_changes("user", cursor)]
    return {change.id: change.entity is not None for change in read}, read[-1].cursor if read else cursor


async def test_content_synchronisation_tells_what_came_changed_and_went(directory: LdapConnector) -> None:
    for uid in ("ann", "bob", "carl"):
        await directory.create("user", person(uid))
    first, cursor = await delta(directory, None)
    assert first == {"ann": True, "bob": True, "carl": True}
    assert (await delta(directory, cursor))[0] == {}
    await directory.replace("user", "ann", {"title": ["x"]})
    await directory.delete("user", "bob")
    await directory.create("user", person("dora"))
    second, cursor = await delta(directory, cursor)
    assert second == {"ann": True, "bob": False, "dora": True}
    assert (await delta(directory, cursor))[0] == {}


async def test_a_mark_leaves_out_what_was_before_it(directory: LdapConnector) -> None:
    """From the state that the server publishes; nothing is read for it."""
    await directory.create("user", person("ann"))
    mark = await directory.mark("user")
    assert mark.startswith("sync:rid=000,csn=")
    assert (await delta(directory, mark))[0] == {}
    await directory.create("user", person("bob"))
    assert (await delta(directory, mark))[0] == {"bob": True}


async def test_a_mark_by_time_tolerates_a_clock_that_is_late(bare: LdapConnector) -> None:
    mark = await bare.mark("user")
    before = datetime.now(UTC) - datetime.fromisoformat(mark.removeprefix("time:"))
    assert timedelta(minutes=9) < before < timedelta(minutes=15)
    await bare.create("user", person("ann"))
    assert (await delta(bare, mark))[0] == {"ann": True}


async def test_a_cursor_of_another_life_is_started_over(directory: LdapConnector) -> None:
    await directory.create("user", person("ann"))
    assert (await delta(directory, "sync:rid=000,csn=19990101000000.000000Z#000000#000#000000"))[0] == {"ann": True}
    assert (await delta(directory, "of something else"))[0] == {"ann": True}


async def test_deletions_are_told_to_another_process_where_the_uuid_is_the_id(openldap_server: Slapd) -> None:
    openldap_server.clear()
    properties = slapd_properties(openldap_server, **{"ldap.attribute.user.id": "entryUUID"})
    async with opened(properties) as made:
        ann = await made.create("user", person("ann"))
        _, cursor = await delta(made, None)
        await made.delete("user", ann.id)
    async with opened(properties) as other:
        assert (await delta(other, cursor))[0] == {ann.id: False}


async def test_times_of_change_lose_nothing(bare: LdapConnector) -> None:
    await bare.create("user", person("ann"))
    first, cursor = await delta(bare, None)
    assert first == {"ann": True}
    await bare.create("user", person("bob"))
    second, _ = await delta(bare, cursor)
    assert second["bob"]


# -- connections ----------------------------------------------------------------------------------------------------


async def test_a_restarted_server_is_found_again(openldap_server: Slapd) -> None:
    openldap_server.clear()
    async with opened(slapd_properties(openldap_server)) as made:
        await made.create("user", person("ann"))
        openldap_server.stop()
        with pytest.raises(UnreachableError):
            await made.read("user", "ann")
        openldap_server.start()
        made._pool._throttle.breaker.succeeded()
        assert (await made.read("user", "ann")).id == "ann"
        openldap_server.stop()
        openldap_server.start()
        assert (await made.replace("user", "ann", {"title": ["x"]})) is not None, (
            "an idle connection that died is noticed"
        )


async def test_no_more_connections_than_allowed(openldap_server: Slapd) -> None:
    openldap_server.clear()
    async with opened(slapd_properties(openldap_server, **{"connections.max": "2"})) as made:
        await made.create("user", person("ann"))
        await asyncio.gather(*(made.read("user", "ann") for _ in range(40)))
        assert len(made._pool._idle) <= 2


async def test_an_abandoned_call_ends_its_connection_and_frees_its_place(openldap_server: Slapd) -> None:
    openldap_server.clear()
    async with opened(slapd_properties(openldap_server, **{"connections.max": "1"})) as made:
        await made.create("user", person("ann"))
        for _ in range(5):
            task = asyncio.create_task(made.read("user", "ann"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with asyncio.timeout(5):
            assert (await made.read("user", "ann")).id == "ann"


async def test_a_stream_that_is_cut_ends_with_an_error(openldap_server: Slapd) -> None:
    """A part of the people must never pass for all of them."""
    openldap_server.clear()
    async with opened(slapd_properties(openldap_server)) as made:
        for number in range(60):
            await made.create("user", person(f"p{number:02}", description=["x" * 2000]))
    for limit in (20_000, 50_000, 90_000):
        async with cut_after(openldap_server.port, limit) as port:
            properties = {"ldap.url": f"ldap://localhost:{port}", "ldap.page.size": "7"}
            async with opened(slapd_properties(openldap_server, **properties)) as made:
                with pytest.raises(UnreachableError):
                    _ = [entity async for entity in made.read_all("user")]


@asynccontextmanager
async def cut_after(port: int, limit: int) -> AsyncIterator[int]:
    """A relay to ``port`` that ends every connection after so many bytes of answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)

        async def ask() -> None:
            while data := await reader.read(65536):
                far_writer.write(data)

        asking, left = asyncio.create_task(ask()), limit
        while left > 0 and (data := await far_reader.read(min(left, 4096))):
            writer.write(data)
            left -= len(data)
        asking.cancel()
        far_writer.close()
        writer.transport.abort()

    relay = await asyncio.start_server(serve, "localhost", 0, family=2)
    try:
        yield relay.sockets[0].getsockname()[1]
    finally:
        relay.close()


async def test_wrong_credentials_and_paths_are_named(openldap_server: Slapd) -> None:
    async with opened(slapd_properties(openldap_server), {"ldap.password": "wr0ng"}) as made:
        with pytest.raises(AuthenticationFailedError) as caught:
            await made.read("user", "ann")
        assert "wr0ng" not in str(caught.value) + str(caught.value.backend_message)
        steps = await made.test()
        assert [step.name for step in steps] == ["name", "tcp", "sign-in"]
    async with opened(slapd_properties(openldap_server, **{"ldap.user.path": "ou=nowhere,dc=example"})) as lost:
        steps = await lost.test()
        assert not steps[-1].ok
        assert "ldap.user.path" in steps[-1].message


async def test_refused_addresses_are_never_connected_to(openldap_server: Slapd) -> None:
    settings = OutboundSettings(deny=("127.0.0.0/8", "::1/128"))
    async with opened(slapd_properties(openldap_server), settings=settings) as made:
        with pytest.raises(PropertyError, match="outbound rules"):
            await made.read("user", "ann")


# -- TLS ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start_tls", [False, True])
async def test_tls_is_verified(openldap_server: Slapd, start_tls: bool) -> None:
    openldap_server.clear()
    address = {"ldap.start.tls": "true"} if start_tls else {"ldap.url": openldap_server.secure_url}
    async with opened(slapd_properties(openldap_server, **address, **{"ca.certificate": openldap_server.ca})) as made:
        await made.create("user", person("ann", description=["x" * 300_000]))
        assert len((await made.read("user", "ann")).document["description"][0]) == 300_000
        assert all(step.ok for step in await made.test())
    async with opened(slapd_properties(openldap_server, **address)) as stranger:
        with pytest.raises(UnreachableError, match=r"unable to get local issuer|self.signed"):
            await stranger.read("user", "ann")
    by_address = {"ldap.url": f"ldaps://127.1:{openldap_server.secure_port}"}
    async with opened(
        slapd_properties(openldap_server, **by_address, **{"ca.certificate": openldap_server.ca})
    ) as wrong:
        with pytest.raises(UnreachableError, match="mismatch"):
            await wrong.read("user", "ann")


async def test_a_certificate_may_sign_in(openldap_server: Slapd) -> None:
    openldap_server.clear()
    issued = openldap_server.authority.issue_cert("gateway.example", common_name="gateway")
    properties = slapd_properties(
        openldap_server,
        **{
            "ldap.url": openldap_server.secure_url,
            "ldap.authentication": "ExternalAuthentication",
            "ca.certificate": openldap_server.ca,
            "client.certificate": issued.cert_chain_pems[0].bytes().decode(),
        },
    )
    async with opened(properties, {"client.key": issued.private_key_pem.bytes().decode()}) as made:
        assert (await made.create("user", person("ann"))).id == "ann"


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    """libldap alone would wait for ever in the handshake of ldaps."""
    silent = socket.create_server(("127.0.0.1", 0))  # connections stand, and nobody takes them up
    port = silent.getsockname()[1]
    paths = {"ldap.user.path": PEOPLE, "ldap.group.path": GROUPS, "ips.failed.request.retry.attempts": "0"}
    loop = asyncio.get_running_loop()
    for url in (f"ldaps://127.0.0.1:{port}", f"ldap://127.0.0.1:{port}"):
        properties = {"ldap.url": url, "ldap.user": "cn=x", "timeout.connect": "1", "timeout.total": "1", **paths}
        async with opened(properties) as made:
            began = loop.time()
            with pytest.raises(UnreachableError, match=r"in time|within"):
                await made.read("user", "ann")
            assert loop.time() - began < 4
    silent.close()
