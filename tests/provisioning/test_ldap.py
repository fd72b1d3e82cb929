"""SCIM over OpenLDAP and Active Directory: the default transformations on real servers, as a client sees them."""

from typing import Any

import pytest
from tests.conftest import corpus_files
from tests.connectors.directories import PATHS, domain_properties, slapd_properties
from tests.fixtures import samba as domain
from tests.fixtures import slapd as openldap
from tests.fixtures.samba import Samba
from tests.fixtures.slapd import Slapd
from tests.provisioning.conftest import Client, Rig, user

from proxeny.connectors.ldap.link import Link
from proxeny.connectors.registry import spec, system_type
from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.systems.definition import SystemDefinition, TransformationText
from proxeny.scim.errors import InvalidFilterError, InvalidValueError, ResourceNotFoundError, ScimError, UniquenessError

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


async def _system(rig: Rig, type_name: str, properties: dict[str, str], password: str) -> Client:
    rig.definitions["ldap"] = SystemDefinition(
        id="ldap",
        name="LDAP",
        type=type_name,
        access_mode="PROXY",
        properties=properties,
        credentials={"ldap.password": password},
    )
    await rig.catalog.replace(rig.definitions.values())
    return Client(rig.catalog.provider("ldap"), Call("https://gw.example/proxy/ldap"))


@pytest.fixture
async def people(rig: Rig, openldap_server: Slapd) -> Client:
    openldap_server.clear()
    return await _system(rig, "LDAP_SERVER", slapd_properties(openldap_server), openldap.PASSWORD)


@pytest.fixture
async def staff(rig: Rig, domain_controller: Samba) -> Client:
    domain_controller.clear()
    return await _system(rig, "MICROSOFT_ACTIVE_DIRECTORY", domain_properties(domain_controller), domain.PASSWORD)


def group(name: str, *members: str) -> dict[str, Any]:
    return {"schemas": [GROUP], "displayName": name, "members": [{"value": member} for member in members]}


async def test_a_user_from_creation_to_deletion(people: Client) -> None:
    made = await people.create("Users", user("bjensen", name={"givenName": "Barbara", "familyName": "Jensen"}))
    assert made["id"] == "bjensen"
    assert made["meta"]["location"] == "https://gw.example/proxy/ldap/Users/bjensen"
    assert made["meta"]["created"].endswith("Z")
    read = await people.read("Users", "bjensen")
    assert (read["name"]["familyName"], read["emails"][0]["value"]) == ("Jensen", "bjensen@example.org")
    changed = await people.replace("Users", "bjensen", user("bjensen", displayName="Babs", emails=[]))
    assert changed["displayName"] == "Babs"
    assert "emails" not in changed
    assert "givenName" not in changed.get("name", {})
    await people.patch("Users", "bjensen", {"op": "replace", "path": "displayName", "value": "Barbara"})
    phones = [{"type": "work", "value": "+1 555"}, {"type": "mobile", "value": "+49 170"}]
    await people.patch("Users", "bjensen", {"op": "add", "path": "phoneNumbers", "value": phones})
    after = await people.read("Users", "bjensen")
    assert after["displayName"] == "Barbara"
    assert sorted((each["type"], each["value"]) for each in after["phoneNumbers"]) == [
        ("mobile", "+49 170"),
        ("work", "+1 555"),
    ]
    await people.delete("Users", "bjensen")
    with pytest.raises(ResourceNotFoundError):
        await people.read("Users", "bjensen")


async def test_filters_and_pages(people: Client) -> None:
    for number in range(12):
        await people.create("Users", user(f"user{number:02}", displayName=f"Fuß {number:02}"))
    assert await people.names("Users", filter='userName eq "USER03"') == ["user03"]
    assert await people.names("Users", filter='displayName sw "fuss 0"') == [f"user{number:02}" for number in range(10)]
    assert await people.names("Users", filter='emails.value eq "user05@example.org"') == ["user05"]
    assert await people.names("Users", filter='not (userName eq "user00") and userName co "0"', count=50) == [
        *(f"user{number:02}" for number in range(1, 10)),
        "user10",
    ]
    listed = await people.search("Users", filter='meta.lastModified gt "2020-01-01T00:00:00Z"', count=50)
    assert listed["totalResults"] == 12
    assert (await people.search("Users", filter='meta.lastModified gt "2120-01-01T00:00:00Z"'))["totalResults"] == 0
    seen: list[str] = []
    while True:
        page = await people.search("Users", startIndex=len(seen) + 1, count=5)
        if not page["Resources"]:
            break
        seen += [resource["userName"] for resource in page["Resources"]]
    assert sorted(seen) == [f"user{number:02}" for number in range(12)]


