"""What goes over the wire to a SCIM server, and what its answers become."""

import asyncio
import contextvars
import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.connectors.farside import FarSide, Request, always, document, far_side, listing, raw
from tests.connectors.kit import connection

from proxeny.connectors.errors import ConflictError, NotFoundError, VersionConflictError
from proxeny.connectors.filtering import AllOf, AnyElement, AnyOf, Compare, NativeFilter, Negation
from proxeny.connectors.outbound.throttle import purpose
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.scim2.discovery import read_abilities
from proxeny.connectors.scim2.filter import filter_text, translate
from proxeny.connectors.spi import Search, Sort
from proxeny.connectors.unique import parse_field, unique_key
from proxeny.connectors.updates import member_changes, replacements
from proxeny.documents import Document
from proxeny.scim.filter.parser import parse_filter
from proxeny.scim.schema import ENTERPRISE_USER

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NAME = Compare(("userName",), "eq", 'o"brien\\')


@pytest.mark.parametrize(
    ("where", "own", "text", "said"),
    [
        (None, None, None, True),
        (None, 'title eq "x"', 'title eq "x"', True),
        (NAME, None, r'userName eq "o\"brien\\"', True),
        (NAME, 'a eq "1" or b pr', r'(a eq "1" or b pr) and userName eq "o\"brien\\"', True),
        (
            AnyOf((NAME, Compare(("active",), "eq", True))),
            "x pr",
            r'(x pr) and (userName eq "o\"brien\\" or active eq true)',
            True,
        ),
        (Compare((ENTERPRISE, "manager", "value"), "pr"), None, f"{ENTERPRISE}:manager.value pr", True),
        (AnyElement(("emails",), Compare(("type",), "eq", "work")), None, 'emails[type eq "work"]', True),
        (Compare(("a", "b", "c"), "eq", 1), None, None, False),
        (AllOf((NAME, Compare(("a", "b", "c"), "eq", 1))), None, r'userName eq "o\"brien\\"', False),
        (AnyOf((NAME, Compare(("a", "b", "c"), "eq", 1))), None, None, False),
        (Negation(AllOf((NAME, Compare(("a", "b", "c"), "eq", 1)))), None, None, False),
        (Compare(('x" or a pr',), "eq", 1), None, None, False),
    ],
)
def test_native_filters_become_scim_filters(
    where: NativeFilter | None, own: str | None, text: str | None, said: bool
) -> None:
    assert filter_text(where, own) == (text, said)


@given(st.text(), st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "le"]))
def test_a_value_never_becomes_more_than_a_value(value: str, operator: str) -> None:
    where = Compare(("userName",), operator, value)
    text, _ = filter_text(where, None)
    assert text is not None
    if value.isprintable():
        assert parse_filter(text) == translate(where)


def test_fields_are_read_from_the_spellings_of_the_documentation() -> None:
    assert parse_field("emails[0].value") == ("emails", "value")
    assert parse_field("$.name.familyName") == ("name", "familyName")
    assert parse_field("emails[*].value") == ("emails", "value")
    group = "['urn:sap:cloud:scim:schemas:extension:custom:2.0:Group']['name']"
    assert parse_field(group) == ("urn:sap:cloud:scim:schemas:extension:custom:2.0:Group", "name")
    assert unique_key(f"externalId,{group}").fields == (("externalId",), parse_field(group))


class Taken:
    """A server on which every name is taken; ``others`` are found by any search."""

    def __init__(self, others: int) -> None:
        self.others = others

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.method == "POST":
            writer.write(document(409, {"detail": "userName taken", "scimType": "uniqueness"}))
        elif request.path.endswith("Config"):
            writer.write(document(404, {}))
        else:
            writer.write(document(200, listing([{"id": f"o{number}"} for number in range(self.others)], self.others)))


@pytest.mark.parametrize(("others", "other_id"), [(0, None), (1, "o0"), (2, None)])
async def test_a_conflict_names_the_other_if_there_is_one(others: int, other_id: str | None) -> None:
    async with far_side(Taken(others)) as side:
        plain = {"scim.user.unique.attribute": "userName,emails[0].value"}
        connector = ScimConnector(connection(side.url, plain))
        with pytest.raises(ConflictError) as caught:
            await connector.create("user", {"userName": "anna", "emails": [{"value": "a@x.example"}]})
        await connector.close()
        sent = side.requests[-1].query["filter"]
    assert sent == 'userName eq "anna" and emails.value eq "a@x.example"'
    assert caught.value.other_id == other_id
    assert caught.value.backend_message == "userName taken"
    if others:
        assert (caught.value.attribute, caught.value.value) == ("userName", "anna")


