"""SCIM over HTTP: methods, statuses, bodies, headers."""

import httpx
import pytest
from tests.web.running import Running, running

from proxeny.web.scim import BASES
from proxeny.web.settings import Limits, WebSettings

BASE_PATHS = ["/proxy/hr", "/ipsproxy/service/api/v1/scim/hr", "/proxy/HR"]


def is_scim_error(response: httpx.Response, status: int) -> bool:
    body = response.json()
    return (
        response.status_code == status
        and body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        and body["status"] == str(status)
        and response.headers["content-type"] == "application/scim+json"
    )


@pytest.mark.parametrize("base", BASE_PATHS)
async def test_a_user_is_created_read_changed_and_deleted(gateway: Running, base: str) -> None:
    client, auth = gateway.client, gateway.auth()
    made = await client.post(f"{base}/Users", json={"userName": "ann"}, auth=auth)
    assert made.status_code == 201
    assert made.headers["location"] == f"{gateway.url}{base}/Users/1"
    assert made.headers["etag"] == 'W/"0"'
    assert made.headers["content-type"] == "application/scim+json"
    read = await client.get(f"{base}/Users/1", auth=auth)
    assert (read.status_code, read.json()["userName"]) == (200, "ann")
    replaced = await client.put(f"{base}/Users/1", json={"userName": "bob"}, auth=auth, headers={"If-Match": 'W/"0"'})
    assert (replaced.status_code, replaced.json()["userName"]) == (200, "bob")
    patch = {"Operations": [{"op": "replace", "path": "title", "value": "x"}]}
    patched = await client.patch(f"{base}/Users/1", json=patch, auth=auth)
    assert patched.json()["title"] == "x"
    listed = await client.get(f"{base}/Users", auth=auth)
    assert listed.json()["totalResults"] == 1
    deleted = await client.delete(f"{base}/Users/1", auth=auth)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "content-length" not in deleted.headers
    assert is_scim_error(await client.get(f"{base}/Users/1", auth=auth), 404)


async def test_a_stale_version_is_refused(gateway: Running) -> None:
    await gateway.client.post("/proxy/hr/Users", json={"userName": "ann"}, auth=gateway.auth())
    answer = await gateway.client.put(
        "/proxy/hr/Users/1", json={"userName": "bob"}, auth=gateway.auth(), headers={"If-Match": 'W/"7"'}
    )
    assert is_scim_error(answer, 412)


async def test_the_query_reaches_the_provider_in_order_and_decoded(gateway: Running) -> None:
    query = "aadOptscim062020&filter=userName%20eq%20%22a%2Bb%22&attributes=a&attributes=b+c"
    answer = await gateway.client.get(f"/proxy/hr/Users?{query}", auth=gateway.auth())
    assert answer.json()["params"] == [
        ["aadOptscim062020", ""],
        ["filter", 'userName eq "a+b"'],
        ["attributes", "a"],
        ["attributes", "b c"],
    ]


@pytest.mark.parametrize("query", ["x=%ff", "&".join(["a=b"] * 101)])
async def test_a_query_that_cannot_be_read_is_refused(gateway: Running, query: str) -> None:
    assert is_scim_error(await gateway.client.get(f"/proxy/hr/Users?{query}", auth=gateway.auth()), 400)


@pytest.mark.parametrize("entity_id", ["cn=a,ou=b/c", "ü%20x", "a?b#c", ".search x", "CN=Bj\u00f8rn\\, x"])
async def test_an_id_may_hold_any_character(gateway: Running, entity_id: str) -> None:
    from urllib.parse import quote

    await gateway.client.post("/proxy/hr/Users", json={"userName": "a", "id": entity_id}, auth=gateway.auth())
    answer = await gateway.client.get(f"/proxy/hr/Users/{quote(entity_id, safe='')}", auth=gateway.auth())
    assert answer.json()["id"] == entity_id


async def test_head_answers_like_get_without_a_body(gateway: Running) -> None:
    get = await gateway.client.get("/proxy/hr/Users", auth=gateway.auth())
    head = await gateway.client.head("/proxy/hr/Users", auth=gateway.auth())
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/proxy/hr/Users", "GET, HEAD, POST"),
        ("POST", "/proxy/hr/Users/1", "DELETE, GET, HEAD, PATCH, PUT"),
        ("GET", "/proxy/hr/.search", "POST"),
        ("POST", "/proxy/hr/Schemas", "GET, HEAD"),
        ("LOCK", "/proxy/hr/Users", "GET, HEAD, POST"),
        ("OPTIONS", "/scim/Users", "GET, HEAD, POST"),
    ],
)
async def test_a_method_that_is_not_possible_names_those_that_are(
    gateway: Running, method: str, path: str, allowed: str
) -> None:
    auth = gateway.auth("directory" if path.startswith("/scim") else "idm")
    answer = await gateway.client.request(method, path, auth=auth)
    assert is_scim_error(answer, 405)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/proxy/hr", "/proxy/hr/Users/1/2", "/proxy/hr/Users/1/x/y", "/scim", "/proxy/hr/%ff"]
)
async def test_below_a_base_everything_unknown_is_a_scim_error(gateway: Running, path: str) -> None:
    auth = gateway.auth("directory" if path.startswith("/scim") else "idm")
    assert is_scim_error(await gateway.client.get(path, auth=auth), 404)


