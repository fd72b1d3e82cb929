"""Reading through a proxy: filters asked of the backend, paging, totals, visibility, cursors."""

import pytest
from tests.provisioning.conftest import Rig, user

from proxeny.scim.errors import InvalidCursorError, InvalidFilterError, ResourceNotFoundError


async def _people(rig: Rig, count: int) -> list[str]:
    return [
        (await rig.directory.create("Users", user(f"u{number:02}", active=number % 2 == 0)))["id"]
        for number in range(count)
    ]


async def test_a_filter_finds_by_the_copied_attribute_whatever_its_case(rig: Rig) -> None:
    hr = await rig.proxy()
    await _people(rig, 3)
    found = await hr.search("Users", filter='userName eq "U01"')
    assert (found["totalResults"], [each["userName"] for each in found["Resources"]]) == (1, ["u01"])


async def test_a_filter_value_is_a_literal_and_no_pattern(rig: Rig) -> None:
    hr = await rig.proxy()
    for name in ("a.b", "aXb", "j+t"):
        await rig.directory.create("Users", user(name))
    assert await hr.names("Users", filter='userName eq "a.b"') == ["a.b"]
    assert await hr.names("Users", filter='userName eq "j+t"') == ["j+t"]


async def test_an_attribute_that_no_mapping_produces_cannot_be_filtered_on(rig: Rig) -> None:
    proxy = await rig.proxy(read="active.read.json", write="coded.write.json")
    for text in ('externalId eq "1"', 'nickName eq "x"', 'emails[type eq "work"]', "emails.primary eq true"):
        with pytest.raises(InvalidFilterError):
            await proxy.search("Users", filter=text)


async def test_a_reversible_function_is_undone_in_a_filter_and_in_the_id(rig: Rig) -> None:
    proxy = await rig.proxy(read="coded.read.json", write="coded.write.json")
    created = await proxy.create("Users", {"userName": "hr-ann", "name": {"familyName": "Lee"}})
    assert created["userName"] == "hr-ann"
    assert await rig.directory.names("Users") == ["ann"]
    assert await proxy.names("Users", filter='userName eq "hr-ann"') == ["hr-ann"]
    assert (await proxy.read("Users", created["id"]))["id"] == created["id"]
    changed = await proxy.replace("Users", created["id"], {"userName": "hr-ann", "name": {"familyName": "Moe"}})
    assert (changed["id"], changed["name"]["familyName"]) == (created["id"], "Moe")
    await proxy.delete("Users", created["id"])
    assert await rig.directory.names("Users") == []


async def test_an_entity_whose_read_condition_is_false_does_not_exist_for_clients(rig: Rig) -> None:
    ids = await _people(rig, 4)
    proxy = await rig.proxy(read="active.read.json", write="coded.write.json")
    assert await proxy.names("Users") == ["u00", "u02"]
    for attempt in (
        lambda: proxy.read("Users", ids[1]),
        lambda: proxy.replace("Users", ids[1], user("u01", name={"familyName": "Lee"})),
        lambda: proxy.delete("Users", ids[1]),
    ):
        with pytest.raises(ResourceNotFoundError):
            await attempt()


async def test_the_walk_by_items_per_page_sees_each_visible_entity_once(rig: Rig) -> None:
    await _people(rig, 10)
    proxy = await rig.proxy(read="active.read.json", write="coded.write.json")
    seen: list[str] = []
    start, total = 1, 1
    while start <= total:
        page = await proxy.search("Users", startIndex=start, count=3)
        seen += [each["userName"] for each in page["Resources"]]
        total = page["totalResults"]
        if page["itemsPerPage"] == 0:
            break
        start += page["itemsPerPage"]
    assert seen == ["u00", "u02", "u04", "u06", "u08"]


