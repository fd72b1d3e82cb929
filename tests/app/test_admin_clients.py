"""Technical users and the audit trail over HTTP: secrets are told once, nothing is handed on that one does not hold."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.app.served import Whole, system, whole
from tests.web.pki import Authority

from proxeny.database import Statement

CLIENTS, AUDIT = "/api/v1/clients", "/api/v1/audit"
FIXED = '[[client]]\nid = "fixed"\nsecret = "0123456789abcdef"\npermissions = ["proxy"]\n'
USERS: dict[str, dict[str, Any]] = {
    "root": {"permissions": ["admin"]},
    "clerk": {"permissions": ["admin.clients"]},
    "local": {"permissions": ["admin.clients", "admin.audit"], "systems": ["hr"]},
    "auditor": {"permissions": ["admin.audit"]},
    "plain": {"permissions": ["proxy"], "systems": ["hr"]},
    "elsewhere": {"permissions": ["proxy"], "systems": ["other"]},
}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Whole]:
    async with whole(tmp_path, [system("hr"), system("other")], USERS, FIXED) as started:
        yield started


async def events(gateway: Whole) -> list[tuple[str, dict[str, Any]]]:
    return [(record.event, dict(record.fields)) async for record in gateway.gateway.store.audit.records()]


async def signs_in(gateway: Whole, client: str, secret: str) -> bool:
    answer = await gateway.client.get("/proxy/hr/Users?count=0", auth=(client, secret))
    return answer.status_code == 200


async def made(gateway: Whole, **about: Any) -> dict[str, Any]:
    answer = await gateway.ask("POST", CLIENTS, "root", json={"permissions": ["proxy"], **about})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_secret_is_told_once_and_then_nowhere(gateway: Whole) -> None:
    body = {"id": "idm", "permissions": ["proxy"], "systems": ["hr"], "expires_days": 90}
    answer = await gateway.ask("POST", CLIENTS, "root", json=body)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.headers["location"].endswith(f"{CLIENTS}/idm")
    secret = answer.json()["secret"]
    assert await signs_in(gateway, "idm", secret)
    stored = await gateway.gateway.store.clients.find("idm")
    assert stored is not None
    told = [(await gateway.ask("GET", path, "root")).text for path in (CLIENTS, f"{CLIENTS}/idm", AUDIT)]
    assert not any(hidden in text for text in told for hidden in (secret, stored.secrets[0].hash, "argon2"))
    shown = (await gateway.ask("GET", f"{CLIENTS}/idm", "root")).json()
    assert (shown["permissions"], shown["systems"], shown["origin"]) == (["proxy"], ["hr"], "database")
    assert shown["secrets"][0].startswith("until 20")
    assert ("client.added", "root") in [(event, fields.get("by")) for event, fields in await events(gateway)]


async def test_a_secret_is_rotated_with_an_overlap_or_without(gateway: Whole) -> None:
    first = (await made(gateway, id="idm"))["secret"]
    second = (await gateway.ask("POST", f"{CLIENTS}/idm/rotate", "root")).json()["secret"]
    assert [await signs_in(gateway, "idm", secret) for secret in (first, second)] == [True, True]
    body = {"keep_old_hours": 0, "expires_days": 1}
    third = (await gateway.ask("POST", f"{CLIENTS}/idm/rotate", "root", json=body)).json()["secret"]
    shown = (await gateway.ask("GET", f"{CLIENTS}/idm", "root")).json()
    assert (len(shown["secrets"]), shown["secrets"][0][:8]) == (1, "until 20")
    assert await signs_in(gateway, "idm", third)
    rotated = [fields for event, fields in await events(gateway) if event == "client.secret-rotated"]
    assert [(one["by"], one["client"], one["old_holds_hours"]) for one in rotated] == [
        ("root", "idm", 24.0),
        ("root", "idm", 0.0),
    ]


async def test_what_is_named_is_changed_and_nothing_else(gateway: Whole) -> None:
    await made(gateway, id="idm", systems=["hr"], description="IDM")
    body = {"permissions": ["proxy", "realtime"], "read_only": True, "dialect": ["entra"], "enabled": False}
    changed = (await gateway.ask("PATCH", f"{CLIENTS}/idm", "root", json=body)).json()
    assert {**changed, **body} == changed
    assert (changed["systems"], changed["description"], len(changed["secrets"])) == (["hr"], "IDM", 1)
    assert (await gateway.ask("PATCH", f"{CLIENTS}/idm", "root", json={"systems": None})).json()["systems"] == []
    assert (await gateway.ask("DELETE", f"{CLIENTS}/idm", "root")).status_code == 204
    assert (await gateway.ask("GET", f"{CLIENTS}/idm", "root")).status_code == 404
    told = [(event, fields.get("changed")) for event, fields in await events(gateway)]
    assert told[-3:] == [("client.changed", sorted(body)), ("client.changed", ["systems"]), ("client.removed", None)]


async def test_certificates_come_and_go_one_by_one(gateway: Whole, tmp_path: Path) -> None:
    await made(gateway, id="idm")
    certificate = Authority(tmp_path).issue("CN=idm")
    place = f"{CLIENTS}/idm/certificates"
    given = [{"certificate": certificate.pem}, {"subject": "CN=idm(P000001)", "issuer": "CN=ca"}, {"uri": "urn:idm"}]
    rules = [(await gateway.ask("POST", place, "root", json=one)).json() for one in given]
    assert rules[0]["thumbprint"] == certificate.thumbprint
    assert rules[0]["expires"].startswith("20")
    assert (await gateway.ask("POST", place, "root", json=given[1])).status_code == 201
    assert (await gateway.ask("GET", place, "root")).json()["items"] == rules
    assert (await gateway.ask("DELETE", f"{place}/{rules[1]['id']}", "root")).status_code == 204
    assert (await gateway.ask("DELETE", f"{place}/{rules[1]['id']}", "root")).status_code == 404
    assert (await gateway.ask("GET", place, "root")).json()["items"] == [rules[0], rules[2]]
    shown = (await gateway.ask("GET", f"{CLIENTS}/idm", "root")).json()
    back = await gateway.ask("PATCH", f"{CLIENTS}/idm", "root", json={"certificates": shown["certificates"]})
    assert back.json()["certificates"] == shown["certificates"]


async def test_one_without_a_secret_signs_in_by_certificate_or_key(gateway: Whole) -> None:
    told = await made(gateway, id="robot", secret=False, certificates=[{"uri": "spiffe://example/robot"}])
    assert (told["secret"], told["secrets"]) == (None, [])
    answer = await gateway.ask("POST", CLIENTS, "root", json={"id": "lost", "secret": False})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": ""},
        {"id": "a:b"},
        {"id": "a b"},
        {"id": "x" * 129},
        {"id": "new", "permissions": ["everything"]},
        {"id": "new", "permissions": "proxy"},
        {"id": "new", "unknown": 1},
        {"id": "new", "secrets": [{"hash": "x"}]},
        {"id": "new", "expires_days": 0},
        {"id": "new", "expires_days": True},
        {"id": "new", "secret": "chosen"},
        {"id": "new", "certificates": [{}]},
        {"id": "new", "certificates": [{"thumbprint": "short"}]},
        {"id": "new", "certificates": [{"subject": "no name"}]},
        {"id": "new", "certificates": [{"certificate": "no PEM"}]},
        {"id": "new", "keys": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}]}},
        {"id": "new", "keys": []},
        {"id": "new", "keys": {"keys": [{"kty": "RSA", "x5c": ["a"]}]}},
        {"id": "new", "keys": {"keys": [{"kty": "RSA", "x5c": ["AAAA"]}]}},
        {"id": "new", "keys": {"keys": [{"kty": "RSA", "x5c": {}}]}},
    ],
)
async def test_what_no_technical_user_can_be_is_refused_and_nothing_is_made(
    gateway: Whole, body: dict[str, Any]
) -> None:
    answer = await gateway.ask("POST", CLIENTS, "root", json=body)
    assert answer.status_code == 400, answer.text
    assert (await gateway.ask("GET", f"{CLIENTS}/new", "root")).status_code == 404


async def test_those_of_the_configuration_are_shown_and_left_alone(gateway: Whole) -> None:
    shown = (await gateway.ask("GET", f"{CLIENTS}/fixed", "root")).json()
    assert (shown["origin"], shown["secrets"]) == ("configuration", ["for ever"])
    answers = [
        await gateway.ask("POST", CLIENTS, "root", json={"id": "fixed"}),
        await gateway.ask("PATCH", f"{CLIENTS}/fixed", "root", json={"enabled": False}),
        await gateway.ask("POST", f"{CLIENTS}/fixed/rotate", "root"),
        await gateway.ask("POST", f"{CLIENTS}/fixed/certificates", "root", json={"uri": "urn:x"}),
        await gateway.ask("DELETE", f"{CLIENTS}/fixed", "root"),
    ]
    assert [answer.status_code for answer in answers] == [409] * 5
    assert all("Edit the file" in answer.text for answer in answers)
    assert (await gateway.ask("POST", CLIENTS, "root", json={"id": "plain"})).status_code == 409


@pytest.mark.parametrize("permission", ["admin", "admin.systems", "admin.jobs", "admin.audit"])
async def test_nobody_hands_on_a_part_of_admin_that_it_does_not_hold(gateway: Whole, permission: str) -> None:
    await made(gateway, id="above", permissions=[permission])
    place = f"{CLIENTS}/above"
    tried = [
        await gateway.ask("POST", CLIENTS, "clerk", json={"id": "new", "permissions": [permission]}),
        await gateway.ask("PATCH", f"{CLIENTS}/clerk", "clerk", json={"permissions": ["admin.clients", permission]}),
        await gateway.ask("PATCH", place, "clerk", json={"permissions": []}),
        await gateway.ask("POST", f"{place}/rotate", "clerk"),
        await gateway.ask("POST", f"{place}/certificates", "clerk", json={"uri": "urn:clerk"}),
        await gateway.ask("DELETE", place, "clerk"),
    ]
    assert [answer.status_code for answer in tried] == [403] * 6
    assert (await gateway.ask("GET", place, "root")).json()["permissions"] == [permission]
    made_by_clerk = {"id": "new", "permissions": ["proxy", "directory.read", "admin.clients"]}
    assert (await gateway.ask("POST", CLIENTS, "clerk", json=made_by_clerk)).status_code == 201
    refused = [fields for event, fields in await events(gateway) if event == "permission.refused"]
    assert len(refused) >= 6


async def test_who_is_restricted_to_systems_administers_only_technical_users_of_these(gateway: Whole) -> None:
    listed = (await gateway.ask("GET", CLIENTS, "local")).json()["items"]
    assert [one["id"] for one in listed] == ["local", "plain"]
    for unseen in ("elsewhere", "root", "fixed", "nobody"):
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("GET", "/certificates")):
            answer = await gateway.ask(method, f"{CLIENTS}/{unseen}{path}", "local")
            assert (answer.status_code, unseen in answer.json()["detail"]) == (404, True)
    wrong: list[dict[str, Any]] = [
        {"permissions": ["proxy"]},
        {"permissions": ["proxy"], "systems": []},
        {"permissions": ["proxy"], "systems": ["other"]},
        {"permissions": ["proxy"], "systems": ["hr", "other"]},
        {"permissions": ["directory.read"], "systems": ["hr"]},
        {"permissions": ["metrics"], "systems": ["hr"]},
    ]
    answers = [await gateway.ask("POST", CLIENTS, "local", json={"id": "new", **one}) for one in wrong]
    answers += [
        await gateway.ask("PATCH", f"{CLIENTS}/{whom}", "local", json={"systems": systems})
        for whom in ("plain", "local")
        for systems in (None, [], ["other"])
    ]
    assert {answer.status_code for answer in answers} == {403}
    good = {"id": "new", "permissions": ["proxy", "realtime"], "systems": ["Hr"]}
    assert (await gateway.ask("POST", CLIENTS, "local", json=good)).status_code == 201


async def records(gateway: Whole, as_: str, **query: str) -> list[dict[str, Any]]:
    answer = await gateway.ask("GET", AUDIT, as_, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_the_trail_is_read_in_pages_the_newest_first(gateway: Whole) -> None:
    for number in range(7):
        await gateway.gateway.store.audit.record("system.changed", {"number": number, "by": "root"})
    page: dict[str, Any] = {"next": ""}
    read: list[int] = []
    while page["next"] is not None:
        more = {"cursor": page["next"]} if page["next"] else {}
        query = {"event": "system.", "limit": "3", **more}
        page = (await gateway.ask("GET", AUDIT, "auditor", params=query)).json()
        read += [one["fields"]["number"] for one in page["items"]]
    assert read == [6, 5, 4, 3, 2, 1, 0]
    assert await records(gateway, "auditor", client="nobody") == []
    assert await records(gateway, "auditor", since="2999-01-01") == []
    assert len(await records(gateway, "auditor", client="root", limit="2")) == 2


async def test_a_time_of_the_trail_is_told_in_any_zone_and_anything_else_is_refused(gateway: Whole) -> None:
    await gateway.gateway.store.audit.record("system.changed", {"by": "root"})
    far_east = timezone(timedelta(hours=14))
    ago = datetime.now(far_east) - timedelta(hours=1)  # as text, it lies hours ahead of what records tell in UTC
    assert len(await records(gateway, "auditor", event="system.", since=ago.isoformat())) == 1
    ahead = datetime.now(UTC).astimezone(timezone(-timedelta(hours=12))) + timedelta(hours=1)
    assert await records(gateway, "auditor", event="system.", since=ahead.isoformat()) == []
    for wrong in ("yesterday", "0001-01-01T00:00+14:00"):
        refused = await gateway.ask("GET", AUDIT, "auditor", params={"since": wrong})
        assert refused.status_code == 400
        assert "2026-01-31" in refused.json()["detail"]


async def test_the_trail_is_verified_and_compared_with_an_earlier_head(gateway: Whole) -> None:
    audit = gateway.gateway.store.audit
    for number in range(3):
        await audit.record("system.changed", {"number": number})
    told = (await gateway.ask("GET", f"{AUDIT}/verify", "auditor")).json()
    assert (told["whole"], told["records"], told["first_bad"]) == (True, 3, None)
    again = await gateway.ask("GET", f"{AUDIT}/verify", "auditor", params={"head": told["head"]})
    assert again.json()["whole"] is True

    def steps() -> Any:
        yield Statement("UPDATE store_audit SET record = (SELECT record FROM store_audit WHERE number = 1)"), {}

    await gateway.gateway.store.database.transaction(steps)
    told = (await gateway.ask("GET", f"{AUDIT}/verify", "auditor")).json()
    assert (told["whole"], told["first_bad"]) == (False, 2)


async def test_who_is_restricted_to_systems_reads_only_records_that_name_them(gateway: Whole) -> None:
    audit = gateway.gateway.store.audit
    for name in ("hr", "other"):
        await audit.record("system.changed", {"system": name})
    await gateway.client.get("/scim/Users", auth=("elsewhere", "wrong"))
    assert [one["fields"]["system"] for one in await records(gateway, "local")] == ["hr"]
    assert (await gateway.ask("GET", f"{AUDIT}/verify", "local")).status_code == 403
