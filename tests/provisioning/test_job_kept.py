"""What a target lets nobody take away stays there, and keeps a job from nothing else (RFC 7644 §3.5.2, mutability)."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.fixtures.fakes import Fake
from tests.fixtures.gateways import SECRET, Running, Site, client, running
from tests.provisioning.jobrig import WRITE, JobRig, scim

from proxeny.provisioning.systems.definition import SystemDefinition
from proxeny.scim.schema import SAP_USER

KEPT = ("userUuid", "sourceSystem")
OPTIONAL = [
    {"sourcePath": f"$['{SAP_USER}']['{name}']", "targetPath": f"$['{SAP_USER}']['{name}']", "optional": True}
    for name in KEPT
]
TITLE = {"sourcePath": "$.title", "targetPath": "$.title", "optional": True}
MAPPINGS: dict[str, Any] = {**WRITE, "user": {"mappings": [*WRITE["user"]["mappings"], *OPTIONAL, TITLE]}}


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("far")) as gateway:
        yield gateway


@pytest.fixture
def people(far: Running) -> Iterator[Site]:
    far.empty()
    with client() as speaking:
        yield Site(f"{far.url}/scim", speaking)


def over_http(far: Running, mappings: dict[str, Any] = MAPPINGS) -> SystemDefinition:
    sign_in = {"Authentication": "BasicAuthentication", "User": "tester", "Password": SECRET}
    return scim("crm", "WRITE", f"{far.url}/scim", mappings, scim__support__patch__operation="true", **sign_in)


def embedded() -> SystemDefinition:
    return scim(
        "crm", "WRITE", "http://unused.example", MAPPINGS, kind="LOCAL_IDENTITY_DIRECTORY",
        idds__support__patch__operation="true",
    )  # fmt: skip


async def test_over_http_the_rest_is_taken_away_and_what_must_stay_does(
    jobs: JobRig, source: Fake, far: Running, people: Site
) -> None:
    await jobs.systems(over_http(far))
    source.control(users=1)
    await jobs.run()
    (before,) = people.found("/Users")
    set_by_hand = {"op": "add", "value": {"title": "by hand", SAP_USER: {"sourceSystem": 39}}}
    assert people.patch(f"/Users/{before['id']}", set_by_hand).status_code == httpx.codes.OK
    source.control(changes={"0": 1})
    outcome = (await jobs.outcomes(await jobs.run()))["u0000000"]
    assert (outcome.action, outcome.outcome, outcome.reason) == ("update", "done", "kept-by-target")
    assert "sourceSystem" in (outcome.message or "")
    assert "title" not in (outcome.message or "")
    after = people.read(f"/Users/{before['id']}")
    assert after["name"]["familyName"] == "Family0 r1"
    assert "title" not in after, "a mapping writes it, and it has no value: it is taken away"
    assert after[SAP_USER] == {**before[SAP_USER], "sourceSystem": 39}


async def test_a_deletion_that_is_an_update_says_what_stays(
    jobs: JobRig, source: Fake, far: Running, people: Site
) -> None:
    gone = [
        {"sourceVariable": "entityIdTargetSystem", "targetPath": "$.id", "scope": "deleteEntity"},
        {"constant": False, "targetPath": "$.active", "scope": "deleteEntity"},
        {"constant": "gone", "targetPath": "$.userName", "scope": "deleteEntity"},
    ]
    leaving = {**MAPPINGS, "user": {"mappings": [*MAPPINGS["user"]["mappings"], *gone]}}
    await jobs.systems(over_http(far, leaving))
    source.control(users=5)
    await jobs.run()
    for one in people.found("/Users"):
        people.patch(f"/Users/{one['id']}", {"op": "add", "value": {SAP_USER: {"sourceSystem": 39}}})
    source.control(missing=[4])
    outcome = (await jobs.outcomes(await jobs.run()))["u0000004"]
    assert (outcome.action, outcome.outcome, outcome.reason) == ("delete", "done", "deleted-by-update")
    assert "sourceSystem" in (outcome.message or ""), "whoever asks why sees what is left there"
    assert sorted(one["active"] for one in people.found("/Users")) == [False, True, True, True, True]


async def test_the_embedded_directory_keeps_what_it_made(jobs: JobRig, source: Fake) -> None:
    await jobs.systems(embedded())
    source.control(users=1)
    await jobs.run()
    connector: Any = jobs.catalog.system("crm").connector
    (before,) = [entity async for entity in connector.read_all("user")]
    source.control(changes={"0": 1})
    outcome = (await jobs.outcomes(await jobs.run()))["u0000000"]
    assert (outcome.action, outcome.outcome) == ("update", "done")
    after = await connector.read("user", before.id)
    assert after.document["name"]["familyName"] == "Family0 r1"
    assert after.document[SAP_USER] == before.document[SAP_USER]
