"""The directory as a sender: its changes by API and import go to connected targets at once, those of jobs do not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from tests.fixtures.fakes import Fake
from tests.provisioning.jobrig import READ, JobRig, scim

from proxeny.connectors.directory import announcing
from proxeny.connectors.directory.load import import_lines
from proxeny.database import Database
from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.events.sending import Sending
from proxeny.provisioning.realtime import Realtime
from proxeny.provisioning.systems.definition import AccessMode, SystemDefinition, TransformationText
from proxeny.store.events import Events

CALL = Call("https://gw.example/scim")


def directory(name: str, mode: AccessMode, **properties: str) -> SystemDefinition:
    text = TransformationText(name, orjson.dumps(READ).decode()) if mode == "READ" else None
    given = {key.replace("__", "."): value for key, value in properties.items()}
    return SystemDefinition(
        id=name, name=name.upper(), type="LOCAL_IDENTITY_DIRECTORY", access_mode=mode, properties=given, read=text
    )


@pytest.fixture
async def rig(database: Database, sink: Fake) -> AsyncIterator[JobRig]:
    rig = await JobRig.open(database)
    await rig.systems(directory("lid", "READ", realtime__send="true"), scim("crm", "WRITE", sink.url, sources=("lid",)))
    yield rig
    await rig.close()


async def carry(rig: JobRig) -> int:
    """Everything that was announced, to its targets; how many announcements."""
    live = Realtime(Events(rig.database), rig.memory, rig.catalog, "w")
    sending = Sending(rig.database, lambda: rig.catalog.senders, live.wake)
    count = await sending.tick()
    await live.work_off()
    return count


async def create(rig: JobRig, login: str, **more: Any) -> str:
    document = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": login, **more}
    answer = await rig.catalog.directory.create("Users", document, (), CALL)
    return str(orjson.loads(answer.body or b"")["id"])


def names(sink: Fake) -> list[str]:
    return sorted(user["userName"] for user in sink.state()["Users"].values())


async def test_changes_by_api_arrive_and_deletions_too(rig: JobRig, sink: Fake) -> None:
    anna = await create(rig, "anna")
    await create(rig, "ben")
    assert await carry(rig) == 2
    assert names(sink) == ["anna", "ben"]
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "userName", "value": "anne"}],
    }
    await rig.catalog.directory.patch("Users", anna, patch, (), CALL)
    group = {"displayName": "Staff", "members": [{"value": anna}]}
    await rig.catalog.directory.create("Groups", group, (), CALL)
    assert await carry(rig) == 2
    assert names(sink) == ["anne", "ben"]
    (held,) = sink.state()["Groups"].values()
    assert len(held["members"]) == 1
    await rig.catalog.directory.delete("Users", anna, CALL)
    assert await carry(rig) == 2, "the group has changed too"
    assert names(sink) == ["ben"]
    (event, *_) = await Events(rig.database).latest(entity_id=anna)
    assert [one.state for one in event.states] == ["Entity Deleted", "Entity Deleted"]


async def test_an_import_arrives_when_the_gateway_wants_to_know(rig: JobRig, sink: Fake) -> None:
    lines = [orjson.dumps({"userName": f"user{number}"}) for number in range(30)]
    await import_lines(rig.database, lines[:1])
    assert await carry(rig) == 0
    sending = asyncio.create_task(Sending(rig.database, lambda: rig.catalog.senders).run())
    while not await announcing.listening(rig.database):  # noqa: ASYNC110  # told by way of the database
        await asyncio.sleep(0.01)
    sending.cancel()
    await import_lines(rig.database, [*lines, orjson.dumps({"displayName": "All", "members": [{"value": "user3"}]})])
    assert await carry(rig) == 30, "29 new users and a group; who was there is unchanged"
    assert len(names(sink)) == 29
    (held,) = sink.state()["Groups"].values()
    assert len(held["members"]) == 1


async def test_a_group_that_came_before_its_members_gets_them_when_they_come(rig: JobRig, sink: Fake) -> None:
    members = [{"value": await create(rig, f"user{number}")} for number in range(3)]
    group = await rig.catalog.directory.create("Groups", {"displayName": "Staff", "members": members}, (), CALL)
    live = Realtime(Events(rig.database), rig.memory, rig.catalog, "w")
    group_id = orjson.loads(group.body or b"")["id"]
    await live.accept("lid", "group", "read", entity_id=group_id)
    await live.work_off()
    (held,) = sink.state()["Groups"].values()
    assert held["members"] == []
    await carry(rig)
    (held,) = sink.state()["Groups"].values()
    assert {one["value"] for one in held["members"]} == set(sink.state()["Users"])


async def test_what_a_job_writes_is_not_sent_back(rig: JobRig, source: Fake, sink: Fake) -> None:
    source.control(users=5)
    write = {"user": {"mappings": [{"sourcePath": "$.userName", "targetPath": "$.userName"}]}}
    into = SystemDefinition(
        id="into",
        name="INTO",
        type="LOCAL_IDENTITY_DIRECTORY",
        access_mode="WRITE",
        sources=("src",),
        write=TransformationText("into", orjson.dumps(write).decode()),
    )
    await rig.systems(scim("src", "READ", source.url), into)
    run = await rig.run()
    assert await rig.counts(run, "into") == {"create done": 5}
    assert await carry(rig) == 0
    assert names(sink) == []


async def test_nothing_is_kept_while_nobody_wants_it(rig: JobRig, sink: Fake) -> None:
    await rig.systems(directory("lid", "READ"))
    await create(rig, "anna")
    assert not await announcing.waiting(rig.database)
    await rig.systems(directory("lid", "READ", realtime__send="true"))
    await create(rig, "ben")
    assert await carry(rig) == 1
    assert names(sink) == ["ben"]


async def test_a_change_that_was_taken_back_is_not_announced(rig: JobRig) -> None:
    await create(rig, "anna")
    with pytest.raises(Exception, match="anna"):
        await create(rig, "anna")
    assert await carry(rig) == 1
