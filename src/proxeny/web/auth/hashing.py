"""Checks secrets against their hashes: one worker off the event loop, behind a short queue.

Every check costs the same, whether the technical user is unknown, has one secret or two: always as many hashes as a
user may have secrets. A full queue refuses at once, so that a storm of guesses costs remembered callers nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from proxeny.scim.errors import TooManyRequestsError
from proxeny.store.secrets import hash_secret, new_secret, verify_secret
from proxeny.web.auth.caller import Secret

SECRETS_OF_A_USER = 2


class HashingWorker:
    """``queue``: how many may wait. ``nobody``: the hash that stands in where there is none, as costly as others."""

    def __init__(self, *, queue: int = 32, nobody: str | None = None) -> None:
        self._most = queue
        self._waiting = 0
        self._nobody = Secret(nobody or hash_secret(new_secret()))
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="hashing")
        self._turn = asyncio.Lock()

    async def matching(
        self, secrets: Sequence[Secret], given: str, admitted: Callable[[], None] = lambda: None
    ) -> Secret | None:
        """The secret that ``given`` is, unless it has expired; raises TooManyRequestsError when the queue is full.

        ``admitted`` is asked when it is this one's turn, and may raise: what came before it may have changed its mind.
        """
        if self._waiting >= self._most:
            raise TooManyRequestsError(
                "Too many sign-ins are being checked. Try again in a moment.", headers=(("Retry-After", "1"),)
            )
        self._waiting += 1
        try:
            async with self._turn:
                admitted()
                return await asyncio.get_running_loop().run_in_executor(self._pool, self._match, secrets, given)
        finally:
            self._waiting -= 1

    def _match(self, secrets: Sequence[Secret], given: str) -> Secret | None:
        padded = [*secrets, *[self._nobody] * SECRETS_OF_A_USER][: max(SECRETS_OF_A_USER, len(secrets))]
        hits = [verify_secret(secret.hash, given) for secret in padded]
        now = datetime.now(UTC)
        for secret, hit in zip(secrets, hits, strict=False):
            if hit and (secret.expires is None or secret.expires > now):
                return secret
        return None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
