"""Basic authentication of technical users (RFC 7617)."""

import asyncio
import base64
import binascii
import logging

from proxeny.errors import Error
from proxeny.scim.errors import TooManyRequestsError
from proxeny.web.auth.caller import Caller, ClientSource, TechnicalUser
from proxeny.web.auth.hashing import HashingWorker
from proxeny.web.auth.lockout import LockOuts
from proxeny.web.auth.remembered import Remembered, Verified
from proxeny.web.errors import NotAuthenticatedError
from proxeny.web.request import Request

log = logging.getLogger("proxeny.web.security")

_LONGEST = 1024
_LONGEST_ID = 256
"""Twice as long as an id may be: what is longer is nobody's, and nothing need be remembered of it."""
_NOTES = 64


class SecretChecker:
    """Who a pair of id and secret is; used for Basic and by the token endpoint."""

    def __init__(self, source: ClientSource, worker: HashingWorker, lock_outs: LockOuts) -> None:
        self._source = source
        self._worker = worker
        self._lock_outs = lock_outs
        self._notes: set[asyncio.Task[None]] = set()

    async def check(self, client_id: str, secret: str, address: str) -> tuple[TechnicalUser, float | None]:
        """The technical user and the Unix time at which its secret ends. Raises NotAuthenticatedError, or
        TooManyRequestsError while the address is locked out for this user."""
        if len(client_id) > _LONGEST_ID:
            raise NotAuthenticatedError("id is longer than any", client=client_id)

        def admitted() -> None:
            if wait := self._lock_outs.remaining(address, client_id):
                words = "Too many failed sign-ins from this address. Try again later."
                raise TooManyRequestsError(words, headers=(("Retry-After", str(wait)),))

        admitted()
        user = await self._source.find(client_id)
        hit = await self._worker.matching(user.secrets if user else (), secret, admitted)
        if user is None or hit is None or not user.enabled:
            locked = self._lock_outs.failed(address, client_id)
            self._note(client_id, address)
            raise NotAuthenticatedError(_reason(user, matched=hit is not None), client=client_id, locks=locked)
        self._lock_outs.succeeded(address, client_id)
        return user, hit.expires.timestamp() if hit.expires else None

    def _note(self, client_id: str, address: str) -> None:
        """Counts the failed try beside the request, whether or not anybody has that id: time must not tell."""
        if len(self._notes) < _NOTES:
            task = asyncio.create_task(self._failed(client_id, address))
            self._notes.add(task)
            task.add_done_callback(self._notes.discard)

    async def _failed(self, client_id: str, address: str) -> None:
        try:
            await self._source.failed(client_id, address)
        except Error:
            log.warning("a failed try could not be counted", extra={"client": client_id})


def _reason(user: TechnicalUser | None, *, matched: bool) -> str:
    if user is None:
        return "unknown technical user"
    return "technical user is disabled" if matched else "wrong or expired secret"


class Basic:
    def __init__(self, checker: SecretChecker, remembered: Remembered) -> None:
        self._checker = checker
        self._remembered = remembered

    def recall(self, credentials: bytes, request: Request) -> Caller | None:
        """The caller, if it is remembered and nothing need be looked up for that."""
        verified = self._remembered.recall(self._remembered.key(credentials, "basic", request.origin.address))
        return verified.caller if verified is not None else None

    async def caller(self, credentials: bytes, address: str) -> Caller:
        """The caller behind the header's text after the scheme. Remembered for one address only, so that a lock-out of
        one address cannot be got around by what another one proved."""
        key = self._remembered.key(credentials, "basic", address)
        if (verified := await self._remembered.find(key)) is not None:
            return verified.caller
        client_id, secret = decode_pair(credentials)
        era = self._remembered.era
        user, until = await self._checker.check(client_id, secret, address)
        caller = user.caller("basic")
        self._remembered.keep(key, Verified(caller, until), era)
        return caller


def decode_pair(credentials: bytes) -> tuple[str, str]:
    """Id and secret; raises NotAuthenticatedError if it is no base64 of ``id:secret`` in UTF-8."""
    if len(credentials) > _LONGEST:
        raise NotAuthenticatedError("Basic: the credentials are too long")
    try:
        text = base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise NotAuthenticatedError("Basic: the credentials are not base64 of UTF-8") from None
    client_id, colon, secret = text.partition(":")
    if not colon or not client_id:
        raise NotAuthenticatedError("Basic: the credentials are not id:secret")
    return client_id, secret
