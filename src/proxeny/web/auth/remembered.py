"""Verified credentials, remembered for a short time, so that a hash or signature is not checked for every request.

Keys are keyed digests: memory holds no credential. Everything is forgotten when any technical user changes, which is
looked up at most every five seconds.
"""

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proxeny.web.auth.caller import Caller

Digest = hashlib.blake2b

_ENTRIES = 20_000
_CONTEXTS = 4096
_LOOK_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class Verified:
    """``until``: Unix time at which the credential itself ends, or None."""

    caller: Caller
    until: float | None = None
    id: str = ""


class Remembered:
    """``version`` tells whether technical users or revocations have changed."""

    def __init__(self, version: Callable[[], Awaitable[str]], seconds: float) -> None:
        self._ask_version = version
        self._key = secrets.token_bytes(32)
        self._begun: dict[tuple[str, ...], Digest] = {}
        self._seconds = seconds
        self._known: dict[bytes, tuple[Verified, float]] = {}
        self._known_version: str | None = None
        self._looked = -_LOOK_EVERY
        self.era = 0
        """Counts how often everything was forgotten: what was verified in an earlier one may not hold any more."""

    def key(self, credential: bytes, *context: str) -> bytes:
        """What a credential is remembered under; ``context`` (the way, an address) tells equal ones apart."""
        digest = (self._begun.get(context) or self._begin(context)).copy()
        digest.update(credential)
        return digest.digest()

    def _begin(self, context: tuple[str, ...]) -> Digest:
        """A digest that has taken in the context, and so is mistaken for no other; kept, as there are few."""
        parts = [part.encode() for part in context]
        whole = b"%d;" % len(parts) + b"".join([b"%d:%b" % (len(part), part) for part in parts])
        if len(self._begun) >= _CONTEXTS:
            self._begun.clear()
        begun = self._begun[context] = hashlib.blake2b(whole, key=self._key, digest_size=24)
        return begun

    async def find(self, key: bytes) -> Verified | None:
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            await self._look()
        return self._valid(key, now)

    def recall(self, key: bytes) -> Verified | None:
        """As ``find``, at once; None too where revocations must be looked up first."""
        now = time.monotonic()
        return self._valid(key, now) if now - self._looked < _LOOK_EVERY else None

    def _valid(self, key: bytes, now: float) -> Verified | None:
        known = self._known.get(key)
        if known is None:
            return None
        verified, forgotten = known
        if forgotten <= now or (verified.until is not None and verified.until <= time.time()):
            del self._known[key]
            return None
        return verified

    def keep(self, key: bytes, verified: Verified, era: int) -> None:
        """Remembers it, unless all was forgotten since ``era``, when verifying it began; and forgets the oldest if
        there are too many."""
        if era != self.era:
            return
        self._known.pop(key, None)
        if len(self._known) >= _ENTRIES:
            del self._known[next(iter(self._known))]
        self._known[key] = verified, time.monotonic() + self._seconds

    def forget(self) -> None:
        self._known.clear()
        self.era += 1

    def forget_id(self, credential: str) -> None:
        """Forgets one credential by its own id (a token's ``jti``)."""
        for key in [key for key, (verified, _) in self._known.items() if verified.id == credential]:
            del self._known[key]

    async def _look(self) -> None:
        version = await self._ask_version()
        if version != self._known_version:
            self.forget()
            self._known_version = version
