"""The content of failed and skipped entities in the log of a run: when wanted, once, without secrets."""

import io
import json
import time
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from tests.connectors.kit import connection
from tests.fixtures.fakes import Fake
from tests.provisioning.jobrig import READ, WRITE, JobRig, scim

from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.database import Database
from proxeny.provisioning.deliveries.tracing import LIMIT, Tracing, tracing, wishes_of
from proxeny.provisioning.report import archive, contents_of, place_of
from proxeny.store.outcomes import BEGINNING
from proxeny.store.runs import Run

FAILED, SKIPPED = "ips__trace__failed__entity__content", "ips__trace__skipped__entity__content"
CREATED, UPDATED = "ips__trace__created__entity__content", "ips__trace__updated__entity__content"
SECRET = "initial-Pa55"
PATCHOP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
WITH_SECRETS = {
    **WRITE,
    "user": {
        "mappings": [
            *WRITE["user"]["mappings"],
            {"constant": "Welcome1", "targetPath": "$.password"},
            {"constant": f"pin is {SECRET}.", "targetPath": "$.nickName"},
        ]
    },
}


@pytest.fixture
async def jobs(database: Database) -> AsyncIterator[JobRig]:
    """On both kinds of databases."""
    rig = await JobRig.open(database)
    yield rig
    await rig.close()


async def wanted(jobs: JobRig, source: Fake, sink: Fake, read: Any = None, **properties: str) -> None:
    crm = scim("crm", "WRITE", sink.url, WITH_SECRETS)
    await jobs.systems(
        scim("src", "READ", source.url, read or READ, **properties),
        replace(crm, credentials={"User": "gateway", "Password": SECRET}),
    )


async def kept(jobs: JobRig, run: Run) -> dict[tuple[str, str], dict[str, Any]]:
    """What is kept of a run: by system and entity."""
    rows = await jobs.memory.outcomes.page(run.id, BEGINNING, 1000)
    found = await contents_of(run, rows, jobs.memory.contents)
    assert set(found) <= {place_of(row) for row in rows}
    return {(system, entity): orjson.loads(text) for (system, _, entity), text in found.items()}


