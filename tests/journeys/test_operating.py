"""What an operator goes through: stop and start, a killed process, bad requests, and a log that can be read."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.journeys.conftest import HR, import_samples
from tests.journeys.gateway import Gateway

PERSON = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "name": {"familyName": "Durable"}}


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    made = Gateway(tmp_path)
    made.prepare({"hr": HR})
    return made


def person(name: str) -> dict[str, Any]:
    return {**PERSON, "userName": name, "emails": [{"value": f"{name}@nordwind.example", "primary": True}]}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_is_there_after_the_next_start(gateway: Gateway, number: signal.Signals) -> None:
    import_samples(gateway)
    gateway.start()
    users = f"{gateway.url}/proxy/hr/Users"
    created = [gateway.curl().post(users, person(f"durable{number}")).json["id"] for number in range(3)]
    status = gateway.stop(number)
    assert status == (0 if number is signal.SIGTERM else -signal.SIGKILL)
    gateway.start()
    try:
        assert all(gateway.curl().get(f"{users}/{entity}").status == 200 for entity in created)
        assert gateway.curl().get(users, count=0).json["totalResults"] == 25 + 3
    finally:
        gateway.stop()


BAD_REQUESTS: dict[str, tuple[str, str, Any, int, str | None]] = {
    "broken JSON": ("POST", "/proxy/hr/Users", '{"userName": ', 400, "invalidSyntax"),
    "a list as a resource": ("POST", "/proxy/hr/Users", "[]", 400, "invalidSyntax"),
    "a list as userName": ("POST", "/proxy/hr/Users", {**PERSON, "userName": ["a", "b"]}, 400, "invalidValue"),
    "no userName": ("POST", "/scim/Users", PERSON, 400, "invalidValue"),
    "unknown system": ("GET", "/proxy/none/Users", None, 404, None),
    "unknown person": ("GET", "/proxy/hr/Users/none", None, 404, None),
    "unknown endpoint": ("GET", "/proxy/hr/Robots", None, 404, None),
    "half a filter": ("GET", "/proxy/hr/Users?filter=userName%20eq", None, 400, "invalidFilter"),
    "too large a body": ("POST", "/proxy/hr/Users", "x" * 11_000_000, 413, None),
}


def test_bad_requests_are_scim_errors_and_write_nothing(near: Gateway) -> None:
    curl = near.curl()
    total = curl.get(f"{near.url}/scim/Users", count=0).json["totalResults"]
    for name, (method, path, document, status, scim_type) in BAD_REQUESTS.items():
        answer = curl.call(method, near.url + path, document)
        assert (answer.status, answer.json.get("scimType")) == (status, scim_type), name
        assert answer.json["status"] == str(status), name
        assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"], name
        assert answer.headers["x-request-id"] in near.log, name
    assert curl.get(f"{near.url}/scim/Users", count=0).json["totalResults"] == total


def test_wrong_credentials_get_401_and_the_secret_is_in_no_log(near: Gateway) -> None:
    for user, secret in (("idm", "wrong-secret-value"), ("nobody", "wrong-secret-value")):
        answer = near.curl(user, secret).get(f"{near.url}/proxy/hr/Users")
        assert (answer.status, answer.json["status"]) == (401, "401")
        assert "basic" in answer.headers["www-authenticate"].lower()
    assert "wrong-secret-value" not in near.log
    assert near.secret not in near.log


def test_every_line_of_the_log_is_json(near: Gateway) -> None:
    near.curl().get(f"{near.url}/proxy/hr/Users", filter='userName eq "a\n{"level":"forged"}"')
    events = [json.loads(line) for line in near.log.splitlines()]
    assert events
    assert all({"time", "level", "logger", "message"} <= event.keys() for event in events)
    assert not any(event["level"] == "forged" for event in events)


def test_a_wrong_configuration_starts_nothing_and_says_everything(gateway: Gateway) -> None:
    (gateway.folder / "systems/broken.json").write_text('{"id": "broken", "connectorTypeString": "SCIM_SYSTEM"}')
    (gateway.folder / "systems/odd.json").write_text(
        HR.replace("LOCAL_IDENTITY_DIRECTORY", "NO_SUCH_TYPE").replace("hr", "x")
    )
    with (gateway.folder / "proxeny.toml").open("a") as file:
        file.write("\n[limits]\nbody_bytes = 'many'\n")
    done = gateway.run("check", check=False)
    assert done.returncode == 1
    for named in ("limits.body_bytes", "broken.json", "accessMode", "odd.json", "NO_SUCH_TYPE"):
        assert named in done.stderr
    served = gateway.run("serve", check=False)
    assert (served.returncode, served.stderr) == (1, done.stderr)
    assert not (gateway.folder / "var").exists()


def test_a_taken_port_is_said(gateway: Gateway, near: Gateway) -> None:
    done = gateway.run("serve", "--port", str(near.port), check=False)
    assert done.returncode == 1
    assert str(near.port) in done.stderr


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def test_a_running_gateway_takes_up_systems_and_users_of_the_command_line(gateway: Gateway) -> None:
    gateway.start()
    try:
        added = json.loads(gateway.run("client", "add", "new", "--permission", "proxy", "--json").stdout)
        gateway.run("system", "add", "Second", "--type", "LOCAL_IDENTITY_DIRECTORY")
        new = gateway.curl("new", added["secret"])
        wait_for(lambda: new.get(f"{gateway.url}/proxy/Second/Users").status == 200)
        assert gateway.curl().get(f"{gateway.url}/scim/Users").status == 200
        assert new.get(f"{gateway.url}/scim/Users").status == 403
        gateway.run("system", "remove", "Second")
        gateway.run("client", "remove", "new")
        wait_for(lambda: new.get(f"{gateway.url}/proxy/hr/Users").status == 401)
        wait_for(lambda: gateway.curl().get(f"{gateway.url}/proxy/Second/Users").status == 404)
    finally:
        gateway.stop()


def test_a_hang_up_reloads_the_system_files_and_a_broken_one_changes_nothing(gateway: Gateway) -> None:
    gateway.start()
    curl, file = gateway.curl(), gateway.folder / "systems/other.json"
    try:
        file.write_text(HR.replace('"hr"', '"other"').replace("Human Resources", "Other"))
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGHUP)
        wait_for(lambda: curl.get(f"{gateway.url}/proxy/other/Users").status == 200)
        file.write_text("{ broken")
        gateway.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "systems were not reloaded" in gateway.log)
        assert curl.get(f"{gateway.url}/proxy/other/Users").status == 200
    finally:
        gateway.stop()


def test_several_workers_share_the_port_and_stop_together(gateway: Gateway) -> None:
    gateway.start("--workers", "2")
    users = f"{gateway.url}/proxy/hr/Users"
    assert [gateway.curl().post(users, person(f"worker{number}")).status for number in range(6)] == [201] * 6
    assert gateway.curl().get(users, count=0).json["totalResults"] == 6
    assert gateway.stop() == 0
    assert gateway.log.count("the gateway has stopped") == 2


def test_the_containers_health_check_tells_a_gateway_that_lives_from_one_that_does_not(
    gateway: Gateway, near: Gateway
) -> None:
    command = [sys.executable, str(ROOT / "deploy/healthcheck.py")]
    alive, dead = (
        subprocess.run(command, env=asked.environ, capture_output=True, text=True, check=False)
        for asked in (near, gateway)
    )
    assert (alive.returncode, dead.returncode) == (0, 1), alive.stderr
