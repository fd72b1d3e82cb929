"""SCIM over a SQL database with the default transformations: what a client does, and what the tables then hold."""

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from tests.connectors.sqlside import PROPERTIES, Side
from tests.provisioning.conftest import Client, Rig, user

from proxeny.connectors.sql.reading import Reading
from proxeny.provisioning.endpoints.exchange import Answer, Call
from proxeny.provisioning.systems.definition import SystemDefinition, TransformationText
from proxeny.scim.comparison import key
from proxeny.scim.errors import InvalidFilterError, ScimError

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(slots=True)
class Far:
    client: Client
    side: Side


@pytest.fixture
async def far(rig: Rig, side: Side) -> Far:
    rig.definitions["people"] = SystemDefinition(
        id="people",
        name="People",
        type="SQL_DATABASE",
        access_mode="PROXY",
        properties={"URL": side.url, "User": side.user, **PROPERTIES},
        credentials={"Password": side.password},
    )
    await rig.catalog.replace(rig.definitions.values())
    return Far(Client(rig.catalog.provider("people"), Call("https://gw.example/proxy/people")), side)


async def test_a_user_is_created_read_changed_and_deleted(far: Far) -> None:
    client, side = far.client, far.side
    made = await client.create("Users", user("bjensen", name={"givenName": "Barbara", "familyName": "Jensen"}))
    assert made["meta"]["location"] == f"https://gw.example/proxy/people/Users/{made['id']}"
    assert made["meta"]["created"]
    assert made["emails"] == [{"value": "bjensen@example.org", "type": "work"}]
    assert side.execute("SELECT login, first_name, last_name FROM person") == [("bjensen", "Barbara", "Jensen")]
    assert side.execute("SELECT address, kind FROM mail") == [("bjensen@example.org", "work")]

    changed = await client.replace("Users", made["id"], user("bjensen", name={"familyName": "Smith"}, active=False))
    assert changed["name"] == {"familyName": "Smith"}
    assert changed["active"] is False
    assert changed["meta"]["version"] != made["meta"]["version"]

    await client.patch(
        "Users", made["id"],
        {"op": "replace", "path": "active", "value": True},
        {"op": "add", "path": "emails", "value": [{"value": "b@home.example", "type": "home"}]},
        {"op": "replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "701984"},
    )  # fmt: skip
    held = await client.read("Users", made["id"])
    assert held["active"] is True
    assert held[ENTERPRISE]["employeeNumber"] == "701984"
    assert await client.names("Users", filter=f'{ENTERPRISE}:employeeNumber eq "701984"') == ["bjensen"]
    assert await client.names("Users", filter=f'{ENTERPRISE}:employeeNumber eq "0701984"') == []
    assert {mail["value"] for mail in held["emails"]} == {"bjensen@example.org", "b@home.example"}
    assert side.execute("SELECT staff_no FROM person") == [(701984,)]

    await client.delete("Users", made["id"])
    with pytest.raises(ScimError) as caught:
        await client.read("Users", made["id"])
    assert caught.value.status == 404
    assert side.execute("SELECT count(*) FROM person") == [(0,)]
    assert side.execute("SELECT count(*) FROM mail") == [(0,)]


async def test_filters_find_whom_scim_means(far: Far) -> None:
    client = far.client
    for login, family in (("anna", "Straße"), ("Bert", "STRASSE"), ("carl", "Other"), ("dora_x", None)):
        more: dict[str, Any] = {"name": {"familyName": family}} if family else {}
        await client.create("Users", user(login, active=login != "carl", **more))
    for filter_, expected in (
        ('userName eq "ANNA"', ["anna"]),
        ('userName sw "b"', ["Bert"]),
        ('userName co "_"', ["dora_x"]),
        ('name.familyName eq "strasse"', ["Bert", "anna"]),
        ('name.familyName co "ß"', ["Bert", "anna"]),
        ('not (name.familyName eq "strasse")', ["carl", "dora_x"]),
        ("name.familyName pr", ["Bert", "anna", "carl"]),
        ("active eq false", ["carl"]),
        ('emails.value eq "CARL@example.org"', ["carl"]),
        ('emails[type eq "work" and value sw "dora"]', ["dora_x"]),
        ('userName eq "x\' OR 1=1 --"', []),
    ):
        assert await client.names("Users", filter=filter_) == expected, filter_


async def test_members_come_and_go(far: Far) -> None:
    client, side = far.client, far.side
    one, two = [await client.create("Users", user(login)) for login in ("one", "two")]
    made = await client.create("Groups", {"displayName": "All", "members": [{"value": one["id"]}]})
    await client.patch("Groups", made["id"], {"op": "add", "path": "members", "value": [{"value": two["id"]}]})
    held = await client.read("Groups", made["id"])
    assert [member["value"] for member in held["members"]] == [one["id"], two["id"]]
    assert (await client.read("Users", two["id"]))["groups"][0]["value"] == made["id"]
    path = f'members[value eq "{one["id"]}"]'
    await client.patch("Groups", made["id"], {"op": "remove", "path": path})
    assert side.execute("SELECT person FROM member") == [(int(two["id"]),)]
    assert await client.names("Groups", filter=f'members.value eq "{two["id"]}"') == ["All"]
    with pytest.raises(ScimError) as caught:
        await client.patch("Groups", made["id"], {"op": "add", "path": "members", "value": [{"value": "999999"}]})
    assert caught.value.status in (400, 404)
    await client.delete("Groups", made["id"])
    assert side.execute("SELECT count(*) FROM member") == [(0,)]


async def test_a_taken_name_is_409_and_an_old_version_412(far: Far) -> None:
    client = far.client
    made = await client.create("Users", user("taken"))
    with pytest.raises(ScimError) as caught:
        await client.create("Users", user("taken"))
    assert (caught.value.status, caught.value.scim_type) == (409, "uniqueness")
    assert "taken" in str(caught.value)
    call = Call("https://gw.example/proxy/people", if_match='W/"old"')
    with pytest.raises(ScimError) as caught:
        await client.provider.replace("Users", made["id"], user("other"), (), call)
    assert caught.value.status == 412


@pytest.mark.parametrize("asked", [{"excludedAttributes": "emails,groups"}, {"attributes": "userName,meta"}])
async def test_a_part_of_a_row_has_no_version_that_the_whole_never_has(far: Far, asked: dict[str, str]) -> None:
    client = far.client
    made = await client.create("Users", user("ann"))
    version = made["meta"]["version"]
    given = tuple(asked.items())
    part = await client.provider.read("Users", made["id"], given, client.call)
    assert (part.etag, client_side(part)["meta"].get("version")) in ((version, version), (None, None))
    listed = await client.search("Users", **asked)
    found = await client.search("Users", filter='userName eq "ann"', **asked)
    for resource in (*listed["Resources"], *found["Resources"]):
        assert resource["meta"].get("version") in (None, version)
    call = client.call._replace(if_none_match=version)
    assert (await client.provider.read("Users", made["id"], given, call)).status == 304
    call = client.call._replace(if_match=version)
    assert (await client.provider.read("Users", made["id"], given, call)).status == 200


def client_side(answer: Answer) -> dict[str, Any]:
    assert answer.body is not None
    document: dict[str, Any] = orjson.loads(answer.body)
    return document


async def test_a_delta_filter_finds_what_has_changed(far: Far) -> None:
    client = far.client
    first = await client.create("Users", user("first"))
    second = await client.create("Users", user("second"))
    since = second["meta"]["lastModified"]
    await client.replace("Users", first["id"], user("first", title="x"))
    assert await client.names("Users", filter=f'meta.lastModified gt "{since}"') == ["first"]
    assert await client.names("Users", filter=f'meta.lastModified ge "{since}"') == ["first", "second"]


async def test_a_thousand_rows_are_walked_in_pages(far: Far) -> None:
    client, side = far.client, far.side
    many = ", ".join(f"('user{number:04}', 'Family{number % 7}')" for number in range(1050))
    side.execute(f"INSERT INTO person (login, last_name) VALUES {many}")
    side.execute("INSERT INTO mail (person, address) SELECT person_no, 'x@example.org' FROM person")
    seen: list[str] = []
    while True:
        page = await client.search("Users", startIndex=len(seen) + 1, count=100)
        assert page["totalResults"] == 1050
        if not page["Resources"]:
            break
        seen += [resource["userName"] for resource in page["Resources"]]
    assert sorted(seen) == [f"user{number:04}" for number in range(1050)]
    walked, page = [], await client.search("Users", cursor="", count=100, filter='userName sw "user00"')
    while True:
        walked += [resource["userName"] for resource in page["Resources"]]
        if "nextCursor" not in page:
            break
        page = await client.search("Users", cursor=page["nextCursor"], count=100, filter='userName sw "user00"')
    assert walked == [f"user{number:04}" for number in range(100)]
    page = await client.search("Users", sortBy="userName", sortOrder="descending", count=2)
    assert [resource["userName"] for resource in page["Resources"]] == ["user1049", "user1048"]


CREW = """{"group": {"scimEntityEndpoint": "Groups", "mappings": [
  {"sourcePath": "$.id", "targetPath": "$.id", "targetVariable": "entityIdSourceSystem"},
  {"sourcePath": "$.displayName", "targetPath": "$.displayName"},
  {"sourcePath": "$.crew", "targetPath": "$.members", "optional": true, "preserveArrayWithSingleElement": true}]}}"""


async def test_a_list_that_feeds_what_nobody_wants_is_not_read_by_whatever_name_it_has(
    rig: Rig, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties = {name.replace(".list.members.", ".list.crew."): value for name, value in PROPERTIES.items()}
    rig.definitions["teams"] = SystemDefinition(
        id="teams",
        name="Teams",
        type="SQL_DATABASE",
        access_mode="PROXY",
        properties={"URL": side.url, "User": side.user, **properties},
        credentials={"Password": side.password},
        read=TransformationText("crew", CREW),
    )
    await rig.catalog.replace(rig.definitions.values())
    teams = Client(rig.catalog.provider("teams"), Call("https://gw.example/proxy/teams"))
    side.execute("INSERT INTO team (code, title, revision) VALUES ('sales', 'Sales', 1)")
    side.execute("INSERT INTO person (login) VALUES ('ann')")
    side.execute("INSERT INTO member (team, person) SELECT 'sales', person_no FROM person")
    read: list[str] = []
    elements = Reading._elements

    def noted(self: Reading, child: Any, keys: Any) -> Any:
        read.append(child.name)
        return elements(self, child, keys)

    monkeypatch.setattr(Reading, "_elements", noted)
    assert "members" not in await teams.read("Groups", "sales", excludedAttributes="members")
    assert [each["displayName"] for each in (await teams.search("Groups", attributes="displayName"))["Resources"]] == [
        "Sales"
    ]
    assert read == []
    assert len((await teams.read("Groups", "sales"))["members"]) == 1
    assert read == ["crew"]


async def over(rig: Rig, side: Side, properties: dict[str, str], **texts: TransformationText) -> Client:
    """A proxy over the database with other properties than its usual ones, its tables looked at."""
    rig.definitions["other"] = SystemDefinition(
        id="other",
        name="Other",
        type="SQL_DATABASE",
        access_mode="PROXY",
        properties={"URL": side.url, "User": side.user, "sql.tls": "off", **properties},
        credentials={"Password": side.password},
        **texts,
    )
    await rig.catalog.replace(rig.definitions.values())
    return Client(await rig.catalog.learned("other"), Call("https://gw.example/proxy/other"))


async def told(client: Client) -> dict[str, str]:
    """How each attribute may be used, by its name; sub-attributes behind a dot."""
    found: dict[str, str] = {}
    for schema in client_side(await client.provider.schemas(client.call))["Resources"]:
        for attribute in schema["attributes"]:
            found[attribute["name"]] = attribute["mutability"]
            subs = attribute.get("subAttributes", ())
            found.update({f"{attribute['name']}.{sub['name']}": sub["mutability"] for sub in subs})
    return found


async def test_what_no_column_holds_does_not_exist(far: Far, caplog: pytest.LogCaptureFixture) -> None:
    """The default transformation copies all of SCIM; an empty list, or a 200 to a PATCH, would be untrue of it."""
    client = far.client
    attributes = await told(client)
    assert {"userName", "name.familyName", "active", "emails.value", "emails.type", "emails.primary", "employeeNumber",
            "groups.value", "displayName", "members.value"} <= set(attributes)  # fmt: skip
    assert not {"title", "name.formatted", "phoneNumbers", "emails.display", "department", "externalId"} & set(
        attributes
    )
    more = {"title": "Boss", "externalId": "x1", ENTERPRISE: {"department": "Sales", "employeeNumber": "7"}}
    mails = [{"value": "ann@example.org", "display": "Ann"}]
    made = await client.create("Users", user("ann", **more, emails=mails))
    assert not {"title", "externalId"} & set(made)
    assert (made[ENTERPRISE], made["emails"]) == ({"employeeNumber": "7"}, [{"value": "ann@example.org"}])
    assert all(name in caplog.text for name in ("title", "externalId", "department", "display"))
    for text in (
        'title eq "Boss"',
        "not (title pr)",
        'externalId eq "x1"',
        'emails.display eq "Ann"',
        'emails[display eq "Ann"]',
        f'{ENTERPRISE}:department eq "Sales"',
        'phoneNumbers.value eq "1"',
    ):
        with pytest.raises(InvalidFilterError):
            await client.search("Users", filter=text)
    for path, value in (("title", "Boss"), ("externalId", "x2"), (f"{ENTERPRISE}:department", "Sales")):
        with pytest.raises(ScimError) as caught:
            await client.patch("Users", made["id"], {"op": "replace", "path": path, "value": value})
        assert (caught.value.status, caught.value.scim_type) == (400, "invalidPath"), path
    assert await client.names("Users", filter='emails[value eq "ANN@example.org"]') == ["ann"]


async def test_a_column_or_list_that_is_only_read_is_told_as_such(
    rig: Rig, side: Side, caplog: pytest.LogCaptureFixture
) -> None:
    properties = {**PROPERTIES, "sql.user.readonly": "name.givenName", "sql.user.list.emails.write": "never"}
    client = await over(rig, side, properties)
    attributes = await told(client)
    both = ("name.familyName", "userName", "members.value")
    assert {attributes[name] for name in ("name.givenName", "emails", "emails.value")} == {"readOnly"}
    assert all(attributes[name] != "readOnly" for name in both)
    made = await client.create("Users", user("ann"))
    await client.patch("Users", made["id"], {"op": "add", "path": "name.givenName", "value": "Ann"})
    assert "'name.givenName' is written by no mapping and was left out" in caplog.text


HAND = """{"user": {"scimEntityEndpoint": "Users", "mappings": [
  {"sourcePath": "$.code", "targetPath": "$.id", "targetVariable": "entityIdSourceSystem"},
  {"sourcePath": "$.login", "targetPath": "$.userName"},
  {"sourcePath": "$.mail", "targetPath": "$.emails[?(@.value)]", "optional": true},
  {"sourcePath": "$.title", "targetPath": "$.title", "optional": true},
  {"sourcePath": "$.nick", "targetPath": "$.nickName", "optional": true}]}}"""
HAND_BACK = """{"user": {"mappings": [
  {"sourcePath": "$.userName", "targetPath": "$.login"},
  {"sourcePath": "$.id", "targetPath": "$.code", "optional": true},
  {"sourcePath": "$.password", "targetPath": "$.secret", "optional": true},
  {"sourcePath": "$.emails[0].value", "targetPath": "$.mail", "optional": true},
  {"sourcePath": "$.title", "targetPath": "$.title", "optional": true},
  {"sourcePath": "$.nickName", "targetPath": "$.nick", "optional": true}]}}"""


async def test_without_column_properties_the_columns_of_the_table_are_what_there_is(rig: Rig, side: Side) -> None:
    side.execute(
        "CREATE TABLE IF NOT EXISTS hand (code varchar(40) PRIMARY KEY, login varchar(80), title varchar(40), "
        "mail varchar(80), secret varchar(80))",
        "DELETE FROM hand",
    )
    properties = {"sql.user.table": "hand", "sql.user.key": "code"}
    texts = {"read": TransformationText("hand", HAND), "write": TransformationText("back", HAND_BACK)}
    client = await over(rig, side, properties, **texts)
    attributes = await told(client)
    assert {"userName", "title", "emails", "emails.value"} <= set(attributes)
    assert attributes["password"] == "writeOnly"
    assert not {"nickName", "emails.type"} & set(attributes)
    made = await client.create("Users", user("ann", title="Boss", password="t0p-Secret", nickName="annie"))
    assert (made["userName"], made["title"], made["emails"]) == ("ann", "Boss", [{"value": "ann@example.org"}])
    assert side.execute("SELECT secret FROM hand") == [("t0p-Secret",)]
    assert await client.names("Users", filter='title eq "boss"') == ["ann"]
    for text in ('nickName eq "annie"', 'emails[type eq "work"]'):
        with pytest.raises(InvalidFilterError):
            await client.search("Users", filter=text)


FAMILIES = ["Zorn", "adler", "Adler-2", "a_b", "ab", "a b", "ärger", "Ärgez", "ﬁn", "fio", "", "STRASSE", "straße 2"]


async def in_order(client: Client, **params: Any) -> list[str]:
    """Who is listed, first by index and then by cursor in small pages, which must be one order."""
    listed = [one["userName"] for one in (await client.search("Users", count=100, **params))["Resources"]]
    paged: list[str] = []
    while len(paged) < len(listed):
        page = await client.search("Users", count=5, startIndex=len(paged) + 1, **params)
        paged += [one["userName"] for one in page["Resources"]]
    walked, page = [], await client.search("Users", cursor="", count=5, **params)
    while True:
        walked += [one["userName"] for one in page["Resources"]]
        if "nextCursor" not in page:
            break
        page = await client.search("Users", cursor=page["nextCursor"], count=5, **params)
    assert paged == listed
    assert walked == listed
    return listed


@pytest.mark.parametrize("order", ["ascending", "descending"])
async def test_an_order_of_texts_is_the_gateways_whatever_the_databases_collation(far: Far, order: str) -> None:
    for number, family in enumerate(FAMILIES):
        far.side.execute(f"INSERT INTO person (login, last_name) VALUES ('u{number}', '{family}')")
    expected = sorted(range(len(FAMILIES)), key=lambda number: key(FAMILIES[number]), reverse=order == "descending")
    found = await in_order(far.client, sortBy="name.familyName", sortOrder=order)
    assert found == [f"u{number}" for number in expected]


@pytest.mark.parametrize("order", ["ascending", "descending"])
async def test_logins_of_ascii_are_ordered_letter_by_letter(far: Far, order: str) -> None:
    logins = ["a_b", "AB", "a-c", "ac", "Zoe", "zoe.b", "_x", "a.b", "[y", "10", "9"]
    for login in logins:
        far.side.execute(f"INSERT INTO person (login) VALUES ('{login}')")
    expected = sorted(logins, key=key, reverse=order == "descending")
    assert await in_order(far.client, sortBy="userName", sortOrder=order) == expected


@pytest.mark.parametrize("attribute", ["id", f"{ENTERPRISE}:employeeNumber"])
@pytest.mark.parametrize("order", ["ascending", "descending"])
async def test_a_number_that_is_text_to_clients_has_the_order_of_texts(far: Far, attribute: str, order: str) -> None:
    numbers = [9, 10, 100, 99, 1, 2000, 20, 3, -5, -40]
    rows = ", ".join(f"({number}, 'n{number}', {number})" for number in numbers)
    far.side.execute(f"INSERT INTO person (person_no, login, staff_no) VALUES {rows}")
    expected = [f"n{text}" for text in sorted(map(str, numbers), reverse=order == "descending")]
    assert await in_order(far.client, sortBy=attribute, sortOrder=order) == expected
