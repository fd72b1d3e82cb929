"""Secrets of technical users: made at random, kept as argon2id hashes (RFC 9106), compared in constant time."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_RANDOM_BYTES = 32


def new_secret() -> str:
    """A secret of 256 bits, as text that is safe in URLs, headers and shells."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def hash_secret(secret: str) -> str:
    """The hash as PHC text, with its own salt and parameters; takes some 20 ms of one core."""
    return _HASHER.hash(secret)


def verify_secret(stored: str, secret: str) -> bool:
    """Whether ``secret`` is the one that was hashed; a text that is no hash holds for nothing."""
    try:
        return _HASHER.verify(stored, secret)
    except (VerificationError, InvalidHashError):
        return False