async def test_the_content_of_what_failed_is_kept_without_its_secrets(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await wanted(jobs, source, sink, **{FAILED: "true"})
    source.control(users=3)
    sink.control(faults=[{"method": "POST", "match": "user0000001", "do": "400"}])
    run = await jobs.run()
    assert await jobs.counts(run) == {"create done": 2, "create failed": 1}
    found = await kept(jobs, run)
    assert list(found) == [("crm", "u0000001")]
    document = found["crm", "u0000001"]
    assert document["userName"] == "user0000001"
    assert document["password"] == "***"
    assert document["nickName"] == "pin is ***."


async def test_what_the_source_cannot_give_is_kept_as_it_has_it(jobs: JobRig, source: Fake, sink: Fake) -> None:
    read = {**READ, "user": {**READ["user"], "condition": "$.userName != 'user0000002'"}}
    await wanted(jobs, source, sink, read, **{SKIPPED: "true"})
    source.control(users=3)
    found = await kept(jobs, await jobs.run())
    assert found["src", "u0000002"]["userName"] == "user0000002"
    assert "meta" in found["src", "u0000002"], "the native document, not the common one"
    assert set(found) == {("src", "u0000002")}


async def test_it_is_kept_for_one_job_until_it_was_switched_off_and_on(jobs: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=2)
    sink.control(faults=[{"method": "POST", "do": "400"}])
    await wanted(jobs, source, sink)
    assert await kept(jobs, await jobs.run()) == {}
    await wanted(jobs, source, sink, **{FAILED: "true"})
    assert await kept(jobs, await jobs.run("SIMULATE")) == {}, "a simulation is no job"
    assert len(await kept(jobs, await jobs.run())) == 2
    assert await kept(jobs, await jobs.run()) == {}, "for one job only"
    off = wishes_of(PropertyValues({}))
    assert await jobs.memory.contents.fresh("src", off) == frozenset()
    assert len(await kept(jobs, await jobs.run())) == 2


async def test_created_and_updated_entities_are_kept_too(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await wanted(jobs, source, sink, **{CREATED: "true", UPDATED: "true"})
    source.control(users=2)
    assert set(await kept(jobs, await jobs.run())) == {("crm", "u0000000"), ("crm", "u0000001")}
    await jobs.memory.contents.fresh("src", {})
    source.control(changes={"1": 1})
    found = await kept(jobs, await jobs.run())
    assert set(found) == {("crm", "u0000001")}
    assert found["crm", "u0000001"]["name"]["familyName"] == "Family1 r1"


async def test_the_log_to_download_has_the_content_or_hides_it(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await wanted(jobs, source, sink, **{FAILED: "true"})
    source.control(users=1)
    sink.control(faults=[{"method": "POST", "do": "400"}])
    texts = []
    for run in (await jobs.run(), await jobs.run()):
        made = await archive(
            run,
            "failedEntitiesLog",
            jobs.memory.outcomes,
            lambda name: True,
            str.upper,
            contents=jobs.memory.contents,
        )
        with zipfile.ZipFile(io.BytesIO(made.content)) as packed:
            texts.append(packed.read(packed.namelist()[0]).decode())
    assert 'content={"userName":"user0000000"' in texts[0]
    assert SECRET not in texts[0]
    assert "content=<hidden content>" in texts[1]


async def test_contents_go_with_the_run(jobs: JobRig, source: Fake, sink: Fake) -> None:
    await wanted(jobs, source, sink, **{FAILED: "true"})
    source.control(users=1)
    sink.control(faults=[{"method": "POST", "do": "400"}])
    run = await jobs.run()
    rows = await jobs.memory.outcomes.page(run.id, BEGINNING, 10)
    assert await jobs.memory.contents.of(run.id, rows)
    await jobs.memory.runs.purge(time.time() + 1)
    assert not await jobs.memory.contents.of(run.id, rows)


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        (
            {"userPassword": ["x"], "unicodePwd": "y", "cn": "z"},
            {"userPassword": "***", "unicodePwd": "***", "cn": "z"},
        ),
        (
            {"schemas": [PATCHOP], "Operations": [{"op": "replace", "path": "password", "value": "x"}]},
            {"schemas": [PATCHOP], "Operations": [{"op": "replace", "path": "password", "value": "***"}]},
        ),
        ({"note": "s3cret and s3cret", "list": ["s3cret"]}, {"note": "*** and ***", "list": ["***"]}),
        ({"pinCode": "1"}, {"pinCode": "***"}),
        ({"name": "\ud800", "number": 2**80}, {"name": "\ud800", "number": 2**80}),
    ],
)
def test_what_must_not_be_kept_is_masked(document: dict[str, Any], shown: dict[str, Any]) -> None:

    kept = Tracing(frozenset({"failed"}), secrets=("s3cret",), names=frozenset({"pincode"}))
    assert json.loads(kept.shown(document)) == shown


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ({"nickName": "42", "notes": ["pin: 42."]}, {"nickName": "***", "notes": ["pin: ***."]}),
        ({"title": "1420 of A42", "age": 420, "active": True}, {"title": "1420 of A42", "age": 420, "active": True}),
        ({"number": 42, "pin": 90125, "deep": [{"a": 42.5}]}, {"number": "***", "pin": "***", "deep": [{"a": "***"}]}),
    ],
)
async def test_short_and_numeric_secrets_are_masked_whatever_the_attribute(
    document: dict[str, Any], shown: dict[str, Any]
) -> None:
    """They are known as secrets by the properties of the system, whose declaration says so."""
    plain = {"User": "me", "Password": "42"}  # declared a secret, wherever it stands
    connected = connection("https://far.example", plain, {"my.pin": "90125", "my.rate": "42.5"})
    connector = ScimConnector(connected)
    kept = tracing(["ips.trace.failed.entity.content"], connected.properties, [(connected.properties, connector)])
    await connector.close()
    assert json.loads(kept.shown(document)) == shown
    assert json.loads(kept.shown({"note": "me"})) == {"note": "me"}, "which is no secret"


def test_a_long_content_is_cut_unless_it_may_be_long() -> None:
    document = {"name": "x" * 200_000}
    assert len(Tracing().shown(document)) == LIMIT
    assert len(Tracing(limit=None).shown(document)) > 200_000
