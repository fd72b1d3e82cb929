"""``proxeny client``: a secret is printed once, and what the configuration says is changed only there."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from tests.cli.conftest import Run

from proxeny.app.remembering import open_store
from proxeny.settings import load_settings
from proxeny.store.secrets import verify_secret


def stored_hashes(home: Path, client_id: str) -> list[str]:
    async def read() -> list[str]:
        async with open_store(load_settings(home / "proxeny.toml", os.environ)) as store:
            found = await store.clients.find(client_id)
            assert found is not None
            return [secret.hash for secret in found.secrets]

    return asyncio.run(read())


def listed(proxeny: Run) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in json.loads(proxeny("client", "list", "--json").stdout)}


def test_a_new_secret_is_printed_once_and_kept_as_a_hash(proxeny: Run, home: Path) -> None:
    made = json.loads(proxeny("client", "add", "idm", "--permission", "proxy", "--system", "hr", "--json").stdout)
    (kept,) = stored_hashes(home, "idm")
    assert verify_secret(kept, made["secret"])
    assert made["secret"] not in proxeny("client", "list", "--json").stdout
    row = listed(proxeny)["idm"]
    assert (row["permissions"], row["systems"], row["secrets"], row["origin"]) == (["proxy"], ["hr"], 1, "database")


def test_an_old_secret_holds_on_for_a_while_unless_told_otherwise(proxeny: Run, home: Path) -> None:
    first = json.loads(proxeny("client", "add", "idm", "--json").stdout)["secret"]
    second = json.loads(proxeny("client", "rotate", "idm", "--json").stdout)["secret"]
    hashes = stored_hashes(home, "idm")
    assert [any(verify_secret(known, secret) for known in hashes) for secret in (first, second)] == [True, True]
    assert listed(proxeny)["idm"]["secrets"] == 2
    proxeny("client", "rotate", "idm", "--keep-old", "0")
    assert listed(proxeny)["idm"]["secrets"] == 1


def test_a_certificate_signs_in_without_a_secret(proxeny: Run, home: Path) -> None:
    folder = ("--directory", str(home / "certs"))
    proxeny("cert", "ca", *folder)
    proxeny("cert", "client", "idm", *folder)
    made = proxeny("client", "add", "idm", "--no-secret", "--certificate", str(home / "certs/idm.crt"), "--json")
    assert json.loads(made.stdout)["secret"] is None
    assert (listed(proxeny)["idm"]["secrets"], listed(proxeny)["idm"]["certificates"]) == (0, 1)
    assert proxeny("client", "add", "other", "--no-secret").exit_code == 2


def test_an_id_is_given_once_and_a_removed_one_is_gone(proxeny: Run) -> None:
    proxeny("client", "add", "idm")
    assert proxeny("client", "add", "idm").exit_code == 1
    assert proxeny("client", "remove", "idm").exit_code == 0
    assert "idm" not in listed(proxeny)
    assert proxeny("client", "remove", "idm").exit_code == 1
    assert proxeny("client", "rotate", "idm").exit_code == 1


def test_technical_users_of_the_file_are_changed_only_there(proxeny: Run) -> None:
    assert listed(proxeny)["fixed"]["origin"] == "configuration"
    for command in ("add", "change", "rotate", "remove"):
        result = proxeny("client", command, "fixed")
        assert (result.exit_code, "Edit the file" in result.stderr) == (1, True)


def test_an_unknown_permission_is_wrong_usage(proxeny: Run) -> None:
    assert proxeny("client", "add", "idm", "--permission", "everything").exit_code == 2


def shown(proxeny: Run, client_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(proxeny("client", "show", client_id, "--json").stdout)
    return found


def test_everything_a_technical_user_can_be_is_made_and_shown(proxeny: Run) -> None:
    options = ("--read-only", "--bind-tokens", "--dialect", "entra", "--token-format", "opaque", "--uri", "urn:idm")
    proxeny("client", "add", "idm", "--permission", "proxy", "--system", "hr", "--expires", "90", *options)
    found = shown(proxeny, "idm")
    assert (found["read_only"], found["bind_tokens"], found["dialect"]) == (True, True, ["entra"])
    assert (found["token_format"], found["certificates"]) == ("opaque", [{"uri": "urn:idm"}])
    assert found["secrets"][0].startswith("until 20")
    assert "idm" in proxeny("client", "show", "idm").stdout


def test_a_change_touches_only_what_it_names(proxeny: Run, home: Path) -> None:
    proxeny("client", "add", "idm", "--permission", "proxy", "--system", "hr", "--uri", "urn:one")
    assert (
        proxeny("client", "change", "idm", "--permission", "realtime", "--disable", "--uri", "urn:two").exit_code == 0
    )
    found = shown(proxeny, "idm")
    assert (found["permissions"], found["systems"], found["enabled"]) == (["realtime"], ["hr"], False)
    assert found["certificates"] == [{"uri": "urn:one"}, {"uri": "urn:two"}]
    proxeny("client", "change", "idm", "--all-systems", "--no-certificates", "--enable")
    found = shown(proxeny, "idm")
    assert (found["systems"], found["certificates"], found["enabled"]) == ([], [], True)
    assert proxeny("client", "change", "idm").exit_code == 2
    assert proxeny("client", "change", "nobody", "--disable").exit_code == 1
    assert len(stored_hashes(home, "idm")) == 1


def test_last_use_last_address_and_failed_tries_are_listed(proxeny: Run, home: Path) -> None:
    proxeny("client", "add", "idm")

    async def use() -> None:
        async with open_store(load_settings(home / "proxeny.toml", os.environ)) as store:
            await store.clients.succeeded("idm", "192.0.2.7")
            await store.clients.failed("idm", "192.0.2.8")

    asyncio.run(use())
    row = listed(proxeny)["idm"]
    assert (row["last_address"], row["failed_tries"]) == ("192.0.2.7", 1)
    assert row["last_used"]


def test_private_keys_are_not_taken(proxeny: Run, home: Path) -> None:
    file = home / "keys.json"
    file.write_text(json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}]}))
    refused = proxeny("client", "add", "idm", "--keys", str(file), "--no-secret")
    assert (refused.exit_code, "private" in refused.stderr) == (2, True)


def test_a_change_is_said_with_what_it_leads_to(proxeny: Run) -> None:
    proxeny("client", "add", "idm", "--system", "hr")
    assert proxeny("client", "change", "idm", "--disable").stdout == "idm is changed. enabled: no.\n"
    said = proxeny("client", "change", "idm", "--all-systems", "--permission", "proxy").stdout
    assert said == "idm is changed. permissions: proxy; systems: all.\n"
    assert "read_only     no\n" in proxeny("client", "show", "idm").stdout


def test_times_beyond_reason_are_wrong_usage(proxeny: Run) -> None:
    assert proxeny("client", "add", "idm", "--expires", "99999999").exit_code == 2
    proxeny("client", "add", "idm")
    assert proxeny("client", "rotate", "idm", "--keep-old", "99999999999").exit_code == 2


def test_a_technical_user_that_can_do_nothing_or_reaches_no_system_is_warned_of(proxeny: Run) -> None:
    silent = proxeny("client", "add", "idle", "--json")
    assert (silent.exit_code, "no permission" in silent.stderr) == (0, True)
    assert json.loads(silent.stdout)["secret"]
    lost = proxeny("client", "add", "lost", "--permission", "proxy", "--system", "hr", "--system", "hrr")
    assert lost.exit_code == 0
    assert "no system: hrr. There are: Human Resources, hr" in lost.stderr
    assert proxeny("client", "add", "good", "--permission", "proxy", "--system", "hr").stderr == ""
    assert "hrx" in proxeny("client", "change", "good", "--system", "hrx").stderr


def test_what_cannot_be_an_id_is_said_in_words(proxeny: Run, home: Path) -> None:
    for wrong in ("a:b", "a b", "x" * 129):
        refused = proxeny("client", "add", wrong, "--permission", "proxy")
        assert refused.exit_code == 2
        assert "without blanks, colons and control characters" in refused.stderr
        assert "^" not in refused.stderr
    (home / "proxeny.toml").write_text('[[client]]\nid = "a:b"\nsecret = "0123456789abcdef"\n')
    assert "without blanks, colons" in proxeny("check").stderr
