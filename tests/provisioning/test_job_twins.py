"""Two entities that want to be one account, and one account that several have."""

from collections.abc import Generator
from typing import Any

from tests.fixtures.fakes import Fake
from tests.fixtures.oracle import effects
from tests.provisioning.jobrig import WRITE, JobRig, scim

from proxeny.database import Request, Row
from proxeny.store import links
from proxeny.store.links import Link, Pair


async def test_of_two_users_of_one_page_with_the_same_name_one_gets_the_account(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    source.control(users=4, names={"1": "anna", "2": "Anna"})
    run = await jobs.run()
    assert await jobs.counts(run) == {"create done": 3, "create failed": 1}
    assert await jobs.reasons(run) == {"conflict-linked": 1}
    again = await jobs.run()
    assert await jobs.counts(again) == {"none unchanged": 3, "create failed": 1}
    source.control(missing=[1])
    await jobs.run()
    assert sorted(one["userName"] for one in sink.state()["Users"].values()) == ["Anna", "user0000000", "user0000003"]


def _conditional(condition: str) -> dict[str, Any]:
    return {**WRITE, "user": {**WRITE["user"], "condition": condition}}


async def test_an_account_that_moves_between_two_targets_of_one_backend_is_kept(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    await jobs.systems(
        scim("crm", "WRITE", sink.url, _conditional("$.name.familyName == 'Family1 r0'")),
        scim("erp", "WRITE", sink.url, _conditional("$.name.familyName != 'Family1 r0'")),
    )
    source.control(users=3)
    await jobs.run()
    source.control(changes={"1": 1})
    run = await jobs.run()
    assert sorted(one["name"]["familyName"] for one in sink.state()["Users"].values()) == [
        "Family0 r0",
        "Family1 r1",
        "Family2 r0",
    ]
    assert (await jobs.reasons(run))["shared"] == 1
    source.control(missing=[1])
    await jobs.run()
    assert effects(sink.state(), "DELETE") == ["user0000001"]  # whoever has it last takes away what the gateway made


async def test_an_account_that_no_target_of_its_backend_wants_any_more_is_taken_away(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    wanted = _conditional("$.name.familyName != 'Family1 r1'")
    await jobs.systems(scim("crm", "WRITE", sink.url, wanted), scim("erp", "WRITE", sink.url, wanted))
    source.control(users=3)
    await jobs.run()
    source.control(changes={"1": 1})
    await jobs.run()
    assert effects(sink.state(), "DELETE") == ["user0000001"]


async def test_an_account_that_two_entities_of_a_source_have_goes_with_the_last(
    jobs: JobRig, source: Fake, sink: Fake
) -> None:
    source.control(users=4)
    await jobs.run()
    (account,) = [link.target_id for _, link in await jobs.memory.links.of_entity("src", "u0000001")]
    await _kept(jobs, Link("u0000002", "user", account, fingerprint="x"))  # as earlier versions may have linked them
    source.control(missing=[1])
    run = await jobs.run()
    assert effects(sink.state(), "DELETE") == []
    assert (await jobs.reasons(run))["shared"] == 1
    await _kept(jobs, Link("u0000001", "user", account, fingerprint="x"))
    source.control(missing=[1, 2])
    await jobs.run()
    assert len(effects(sink.state(), "DELETE")) == 1


async def _kept(jobs: JobRig, link: Link) -> None:
    def steps() -> Generator[Request, list[Row], None]:
        _ = yield links.put(Pair("src", "crm"), [link])

    await jobs.database.transaction(steps)
