"""Who may do what, as a table in data/, walked completely: every route, method and role (reliability T69).

A route that is not in data/routes.json fails here: whoever adds one writes down what it needs.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from tests.app.served import Whole, system, whole

from proxeny.settings import PERMISSIONS

DATA = Path(__file__).parent / "data"
ROUTES: dict[str, dict[str, str]] = orjson.loads((DATA / "routes.json").read_bytes())
ROLES = orjson.loads((DATA / "roles.json").read_bytes())
PARAMETERS = {
    "system": "hr",
    "endpoint": "Users",
    "id": "1",
    "kind": "READ",
    "run": "1",
    "event": "1",
    "channel": "mail",
    "address": "a@x.example",
    "direction": "read",
    "version": "1",
    "client": "somebody",
    "certificate": "0",
}
REFUSED = {401, 403}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Whole]:
    users = {_id(role): about for role, about in ROLES.items()}
    async with whole(tmp_path, [system("hr"), system("other")], users) as started:
        yield started


def _id(role: str) -> str:
    return role.replace(", ", "-").replace(" ", "-")


def address(template: str) -> str:
    path = template.replace("{*}", "a/b/c/d")
    for name, value in PARAMETERS.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"say in PARAMETERS what to put into {template}"
    return path


def allowed(template: str, method: str, role: str) -> bool:
    """What the two tables say."""
    needed, _, writes = ROUTES[template][method].partition(", ")
    about = ROLES[role]
    held = set(about["permissions"])
    if needed in ("open", "own authentication"):
        return True
    if needed not in held and not ("admin" in held and needed.startswith("admin.")):
        return False
    if writes and about.get("read_only"):
        return False
    return "{system}" not in template or PARAMETERS["system"] in about.get("systems", [PARAMETERS["system"]])


async def test_every_route_and_method_is_in_the_table_and_nothing_else(gateway: Whole) -> None:
    served = {route.template: set(route.operations) for route in gateway.served.app.routes}
    assert served == {template: set(methods) for template, methods in ROUTES.items()}


async def test_what_the_code_asks_for_is_what_the_table_says(gateway: Whole) -> None:
    told = {
        route.template: {
            method: "own authentication"
            if operation.own_authentication
            else ("open" if operation.permission is None else operation.permission)
            + (", writes" if operation.writes else "")
            for method, operation in route.operations.items()
        }
        for route in gateway.served.app.routes
    }
    assert told == ROUTES


async def test_each_role_can_do_exactly_what_the_table_says(gateway: Whole) -> None:
    wrong = []
    for template, methods in ROUTES.items():
        for method in methods:
            for role in ROLES:
                body = {"Operations": []} if method in ("POST", "PUT", "PATCH") else None
                answer = await gateway.ask(method, address(template), _id(role), json=body)
                if (answer.status_code not in REFUSED) != allowed(template, method, role):
                    wrong.append((method, template, role, answer.status_code))
    assert wrong == []


async def test_without_credentials_only_what_is_open_answers(gateway: Whole) -> None:
    wrong = []
    for template, methods in ROUTES.items():
        for method, needed in methods.items():
            answer = await gateway.ask(method, address(template))
            expected = needed == "open"
            if needed != "own authentication" and (answer.status_code != 401) != expected:
                wrong.append((method, template, answer.status_code))
            assert answer.status_code != 401 or answer.headers["www-authenticate"]
    assert wrong == []


async def test_methods_that_are_not_in_the_table_do_nothing(gateway: Whole) -> None:
    every = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}
    for template, methods in ROUTES.items():
        for method in every - methods.keys():
            answer = await gateway.ask(method, address(template), "everything-read-only")
            assert answer.status_code in (404, 405), (method, template, answer.status_code)


async def test_only_admin_holds_the_parts_of_admin() -> None:
    assert {role for role, about in ROLES.items() for one in about["permissions"] if one not in PERMISSIONS} == set()
    assert {one for about in ROLES.values() for one in about["permissions"]} == set(PERMISSIONS)
