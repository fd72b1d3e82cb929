"""The vault: secrets open only where they belong, with a key file that is nobody else's."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.store.errors import VaultError
from proxeny.store.vault import KEY_BYTES, Vault

KEYS = {"new": b"n" * KEY_BYTES, "old": b"o" * KEY_BYTES}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, TEXTS, TEXTS)
def test_what_was_sealed_opens(system: str, name: str, secret: str) -> None:
    vault = Vault(KEYS)
    assert vault.open_sealed(system, name, vault.seal(system, name, secret)) == secret


def test_the_same_secret_is_never_sealed_the_same() -> None:
    assert Vault(KEYS).seal("s", "p", "x") != Vault(KEYS).seal("s", "p", "x")


@pytest.mark.parametrize(("system", "name"), [("other", "p"), ("s", "other"), ("s:", "p"), ("", "s:p")])
def test_a_secret_does_not_open_elsewhere(system: str, name: str) -> None:
    with pytest.raises(VaultError, match="cannot be opened"):
        Vault(KEYS).open_sealed(system, name, Vault(KEYS).seal("s", "p", "canary"))


@pytest.mark.parametrize(
    "change", [lambda text: text[:-4] + "AAA=", lambda text: "2" + text[1:], lambda _: "", lambda _: "1.new.é"]
)
def test_a_changed_secret_does_not_open(change: "object") -> None:
    sealed = change(Vault(KEYS).seal("s", "p", "canary"))  # type: ignore[operator]  # a function of text
    with pytest.raises(VaultError) as caught:
        Vault(KEYS).open_sealed("s", "p", sealed)
    assert "canary" not in str(caught.value)


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "var" / "secret.key"
    sealed = Vault.open(file).seal("s", "p", "x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Vault.open(file).open_sealed("s", "p", sealed) == "x"
    assert [path.name for path in file.parent.iterdir()] == ["secret.key"]


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    Vault.open(file)
    file.chmod(0o640)
    with pytest.raises(VaultError, match="chmod 600"):
        Vault.open(file)


@pytest.mark.parametrize("text", ["", "# nothing\n", "only-an-id\n", "id not!base64\n", "id YWJj\n"])
def test_a_broken_key_file_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret.key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(VaultError, match=r"secret\.key"):
        Vault.open(file)


def test_after_a_rotation_old_secrets_open_and_new_ones_use_the_new_key(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    before = Vault.open(file)
    sealed, key_id = before.seal("s", "p", "x"), before.key_id
    after = before.rotate()
    assert after.open_sealed("s", "p", sealed) == "x"
    assert after.is_stale(sealed)
    assert not after.is_stale(after.seal("s", "p", "x"))
    assert Vault.open(file).key_id == after.key_id != key_id
    assert after.derived("audit") == before.derived("audit") != before.derived("tokens")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_retired_key_is_gone_and_what_was_derived_from_it_stays(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    before = Vault.open(file)
    sealed, trail = before.seal("s", "p", "x"), before.derived("audit")
    before.rotate().retire(("audit",))
    after = Vault.open(file)
    assert (after.derived("audit"), after.rotate().derived("audit")) == (trail, trail)
    with pytest.raises(VaultError, match="cannot be opened"):
        after.open_sealed("s", "p", sealed)
    assert len(after.key_ids) == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_vault_that_runs_takes_part_in_a_rotation(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    running, command = Vault.open(file), Vault.open(file)
    rotated = command.rotate()
    assert running.open_sealed("s", "p", rotated.seal("s", "p", "new")) == "new"
    assert rotated.open_sealed("s", "p", running.seal("s", "p", "x")) == "x"
    assert running.key_id == rotated.key_id
    rotated.retire(())
    assert running.key_ids == (rotated.key_id,)


def test_a_key_file_that_was_spoiled_while_running_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    running = Vault.open(file)
    sealed = running.seal("s", "p", "x")
    file.write_text("spoiled")
    assert running.open_sealed("s", "p", sealed) == "x"
    assert running.open_sealed("s", "p", running.seal("s", "p", "y")) == "y"
