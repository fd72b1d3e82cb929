"""The merge scenario: two sources into one directory, with two target configurations that do not overwrite each other.

SuccessFactors gives division, department and the personnel ids; Entra ID gives name, display name and address. Both
write by PATCH, and each finds the other's user by an attribute of its own choice.
"""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.conftest import CORPUS
from tests.fixtures.fakes import Fake, started
from tests.provisioning.jobrig import QUICK, JobRig

from proxeny.database import Database
from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.systems.definition import AccessMode, SystemDefinition, TransformationText

DATA = Path(__file__).parent / "data"
SEEDS = CORPUS / "seeds"
CUSTOM = "urn:sap:cloud:scim:schemas:extension:custom:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SUCCESSFACTORS = "urn:ietf:params:scim:schemas:extension:successfactors:2.0:User"
SAP = "urn:ietf:params:scim:schemas:extension:sap:2.0:User"
READ = {
    "user": {
        "mappings": [
            {"sourcePath": "$", "targetPath": "$"},
            {"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"},
            {"targetPath": "$.id", "type": "remove"},
            {"targetPath": "$.meta", "type": "remove"},
        ]
    }
}


def merge_text(name: str) -> str:
    """The published transformation where the corpus is there, else our own of the same meaning."""
    published = SEEDS / f"merge.{name}.target.write.json"
    return (published if published.exists() else DATA / f"merge.{name}.json").read_text()


def system(
    name: str, mode: AccessMode, kind: str, text: str, sources: tuple[str, ...] = (), **given: str
) -> SystemDefinition:
    properties = {key.replace("__", "."): value for key, value in given.items()}
    transformation = TransformationText(name, text)
    return SystemDefinition(
        id=name,
        name=name.upper(),
        type=kind,
        access_mode=mode,
        properties=properties,
        read=transformation if mode == "READ" else None,
        write=transformation if mode == "WRITE" else None,
        sources=sources,
    )


@pytest.fixture
async def merge(tmp_path: Path) -> AsyncIterator[tuple[JobRig, Fake, Fake]]:
    """Jobs from two sources that list what they are given, into the embedded directory."""
    database = await Database.open(f"sqlite:///{tmp_path}/jobs.db")
    rig = await JobRig.open(database)
    with ExitStack() as stack:
        sf, entra = stack.enter_context(started("sink")), stack.enter_context(started("sink"))
        target = "LOCAL_IDENTITY_DIRECTORY"
        read = orjson.dumps(READ).decode()
        await rig.systems(
            system("sf", "READ", "SCIM_SYSTEM", read, URL=sf.url, **QUICK),
            system("entra", "READ", "SCIM_SYSTEM", read, URL=entra.url, **QUICK),
            system(
                "from-sf", "WRITE", target, merge_text("successfactors"), ("sf",),
                idds__support__patch__operation="true", idds__user__unique__attribute="userName",
            ),
            system(
                "from-entra", "WRITE", target, merge_text("entra-id"), ("entra",),
                idds__support__patch__operation="true", idds__user__unique__attribute="emails[0].value",
            ),
        )  # fmt: skip
        yield rig, sf, entra
        await rig.close()
        await database.close()


async def people(rig: JobRig) -> dict[str, dict[str, Any]]:
    answer = await rig.catalog.directory.search("Users", (), Call("https://gw.example/scim"))
    assert answer.body is not None
    return {user["userName"]: user for user in orjson.loads(answer.body)["Resources"]}


def person(login: str, **more: Any) -> dict[str, Any]:
    return {"userName": login, "emails": [{"value": f"{login.split('@')[0]}@example.org"}], **more}


@pytest.mark.parametrize("first", ["sf", "entra"])
async def test_two_sources_make_one_person_and_neither_overwrites_the_other(
    merge: tuple[JobRig, Fake, Fake], first: str
) -> None:
    rig, sf, entra = merge
    staff = {ENTERPRISE: {"division": "North", "department": "Sales"}, "userType": "employee"}
    ids = {SUCCESSFACTORS: {"perPersonUuid": "uuid-1", "personIdExternal": "4711"}}
    sf.put("Users", person("anna", **staff, **ids))
    entra.put("Users", person("anna", displayName="Anna A.", name={"givenName": "Anna", "familyName": "A"}))
    for source in (first, "entra" if first == "sf" else "sf"):
        assert (await rig.run(source=source)).status == "success"
    found = await people(rig)
    assert list(found) == ["anna"]
    anna = found["anna"]
    assert (anna["displayName"], anna["name"]) == ("Anna A.", {"givenName": "Anna", "familyName": "A"})
    assert (anna[ENTERPRISE], anna["userType"]) == ({"division": "North", "department": "Sales"}, "employee")
    assert {one["name"]: one["value"] for one in anna[CUSTOM]["attributes"]} == {
        "customAttribute1": "uuid-1",
        "customAttribute2": "4711",
    }
    assert anna["emails"][0]["value"] == "anna@example.org"


async def test_what_one_source_takes_away_goes_and_what_the_other_gave_stays(
    merge: tuple[JobRig, Fake, Fake],
) -> None:
    rig, sf, entra = merge
    sf.put("Users", person("anna", **{ENTERPRISE: {"division": "North", "department": "Sales"}}))
    entra.put("Users", person("anna", displayName="Anna A.", name={"givenName": "Anna", "familyName": "A"}))
    await rig.run(source="sf")
    await rig.run(source="entra")
    sf.change("Users", "t1", {ENTERPRISE: {"division": "South"}})
    entra.change("Users", "t1", {"displayName": None, "name": {"givenName": "Anna"}})
    await rig.run(source="sf")
    await rig.run(source="entra")
    anna = (await people(rig))["anna"]
    assert anna[ENTERPRISE] == {"division": "South"}
    assert anna["name"] == {"givenName": "Anna"}
    assert "displayName" not in anna


async def test_who_leaves_one_source_stays_for_the_other(merge: tuple[JobRig, Fake, Fake]) -> None:
    rig, sf, entra = merge
    for name in ("anna", "ben", "eva"):
        sf.put("Users", person(name))
        entra.put("Users", person(name))
    await rig.run(source="sf")
    await rig.run(source="entra")
    sf.lose("Users", "t1")
    run = await rig.run(source="sf")
    outcome = (await rig.outcomes(run, "from-sf"))["t1"]
    assert (outcome.action, outcome.outcome, outcome.reason) == ("unlink", "done", "shared")
    assert sorted(await people(rig)) == ["anna", "ben", "eva"]