@pytest.mark.parametrize(
    "text",
    [
        'emails[type eq "work"].value eq "ann@example.org"',
        'emails[type eq "work" and value eq "ann@example.org"]',
        "emails.primary eq true",
        'groups.display eq "staff"',
        'not (userName eq "bob" or emails.display pr)',
    ],
)
async def test_what_no_attribute_of_an_entry_can_become_is_refused_in_a_filter(people: Client, text: str) -> None:
    """An empty list would say that there is nobody, and the client would create ann again."""
    await people.create("Users", user("ann"))
    with pytest.raises(InvalidFilterError):
        await people.search("Users", filter=text)
    assert await people.names("Users", filter='emails[value eq "ann@example.org"]') == ["ann"]
    assert await people.names("Users", filter='phoneNumbers[type eq "work"]') == []


async def test_an_attribute_that_the_server_keeps_unique_is_changed(people: Client) -> None:
    await people.create("Users", user("ann"))
    await people.create("Users", user("bob"))
    more = {"op": "add", "path": "emails", "value": [{"value": "a@home.example"}]}
    assert (await people.patch("Users", "ann", more)).status == 200
    other = {"op": "replace", "path": "emails", "value": [{"value": "a@work.example"}]}
    assert (await people.patch("Users", "ann", other)).status == 200
    assert [each["value"] for each in (await people.read("Users", "ann"))["emails"]] == ["a@work.example"]
    taken = {"op": "replace", "path": "emails", "value": [{"value": "bob@example.org"}]}
    with pytest.raises(ScimError) as caught:
        await people.patch("Users", "ann", taken)
    assert caught.value.status in (400, 409)
    assert [each["value"] for each in (await people.read("Users", "ann"))["emails"]] == ["a@work.example"]


async def test_membership(people: Client) -> None:
    for name in ("ann", "bob", "carl"):
        await people.create("Users", user(name))
    made = await people.create("Groups", group("staff", "ann", "bob"))
    assert sorted(each["value"] for each in made["members"]) == ["ann", "bob"]
    assert [each["value"] for each in (await people.read("Users", "ann"))["groups"]] == ["staff"]
    await people.patch("Groups", "staff", {"op": "add", "path": "members", "value": [{"value": "carl"}]})
    await people.patch("Groups", "staff", {"op": "remove", "path": 'members[value eq "ann"]'})
    assert sorted(each["value"] for each in (await people.read("Groups", "staff"))["members"]) == ["bob", "carl"]
    assert await people.names("Groups", filter='members.value eq "carl"') == ["staff"]
    assert await people.names("Users", filter='groups.value eq "staff"') == ["bob", "carl"]
    emptied = await people.replace("Groups", "staff", group("staff"))
    assert "members" not in emptied
    assert "groups" not in await people.read("Users", "bob")


async def test_mistakes_are_the_clients(people: Client) -> None:
    await people.create("Users", user("ann"))
    with pytest.raises(UniquenessError, match="ann"):
        await people.create("Users", user("ann"))
    with pytest.raises(InvalidValueError, match="ghost"):
        await people.create("Groups", group("g", "ghost"))


HOSTILE = [
    text.replace("N", str(number))
    for number in range(20)
    for text in (
        "*",
        "ann)(uid=*",
        "*)(|(objectClass=*",
        "ann\\2a",
        "\\",
        "ann*N",
        ")(&)",
        "uid=ann,dc=x",
        "annN\x00",
        '" or userName pr or userName eq "N',
    )
]


async def test_no_text_in_a_filter_is_more_than_a_value(people: Client) -> None:
    """T59: 200 payloads; what is found is what a plain comparison of texts finds."""
    await people.create("Users", user("ann"))
    await people.create("Users", user("*"))
    known = {"ann", "*"}
    for payload in HOSTILE:
        quoted = payload.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", "\\u0000")
        for operator, matches in (("eq", str.__eq__), ("sw", str.startswith), ("co", str.__contains__)):
            expected = sorted(name for name in known if matches(name, payload))
            assert await people.names("Users", filter=f'userName {operator} "{quoted}"') == expected, payload
        if payload in known:
            assert (await people.read("Users", payload))["userName"] == payload
        else:
            with pytest.raises(ResourceNotFoundError):
                await people.read("Users", payload)