async def test_outside_of_the_bases_an_unknown_address_is_a_plain_404(gateway: Running) -> None:
    answer = await gateway.client.get("/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_doubled_or_trailing_slash_is_forgiven(gateway: Running) -> None:
    assert (await gateway.client.get("/proxy/hr//Users/", auth=gateway.auth())).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/scim+json; charset=utf-8", "application/scim+json;charset=UTF-8", None],
)
async def test_json_is_accepted_under_the_names_that_clients_use(gateway: Running, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await gateway.client.post(
        "/proxy/hr/Users", content=b'{"userName":"x"}', headers=headers, auth=gateway.auth()
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/xml"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_other_media_types_are_refused(gateway: Running, headers: dict[str, str]) -> None:
    answer = await gateway.client.post("/proxy/hr/Users", content=b"<x/>", headers=headers, auth=gateway.auth())
    assert is_scim_error(answer, 415)


@pytest.mark.parametrize("accept", ["application/json", "application/*", "*/*", "application/scim+json"])
async def test_the_answer_is_scim_whatever_json_is_asked_for(gateway: Running, accept: str) -> None:
    answer = await gateway.client.get("/proxy/hr/Users", headers={"Accept": accept}, auth=gateway.auth())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/scim+json")


async def test_what_a_request_asks_is_told_to_the_provider(gateway: Running) -> None:
    await gateway.client.get(
        "/proxy/hr/Users", auth=gateway.auth(), headers={"X-Request-Id": "r-1", "If-None-Match": 'W/"1"'}
    )
    call = gateway.gateway.systems["hr"].calls[-1]
    assert (call.base, call.request_id, call.caller) == (f"{gateway.url}/proxy/hr", "r-1", "idm")
    assert (call.if_match, call.if_none_match) == (None, 'W/"1"')


async def test_a_system_that_is_not_ready_says_when_to_come_back(gateway: Running) -> None:
    answer = await gateway.client.get("/proxy/broken/Users", auth=gateway.auth())
    assert is_scim_error(answer, 503)
    assert answer.headers["retry-after"] == "30"


async def test_an_unforeseen_failure_tells_the_caller_nothing_about_it(gateway: Running) -> None:
    gateway.gateway.systems["hr"].fail = RuntimeError("password=hunter2 in /etc/x")
    answer = await gateway.client.get("/proxy/hr/Users", auth=gateway.auth())
    assert is_scim_error(answer, 500)
    assert "hunter2" not in answer.text


async def test_a_request_beyond_its_time_is_given_up() -> None:
    async with running(WebSettings(limits=Limits(request_seconds=0.1))) as gateway:
        gateway.gateway.systems["hr"].slow = 5
        assert is_scim_error(await gateway.client.get("/proxy/hr/Users", auth=gateway.auth()), 504)


async def test_more_requests_at_once_than_allowed_are_refused() -> None:
    import asyncio

    async with running(WebSettings(limits=Limits(concurrency=3))) as gateway:
        await gateway.client.get("/proxy/hr/Users", auth=gateway.auth())
        gateway.gateway.systems["hr"].slow = 0.3
        answers = await asyncio.gather(
            *(gateway.client.get("/proxy/hr/Users", auth=gateway.auth()) for _ in range(8)),
        )
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [503] * 5
        assert all(is_scim_error(answer, 503) for answer in answers if answer.status_code == 503)
        assert (await gateway.client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("base", [base.path.replace("{system}", "hr") for base in BASES])
async def test_discovery_search_and_bulk_stand_below_every_base(gateway: Running, base: str) -> None:
    auth = gateway.auth("directory" if base == "/scim" else "idm")
    for path in ("ServiceProviderConfig", "ResourceTypes", "ResourceTypes/User", "Schemas", "Schemas/urn:x:y", "Me"):
        assert (await gateway.client.get(f"{base}/{path}", auth=auth)).status_code == 200, path
    assert (await gateway.client.get(f"{base}/Schemas", auth=auth)).json() == {"base": gateway.url + base}
    for path in (".search", "Users/.search"):
        assert (await gateway.client.post(f"{base}/{path}", json={"count": 1}, auth=auth)).status_code == 200
    assert (await gateway.client.post(f"{base}/Bulk", json={"Operations": []}, auth=auth)).status_code == 200


async def test_the_directory_takes_custom_schemas(gateway: Running) -> None:
    auth = gateway.auth("directory")
    assert (await gateway.client.post("/scim/Schemas", json={"id": "urn:x"}, auth=auth)).status_code == 201
    assert (await gateway.client.delete("/scim/Schemas/urn:x", auth=auth)).status_code == 204


@pytest.mark.parametrize("path", ["Schemas", "ResourceTypes", "ServiceProviderConfig"])
async def test_what_a_service_says_of_itself_is_not_filtered(gateway: Running, path: str) -> None:
    """RFC 7644 §4: 403, so that nobody takes all of it for what was asked."""
    address, auth = f"/proxy/hr/{path}", gateway.auth()
    assert is_scim_error(await gateway.client.get(address, params={"filter": 'id eq "x"'}, auth=auth), 403)
    assert (await gateway.client.get(address, params={"count": "1"}, auth=auth)).status_code == 200


@pytest.mark.parametrize("path", ["", "/", "/Users/1/emails/2"])
async def test_below_a_base_an_unknown_address_is_answered_with_those_there_are(gateway: Running, path: str) -> None:
    answer = await gateway.client.get(f"/proxy/hr{path}", auth=gateway.auth())
    assert is_scim_error(answer, 404)
    assert f"{gateway.url}/proxy/hr/ResourceTypes" in answer.json()["detail"]