@pytest.mark.parametrize(
    ("strategy", "expected"), [("Calculated", [4, 7, 10, 13, 10]), ("Provided", [10, 10, 10, 10, 10])]
)
async def test_the_total_follows_the_strategy_when_a_condition_hides_entities(
    rig: Rig, strategy: str, expected: list[int]
) -> None:
    await _people(rig, 10)
    properties = {"ips.proxy.scim.total.results.strategy": strategy}
    proxy = await rig.proxy(read="active.read.json", write="coded.write.json", properties=properties)
    pages = [await proxy.search("Users", startIndex=start, count=3) for start in (1, 4, 7, 10, 13)]
    assert [page["totalResults"] for page in pages] == expected
    assert [page["itemsPerPage"] for page in pages] == [3, 3, 3, 1, 0]


async def test_without_a_condition_the_backend_s_total_is_given_on_every_page(rig: Rig) -> None:
    await _people(rig, 7)
    proxy = await rig.proxy()
    pages = [await proxy.search("Users", startIndex=start, count=3) for start in (1, 4, 7, 999)]
    assert [page["totalResults"] for page in pages] == [7, 7, 7, 7]
    assert [len(page["Resources"]) for page in pages] == [3, 3, 1, 0]


async def test_a_query_for_one_entity_has_an_exact_total_although_a_condition_hides_others(rig: Rig) -> None:
    await _people(rig, 4)
    proxy = await rig.proxy(read="active.read.json", write="coded.write.json")
    assert (await proxy.search("Users", filter='userName eq "u00"'))["totalResults"] == 1
    assert (await proxy.search("Users", filter='userName eq "u01"'))["totalResults"] == 0


async def test_a_property_filter_limits_what_exists(rig: Rig) -> None:
    ids = await _people(rig, 4)
    proxy = await rig.proxy(properties={"idds.user.filter": 'userName eq "u00" or userName eq "u02"'})
    assert await proxy.names("Users") == ["u00", "u02"]
    assert await proxy.names("Users", filter='userName sw "u"') == ["u00", "u02"]
    assert await proxy.names("Users", filter='userName eq "u01"') == []
    with pytest.raises(ResourceNotFoundError):
        await proxy.read("Users", ids[1])
    with pytest.raises(ResourceNotFoundError):
        await proxy.delete("Users", ids[3])
    assert (await proxy.read("Users", ids[2]))["userName"] == "u02"


async def test_a_filter_that_only_the_gateway_can_decide_still_fills_its_first_page(rig: Rig) -> None:
    for number in range(30):
        await rig.directory.create("Users", user(f"u{number:02}", title="Boss" if number == 27 else "Clerk"))
    found = await rig.directory.search("Users", filter='title ew "oss"', count=5)
    assert (found["totalResults"], [each["userName"] for each in found["Resources"]]) == (1, ["u27"])


async def test_both_conditions_of_a_value_path_hold_on_one_element(rig: Rig) -> None:
    await rig.directory.create(
        "Users",
        {
            "userName": "ann",
            "emails": [{"type": "work", "value": "w@example.org"}, {"type": "home", "value": "h@example.org"}],
        },
    )
    assert await rig.directory.names("Users", filter='emails[type eq "work" and value eq "w@example.org"]') == ["ann"]
    assert await rig.directory.names("Users", filter='emails[type eq "home" and value eq "w@example.org"]') == []
    assert await rig.directory.names("Users", filter='emails[type eq "work"].value eq "w@example.org"') == ["ann"]


async def test_a_delta_filter_uses_the_declared_field_although_no_mapping_copies_it(rig: Rig) -> None:
    proxy = await rig.proxy(read="active.read.json", write="coded.write.json")
    first = await rig.directory.create("Users", user("ann", active=True))
    second = await rig.directory.create("Users", user("bob", active=True))
    since = first["meta"]["lastModified"]
    assert second["meta"]["lastModified"] > since
    assert await proxy.names("Users", filter=f'meta.lastModified gt "{since}"') == ["bob"]


async def test_sorting_is_over_the_whole_set_and_not_over_a_page(rig: Rig) -> None:
    for name in ("bob", "ann", "Cat"):
        await rig.directory.create("Users", user(name))
    page = await rig.directory.search("Users", sortBy="userName", sortOrder="descending", count=2)
    assert [each["userName"] for each in page["Resources"]] == ["Cat", "bob"]