async def test_a_domain_account_from_creation_to_deletion(staff: Client) -> None:
    body = user("bjensen", name={"givenName": "Barbara", "familyName": "Jensen"}, password="N3w-Passw0rd")
    made = await staff.create("Users", body)
    assert (made["id"], made["userName"], made["active"]) == ("bjensen", "bjensen", True)
    assert "password" not in made
    await staff.patch("Users", "bjensen", {"op": "replace", "path": "active", "value": False})
    assert (await staff.read("Users", "bjensen"))["active"] is False
    assert await staff.names("Users", filter="active eq false") == ["bjensen"]
    renamed = await staff.replace("Users", "bjensen", user("babs", name={"familyName": "Jensen"}))
    assert (renamed["id"], renamed["userName"], renamed["active"]) == ("bjensen", "babs", True)
    await staff.create("Groups", group("team", "bjensen"))
    assert await staff.names("Groups", filter='members.value eq "bjensen"') == ["team"]
    assert [each["value"] for each in (await staff.read("Users", "bjensen"))["groups"]] == ["team"]
    await staff.patch("Groups", "team", {"op": "remove", "path": "members"})
    assert "members" not in await staff.read("Groups", "team")
    await staff.delete("Users", "bjensen")
    assert await staff.names("Users") == []


PUBLISHED = [
    (read, write, version)
    for read, write, version in (("1", "2", "1"), ("3", "4", "2"))
    if corpus_files(f"published/ldap-server.e4cc750.{read}.json")
]


@pytest.mark.parametrize(("read", "write", "version"), PUBLISHED)
async def test_published_transformations_work_as_they_are(
    rig: Rig, openldap_server: Slapd, read: str, write: str, version: str
) -> None:
    """They put DNs together by joining texts, empty the members first, and know two forms of members."""
    openldap_server.clear()
    texts = [corpus_files(f"published/ldap-server.e4cc750.{number}.json")[0].read_text() for number in (read, write)]
    rig.definitions["ldap"] = SystemDefinition(
        id="ldap",
        name="LDAP",
        type="LDAP_SERVER",
        access_mode="PROXY",
        properties=slapd_properties(openldap_server, **{"ldap.api.version": version}),
        credentials={"ldap.password": openldap.PASSWORD},
        read=TransformationText("read", texts[0]),
        write=TransformationText("write", texts[1]),
    )
    await rig.catalog.replace(rig.definitions.values())
    client = Client(rig.catalog.provider("ldap"), Call("https://gw.example/proxy/ldap"))
    for name in ("ann", "doe, john"):
        await client.create("Users", user(name, name={"givenName": "G", "familyName": "F"}))
    made = await client.create("Groups", group("staff", "ann", "doe, john"))
    assert sorted(each["value"] for each in made["members"]) == ["ann", "doe, john"]
    await client.patch("Groups", "staff", {"op": "remove", "path": 'members[value eq "ann"]'})
    assert [each["value"] for each in (await client.read("Groups", "staff"))["members"]] == ["doe, john"]
    assert await client.names("Users", filter='userName eq "ANN"') == ["ann"]
    assert await client.names("Groups", filter='members.value eq "doe, john"') == ["staff"]


async def test_the_filter_of_the_system_limits_what_exists(rig: Rig, openldap_server: Slapd) -> None:
    openldap_server.clear()
    properties = slapd_properties(openldap_server, **{"ldap.user.filter": "(|(uid=ann)(uid=bob))"})
    client = await _system(rig, "LDAP_SERVER", properties, openldap.PASSWORD)
    for name in ("ann", "bob"):
        await client.create("Users", user(name))
    speaker = openldap_server.admin()
    hidden = [("objectClass", [b"inetOrgPerson"]), ("cn", [b"c"]), ("sn", [b"c"])]
    speaker.add_s(f"uid=carl,{openldap.PEOPLE}", hidden)
    assert await client.names("Users") == ["ann", "bob"]
    assert await client.names("Users", filter="userName pr or displayName pr") == ["ann", "bob"]
    with pytest.raises(ResourceNotFoundError):
        await client.read("Users", "carl")
    with pytest.raises(ResourceNotFoundError):
        await client.delete("Users", "carl")


