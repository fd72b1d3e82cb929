"""Who is told that something ends: at each threshold once, whoever looks and however often."""

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from proxeny.database import Database
from proxeny.provisioning.jobs.expiring import Ending, ExpiryNotices
from proxeny.store.endings import Endings
from proxeny.store.migrations import migrate
from proxeny.store.notices import Notice, Notices, Subscription

NOW = datetime(2026, 6, 1, tzinfo=UTC)
END = NOW + timedelta(days=40)
OF_CRM = Ending("certificate of a system", "CRM: client.certificate", END, "crm", "target", "CRM")
OWN = Ending("client CA", "CN=a", END)
SECRET = Ending("secret of a technical user", "idm", END)


@pytest.fixture
async def told(database: Database) -> ExpiryNotices:
    await migrate(database)
    notices = Notices(database)
    await notices.subscribe(Subscription("crm", "mail", "crm@example.org"))
    await notices.subscribe(Subscription("other", "mail", "other@example.org"))
    await notices.subscribe(Subscription("*", "webhook", "https://chat.example/hook"))
    return ExpiryNotices(notices, Endings(database))


async def sent(told: ExpiryNotices) -> list[Notice]:
    found = await told.notices.take(1000)
    for notice in found:
        await told.notices.sent(notice)
    return found


async def test_each_threshold_is_told_once(told: ExpiryNotices) -> None:
    days = []
    for day in range(60):
        for hour in (0, 12):
            moment = NOW + timedelta(days=day, hours=hour)
            await asyncio.gather(*(told.tell([OF_CRM], {}, moment) for _ in range(2)))
        days += [orjson.loads(one.body)["days"] for one in await sent(told) if one.channel == "webhook"]
    assert days == [30, 14, 3]


async def test_those_who_subscribed_to_the_system_or_to_everything_are_told(told: ExpiryNotices) -> None:
    assert await told.tell([OF_CRM, OWN, SECRET], {"crm": ["named@example.org", "crm@example.org"]}, END) == 5
    found = sorted((one.address, one.subject) for one in await sent(told))
    system = "Outbound Certificate Expiration. Target System: CRM"
    assert found == [
        ("crm@example.org", system),
        ("https://chat.example/hook", "Certificate Expiration. Client CA: CN=a"),
        ("https://chat.example/hook", system),
        ("https://chat.example/hook", "Secret Expiration. Secret of a technical user: idm"),
        ("named@example.org", system),
    ]


async def test_a_letter_says_what_ends_when_and_what_to_do(told: ExpiryNotices) -> None:
    await told.tell([OF_CRM], {}, END - timedelta(days=3))
    letter = next(one.body for one in await sent(told) if one.channel == "mail")
    for words in ("Name: CRM: client.certificate", "Ends: 2026-07-11 00:00:00 UTC", "Days: 3", "Action: Put a new one"):
        assert words in letter


async def test_what_has_ended_unnoticed_is_told_once_and_a_new_certificate_begins_anew(told: ExpiryNotices) -> None:
    assert await told.tell([OF_CRM], {}, END + timedelta(days=5)) == 2
    assert await told.tell([OF_CRM], {}, END + timedelta(days=6)) == 0
    renewed = Ending(OF_CRM.part, OF_CRM.name, END + timedelta(days=365), "crm", "target", "CRM")
    assert await told.tell([renewed], {}, END + timedelta(days=7)) == 0
    assert await told.tell([renewed], {}, renewed.at - timedelta(days=20)) == 2


async def test_a_later_subscriber_is_told_at_the_next_look(told: ExpiryNotices) -> None:
    moment = END - timedelta(days=10)
    await told.tell([OF_CRM], {}, moment)
    await sent(told)
    await told.notices.subscribe(Subscription("crm", "mail", "late@example.org"))
    assert await told.tell([OF_CRM], {}, moment + timedelta(hours=1)) == 1
    assert [one.address for one in await sent(told)] == ["late@example.org"]