async def test_a_cursor_walk_fills_its_pages_with_visible_entities_and_ends(rig: Rig) -> None:
    await _people(rig, 11)
    proxy = await rig.proxy(read="active.read.json", write="coded.write.json")
    sizes, seen, cursor = [], [], ""
    while True:
        page = await proxy.search("Users", cursor=cursor, count=2)
        sizes.append(len(page["Resources"]))
        seen += [each["userName"] for each in page["Resources"]]
        if "nextCursor" not in page:
            break
        cursor = page["nextCursor"]
    assert seen == ["u00", "u02", "u04", "u06", "u08", "u10"]
    assert sizes[:3] == [2, 2, 2]


@pytest.mark.parametrize("order", [{}, {"sortBy": "displayName"}])
async def test_a_page_of_nothing_by_cursor_tells_the_total_and_names_no_page_that_follows(
    rig: Rig, order: dict[str, str]
) -> None:
    await _people(rig, 5)
    for place in (rig.directory, await rig.proxy()):
        first = await place.search("Users", cursor="", count=2, **order)
        for cursor in ("", first["nextCursor"]):
            for count in (0, -1):
                page = await place.search("Users", cursor=cursor, count=count, **order)
                assert page == {**page, "totalResults": 5, "itemsPerPage": 0, "Resources": []}
                assert "nextCursor" not in page
        with pytest.raises(InvalidCursorError):
            await place.search("Users", cursor="forged", count=0, **order)


async def test_a_page_of_nothing_by_cursor_counts_those_whom_the_read_condition_shows(rig: Rig) -> None:
    await _people(rig, 5)
    proxy = await rig.proxy(read="active.read.json", write="coded.write.json")
    assert (await proxy.search("Users", cursor="", count=0))["totalResults"] == 3


@pytest.mark.parametrize("order", [{}, {"sortBy": "displayName"}])
async def test_a_page_by_cursor_claims_no_place_among_all(rig: Rig, order: dict[str, str]) -> None:
    await _people(rig, 5)
    for place in (rig.directory, await rig.proxy()):
        first = await place.search("Users", cursor="", count=2, **order)
        second = await place.search("Users", cursor=first["nextCursor"], count=2, **order)
        assert "startIndex" not in first | second
        assert (await place.search("Users", startIndex=3, count=2, **order))["startIndex"] == 3


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("by", ["userName", "title", "meta.created", "active"])
async def test_a_sorted_walk_by_cursor_meets_everybody_who_stays_whoever_comes_or_goes(
    rig: Rig, by: str, descending: bool
) -> None:
    ids = dict(zip((f"u{number:02}" for number in range(9)), await _people(rig, 9), strict=True))
    order = {"sortBy": by, "sortOrder": "descending" if descending else "ascending"}
    for place in (rig.directory, await rig.proxy()):
        seen, gone, cursor = list[str](), set[str](), ""
        while True:
            page = await place.search("Users", cursor=cursor, count=2, **order)
            seen += [each["userName"] for each in page["Resources"]]
            if "nextCursor" not in page:
                break
            cursor = page["nextCursor"]
            for name in (seen[-1], seen[-2]) if len(gone) < 2 else ():
                await rig.directory.delete("Users", ids.pop(name))
                gone.add(name)
        assert sorted(seen) == sorted({*ids, *gone})


async def test_a_cursor_belongs_to_one_query_of_one_system(rig: Rig) -> None:
    await _people(rig, 4)
    proxy = await rig.proxy()
    cursor = (await proxy.search("Users", cursor="", count=2))["nextCursor"]
    with pytest.raises(InvalidCursorError):
        await rig.directory.search("Users", cursor=cursor, count=2)
    with pytest.raises(InvalidCursorError):
        await proxy.search("Users", cursor=cursor, count=2, filter='userName sw "u"')
    with pytest.raises(InvalidCursorError):
        await proxy.search("Users", cursor=cursor[:-4] + "AAAA", count=2)


