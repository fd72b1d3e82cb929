"""A real domain controller through the connector: accounts, passwords, identifiers, deltas, nested groups."""

from collections.abc import AsyncIterator
from typing import Any

import ldap
import pytest
from tests.connectors.directories import domain_properties, opened
from tests.fixtures.samba import STAFF, SUFFIX, TEAMS, Samba

from proxeny.connectors.errors import ConflictError, PropertyError, RefusedError, UnreachableError
from proxeny.connectors.filtering import AllOf, Compare, Negation
from proxeny.connectors.ldap.connector import LdapConnector
from proxeny.connectors.ldap.link import Link
from proxeny.connectors.spi import Change, Search

TYPE = "MICROSOFT_ACTIVE_DIRECTORY"
PASSWORD = "N3w-Passw0rd"


@pytest.fixture
async def domain(domain_controller: Samba) -> AsyncIterator[LdapConnector]:
    domain_controller.clear()
    async with opened(domain_properties(domain_controller), type_name=TYPE) as made:
        yield made


def account(name: str, **more: Any) -> dict[str, Any]:
    return {"cn": [name], "sAMAccountName": [name], "sn": ["x"], **more}


def team(name: str, **more: Any) -> dict[str, Any]:
    return {"cn": [name], "sAMAccountName": [name], **more}


async def found(connector: LdapConnector, where: Any, kind: str = "user") -> list[str]:
    page = await connector.search(kind, Search(filter=where))
    return sorted(entity.id for entity in page.entities)


async def test_an_account_is_enabled_by_its_flag_once_it_has_a_password(domain: LdapConnector) -> None:
    made = await domain.create("user", account("ann", unicodePwd=[PASSWORD], accountEnabled=[True]))
    assert made.document["accountEnabled"] == [True]
    assert made.document["userAccountControl"] == ["512"]
    assert "unicodePwd" not in made.document
    waiting = await domain.create("user", account("bob", accountEnabled=[True]))
    assert waiting.document["accountEnabled"] == [False], "the server enables no account that has no password"
    changed = await domain.replace("user", "ann", {"accountEnabled": [False], "title": ["x"]})
    assert changed is not None
    assert changed.document["userAccountControl"] == ["514"]
    given = await domain.replace("user", "bob", {"unicodePwd": [PASSWORD], "accountEnabled": ["true"]})
    assert given is not None
    assert given.document["accountEnabled"] == [True]


async def test_the_new_password_signs_in(domain: LdapConnector, domain_controller: Samba) -> None:
    await domain.create("user", account("ann", unicodePwd=[PASSWORD], accountEnabled=[True]))
    properties = domain_properties(domain_controller, **{"ldap.user": f"CN=ann,{STAFF}"})
    async with opened(properties, {"ldap.password": PASSWORD}, type_name=TYPE) as own:
        assert (await own.read("user", "ann")).id == "ann"


async def test_other_flags_of_an_account_stay(domain: LdapConnector, domain_controller: Samba) -> None:
    await domain.create("user", account("ann", unicodePwd=[PASSWORD], accountEnabled=[True]))
    never_expires = [(ldap.MOD_REPLACE, "userAccountControl", [b"66048"])]
    domain_controller.admin().modify_s(f"CN=ann,{STAFF}", never_expires)
    changed = await domain.replace("user", "ann", {"accountEnabled": [False]})
    assert changed is not None
    assert changed.document["userAccountControl"] == ["66050"]


async def test_enabled_is_a_filter(domain: LdapConnector) -> None:
    await domain.create("user", account("ann", unicodePwd=[PASSWORD], accountEnabled=[True]))
    await domain.create("user", account("bob"))
    assert await found(domain, Compare(("accountEnabled",), "eq", True, type="boolean")) == ["ann"]
    assert await found(domain, Negation(Compare(("accountEnabled",), "eq", True, type="boolean"))) == ["bob"]
    both = AllOf((Compare(("accountEnabled",), "eq", False), Compare(("sAMAccountName",), "eq", "BOB")))
    assert await found(domain, both) == ["bob"]


