"""``proxeny audit`` and ``proxeny secrets``: every change leaves a record without a secret, and keys are replaced."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run

from proxeny.app.remembering import Store, open_store
from proxeny.database import Statement
from proxeny.settings import load_settings
from proxeny.store.tokens import SigningKeys
from proxeny.web.oauth.keys import KeyRing

REMOTE = ("system", "add", "Remote", "--type", "SCIM_SYSTEM", "--property", "URL=https://far.example/scim")


def with_store(home: Path, use: Callable[[Store], Awaitable[Any]]) -> Any:
    async def opened() -> Any:
        async with open_store(load_settings(home / "proxeny.toml", os.environ)) as store:
            return await use(store)

    return asyncio.run(opened())


def records(proxeny: Run, *options: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(proxeny("audit", "list", "--json", *options).stdout)
    return listed


CHANGES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("client", "add", "idm", "--permission", "proxy"), "client.added"),
    (("client", "change", "idm", "--read-only"), "client.changed"),
    (("client", "rotate", "idm"), "client.secret-rotated"),
    (("client", "remove", "idm"), "client.removed"),
    ((*REMOTE, "--credential", "Password=far-secret"), "system.added"),
    (("system", "change", "Remote", "--property", "URL=https://else.example/scim"), "system.changed"),
    (("system", "remove", "Remote"), "system.removed"),
    (("secrets", "rotate"), "secrets.rotated"),
    (("secrets", "rotate-signing"), "secrets.signing-key-added"),
)


def test_each_change_of_clients_systems_and_secrets_is_recorded_without_a_secret(proxeny: Run) -> None:
    output = [proxeny(*command) for command, _ in CHANGES]
    assert [result.exit_code for result in output] == [0] * len(CHANGES)
    listed = records(proxeny)
    assert [record["event"] for record in listed] == [event for _, event in CHANGES]
    assert {record["fields"]["by"].partition(":")[0] for record in listed} == {"cli"}
    assert listed[5]["fields"]["dropped"] == ["Password"]
    made = [output[0].stdout.splitlines()[-1], output[2].stdout.splitlines()[-1], "far-secret"]
    assert not any(secret in json.dumps(listed) for secret in made)
    assert json.loads(proxeny("audit", "verify", "--json").stdout)["whole"] is True


def test_a_record_names_what_changed_and_nothing_else(proxeny: Run) -> None:
    proxeny("client", "add", "idm")
    proxeny("client", "change", "idm", "--disable")
    proxeny(*REMOTE)
    proxeny("system", "change", "Remote", "--property", "page.max=50")
    _, disabled, _, moved = (record["fields"] for record in records(proxeny))
    assert (disabled["changed"], disabled["enabled"]) == (["enabled"], False)
    assert moved["changed"] == ["properties.page.max"]


def test_records_are_found_by_event_client_and_time(proxeny: Run) -> None:
    for name in ("a", "b", "c"):
        proxeny("client", "add", name)
    proxeny("client", "remove", "b")
    assert [record["number"] for record in records(proxeny, "--client", "b")] == [2, 4]
    assert [record["number"] for record in records(proxeny, "--event", "client.added", "--limit", "2")] == [2, 3]
    assert records(proxeny, "--since", "2999-01-01") == []
    assert len(records(proxeny, "--since", "2026-01-01T00:00+14:00")) == 4
    assert proxeny("audit", "list", "--since", "yesterday").exit_code == 2
    assert [record["number"] for record in records(proxeny, "--limit", "1")] == [4]
    assert "client.removed" in proxeny("audit", "list").stdout


@pytest.mark.parametrize(
    ("tampering", "first_bad"),
    [
        ("UPDATE store_audit SET record = (SELECT record FROM store_audit WHERE number = 1) WHERE number = 2", 2),
        ("DELETE FROM store_audit WHERE number = 1", 1),
        ("DELETE FROM store_audit WHERE number = 3", 3),
    ],
)
def test_an_altered_trail_is_said_with_its_first_bad_record(
    proxeny: Run, home: Path, tampering: str, first_bad: int
) -> None:
    for name in ("a", "b", "c"):
        proxeny("client", "add", name)
    with_store(home, lambda store: store.database.fetch(Statement(tampering)))
    told = proxeny("audit", "verify", "--json")
    assert (told.exit_code, json.loads(told.stdout)["first_bad"]) == (1, first_bad)
    assert f"record {first_bad} " in proxeny("audit", "verify").stderr


def test_a_head_that_was_noted_earlier_is_compared(proxeny: Run) -> None:
    proxeny("client", "add", "a")
    head = json.loads(proxeny("audit", "verify", "--json").stdout)["head"]
    proxeny("client", "add", "b")
    assert proxeny("audit", "verify", "--head", head).exit_code == 0
    assert proxeny("audit", "verify", "--head", "1:other").exit_code == 1
    assert proxeny("audit", "verify", "--head", "nonsense").exit_code == 2


def test_a_rotation_seals_everything_again_and_retires_the_old_key(proxeny: Run, home: Path) -> None:
    proxeny(*REMOTE, "--credential", "Password=far-secret")
    proxeny("secrets", "rotate-signing")
    old = json.loads(proxeny("secrets", "list", "--json").stdout)
    done = json.loads(proxeny("secrets", "rotate", "--json").stdout)
    assert (done["systems"], done["signing_keys"], done["retired"]) == (1, 1, [old[0]["key"]])
    assert old[0]["key"] not in (home / "var/secret.key").read_text()

    async def opened(store: Store) -> tuple[dict[str, str], int]:
        system = await store.systems.find("Remote")
        assert system is not None
        return dict(system.credentials), len(await SigningKeys(store.database, store.vault).load())

    assert with_store(home, opened) == ({"Password": "far-secret"}, 1)
    assert json.loads(proxeny("audit", "verify", "--json").stdout)["whole"] is True
    kept = json.loads(proxeny("secrets", "rotate", "--keep-old", "--json").stdout)
    assert (kept["retired"], len(json.loads(proxeny("secrets", "list", "--json").stdout))) == ([], 3)


def test_a_withdrawn_signing_key_is_gone(proxeny: Run, home: Path) -> None:
    kid = json.loads(proxeny("secrets", "rotate-signing", "--json").stdout)["key"]

    async def keys(store: Store) -> set[str]:
        ring = KeyRing(SigningKeys(store.database, store.vault), token_lifetime=600)
        return set(await ring.public())

    assert with_store(home, keys) == {kid}
    assert proxeny("secrets", "withdraw", kid).exit_code == 0
    assert with_store(home, keys) == set()
    assert proxeny("secrets", "withdraw", kid).exit_code == 1


def test_a_trail_that_is_older_than_seals_is_no_broken_one(proxeny: Run, home: Path) -> None:
    async def unseal(store: Store) -> None:
        def steps() -> Any:
            yield Statement("UPDATE store_audit_head SET seal = ''"), {}

        await store.database.transaction(steps)

    proxeny("client", "add", "idm", "--permission", "proxy")
    with_store(home, unseal)
    for anchor in home.rglob("*.audit"):
        anchor.unlink()
    words = "before sealing began: whether others followed them then cannot be told."
    for records_there in (1, 3):
        told = proxeny("audit", "verify")
        assert (told.exit_code, told.stdout.splitlines()[:2]) == (
            0,
            [f"{records_there} records, all as they were written.", f"1 records {words}"],
        )
        assert json.loads(proxeny("audit", "verify", "--json").stdout)["before_sealing"] == 1
        proxeny("client", "remove", "idm")
