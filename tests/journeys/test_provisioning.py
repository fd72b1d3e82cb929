"""Provisioning over HTTP: real time, jobs, their logs, schedules, held deletions, systems and transformations."""

import io
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.fixtures.fakes import Fake, started
from tests.fixtures.gateways import SECRET, running
from tests.provisioning.jobrig import READ, WRITE

CLIENTS = "".join(
    f"""
    [[client]]
    id = "{name}"
    secret = "{SECRET}"
    permissions = {permissions}
    {more}
    """
    for name, permissions, more in (
        ("boss", '["admin"]', ""),
        ("sender", '["realtime"]', ""),
        ("narrow", '["realtime", "admin.jobs"]', 'systems = ["other"]'),
        ("watcher", '["admin.jobs", "admin.systems"]', "read_only = true"),
    )
)
EVENTS = "/ipsproxy/service/api/v1/systems/lid/entities"
SCIM_USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}


class Client:
    """One technical user."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.auth = url, (name, SECRET)

    def __call__(self, method: str, path: str, expected: int = 200, **more: Any) -> Any:
        answer = httpx.request(method, f"{self.url}{path}", auth=self.auth, timeout=30, **more)
        assert answer.status_code == expected, answer.text
        json = answer.headers.get("content-type", "").startswith(("application/json", "application/problem"))
        return answer.json() if json else answer.content

    def ended(self, run: str) -> dict[str, Any]:
        for _ in range(600):
            shown: dict[str, Any] = self("GET", f"/api/v1/runs/{run}")
            if shown["status"] not in ("queued", "running"):
                return shown
            time.sleep(0.05)
        raise AssertionError(shown)


@pytest.fixture(scope="module")
def crm() -> Iterator[Fake]:
    with started("sink") as fake:
        yield fake


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, crm: Fake) -> Iterator[str]:
    source = {
        "id": "lid", "name": "People", "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY", "accessMode": "READ",
        "properties": {"realtime.send": "true", "ips.trace.created.entity": "true", "ips.trace.skipped.entity": "true"},
        "readTransformation": {**READ, "user": {**READ["user"], "condition": "$.displayName != 'hidden'"}},
    }  # fmt: skip
    target = {
        "id": "crm", "name": "CRM", "connectorTypeString": "SCIM_SYSTEM", "accessMode": "WRITE", "sources": ["People"],
        "properties": {"URL": crm.url, "Authentication": "NoAuthentication"},
        "writeTransformation": {**WRITE, "user": {**WRITE["user"], "condition": "$.emails EMPTY false"}},
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("provisioning")
    allow = '[outbound]\nallow = ["127.0.0.0/8"]\n'
    with running(folder / "home", systems=(source, target), more=allow + CLIENTS) as gateway:
        yield gateway.url


@pytest.fixture
def boss(url: str) -> Client:
    return Client(url, "boss")


def person(login: str, **more: Any) -> dict[str, Any]:
    return {**SCIM_USER, "userName": login, "emails": [{"value": f"{login}@example.org"}], **more}


def directory(url: str, document: dict[str, Any]) -> str:
    made = httpx.post(f"{url}/scim/Users", json=document, auth=("tester", SECRET), timeout=30)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def arrived(crm: Fake, login: str, *, there: bool = True) -> bool:
    for _ in range(200):
        if (login in {one["userName"] for one in crm.state()["Users"].values()}) is there:
            return True
        time.sleep(0.05)
    return False


def test_an_event_is_accepted_carried_out_and_shown_in_the_log(url: str, boss: Client, crm: Fake) -> None:
    sender = Client(url, "sender")
    accepted = sender("POST", f"{EVENTS}/user", 202, json={"id": "x1", **person("event1")}, params={"version": "5"})
    assert arrived(crm, "event1")
    event = boss("GET", f"/api/v1/events/{accepted['id']}")
    assert (event["status"], event["sent_by"]) == ("success", "sender")
    assert [one["state"] for one in event["states"]] == ["Entity Read", "Entity Created"]
    old = sender("POST", f"{EVENTS}/user?version=4", 202, json={"id": "x1", **person("older")})
    assert boss("GET", f"/api/v1/events/{old['id']}")["status"] == "superseded"
    sender("DELETE", f"{EVENTS}/user", 202, json={"id": "x1"})
    assert arrived(crm, "event1", there=False)
    sender("POST", f"{EVENTS}/user", 202, json={"id": "x/2", **person("event2")})
    assert arrived(crm, "event2")
    sender("DELETE", f"{EVENTS}/user/x%2F2", 202)
    assert arrived(crm, "event2", there=False)
    log = boss("GET", "/api/v1/events", params={"source": "lid", "limit": "2"})
    assert len(log["items"]) == 2
    assert (
        boss("GET", "/api/v1/events", params={"cursor": log["next"], "limit": "2"})["items"][0]["id"]
        < log["items"][1]["id"]
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", f"{EVENTS}/user", {"userName": "nobody"}, 400),
        ("POST", f"{EVENTS}/role", {"id": "1"}, 404),
        ("POST", EVENTS.replace("lid", "crm") + "/user", {"id": "1"}, 404),
        ("POST", EVENTS.replace("lid", "gone") + "/user", {"id": "1"}, 404),
        ("DELETE", f"{EVENTS}/user", {}, 400),
        ("POST", f"{EVENTS}/user?version=newest", {"id": "1"}, 400),
        ("POST", f"{EVENTS}/user", [], 400),
        ("PUT", f"{EVENTS}/user", {"id": "1"}, 405),
    ],
)
def test_an_event_that_cannot_be_is_refused(url: str, method: str, path: str, body: Any, expected: int) -> None:
    Client(url, "sender")(method, path, expected, json=body)


def test_the_directory_sends_its_own_changes_and_a_run_then_has_nothing_to_do(
    url: str, boss: Client, crm: Fake
) -> None:
    directory(url, person("anna"))
    assert arrived(crm, "anna")
    directory(url, {**SCIM_USER, "userName": "without-mail"})
    directory(url, person("unseen", displayName="hidden"))
    begun = boss("POST", "/ips/service/publicapi/v1/startJob/lid/jobs/READ", 202)
    run = boss.ended(begun["jobId"])
    assert (run["statusText"], run["mode"], run["trigger"]) == ("Success", "Full Read", "IMMEDIATE")
    (row,) = [row for row in run["statistics"] if row["action"] == "Write" and row["entity"] == "user"]
    assert (row["system"], row["numberCreated"], row["numberUnchanged"]) == ("CRM", 0, 1)
    outcomes = boss("GET", f"/api/v1/runs/{run['id']}/outcomes", params={"system": "crm", "outcome": "skipped"})
    assert {one["reason"] for one in outcomes["items"]} == {"condition", "source-condition"}
    first = boss("GET", f"/api/v1/runs/{run['id']}/outcomes", params={"limit": "2"})
    rest = boss("GET", f"/api/v1/runs/{run['id']}/outcomes", params={"cursor": first["next"], "limit": "100"})
    ids = [(one["system"], one["entity_id"]) for one in first["items"] + rest["items"]]
    assert ids == sorted(set(ids))
    assert rest["next"] is None
    assert boss("GET", "/api/v1/runs", params={"source": "People"})["items"][0]["id"] == run["id"]


def log(boss: Client, run: str, kind: str) -> dict[str, str]:
    packed = boss("GET", f"/ips/service/publicapi/v1/jobLogs/{run}", params={"action": "export", "logType": kind})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_logs_come_as_zip_in_the_layout_of_sap(url: str, boss: Client, crm: Fake) -> None:
    login = "without-mail-2"
    made = directory(url, {**SCIM_USER, "userName": login})
    run = boss.ended(boss("POST", "/api/v1/systems/People/jobs/RESYNC", 202)["jobId"])
    ((name, text),) = log(boss, run["id"], "skippedEntitiesLog").items()
    assert name.startswith(f"ips_jobSkippedEntitiesLogs_{run['id']}_")
    assert f"user:{made},\nsystem=CRM,\nskip reason=" in text
    assert "content=<hidden content>" in text
    assert log(boss, run["id"], "updatedEntitiesLog") == {}, "the source does not want that log"
    ((_, common),) = log(boss, run["id"], "commonLog").items()
    assert '"numberSkipped"' in common
    boss("GET", f"/ips/service/publicapi/v1/jobLogs/{run['id']}?logType=nonsense", 400)
    boss("GET", "/ips/service/publicapi/v1/jobLogs/17", 404)


def test_progress_is_streamed_until_the_run_ends(url: str, boss: Client) -> None:
    run = boss("POST", "/api/v1/systems/lid/jobs/SIMULATE", 202)["jobId"]
    with httpx.stream("GET", f"{url}/api/v1/runs/{run}/progress", auth=boss.auth) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    assert '"status":"success"' in lines[-1]


def test_a_verdict_says_why_somebody_is_not_there(url: str, boss: Client, crm: Fake) -> None:
    directory(url, {**SCIM_USER, "userName": "why"})
    (verdict,) = boss("GET", "/api/v1/why", params={"entity": "why"})["items"]
    assert verdict["verdict"].startswith("not in CRM: condition of the write transformation of CRM, version ")
    assert verdict["verdict"].endswith("is false: emails is empty.")
    directory(url, person("because"))
    assert arrived(crm, "because")
    (verdict,) = boss("GET", "/api/v1/why", params={"entity": "because", "target": "CRM"})["items"]
    assert verdict["provisioned"]
    directory(url, person("secret-agent", displayName="hidden"))
    (verdict,) = boss("GET", "/api/v1/why", params={"entity": "secret-agent"})["items"]
    assert "read transformation of People" in verdict["verdict"]
    assert 'displayName is "hidden"' in verdict["verdict"]
    assert boss("GET", "/api/v1/why", params={"entity": "nobody at all"})["items"] == []


def test_schedules_and_subscriptions_are_kept(boss: Client) -> None:
    place = "/api/v1/systems/People/schedules/READ"
    made = boss("PUT", place, json={"weekdays": ["monday"], "at": "06:00", "zone": "Europe/Berlin"})
    assert made["next"] is not None
    assert boss("PUT", place, json={"minutes": 15})["warning"] is not None
    assert boss("GET", place)["minutes"] == 15
    boss("PUT", place, 400, json={"minutes": 15, "at": 7, "weekdays": "x"})
    boss("PUT", place, 400, json={"every": 15})
    assert [one["source"] for one in boss("GET", "/api/v1/schedules")["items"]] == ["lid"]
    boss("DELETE", place, 204)
    boss("GET", place, 404)
    people = "/api/v1/systems/lid/subscriptions"
    boss("POST", people, 201, json={"channel": "mail", "address": "anna@example.org"})
    boss("POST", people, 400, json={"channel": "pigeon", "address": "anna@example.org"})
    assert len(boss("GET", people)["items"]) == 1
    boss("DELETE", f"{people}/mail/anna@example.org", 204)
    boss("DELETE", f"{people}/mail/anna@example.org", 404)
    for wider in ("CRM", "*"):  # a target, and everything that ends
        boss("POST", f"/api/v1/systems/{wider}/subscriptions", 201, json={"channel": "mail", "address": "a@b.example"})
        (kept,) = boss("GET", f"/api/v1/systems/{wider}/subscriptions")["items"]
        assert kept["source"] == wider.lower()
        boss("DELETE", f"/api/v1/systems/{wider}/subscriptions/mail/a@b.example", 204)
    boss("GET", "/api/v1/systems/nobody/subscriptions", 404)
    Client(boss.url, "narrow")("GET", "/api/v1/systems/*/subscriptions", 403)


def test_held_deletions_are_approved_by_list(boss: Client) -> None:
    assert boss("GET", "/api/v1/held") == {"items": [], "next": None}
    item = {"source": "lid", "target": "crm", "entity_type": "user", "source_id": "1"}
    assert boss("POST", "/api/v1/held/approve", json={"items": [item]}) == {"approved": 0}
    boss("POST", "/api/v1/held/reject", 400, json={"items": [{"source": "lid"}]})


def test_systems_and_the_versions_of_their_transformations(boss: Client, crm: Fake) -> None:
    document = {
        "name": "Lake", "connectorTypeString": "SCIM_SYSTEM", "accessMode": "WRITE", "state": "DISABLED",
        "properties": {"URL": crm.url, "Authentication": "BasicAuthentication", "User": "u"},
        "encryptedProperties": {"Password": "a secret of the lake"},
    }  # fmt: skip
    made = boss("POST", "/api/v1/systems", 201, json=document)
    assert "a secret of the lake" not in str(made)
    place = f"/api/v1/systems/{made['id']}"
    texts = f"{place}/transformations/write"
    assert boss("GET", texts)["default"] is True
    saved = boss("PUT", texts, json={"transformation": WRITE, "description": "Only what the lake needs"})
    assert saved["version"] == 2
    assert boss("GET", texts)["default"] is False
    boss("PUT", texts, 400, json={"transformation": {"user": {"mappings": [{"nonsense": 1}]}}, "description": "x"})
    boss("PUT", texts, 400, json={"transformation": "{not json", "description": "x"})
    boss("PUT", texts, 400, json={"transformation": WRITE})
    assert boss("GET", texts)["version"] == 2
    assert boss("POST", f"{texts}/versions/1/apply")["version"] == 3
    assert [one["version"] for one in boss("GET", f"{texts}/versions")["items"]] == [3, 2, 1]
    assert "mappings" in boss("GET", f"{texts}/versions/2")["text"]
    boss("GET", f"{texts}/versions/9", 404)
    assert all(step["ok"] for step in boss("POST", "/api/v1/systems/lid/test?targets=true")["items"])
    boss("POST", f"{place}/reset", 204)
    boss("PUT", "/api/v1/systems/lid", 409, json=document)
    boss("DELETE", place, 204)
    boss("GET", place, 404)
    assert {one["id"]: one["readOnly"] for one in boss("GET", "/api/v1/systems")["items"]} == {"lid": True, "crm": True}


def test_who_lacks_the_permission_or_the_system_is_refused(url: str) -> None:
    sender, narrow, watcher = (Client(url, name) for name in ("sender", "narrow", "watcher"))
    sender("GET", "/api/v1/runs", 403)
    sender("GET", "/api/v1/systems", 403)
    narrow("POST", f"{EVENTS}/user", 403, json={"id": "1"})
    narrow("POST", "/api/v1/systems/lid/jobs/READ", 403)
    assert narrow("GET", "/api/v1/runs")["items"] == []
    narrow("GET", "/api/v1/systems", 403)
    watcher("GET", "/api/v1/systems")
    watcher("POST", "/api/v1/systems/lid/jobs/READ", 403)
    assert httpx.get(f"{url}/api/v1/runs").status_code == 401
