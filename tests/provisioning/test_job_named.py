"""Entities whose id by entityIdSourceSystem is another than the one under which the source knows them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fixtures.fakes import Fake, started
from tests.fixtures.oracle import effects
from tests.provisioning.jobrig import READ, JobRig, scim

_BY_NUMBER: dict[str, Any] = {
    "user": {
        "condition": "$.active == true",
        "mappings": [
            {"sourcePath": "$.externalId", "targetVariable": "entityIdSourceSystem"},
            *READ["user"]["mappings"][1:],
        ],
    }
}


@pytest.fixture
async def people(jobs: JobRig) -> AsyncIterator[Fake]:
    """A source whose users have numbers of their own."""
    with started("sink") as fake:
        await jobs.systems(scim("src", "READ", fake.url, _BY_NUMBER))
        yield fake


def _user(name: str, number: str, **more: Any) -> dict[str, Any]:
    return {"userName": name, "externalId": number, "active": True, **more}


async def test_who_is_left_out_is_not_taken_for_another_with_that_number(
    jobs: JobRig, people: Fake, sink: Fake
) -> None:
    people.put("Users", _user("anna", "t2"))
    bert = people.put("Users", _user("bert", "x9", active=False))
    assert bert == "t2"  # the number that Anna has
    for ending in ("create done", "none unchanged"):
        assert await jobs.counts(await jobs.run()) == {ending: 1}
    assert [one["userName"] for one in sink.state()["Users"].values()] == ["anna"]
    assert effects(sink.state(), "DELETE") == []


async def test_who_is_left_out_since_then_is_told_under_the_id_of_the_link(
    jobs: JobRig, people: Fake, sink: Fake
) -> None:
    anna = people.put("Users", _user("anna", "4711"))
    people.put("Users", _user("bert", "4712"))
    await jobs.run()
    people.change("Users", anna, {"active": False})
    outcomes = await jobs.outcomes(await jobs.run())
    assert {key: (one.action, one.outcome, one.reason) for key, one in outcomes.items()} == {
        "4711": ("delete", "done", "source-condition"),
        "4712": ("none", "unchanged", None),
    }
    assert effects(sink.state(), "DELETE") == ["anna"]


async def test_of_two_with_one_number_none_is_written_and_both_are_told(jobs: JobRig, people: Fake, sink: Fake) -> None:
    people.put("Users", _user("anna", "4711"))
    await jobs.run()
    people.put("Users", _user("bert", "4711"))
    people.put("Users", _user("cora", "4712"))
    run = await jobs.run()
    assert run.status == "error"
    assert await jobs.reasons(run, "src") == {"same-source-id": 2}
    assert sorted(one["userName"] for one in sink.state()["Users"].values()) == ["anna", "cora"]
    assert effects(sink.state(), "PUT") == []


@pytest.mark.parametrize("number", ["12\x00345", "9" * 5000])
async def test_who_has_a_number_that_cannot_be_kept_is_told(
    jobs: JobRig, people: Fake, sink: Fake, number: str
) -> None:
    people.put("Users", _user("anna", number))
    people.put("Users", _user("bert", "4712"))
    for ending in ("create done", "none unchanged"):
        run = await jobs.run()
        assert await jobs.reasons(run, "src") == {"bad-source-id": 1}
        assert await jobs.counts(run) == {ending: 1, "none skipped": 1}
    assert [one["userName"] for one in sink.state()["Users"].values()] == ["bert"]