async def test_ids_stay_one_segment() -> None:
    async with far_side(always(document(200, {"id": "x"}))) as side:
        connector = ScimConnector(connection(side.url + "/scim/"))
        await connector.read("user", "a/b?c#d%2e ä")
        for outside in ("", ".", ".."):
            with pytest.raises(NotFoundError):
                await connector.read("user", outside)
        await connector.close()
        assert [request.path for request in side.requests] == ["/scim/Users/a/b?c#d%2e ä"]
        assert side.requests[0].query == {}


async def test_versions_travel_as_if_match_and_come_back() -> None:
    answers = [
        raw(200, b'{"id": "1", "meta": {"version": "W/\\"1\\""}}', "application/json", 'ETag: W/"2"'),
        document(412, {}),
    ]

    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[len(side.requests) - 1])

    async with far_side(behave) as side:
        connector = ScimConnector(connection(side.url))
        held = await connector.replace("user", "1", {"userName": "a", "title": None}, version='W/"1"')
        assert held is not None
        assert held.version == 'W/"2"'
        with pytest.raises(VersionConflictError):
            await connector.delete("user", "1", version='W/"1"')
        await connector.close()
        assert [request.headers["if-match"] for request in side.requests] == ['W/"1"', 'W/"1"']
        assert orjson.loads(side.requests[0].body) == {"userName": "a", "title": None}, "what is to go is said"


async def test_a_job_leaves_out_what_is_to_go() -> None:
    async with far_side(always(document(200, {"id": "1"}))) as side:
        connector = ScimConnector(connection(side.url))
        context = contextvars.copy_context()
        context.run(purpose.set, "job")
        replacing = connector.replace("user", "1", {"userName": "a", "title": None})
        await asyncio.get_running_loop().create_task(replacing, context=context)
        await connector.close()
        assert orjson.loads(side.requests[0].body) == {"userName": "a"}


async def test_a_create_without_a_body_takes_the_id_from_the_location() -> None:
    async with far_side(always(raw(201, b"", "text/plain", "Location: http://x/Users/77"))) as side:
        connector = ScimConnector(connection(side.url))
        assert (await connector.create("user", {})).id == "77"
        await connector.close()


async def test_a_search_says_what_the_server_can_do() -> None:
    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path.endswith("Config"):
            writer.write(document(200, {"filter": {"supported": True}, "sort": {"supported": True}}))
        else:
            writer.write(document(200, listing([{"id": "1"}, {"userName": "without id"}], 12)))

    async with far_side(behave) as side:
        connector = ScimConnector(connection(side.url))
        sort = Sort(("name", "familyName"), descending=True)
        search = Search(
            filter=NAME, native_filter="active eq true", start=10, count=5, sort=sort, omit=frozenset({"members"})
        )
        page = await connector.search("group", search)
        await connector.close()
        assert side.requests[-1].query == {
            "startIndex": "11",
            "count": "5",
            "filter": r'(active eq true) and userName eq "o\"brien\\"',
            "sortBy": "name.familyName",
            "sortOrder": "descending",
            "excludedAttributes": "members",
        }
    assert page.exact
    assert [entity.id for entity in page.entities] == ["1"]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ((ENTERPRISE_USER, "employeeNumber"), f"{ENTERPRISE_USER}:employeeNumber"),
        ((ENTERPRISE_USER, "manager", "value"), f"{ENTERPRISE_USER}:manager.value"),
        (("odd name",), None),
    ],
)
async def test_an_order_is_asked_for_as_the_grammar_writes_the_attribute(
    field: tuple[str, ...], said: str | None
) -> None:
    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        body = {"sort": {"supported": True}} if request.path.endswith("Config") else listing([{"id": "1"}])
        writer.write(document(200, body))

    async with far_side(behave) as side:
        connector = ScimConnector(connection(side.url))
        page = await connector.search("user", Search(sort=Sort(field)))
        await connector.close()
        assert side.requests[-1].query.get("sortBy") == said
    assert page.exact is (said is not None)


class Group:
    """One group whose members change by PATCH only."""

    def __init__(self, members: list[str]) -> None:
        self.members = members
        self.patches: list[list[Document]] = []
        self.name = ""

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.method == "PATCH":
            self.apply(orjson.loads(request.body)["Operations"])
            writer.write(b"HTTP/1.1 204 X\r\n\r\n")
        else:
            writer.write(document(200, {"id": "g", "members": [{"value": value} for value in self.members]}))

    def apply(self, operations: list[Document]) -> None:
        self.patches.append(operations)
        for operation in operations:
            if operation["op"] == "add":
                self.members += [member["value"] for member in operation["value"]]
            elif operation["op"] == "remove":
                found = re.fullmatch(r'members\[value eq "(.*)"\]', operation["path"])
                assert found
                self.members.remove(found[1])
            else:
                self.name = operation["value"]


