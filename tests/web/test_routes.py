"""The route table as a whole: nothing is open that should not be, and nothing is reachable without its permission."""

import httpx
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
