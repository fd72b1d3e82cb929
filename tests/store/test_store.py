"""Technical users, systems and the audit trail, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proxeny.database import Database, Statement
from proxeny.store.anchor import Anchor
from proxeny.store.audit import Audit
from proxeny.store.clients import Clients, StoredClient
from proxeny.store.errors import AlreadyExistsError, UnknownError
from proxeny.store.migrations import migrate
from proxeny.store.secrets import verify_secret
from proxeny.store.systems import Systems
from proxeny.store.vault import Vault

RULE = {"subject": "CN=idm", "issuer": "CN=ca"}


@pytest.fixture
async def store(database: Database) -> Database:
    await migrate(database)
    return database


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path / "secret.key")


async def change(database: Database, text: str) -> None:
    def steps():  # type: ignore[no-untyped-def]  # one statement, no result
        yield Statement(text), {}

    await database.transaction(steps)


async def test_a_technical_user_comes_back_as_it_was_kept(store: Database) -> None:
    clients = Clients(store)
    expires = datetime.now(UTC) + timedelta(days=30)
    wanted = StoredClient(
        id="idm",
        permissions=frozenset({"proxy", "realtime"}),
        systems=frozenset({"hr"}),
        read_only=True,
        dialect=("entra",),
        certificates=(RULE,),
        description="the IdM",
    )
    kept, secret = await clients.add(wanted, expires=expires)
    assert secret is not None
    assert await clients.find("idm") == kept
    assert await clients.all() == [kept]
    assert await clients.with_certificates() == [kept]
    assert kept.secrets[0].expires == expires
    assert verify_secret(kept.secrets[0].hash, secret)
    assert secret not in repr(kept)
    assert kept.secrets[0].hash not in repr(kept)
    rows = await store.fetch(Statement("SELECT document FROM store_clients"))
    assert secret.encode() not in rows[0][0]


async def test_an_id_is_had_once_and_by_its_exact_case(store: Database) -> None:
    clients = Clients(store)
    await clients.add(StoredClient(id="idm"), secret=False)
    version = await clients.version()
    with pytest.raises(AlreadyExistsError, match="idm"):
        await clients.add(StoredClient(id="idm"), secret=False)
    assert await clients.version() == version
    await clients.add(StoredClient(id="IDM"), secret=False)
    for unknown in ("nobody", "", "a\0"):
        assert await clients.find(unknown) is None


async def test_rotation_leaves_two_secrets_of_which_the_old_one_ends(store: Database) -> None:
    clients = Clients(store)
    _, first = await clients.add(StoredClient(id="idm"))
    second = await clients.rotate("idm", keep_old_for=timedelta(hours=1))
    third = await clients.rotate("idm", keep_old_for=timedelta(hours=1))
    found = await clients.find("idm")
    assert found is not None
    assert [verify_secret(each.hash, secret) for each, secret in zip(found.secrets, (third, second), strict=True)] == [
        True,
        True,
    ]
    assert found.secrets[0].expires is None
    assert found.secrets[1].expires is not None
    assert not any(verify_secret(each.hash, first or "") for each in found.secrets)
    await clients.rotate("idm", keep_old_for=timedelta())
    found = await clients.find("idm")
    assert found is not None
    assert len(found.secrets) == 1


async def test_every_change_changes_the_version_and_use_does_not(store: Database) -> None:
    clients = Clients(store)
    await clients.add(StoredClient(id="idm"), secret=False)
    versions = [await clients.version()]
    await clients.change("idm", enabled=False)
    versions.append(await clients.version())
    await clients.rotate("idm")
    versions.append(await clients.version())
    assert len(set(versions)) == 3
    await clients.failed("idm", "10.0.0.1")
    await clients.failed("idm", "10.0.0.1")
    found = await clients.find("idm")
    assert found is not None
    assert (found.failed_tries, found.last_used, found.enabled) == (2, None, False)
    await clients.succeeded("idm", "10.0.0.2")
    found = await clients.find("idm")
    assert found is not None
    assert (found.failed_tries, found.last_address) == (0, "10.0.0.2")
    assert found.last_used is not None
    assert await clients.version() == versions[-1]
    await clients.remove("idm")
    assert await clients.find("idm") is None
    assert await clients.version() != versions[-1]
    await clients.add(StoredClient(id="idm"), secret=False)
    again = await clients.find("idm")
    assert again is not None
    assert again.last_used is None


async def test_who_is_unknown_cannot_be_changed(store: Database) -> None:
    clients = Clients(store)
    for call in (clients.change("x", enabled=False), clients.rotate("x"), clients.remove("x")):
        with pytest.raises(UnknownError):
            await call


async def test_a_system_comes_back_with_its_secrets_which_are_sealed_in_the_database(
    store: Database, vault: Vault
) -> None:
    systems = Systems(store, vault)
    definition = {"connectorTypeString": "SCIM_SYSTEM", "properties": {"URL": "https://x"}}
    kept = await systems.add("s1", "HR", definition, {"Password": "canary"})
    assert kept.definition == definition
    assert kept.credentials == {"Password": "canary"}
    assert "canary" not in repr(kept)
    assert await systems.find("s1") == kept
    assert await systems.find("HR") == kept
    assert await systems.find("nothing") is None
    rows = await store.fetch(Statement("SELECT document, credentials FROM store_systems"))
    assert b"canary" not in rows[0][0] + rows[0][1]


async def test_systems_are_replaced_and_removed(store: Database, vault: Vault) -> None:
    systems = Systems(store, vault)
    await systems.add("s1", "HR", {}, {"Password": "a"})
    await systems.add("s2", "IT", {}, {})
    versions = {await systems.version()}
    for call in (
        systems.add("s1", "x", {}, {}),
        systems.add("s3", "HR", {}, {}),
        systems.add("s3", "s1", {}, {}),
        systems.add("HR", "s3", {}, {}),
        systems.replace("s2", "HR", {}, {}),
        systems.replace("s2", "s1", {}, {}),
    ):
        with pytest.raises(AlreadyExistsError):
            await call
    changed = await systems.replace("s1", "HR2", {"a": 1}, {})
    assert (changed.name, changed.definition, changed.credentials) == ("HR2", {"a": 1}, {})
    versions.add(await systems.version())
    for unknown in (systems.replace("HR2", "y", {}, {}), systems.remove("HR2")):
        with pytest.raises(UnknownError):
            await unknown
    await systems.remove("s1")
    versions.add(await systems.version())
    assert [system.id for system in await systems.all()] == ["s2"]
    assert len(versions) == 3


async def test_after_a_rotation_everything_is_sealed_with_the_new_key(store: Database, vault: Vault) -> None:
    await Systems(store, vault).add("s1", "HR", {}, {"Password": "a"})
    rotated = vault.rotate()
    systems = Systems(store, rotated)
    assert await systems.reseal() == 1
    assert await systems.reseal() == 0
    newest = Vault({rotated.key_id: rotated._keys[rotated.key_id]})
    found = await Systems(store, newest).find("s1")
    assert found is not None
    assert found.credentials == {"Password": "a"}


@pytest.fixture
async def trail(store: Database) -> Audit:
    audit = Audit(store, b"key")
    for number in range(5):
        await audit.record("client.added", {"id": f"client{number}"})
    return audit


async def test_the_trail_is_read_in_order_and_verifies(trail: Audit) -> None:
    records = [record async for record in trail.records(after=2)]
    assert [(record.number, record.event, record.fields) for record in records] == [
        (number, "client.added", {"id": f"client{number - 1}"}) for number in (3, 4, 5)
    ]
    verdict = await trail.verify()
    assert (verdict.records, verdict.first_bad) == (5, None)


@pytest.mark.parametrize(
    ("tampering", "first_bad"),
    [
        ("UPDATE store_audit SET record = (SELECT record FROM store_audit WHERE number = 1) WHERE number = 3", 3),
        ("DELETE FROM store_audit WHERE number = 2", 2),
        ("DELETE FROM store_audit WHERE number >= 4", 4),
        ("DELETE FROM store_audit", 1),
        ("UPDATE store_audit SET number = CASE number WHEN 2 THEN 1000 ELSE number END", 2),
        ("UPDATE store_audit_head SET chain = 'x'", 5),
        ("UPDATE store_audit_head SET number = 4", 5),
    ],
)
async def test_whatever_is_altered_is_found(trail: Audit, store: Database, tampering: str, first_bad: int) -> None:
    await change(store, tampering)
    assert (await trail.verify()).first_bad == first_bad


async def test_without_the_key_nobody_can_write_a_trail_that_verifies(trail: Audit, store: Database) -> None:
    await Audit(store, b"other").record("client.removed", {})
    assert (await trail.verify()).first_bad == 6


async def test_two_records_that_changed_places_are_found(trail: Audit, store: Database) -> None:
    for change_ in (
        "UPDATE store_audit SET number = 100 WHERE number = 2",
        "UPDATE store_audit SET number = 2 WHERE number = 3",
        "UPDATE store_audit SET number = 3 WHERE number = 100",
    ):
        await change(store, change_)
    assert (await trail.verify()).first_bad == 2


CUT = "DELETE FROM store_audit WHERE number > 3"
SET_BACK = "UPDATE store_audit_head SET number = 3, chain = (SELECT chain FROM store_audit WHERE number = 3)"


async def test_a_tail_is_missed_even_if_the_head_is_set_back_with_it(trail: Audit, store: Database) -> None:
    await change(store, CUT)
    await change(store, SET_BACK)
    assert (await trail.verify()).first_bad == 3
    await trail.record("client.added", {"id": "later"})
    verdict = await trail.verify()
    assert (verdict.first_bad, verdict.reason) == (4, "tells that the head of the trail had been altered")


async def test_an_old_database_in_place_of_the_newest_is_found_by_what_was_noted_elsewhere(
    store: Database, tmp_path: Path
) -> None:
    file = tmp_path / "audit"
    audit = Audit(store, b"key", Anchor(file))
    await audit.record("first", {})
    early = file.read_text().split()
    sealed = (await store.fetch(Statement("SELECT seal FROM store_audit_head")))[0][0]
    later = Audit(store, b"key", Anchor(file))
    await later.record("second", {})
    await change(store, "DELETE FROM store_audit WHERE number = 2")
    await change(store, f"UPDATE store_audit_head SET number = 1, chain = '{early[1]}', seal = '{sealed}'")
    verdict = await later.verify()
    assert (verdict.first_bad, verdict.reason) == (2, "the end was cut off: there were 2 records")
    assert (await Audit(store, b"key").verify()).first_bad is None
    assert (await Audit(store, b"key").verify((1, "else"))).first_bad == 1


UNSEAL = "UPDATE store_audit_head SET seal = ''"


@pytest.fixture
async def older(store: Database, trail: Audit, tmp_path: Path) -> Audit:
    """A trail of five records from before there were seals and anchors, as a gateway finds it that knows of them."""
    await change(store, UNSEAL)
    return Audit(store, b"key", Anchor(tmp_path / "anchor"))


async def test_a_trail_from_before_seals_is_told_as_what_it_is(older: Audit) -> None:
    verdict = await older.verify()
    assert (verdict.records, verdict.first_bad, verdict.unsealed) == (5, None, 5)
    await older.record("client.removed", {})
    await older.record("client.removed", {})
    verdict = await older.verify()
    assert (verdict.records, verdict.first_bad, verdict.unsealed) == (8, None, 5)
    told = [(record.number, record.event, record.fields) async for record in older.records(after=5)]
    assert told[0] == (6, "audit.sealed", {"before": 5})


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("tampering", "first_bad"),
    [
        ("UPDATE store_audit SET record = (SELECT record FROM store_audit WHERE number = 1) WHERE number = 3", 3),
        ("DELETE FROM store_audit WHERE number = 2", 2),
        ("DELETE FROM store_audit WHERE number = 5", 5),
        ("UPDATE store_audit SET number = CASE number WHEN 2 THEN 1000 ELSE number END", 2),
    ],
)
async def test_whatever_is_altered_before_sealing_began_is_found(
    older: Audit, store: Database, tampering: str, first_bad: int, later: bool
) -> None:
    await change(store, tampering)
    if later:
        await older.record("client.removed", {})
    assert (await older.verify()).first_bad == first_bad


async def test_a_seal_that_is_taken_away_does_not_make_a_trail_an_older_one(older: Audit, store: Database) -> None:
    await older.record("client.removed", {})
    for cut in ("DELETE FROM store_audit WHERE number > 3", SET_BACK, UNSEAL):
        await change(store, cut)
    verdict = await older.verify()
    assert (verdict.first_bad, verdict.unsealed) == (3, 0)
    await older.record("client.added", {"id": "later"})
    assert [record.event async for record in older.records(after=3)] == ["audit.broken", "client.added"]


async def test_sealing_begins_once(older: Audit, store: Database, tmp_path: Path) -> None:
    await older.record("client.removed", {})
    await change(store, UNSEAL)
    elsewhere = Audit(store, b"key", Anchor(tmp_path / "anchor of another machine"))
    assert (await elsewhere.verify()).first_bad == 7
    await elsewhere.record("client.removed", {})
    verdict = await elsewhere.verify()
    assert (verdict.first_bad, verdict.reason) == (8, "tells of a second beginning")


async def test_whoever_is_known_is_found_and_nobody_else(store: Database) -> None:
    clients = Clients(store)
    await clients.add(StoredClient(id="idm", permissions=frozenset({"proxy"})))
    await clients.succeeded("idm", "192.0.2.7")
    known = await clients.known("idm")
    assert known is not None
    found = await clients.find("idm")
    assert found is not None
    assert replace(known, last_used=found.last_used, last_address=found.last_address) == found
    assert [await clients.known(name) for name in ("", "idm2", "a\0b", "IDM")] == [None] * 4


async def test_failed_tries_of_nobody_are_counted_and_belong_to_nobody(store: Database) -> None:
    clients = Clients(store)
    await clients.add(StoredClient(id="idm"))
    for name in ("idm", "nobody", "a\0b", "", "nobody"):
        await clients.failed(name, "192.0.2.7")
    found = await clients.find("idm")
    assert found is not None
    assert found.failed_tries == 1
    rows = await store.fetch(Statement("SELECT id, failed_tries FROM store_client_use ORDER BY id"))
    assert [tuple(row) for row in rows] == [("", 4), ("idm", 1)]