async def test_identifiers_are_read_as_people_write_them(domain_controller: Samba) -> None:
    domain_controller.clear()
    properties = domain_properties(domain_controller, **{"ldap.attribute.user.id": "objectGUID"})
    async with opened(properties, type_name=TYPE) as made:
        ann = await made.create("user", account("ann"))
        assert len(ann.id) == 36
        assert ann.document["objectSid"][0].startswith("S-1-5-21-")
        assert (await made.read("user", ann.id)).document["sAMAccountName"] == ["ann"]
        assert await found(made, Compare(("objectGUID",), "eq", ann.id)) == [ann.id]
        renamed = await made.replace("user", ann.id, {"cn": ["anna"], "sAMAccountName": ["anna"]})
        assert renamed is not None
        assert renamed.document["distinguishedName"] == [f"CN=anna,{STAFF}"]
        group = await made.create("group", team("g", member=[ann.id]))
        assert group.document["member"] == [ann.id]


async def test_a_taken_account_name_says_who_has_it(domain: LdapConnector) -> None:
    await domain.create("user", account("ann"))
    with pytest.raises(ConflictError) as caught:
        await domain.create("user", {"cn": ["other"], "sAMAccountName": ["ann"], "sn": ["x"]})
    assert (caught.value.attribute, caught.value.value, caught.value.other_id) == ("sAMAccountName", "ann", "ann")


async def test_computers_are_nobody(domain: LdapConnector, domain_controller: Samba) -> None:
    classes = [b"top", b"person", b"organizationalPerson", b"user", b"computer"]
    machine = [("objectClass", classes), ("sAMAccountName", [b"PC1$"]), ("userAccountControl", [b"4096"])]
    domain_controller.admin().add_s(f"CN=pc1,{STAFF}", machine)
    await domain.create("user", account("ann"))
    assert [entity.id async for entity in domain.read_all("user")] == ["ann"]


async def test_long_member_lists_are_read_to_their_end(domain_controller: Samba) -> None:
    """The server gives as many as are asked for, as it would by itself for very long lists."""
    domain_controller.clear()
    properties = domain_properties(
        domain_controller, **{"ldap.api.version": "2", "ldap.group.attributes": "cn,sAMAccountName,member;range=0-9"}
    )
    async with opened(properties, type_name=TYPE) as made:
        names = [f"p{number:02}" for number in range(25)]
        for name in names:
            await made.create("user", account(name))
        group = await made.create("group", team("g", member=names))
        assert sorted(each["value"] for each in group.document["member"]) == names
        fewer = await made.replace("group", "g", {"member": names[:3]})
        assert fewer is not None
        assert sorted(each["value"] for each in fewer.document["member"]) == names[:3]


async def test_nested_groups_are_flattened_on_request(domain: LdapConnector, domain_controller: Samba) -> None:
    for name in ("ann", "bob", "carl"):
        await domain.create("user", account(name))
    await domain.create("group", team("inner", member=["carl"]))
    await domain.create("group", team("middle", member=["bob", {"value": "inner", "type": "Group"}]))
    outer = await domain.create("group", team("outer", member=["ann", {"value": "middle", "type": "Group"}]))
    assert sorted(outer.document["member"]) == ["ann", "middle"]
    assert (await domain.read("user", "bob")).document["memberOf"] == ["middle"]
    async with opened(domain_properties(domain_controller, **{"ad.group.flatten": "true"}), type_name=TYPE) as flat:
        groups = {entity.id: entity.document["member"] async for entity in flat.read_all("group")}
        assert sorted(groups["outer"]) == ["ann", "bob", "carl"]
        assert groups["inner"] == ["carl"]


async def _with_primary(domain: LdapConnector, server: Samba, user: str, group: str) -> None:
    """Makes the group the user's primary one; the server takes the user out of its ``member`` then."""
    members = [each["value"] if isinstance(each, dict) else each for each in await _members(domain, group)]
    await domain.replace("group", group, {"member": [*members, user]})
    sid = (await domain.read("group", group)).document["objectSid"][0]
    number = sid.rpartition("-")[2].encode()
    server.admin().modify_s(f"CN={user},{STAFF}", [(ldap.MOD_REPLACE, "primaryGroupID", [number])])


