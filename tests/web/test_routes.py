"""The route table as a whole: nothing is open that should not be, and nothing is reachable without its permission."""

import httpx
import pytest
from tests.web.running import SECRET, Running, running, user

from proxeny.settings import PERMISSIONS
from proxeny.web.metrics import Metrics
from proxeny.web.request import Route
from proxeny.web.router import Router
from proxeny.web.routes import route_table
from proxeny.web.settings import WebSettings

OPEN = {"/health/live", "/health/ready"}
TABLE = route_table(WebSettings(), Metrics())
METHODS_THAT_SEND = {"POST", "PUT", "PATCH"}


def address(route: Route) -> str:
    return route.template.replace("{system}", "hr").replace("{endpoint}", "Users").replace("{id}", "1")


def test_only_health_is_open() -> None:
    assert {route.template for route in TABLE for op in route.operations.values() if op.permission is None} == OPEN


def test_every_permission_of_the_table_can_be_granted() -> None:
    named = {op.permission for route in TABLE for op in route.operations.values() if op.permission}
    assert named <= set(PERMISSIONS)


async def test_each_operation_needs_exactly_its_permission() -> None:
    names = [name for name in PERMISSIONS if name != "admin"]
    users = [user(name, name) for name in names]
    async with running(users=users) as gateway:
        wrong = []
        for route in TABLE:
            for method, operation in route.operations.items():
                for name in names:
                    answer = await ask(gateway, method, address(route), name)
                    allowed = operation.permission in (None, name)
                    if (answer.status_code in (401, 403)) == allowed:
                        wrong.append((method, route.template, name, answer.status_code))
        assert wrong == []


async def test_without_credentials_every_operation_but_health_is_401(gateway: Running) -> None:
    for route in TABLE:
        for method in route.operations:
            if route.template not in OPEN:
                answer = await gateway.client.request(method, address(route))
                assert (answer.status_code, bool(answer.headers["www-authenticate"])) == (401, True), route.template


async def test_writes_are_refused_to_read_only_callers_in_the_whole_table() -> None:
    async with running(users=[user("reader", *PERMISSIONS, read_only=True)]) as gateway:
        for route in TABLE:
            for method, operation in route.operations.items():
                answer = await ask(gateway, method, address(route), "reader")
                assert (answer.status_code == 403) == operation.writes, (method, route.template)


async def ask(gateway: Running, method: str, path: str, name: str) -> httpx.Response:
    body = {"Operations": []} if method in METHODS_THAT_SEND else None
    return await gateway.client.request(method, path, json=body, auth=(name, SECRET))


CROSS_SITE: list[tuple[dict[str, str], bool]] = [
    ({}, False),
    ({"Sec-Fetch-Site": "same-origin"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, True),
    ({"Sec-Fetch-Site": "same-site", "Origin": "http://gateway.example"}, True),
    ({"Origin": "https://elsewhere.example"}, True),
    ({"Origin": "null"}, True),
]


@pytest.mark.parametrize(("headers", "refused"), CROSS_SITE, ids=str)
async def test_a_page_of_another_site_changes_nothing_through_a_browser(
    gateway: Running, headers: dict[str, str], refused: bool
) -> None:
    """Without a content type a browser asks nobody before it sends, and adds a remembered password by itself."""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        path = "/proxy/hr/Users" if method == "POST" else "/proxy/hr/Users/1"
        answer = await gateway.client.request(method, path, headers=headers, content=b"", auth=gateway.auth())
        assert (answer.status_code == 403) is refused, (method, answer.text)
    assert (await gateway.client.get("/proxy/hr/Users", headers=headers, auth=gateway.auth())).status_code == 200


async def test_a_page_of_our_own_may_change_what_its_user_may(gateway: Running) -> None:
    own = str(gateway.client.base_url).rstrip("/")
    answer = await gateway.client.delete("/proxy/hr/Users/1", headers={"Origin": own}, auth=gateway.auth())
    assert answer.status_code == 404


def test_literal_segments_win_over_variables_and_the_rest_catches_what_is_left() -> None:
    router = Router(TABLE)
    found = {
        path: match.route.template if (match := router.match(path)).route else None
        for path in ("/scim/Users", "/scim/Bulk", "/scim/a/b/c", "/proxy", "/proxy/x/Users/%2e%2e", "/health/live/x")
    }
    assert found == {
        "/scim/Users": "/scim/{endpoint}",
        "/scim/Bulk": "/scim/Bulk",
        "/scim/a/b/c": "/scim/{*}",
        "/proxy": None,
        "/proxy/x/Users/%2e%2e": "/proxy/{system}/{endpoint}/{id}",
        "/health/live/x": None,
    }
    assert router.match("/proxy/x/Users/a%2Fb").params == {"system": "x", "endpoint": "Users", "id": "a/b"}
