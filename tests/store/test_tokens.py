"""Tokens, revocations, ids used once, signing keys and shared limits, on both databases."""

import asyncio
import time
from pathlib import Path

import pytest

from proxeny.database import Database, Statement
from proxeny.store.errors import VaultError
from proxeny.store.limits import Limits
from proxeny.store.migrations import migrate
from proxeny.store.tokens import SigningKey, SigningKeys, Tokens
from proxeny.store.vault import Vault


@pytest.fixture
async def store(database: Database) -> Database:
    await migrate(database)
    return database


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path / "secret.key")


async def test_an_opaque_token_is_found_until_it_ends(store: Database) -> None:
    tokens = Tokens(store)
    await tokens.save("a", {"sub": "idm", "exp": 1}, time.time() + 60)
    await tokens.save("b", {"sub": "idm"}, time.time() - 1)
    assert await tokens.find("a") == {"sub": "idm", "exp": 1}
    assert await tokens.find("b") is None
    await tokens.save("c", {}, time.time() + 60)
    assert await store.fetch(Statement("SELECT digest FROM oauth_tokens ORDER BY digest")) == [("a",), ("c",)]


async def test_a_revocation_changes_the_version_and_may_come_twice(store: Database) -> None:
    tokens = Tokens(store)
    before = await tokens.version()
    for _ in range(2):
        await tokens.revoke("t-1", time.time() + 60)
    assert await tokens.version() != before
    assert (await tokens.is_revoked("t-1"), await tokens.is_revoked("t-2")) == (True, False)


async def test_an_id_is_used_once_whoever_comes_first(store: Database) -> None:
    tokens = Tokens(store)
    first = await asyncio.gather(*(tokens.use_once("jti", time.time() + 60) for _ in range(10)))
    assert sorted(first) == [False] * 9 + [True]
    assert await tokens.use_once("short", time.time() - 1)
    assert await tokens.use_once("short", time.time() + 60), "an expired use is forgotten"


async def test_signing_keys_are_sealed_to_their_ids_and_survive_a_rotation_of_the_vault(
    store: Database, vault: Vault
) -> None:
    keys = SigningKeys(store, vault)
    await keys.add(SigningKey("k1", '{"d": "secret"}', 1.0))
    await keys.add(SigningKey("k2", '{"d": "other"}', 2.0))
    assert [key.kid for key in await keys.load()] == ["k1", "k2"]
    assert "secret" not in repr(await keys.load())
    rotated = SigningKeys(store, vault.rotate())
    assert (await rotated.seal_again(), await rotated.seal_again()) == (2, 0)
    assert [key.private for key in await rotated.load()] == ['{"d": "secret"}', '{"d": "other"}']
    assert [key.kid for key in await keys.load()] == ["k1", "k2"]
    without = SigningKeys(store, Vault({"other": bytes(32)}))
    with pytest.raises(VaultError):
        await without.load()
    await rotated.remove("k1")
    assert [key.kid for key in await rotated.load()] == ["k2"]


async def test_a_sealed_key_does_not_open_under_another_id(store: Database, vault: Vault) -> None:
    keys = SigningKeys(store, vault)
    await keys.add(SigningKey("k1", "{}", 1.0))

    def steps():  # type: ignore[no-untyped-def]  # one statement, no result
        yield Statement("UPDATE oauth_keys SET kid = 'k2'"), {}

    await store.transaction(steps)
    with pytest.raises(VaultError):
        await keys.load()


async def test_locks_and_counts_of_replicas_meet(store: Database) -> None:
    a, b = Limits(store, "a"), Limits(store, "b")
    until = time.time() + 60
    assert await a.share_locks([("192.0.2.1", "idm", until), ("192.0.2.2", "idm", time.time() - 1)]) == [
        ("192.0.2.1", "idm", until)
    ]
    assert [lock[:2] for lock in await b.share_locks([])] == [("192.0.2.1", "idm")]
    assert await a.share_counts(100, {"idm": 5, "x": 1}) == {}
    assert await b.share_counts(100, {"idm": 7}) == {"idm": 5, "x": 1}
    assert await a.share_counts(100, {"idm": 6, "x": 1}) == {"idm": 7}
    assert await a.share_counts(103, {"idm": 1}) == {}