async def _members(domain: LdapConnector, group: str) -> list[Any]:
    found: list[Any] = (await domain.read("group", group)).document.get("member", [])
    return found


async def test_the_primary_group_is_a_membership_on_both_sides(domain: LdapConnector, domain_controller: Samba) -> None:
    for name in ("ann", "bob", "carl"):
        await domain.create("user", account(name))
    await domain.create("group", team("sales", member=["bob"]))
    await domain.create("group", team("empty"))
    for name in ("ann", "carl"):
        await _with_primary(domain, domain_controller, name, "sales")
    plain = domain_controller.admin().read_s(f"CN=sales,{TEAMS}", attrlist=["member"])
    assert len(plain["member"]) == 1, "the entry itself holds only the other one"
    assert (await domain.read("user", "ann")).document["memberOf"] == ["sales"]
    assert sorted(await _members(domain, "sales")) == ["ann", "bob", "carl"]
    everybody = {entity.id: entity.document.get("memberOf") async for entity in domain.read_all("user")}
    assert everybody == {"ann": ["sales"], "bob": ["sales"], "carl": ["sales"]}
    groups = {entity.id: sorted(entity.document.get("member", ())) async for entity in domain.read_all("group")}
    assert groups == {"sales": ["ann", "bob", "carl"], "empty": []}


async def test_the_primary_group_is_found_by_its_members_and_they_by_it(
    domain: LdapConnector, domain_controller: Samba
) -> None:
    for name in ("ann", "bob"):
        await domain.create("user", account(name))
    await domain.create("group", team("sales", member=["bob"]))
    await domain.create("group", team("other", member=["ann"]))
    await _with_primary(domain, domain_controller, "ann", "sales")
    assert await found(domain, Compare(("member", "value"), "eq", "ann"), "group") == ["other", "sales"]
    assert await found(domain, Compare(("memberOf", "value"), "eq", "sales")) == ["ann", "bob"]
    assert {"ann", "bob"} <= set(await found(domain, Compare(("memberOf",), "pr", None)))


async def test_writes_of_a_group_leave_primary_members_alone(domain: LdapConnector, domain_controller: Samba) -> None:
    for name in ("ann", "bob", "carl"):
        await domain.create("user", account(name))
    await domain.create("group", team("sales", member=["bob"]))
    await _with_primary(domain, domain_controller, "ann", "sales")
    written = await domain.replace("group", "sales", {"member": ["ann", "carl"]})
    assert written is not None
    assert sorted(written.document["member"]) == ["ann", "carl"]
    without = await domain.replace("group", "sales", {"member": ["bob"]})
    assert without is not None
    assert sorted(without.document["member"]) == ["ann", "bob"], "only the user's own entry can end it"


