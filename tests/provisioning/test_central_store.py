"""Central store: groups of an application go from the directory to its target as soon as they change."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from tests.fixtures.fakes import Fake
from tests.provisioning.jobrig import WRITE, JobRig, scim
from tests.provisioning.test_sending import CALL, carry, create, directory, names

from proxeny.connectors.directory import announcing
from proxeny.database import Database
from proxeny.provisioning.realtime import Realtime
from proxeny.provisioning.systems.definition import SystemDefinition
from proxeny.scim.schema import SAP_GROUP
from proxeny.store.events import Event, Events

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
FINANCE = "6f187cce-0000-4000-8000-000000000001"


def target(sink: Fake, application: str = FINANCE, *, switch: str = "true", name: str = "crm") -> SystemDefinition:
    given = {"ips__application__id": application, "realtime__application": switch}
    return scim(name, "WRITE", sink.url, WRITE, sources=("lid",), **given)


@pytest.fixture
async def rig(database: Database, sink: Fake) -> AsyncIterator[JobRig]:
    rig = await JobRig.open(database)
    await rig.systems(directory("lid", "READ"), target(sink))
    yield rig
    await rig.close()


async def group(rig: JobRig, name: str, *members: str, application: str = FINANCE, may: str = "") -> str:
    extension = {"applicationId": application, **({"supportedOperations": may} if may else {})}
    document: dict[str, Any] = {"displayName": name, "members": [{"value": one} for one in members]}
    if application:
        document |= {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", SAP_GROUP], SAP_GROUP: extension}
    answer = await rig.catalog.directory.create("Groups", document, (), CALL)
    return str(orjson.loads(answer.body or b"")["id"])


async def patch(rig: JobRig, group_id: str, **operation: Any) -> None:
    document = {"schemas": [PATCH], "Operations": [operation]}
    await rig.catalog.directory.patch("Groups", group_id, document, (), CALL)


async def event(rig: JobRig, entity: str) -> Event:
    return (await Events(rig.database).latest(entity_id=entity))[0]


async def states(rig: JobRig, entity: str) -> dict[str, str]:
    return {one.system: one.state for one in (await event(rig, entity)).states}


def held(sink: Fake) -> dict[str, int]:
    """Groups of the target: name and how many members."""
    return {one["displayName"]: len(one.get("members") or ()) for one in sink.state()["Groups"].values()}


async def test_a_group_of_the_application_comes_at_once_and_no_user_does(rig: JobRig, sink: Fake) -> None:
    anna = await create(rig, "anna")
    await rig.run(source="lid")
    ben = await create(rig, "ben")
    staff = await group(rig, "Staff", anna, ben)
    assert await carry(rig) > 0
    assert held(sink) == {"Staff": 1}, "ben is not in the target, and is not created there"
    assert names(sink) == ["anna"]
    assert await states(rig, staff) == {"lid": "Entity Read", "crm": "Entity Created"}
    assert (await event(rig, staff)).sent_by == "central-store"
    assert await Events(rig.database).latest(entity_id=ben) == []
    await patch(rig, staff, op="remove", path="members")
    await patch(rig, staff, op="replace", path="displayName", value="Crew")
    await carry(rig)
    assert held(sink) == {"Crew": 0}
    assert (await states(rig, staff))["crm"] == "Entity Updated"
    await rig.catalog.directory.delete("Groups", staff, CALL)
    await carry(rig)
    assert held(sink) == {}
    assert await states(rig, staff) == {"lid": "Entity Deleted", "crm": "Entity Deleted"}


async def test_a_group_that_lost_a_member_with_the_member_itself_is_told(rig: JobRig, sink: Fake) -> None:
    anna, ben = await create(rig, "anna"), await create(rig, "ben")
    staff = await group(rig, "Staff", anna, ben)
    await rig.run(source="lid")
    await carry(rig)
    assert held(sink) == {"Staff": 2}
    await rig.catalog.directory.delete("Users", ben, CALL)
    assert await carry(rig) == 2
    assert held(sink) == {"Staff": 1}
    assert (await states(rig, staff))["crm"] == "Entity Updated"
    assert names(sink) == ["anna", "ben"], "users are left to jobs"


async def test_a_group_goes_only_to_the_target_of_its_application(rig: JobRig, sink: Fake) -> None:
    await rig.systems(target(sink, "other", name="lake"))
    finance, other = await group(rig, "Finance"), await group(rig, "Other", application="other")
    none, unknown = await group(rig, "None", application=""), await group(rig, "Unknown", application="unknown")
    await carry(rig)
    assert await states(rig, finance) == {"lid": "Entity Read", "crm": "Entity Created"}
    assert await states(rig, other) == {"lid": "Entity Read", "lake": "Entity Created"}
    for one in (none, unknown):
        assert await states(rig, one) == {"lid": "Entity Skipped"}
        assert (await event(rig, one)).states[0].reason == "no-application"
    assert sorted(held(sink)) == ["Finance", "Other"]


async def test_without_the_switch_or_the_application_nothing_is_announced(rig: JobRig, sink: Fake) -> None:
    for silent in (target(sink, switch="false"), target(sink, application="")):
        await rig.systems(silent)
        await group(rig, f"Staff {len(await Events(rig.database).latest())}{silent.properties}")
        assert not await announcing.waiting(rig.database)


async def test_groups_that_may_not_be_created_have_failed(rig: JobRig, sink: Fake) -> None:
    await rig.systems(replace(directory("lid", "READ"), read=None))  # the type's default knows what a group allows
    found = {may: await group(rig, may, may=may) for may in ("readOnly", "userOnlyMembership", "membership")}
    await carry(rig)
    for one in found.values():
        assert (await states(rig, one))["crm"] == "Entity Failed"
        assert (await event(rig, one)).status == "error"
    assert held(sink) == {}


async def test_a_group_that_the_target_lost_is_made_again(rig: JobRig, sink: Fake) -> None:
    staff = await group(rig, "Staff")
    await carry(rig)
    sink.control(begin=True)
    await patch(rig, staff, op="replace", path="displayName", value="Crew")
    await carry(rig)
    assert held(sink) == {"Crew": 0}
    assert (await states(rig, staff))["crm"] == "Entity Created"


async def test_what_is_for_every_target_is_not_narrowed_by_a_later_change(rig: JobRig, sink: Fake) -> None:
    await rig.systems(scim("lake", "WRITE", sink.url, WRITE, sources=("lid",)))
    staff = await group(rig, "Staff")
    events = Events(rig.database)
    live = Realtime(events, rig.memory, rig.catalog, "w")
    await live.accept("lid", "group", "read", entity_id=staff, sent_by="idm")
    await carry(rig)
    assert set(await states(rig, staff)) == {"lid", "crm", "lake"}


async def test_a_source_that_sends_everything_sends_it_once(rig: JobRig, sink: Fake) -> None:
    await rig.systems(directory("lid", "READ", realtime__send="true"))
    staff = await group(rig, "Staff", await create(rig, "anna"))
    await carry(rig)
    assert (held(sink), names(sink)) == ({"Staff": 1}, ["anna"])
    by = [one.sent_by for one in await Events(rig.database).latest(entity_id=staff)]
    assert "directory" in by
    assert "central-store" not in by