async def test_an_entity_that_fails_the_read_transformation_is_left_out_and_counted(rig: Rig) -> None:
    await rig.directory.create("Users", user("ann", name={"familyName": "Lee"}))
    await rig.directory.create("Users", user("bob"))
    proxy = await rig.proxy(read="coded.read.json", write="coded.write.json")
    answer = await proxy.provider.search("Users", (), proxy.call)
    assert ("Proxeny-Skipped", "1") in answer.headers
    assert await proxy.names("Users") == ["hr-ann"]


async def test_no_address_of_the_backend_leaks_and_every_reference_is_ours(rig: Rig) -> None:
    ann = await rig.directory.create("Users", user("ann"))
    proxy = await rig.proxy()
    group = await proxy.create(
        "Groups", {"displayName": "All", "members": [{"value": ann["id"], "$ref": "https://evil/x"}]}
    )
    assert group["members"][0]["$ref"] == f"https://gw.example/proxy/hr/Users/{ann['id']}"
    assert group["meta"]["location"] == f"https://gw.example/proxy/hr/Groups/{group['id']}"
    member_of = (await proxy.read("Users", ann["id"]))["groups"][0]
    assert member_of["$ref"] == f"https://gw.example/proxy/hr/Groups/{group['id']}"


SPEAKING_OF_THE_BACKEND = {
    "scimEntityEndpoint": "Users",
    "mappings": [
        {"sourcePath": "$.id", "targetPath": "$.id", "targetVariable": "entityIdSourceSystem"},
        {"sourcePath": "$.userName", "targetPath": "$.userName"},
        {"sourcePath": "$.title", "targetPath": "$.title", "optional": True},
        {"sourcePath": "$.groups", "targetPath": "$.groups", "preserveArrayWithSingleElement": True, "optional": True},
        {
            "condition": "$.active == true",
            "constant": [{"value": "https://x.example/1.png", "$ref": "https://backend.internal/1"}],
            "targetPath": "$.photos",
        },
    ],
}


@pytest.mark.parametrize("leaking", [0, 1, 3])
@pytest.mark.parametrize("grouped", [0, 1, 3])
async def test_a_list_shows_of_each_resource_what_reading_it_shows(rig: Rig, leaking: int, grouped: int) -> None:
    people = [
        (await rig.directory.create("Users", user(f"u{number}", active=number < leaking, title="$ref or $5")))["id"]
        for number in range(3)
    ]
    if grouped:
        members = [{"value": each} for each in people[:grouped]]
        await rig.directory.create("Groups", {"displayName": "All", "members": members})
    proxy = await rig.proxy(read={"user": SPEAKING_OF_THE_BACKEND})
    listed = (await proxy.search("Users"))["Resources"]
    assert "backend.internal" not in str(listed)
    assert listed == [await proxy.read("Users", each) for each in people]
    assert [len(each.get("photos", ())) for each in listed] == [1] * leaking + [0] * (3 - leaking)
    assert (await proxy.search("Users", cursor="", count=3))["Resources"] == listed
    assert (await proxy.search("Users", filter='userName sw "u"'))["Resources"] == listed


async def test_a_transformation_may_use_the_location_of_the_entity(rig: Rig) -> None:
    read = {
        "user": {
            "scimEntityEndpoint": "Users",
            "mappings": [
                {"sourcePath": "$.id", "targetPath": "$.id", "targetVariable": "entityIdSourceSystem"},
                {"sourcePath": "$.userName", "targetPath": "$.userName"},
                {"sourceVariable": "entityLocationSourceSystem", "targetPath": "$.profileUrl"},
            ],
        }
    }
    created = await rig.directory.create("Users", user("ann"))
    proxy = await rig.proxy(read=read)
    expected = f"https://gw.example/proxy/hr/Users/{created['id']}"
    assert (await proxy.read("Users", created["id"]))["profileUrl"] == expected
