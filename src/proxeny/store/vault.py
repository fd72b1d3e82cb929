"""Keeps secrets encrypted: AES-256-GCM, each bound to the system and property that it belongs to.

A sealed secret copied to another system or property does not open. The keys live in a file of their own, made at first
start with mode 0600: one ``<key id> <base64 of 32 bytes>`` a line, the first being the one that new secrets are sealed
with. Rotation puts a new key in front; what older keys sealed stays readable until it is sealed again, and they are
retired. A vault follows its file, so that a gateway that runs takes part in a rotation that a command began.

Keys for other purposes (the audit trail, cursors) are derived from the oldest key. They must outlive it: when it is
retired they are written down, as ``=<purpose> <base64>``.
"""

import base64
import binascii
import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from proxeny.store.errors import VaultError

KEY_BYTES = 32
NONCE_BYTES = 12

_DERIVED = "="


class Vault:
    """Seals and opens secrets. ``keys``: id → 32 bytes, the first one is the present; ``=purpose`` → a derived key."""

    def __init__(self, keys: Mapping[str, bytes], file: Path | None = None) -> None:
        self._file = file
        self._stamp = _stamp(file)
        self._take(keys)

    def __repr__(self) -> str:
        return f"Vault(keys={list(self._keys)})"

    def _take(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: key for key_id, key in keys.items() if not key_id.startswith(_DERIVED)}
        self._derived = {key_id: key for key_id, key in keys.items() if key_id.startswith(_DERIVED)}
        self._ciphers = {key_id: AESGCM(key) for key_id, key in self._keys.items()}

    def _follow(self) -> None:
        """Takes over what another process has written into the key file; a file that cannot be read changes nothing."""
        if self._file is None or (stamp := _stamp(self._file)) == self._stamp:
            return
        with contextlib.suppress(OSError, UnicodeDecodeError, VaultError):
            self._take(_parse(self._file.read_text("ascii"), self._file))
            self._stamp = stamp

    @classmethod
    def open(cls, file: Path) -> "Vault":
        """The vault of a key file, which is made when absent; VaultError if it cannot be read or others may read it."""
        try:
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                _write(file, {_key_id(): secrets.token_bytes(KEY_BYTES)}, replace=False)
            if file.stat().st_mode & 0o077:
                raise VaultError(
                    f"The key file {file} may be read by others. Nothing was opened. Run: chmod 600 {file}"
                )
            return cls(_parse(file.read_text("ascii"), file), file)
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or "it is no text"
            raise VaultError(
                f"The key file {file} cannot be read or made ({why}). Nothing was opened. Let this account read and "
                "write it and its folder, or name another in secrets.key_file."
            ) from error

    @property
    def key_id(self) -> str:
        """The key that secrets are sealed with now."""
        self._follow()
        return next(iter(self._keys))

    @property
    def key_ids(self) -> tuple[str, ...]:
        """All keys at hand, the present one first."""
        self._follow()
        return tuple(self._keys)

    def seal(self, system: str, name: str, secret: str) -> str:
        """The secret as text ``1.<key id>.<base64>`` that only ``open_sealed`` with the same system and name opens."""
        nonce, key_id = secrets.token_bytes(NONCE_BYTES), self.key_id
        sealed = self._ciphers[key_id].encrypt(nonce, secret.encode(), _place(system, name))
        return f"1.{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open_sealed(self, system: str, name: str, sealed: str) -> str:
        """The secret again; VaultError if the key is gone, the place is another, or the text was changed."""
        try:
            version, key_id, text = sealed.split(".")
            data = base64.urlsafe_b64decode(text)
            if key_id not in self._ciphers:
                self._follow()
            if version != "1" or key_id not in self._ciphers:
                raise ValueError
            return self._ciphers[key_id].decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _place(system, name)).decode()
        except (ValueError, binascii.Error, InvalidTag) as error:
            raise VaultError(
                f"The secret {name} of system {system} cannot be opened with the keys at hand: it was sealed with "
                "another key, for another place, or was changed. Enter it again, or restore the key file."
            ) from error

    def is_stale(self, sealed: str) -> bool:
        """Whether an older key sealed it, so that it should be sealed again."""
        return not sealed.startswith(f"1.{self.key_id}.")

    def rotate(self) -> "Vault":
        """A vault with a new key in front, and its file; then every stale secret is to be sealed again."""
        self._follow()
        return self._written({_key_id(): secrets.token_bytes(KEY_BYTES), **self._keys, **self._derived})

    def retire(self, purposes: Sequence[str]) -> "Vault":
        """A vault without the older keys, once nothing is sealed with them; what is derived for ``purposes`` stays."""
        self._follow()
        derived = {_DERIVED + purpose: self.derived(purpose) for purpose in purposes}
        return self._written({self.key_id: self._keys[self.key_id], **self._derived, **derived})

    def _written(self, keys: Mapping[str, bytes]) -> "Vault":
        if self._file is not None:
            _write(self._file, keys, replace=True)
        return Vault(keys, self._file)

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for something else than sealing, from the oldest key, so that it outlives rotations."""
        if (kept := self._derived.get(_DERIVED + purpose)) is not None:
            return kept
        oldest = self._keys[list(self._keys)[-1]]
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(oldest)


def _stamp(file: Path | None) -> tuple[int, int]:
    """Changes with every rewriting of the file, which is put in place as a new one."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino) if found is not None else (0, 0)


def _place(system: str, name: str) -> bytes:
    return f"{len(system)}:{system}:{name}".encode()


def _key_id() -> str:
    return secrets.token_hex(4)


def _parse(text: str, file: Path) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            key_id, encoded = line.split()
            keys[key_id] = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise VaultError(
                f"Line {number} of the key file {file} is no key: '<id> <base64>' is wanted. Restore a copy."
            ) from None
        if len(keys[key_id]) != KEY_BYTES:
            raise VaultError(f"The key in line {number} of the key file {file} has not {KEY_BYTES} bytes.")
    if all(key_id.startswith(_DERIVED) for key_id in keys):
        raise VaultError(f"The key file {file} holds no key. Restore it, or remove it to start with a new one.")
    return keys


def _write(file: Path, keys: Mapping[str, bytes], *, replace: bool) -> None:
    """All or nothing; of several who make the file at once the first wins."""
    text = "".join(f"{key_id} {base64.b64encode(key).decode()}\n" for key_id, key in keys.items())
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            Path(temporary).replace(file)
        else:
            os.link(temporary, file)
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink(missing_ok=True)
