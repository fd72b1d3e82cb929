"""The way of security events into the hash-chained trail."""

from pathlib import Path

import httpx
from tests.web.running import running

from proxeny.database import Database
from proxeny.store.audit import Audit
from proxeny.store.migrations import migrate
from proxeny.web.auth.audit import AuditTrail


async def test_every_event_is_recorded_in_order_and_the_chain_holds(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'audit.db'}")
    await migrate(database)
    audit = Audit(database, b"key")
    async with AuditTrail(audit) as trail:
        for number in range(300):
            trail.note("authentication.failed", {"number": number, "client": "a\nb"})
    records = [record async for record in audit.records()]
    assert [record.fields["number"] for record in records] == list(range(300))
    await database.close()


async def test_a_sink_that_fails_costs_only_its_record() -> None:
    class Failing:
        def __init__(self) -> None:
            self.kept: list[str] = []

        async def record(self, event: str, fields: object) -> None:
            if event == "bad":
                raise RuntimeError("disk full")
            self.kept.append(event)

    sink = Failing()
    async with AuditTrail(sink) as trail:
        for event in ("a", "bad", "b"):
            trail.note(event, {})
    assert sink.kept == ["a", "b"]


async def test_a_client_id_from_outside_is_kept_short() -> None:
    async with running() as gateway:
        await gateway.client.get("/proxy/hr/Users", auth=httpx.BasicAuth("x" * 500, "y"))
        await gateway.sink.reasons()
        assert gateway.sink.records[0][1]["client"] == "x" * 128


async def test_what_nobody_may_do_is_no_refusal_of_a_caller() -> None:
    async with running() as gateway:
        url, auth = "/proxy/hr/Schemas?filter=id%20pr", gateway.auth()
        assert (await gateway.client.get(url, auth=auth)).status_code == 403
        assert (await gateway.client.get("/scim/Users", auth=auth)).status_code == 403
        await gateway.sink.reasons()
        assert [(event, fields["route"]) for event, fields in gateway.sink.records] == [
            ("permission.refused", "/scim/{endpoint}")
        ]