async def test_large_groups_are_changed_in_portions() -> None:
    group = Group([f"m{number}" for number in range(70)])
    wanted = [f"m{number}" for number in range(60, 360)]
    async with far_side(group) as side:
        connector = ScimConnector(
            connection(side.url, {"idds.patch.group.members.above.threshold": "100"}, type_name="SCIM_SYSTEM")
        )
        connector._portion = 100
        await connector.replace("group", "g", {"displayName": "n", "members": [{"value": value} for value in wanted]})
        await connector.close()
    assert sorted(group.members) == sorted(wanted)
    assert group.name == "n"
    assert max(len(operations[0].get("value", ())) for operations in group.patches[1:]) == 100
    assert [len(operations) for operations in group.patches] == [1, 1, 1, 1, 50, 10]


async def test_updates_go_out_as_patch_where_the_system_says_so() -> None:
    async with far_side(always(b"HTTP/1.1 204 X\r\n\r\n")) as side:
        connector = ScimConnector(connection(side.url, {"scim.support.patch.operation": "true"}))
        await connector.replace(
            "user", "1", {"userName": "a", "title": None, "meta": {}, ENTERPRISE: {"division": "d"}}
        )
        await connector.close()
        assert [request.method for request in side.requests] == ["PATCH"]
        assert orjson.loads(side.requests[0].body)["Operations"] == [
            {"op": "replace", "path": "userName", "value": "a"},
            {"op": "remove", "path": "title"},
            {"op": "replace", "path": f"{ENTERPRISE}:division", "value": "d"},
        ]


def test_nothing_is_sent_for_what_the_server_makes() -> None:
    assert replacements({"id": "1", "meta": {}, "schemas": [], "members": []}) == []


@given(st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)), st.integers(1, 9))
def test_member_changes_make_one_list_of_the_other(before: list[int], after: list[int], portion: int) -> None:
    held = {str(number) for number in before}
    changes = member_changes([{"value": v} for v in held], [{"value": str(n)} for n in after], portion, portion)
    for operations in changes:
        assert len(operations) <= portion
        for operation in operations:
            if operation["op"] == "add":
                held |= {member["value"] for member in operation["value"]}
            else:
                held.remove(operation["path"].split('"')[1])
    assert held == {str(number) for number in after}


@pytest.mark.parametrize(
    "odd", [{}, {"patch": True}, {"filter": {"maxResults": "ten"}}, {"filter": None, "pagination": []}]
)
def test_a_server_that_says_nothing_usable_is_not_believed(odd: Document) -> None:
    abilities = read_abilities(odd)
    assert (abilities.patch, abilities.filter, abilities.max_results, abilities.cursor) == (None, None, None, False)


async def test_only_the_last_change_moves_the_cursor() -> None:
    items = [{"id": str(n), "meta": {"lastModified": f"2026-01-0{n}T00:00:00.5Z"}} for n in (2, 4, 3)]

    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        known = {} if request.path.endswith("Config") else listing(list(items), 3)
        writer.write(document(200, known))

    async with far_side(behave) as side:
        connector = ScimConnector(connection(side.url))
        changes = [change async for change in connector.read_changes("user", "2026-01-01T00:00:00.5Z")]
        await connector.close()
        assert side.requests[-1].query["filter"] == 'meta.lastModified gt "2026-01-01T00:00:00.5Z"'
    assert [change.cursor for change in changes] == ["2026-01-01T00:00:00.5Z"] * 2 + ["2026-01-04T00:00:00.5Z"]


async def test_a_server_that_begins_again_behind_its_end_has_ended() -> None:
    async with far_side(always(document(200, listing([{"id": "1"}, {"id": "2"}], 5)))) as side:
        connector = ScimConnector(connection(side.url))
        assert (await connector.search("user", Search(start=5, count=2))).entities == []
        assert len((await connector.search("user", Search(start=4, count=2))).entities) == 2
        await connector.close()


async def test_equal_answers_have_equal_content_and_others_never() -> None:
    names = iter(["anna", "anna", "bert"])

    async def behave(side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw(200, b'{"id": "1", "userName": "%s"}' % next(names).encode(), "application/json", 'ETag: "x"'))

    async with far_side(behave) as side:
        connector = ScimConnector(connection(side.url))
        first, second, third = [await connector.read("user", "1") for _ in range(3)]
        await connector.close()
    assert first.content == second.content != third.content
    assert first.version is None, "an ETag that is not in meta.version may be that of a web framework"