async def test_primary_groups_take_one_search_for_a_page(
    domain: LdapConnector, domain_controller: Samba, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        await domain.create("user", account(f"u{number}"))
    for number in range(6):
        await domain.create("group", team(f"g{number}", member=[f"u{number}"]))
    await _with_primary(domain, domain_controller, "u0", "g5")
    asked: list[str] = []
    find, page = Link.find, Link.page

    def counted(self: Link, lookup: Any, *more: Any) -> Any:
        asked.append(lookup[2])
        return find(self, lookup, *more)

    def paged(self: Link, base: str, filter_: str, *more: Any) -> Any:
        asked.append(filter_)
        return page(self, base, filter_, *more)

    monkeypatch.setattr(Link, "find", counted)
    monkeypatch.setattr(Link, "page", paged)
    for kind in ("user", "group"):
        asked.clear()
        assert len([entity async for entity in domain.read_all(kind)]) == {"user": 12, "group": 6}[kind]
        assert len(asked) <= 3, asked


async def delta(connector: LdapConnector, cursor: str | None, kind: str = "user") -> tuple[dict[str, bool], str | None]:
    read: list[Change] = [change async for change in connector.read_changes(kind, cursor)]
    return {change.id: change.entity is not None for change in read}, read[-1].cursor if read else cursor


@pytest.mark.parametrize("attribute", ["cn", "sAMAccountName", "objectGUID", "distinguishedName"])
async def test_changes_are_told_with_what_was_deleted(domain_controller: Samba, attribute: str) -> None:
    domain_controller.clear()
    properties = domain_properties(domain_controller, **{"ldap.attribute.user.id": attribute})
    async with opened(properties, type_name=TYPE) as made:
        ann, bob = [await made.create("user", account(name, cn=[f"{name}, x"])) for name in ("ann", "bob")]
        first, cursor = await delta(made, None)
        assert first == {ann.id: True, bob.id: True}
        await made.delete("user", bob.id)
        await made.replace("user", ann.id, {"title": ["x"]})
        carl = await made.create("user", account("carl"))
        second, cursor = await delta(made, cursor)
        assert second == {ann.id: True, bob.id: False, carl.id: True}
        assert (await delta(made, cursor))[0] == {}
        assert (await delta(made, "ff" * 16 + ":1"))[0] == {ann.id: True, carl.id: True}, "another controller's cursor"


async def test_a_mark_leaves_out_what_was_before_it(domain: LdapConnector) -> None:
    await domain.create("user", account("ann"))
    mark = await domain.mark("user")
    assert (await delta(domain, mark))[0] == {}
    await domain.create("user", account("bob"))
    assert (await delta(domain, mark))[0] == {"bob": True}


async def test_a_new_member_is_a_change_of_the_group(domain: LdapConnector) -> None:
    await domain.create("user", account("ann"))
    await domain.create("group", team("g"))
    _, cursor = await delta(domain, None, "group")
    await domain.replace("group", "g", {"member": ["ann"]})
    assert (await delta(domain, cursor, "group"))[0] == {"g": True}


async def test_passwords_want_tls(domain_controller: Samba) -> None:
    plain = {"ldap.url": domain_controller.url}
    async with opened(domain_properties(domain_controller, **plain), type_name=TYPE) as made:
        with pytest.raises(PropertyError, match="wants TLS"):
            await made.read("user", "ann")
    anonymous = {
        name: text for name, text in domain_properties(domain_controller, **plain).items() if name != "ldap.user"
    }
    async with opened(anonymous, {"x": "y"}, type_name=TYPE) as made:
        with pytest.raises((RefusedError, PropertyError, UnreachableError)):
            await made.create("user", account("ann", unicodePwd=[PASSWORD]))


async def test_start_tls_serves_as_well(domain_controller: Samba) -> None:
    domain_controller.clear()
    properties = domain_properties(domain_controller, **{"ldap.url": domain_controller.url, "ldap.start.tls": "true"})
    async with opened(properties, type_name=TYPE) as made:
        made_account = await made.create("user", account("ann", unicodePwd=[PASSWORD], accountEnabled=[True]))
        assert made_account.document["accountEnabled"] == [True]
        steps = await made.test()
        assert all(step.ok for step in steps), steps
        assert "Active Directory" in steps[2].message


async def test_names_are_escaped(domain: LdapConnector) -> None:
    for name in ("Doe, John", "a+b;c", "x=<y>", "#1", "back\\slash"):
        made = await domain.create(
            "user", {"cn": [name], "sn": ["x"], "sAMAccountName": [f"u{abs(hash(name)) % 9999}"]}
        )
        assert (await domain.read("user", made.id)).id == name
        group = await domain.create("group", team(f"g{abs(hash(name)) % 9999}", member=[f"cn={name},{STAFF}"]))
        assert group.document["member"] == [name]
        await domain.delete("user", name)


async def test_members_of_the_whole_domain_are_left_alone(domain: LdapConnector, domain_controller: Samba) -> None:
    await domain.create("user", account("ann"))
    await domain.create("group", team("g", member=["ann"]))
    foreign = f"CN=Administrator,CN=Users,{SUFFIX}".encode()
    domain_controller.admin().modify_s(f"CN=g,{TEAMS}", [(ldap.MOD_ADD, "member", [foreign])])
    changed = await domain.replace("group", "g", {"member": []})
    assert changed is not None
    assert "member" not in changed.document
    assert domain_controller.admin().search_s(f"CN=g,{TEAMS}", 0)[0][1]["member"] == [foreign]
