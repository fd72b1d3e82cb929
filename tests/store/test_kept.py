"""Secrets that backends gave: sealed, found by name, sealed again after a rotation."""

from pathlib import Path

from proxeny.database import Database
from proxeny.store import migrations
from proxeny.store.kept import KeptSecrets
from proxeny.store.vault import Vault


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("x.db*"))


async def test_a_secret_is_found_by_its_name_and_sealed(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/x.db")
    await migrations.migrate(database)
    vault = Vault.open(tmp_path / "key")
    kept = KeptSecrets(database, vault)
    assert await kept.get("s1", "token") is None
    await kept.put("s1", "token", "first")
    await kept.put("s1", "token", "second")
    await kept.put("s2", "token", "other")
    assert await kept.get("s1", "token") == "second"
    assert await kept.get("s1", "another") is None

    rotated = vault.rotate()
    again = KeptSecrets(database, rotated)
    assert (await again.seal_again(), await again.seal_again()) == (2, 0)
    assert await KeptSecrets(database, rotated.retire(())).get("s2", "token") == "other"
    await database.close()
    assert b"second" not in everything(tmp_path)


async def test_a_secret_that_no_key_opens_is_none(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/x.db")
    await migrations.migrate(database)
    await KeptSecrets(database, Vault.open(tmp_path / "key")).put("s1", "token", "lost")
    assert await KeptSecrets(database, Vault.open(tmp_path / "other")).get("s1", "token") is None
    await database.close()