async def test_updates_are_answered_without_the_resource_where_the_property_says_so(
    rig: Rig, openldap_server: Slapd
) -> None:
    openldap_server.clear()
    properties = slapd_properties(openldap_server, **{"ldap.respond.with.resource.after.update": "false"})
    people = await _system(rig, "LDAP_SERVER", properties, openldap.PASSWORD)
    made = await people.create("Users", user("bjensen"))
    changed = user("bjensen", displayName="Babs")
    put = await people.provider.replace("Users", made["id"], changed, (), people.call)
    assert (put.status, put.body, put.location) == (204, None, "https://gw.example/proxy/ldap/Users/bjensen")
    assert (await people.read("Users", "bjensen"))["displayName"] == "Babs"
    patched = await people.patch("Users", "bjensen", {"op": "replace", "path": "displayName", "value": "Barbara"})
    assert (patched.status, patched.body) == (204, None)
    asked = await people.provider.replace("Users", "bjensen", changed, (("attributes", "displayName"),), people.call)
    assert asked.status == 200, "a client that names attributes gets them"


async def test_a_new_entry_is_not_read_back_where_the_property_says_so(rig: Rig, openldap_server: Slapd) -> None:
    """What the server itself adds (times) is not in the answer then."""
    openldap_server.clear()
    properties = slapd_properties(openldap_server, **{"ldap.respond.with.resource.after.create": "false"})
    people = await _system(rig, "LDAP_SERVER", properties, openldap.PASSWORD)
    made = await people.create("Users", user("bjensen", displayName="Babs"))
    assert (made["id"], made["displayName"]) == ("bjensen", "Babs")
    assert "created" not in made["meta"]
    assert "created" in (await people.read("Users", "bjensen"))["meta"]
    team = await people.create("Groups", group("Team", "bjensen"))
    assert [member["value"] for member in team["members"]] == ["bjensen"]


def test_an_id_that_the_server_makes_has_to_be_read() -> None:
    values = {**PATHS, "ldap.url": "ldaps://x.example", "ldap.respond.with.resource.after.create": "false"}
    known = system_type("LDAP_SERVER")
    assert [problem for problem in spec("ldap").check(values, known) if problem.severity == "error"] == []
    found = spec("ldap").check({**values, "ldap.attribute.user.id": "entryUUID"}, known)
    assert [(problem.name, "server makes entryUUID" in problem.message) for problem in found] == [
        ("ldap.respond.with.resource.after.create", True)
    ]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The attributes that each search has asked the server for."""
    found: list[set[str]] = []
    find, page = Link.find, Link.page

    def one(self: Link, lookup: Any, *more: Any) -> Any:
        found.append(set(lookup[3]))
        return find(self, lookup, *more)

    def some(self: Link, base: str, filter_: str, attributes: Any, *more: Any) -> Any:
        found.append(set(attributes))
        return page(self, base, filter_, attributes, *more)

    monkeypatch.setattr(Link, "find", one)
    monkeypatch.setattr(Link, "page", some)
    return found


async def test_members_that_nobody_wants_are_not_asked_for(people: Client, asked: list[set[str]]) -> None:
    """The program of the read transformation tells that ``member`` feeds nothing but ``members``."""
    await people.create("Users", user("ann"))
    await people.create("Groups", group("Team", "ann"))
    for read in (
        lambda: people.read("Groups", "Team", excludedAttributes="members"),
        lambda: people.search("Groups", excludedAttributes="members"),
        lambda: people.search("Groups", attributes="displayName"),
    ):
        asked.clear()
        shown = await read()
        assert "Team" in str(shown)
        assert "'members'" not in str(shown)
        assert asked
        assert not any(attributes & {"member", "*"} for attributes in asked), asked
    asked.clear()
    assert [each["value"] for each in (await people.read("Groups", "Team"))["members"]] == ["ann"]
    assert any("member" in attributes for attributes in asked)


async def test_groups_that_nobody_wants_are_not_asked_for(people: Client, asked: list[set[str]]) -> None:
    await people.create("Users", user("ann", displayName="Ann"))
    await people.create("Groups", group("Team", "ann"))
    asked.clear()
    shown = await people.read("Users", "ann", excludedAttributes="groups")
    assert (shown["displayName"], "groups" in shown) == ("Ann", False)
    assert not any(attributes & {"memberOf", "*"} for attributes in asked), asked
    found = await people.search("Users", excludedAttributes="groups", filter='groups.value eq "Team"')
    assert [each["userName"] for each in found["Resources"]] == ["ann"], "a filter may need what is not shown"
