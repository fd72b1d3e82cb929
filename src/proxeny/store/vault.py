"""Keeps secrets encrypted: AES-256-GCM, each bound to the system and property that it belongs to.

A sealed secret copied to another system or property does not open. The keys live in a file of their own, made at first
start with mode 0600: one ``<key id> <base64 of 32 bytes>`` a line, the first being the one that new secrets are sealed
with. Rotation puts a new key in front; what older keys sealed stays readable until it is sealed again.
"""

import base64
import binascii
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from proxeny.store.errors import VaultError

KEY_BYTES = 32
NONCE_BYTES = 12


class Vault:
    """Seals and opens secrets. ``keys``: id → 32 bytes, the first one is the present."""

    def __init__(self, keys: Mapping[str, bytes], file: Path | None = None) -> None:
        self._keys = dict(keys)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._file = file

    def __repr__(self) -> str:
        return f"Vault(keys={list(self._keys)})"

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
            raise VaultError(f"The key file {file} cannot be read or made: {error}.") from error

    @property
    def key_id(self) -> str:
        """The key that secrets are sealed with now."""
        return next(iter(self._keys))

    def seal(self, system: str, name: str, secret: str) -> str:
        """The secret as text ``1.<key id>.<base64>`` that only ``open_sealed`` with the same system and name opens."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self.key_id].encrypt(nonce, secret.encode(), _place(system, name))
        return f"1.{self.key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open_sealed(self, system: str, name: str, sealed: str) -> str:
        """The secret again; VaultError if the key is gone, the place is another, or the text was changed."""
        try:
            version, key_id, text = sealed.split(".")
            data = base64.urlsafe_b64decode(text)
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
        keys = {_key_id(): secrets.token_bytes(KEY_BYTES), **self._keys}
        if self._file is not None:
            _write(self._file, keys, replace=True)
        return Vault(keys, self._file)

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for something else than sealing, from the oldest key, so that it outlives rotations."""
        oldest = self._keys[list(self._keys)[-1]]
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(oldest)


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
            raise VaultError(f"Line {number} of the key file {file} is no key: '<id> <base64>' is wanted.") from None
        if len(keys[key_id]) != KEY_BYTES:
            raise VaultError(f"The key in line {number} of the key file {file} has not {KEY_BYTES} bytes.")
    if not keys:
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
