"""Webhooks: one POST of JSON to an address that an administrator named, through the same guard as everything else."""

import aiohttp
import orjson

from proxeny.connectors.errors import RefusedError, TimedOutError, UnreachableError
from proxeny.connectors.outbound.client import Outbound
from proxeny.documents import Document

_SECONDS = 10.0


class Webhooks:
    """``post`` succeeds when the receiver answers 2xx; else RefusedError, TimedOutError or UnreachableError."""

    def __init__(self, outbound: Outbound, *, seconds: float = _SECONDS) -> None:
        self._guard = outbound.guard
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, document: Document) -> None:
        try:
            async with self._open().post(
                url, data=orjson.dumps(document), headers={"Content-Type": "application/json"}, allow_redirects=False
            ) as answer:
                status = answer.status
        except TimeoutError as error:
            raise TimedOutError("The receiver of the webhook did not answer in time.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UnreachableError(f"The receiver of the webhook cannot be reached: {error}") from error
        if not 200 <= status < 300:
            raise RefusedError(f"The receiver of the webhook answered {status}.")

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=8, socket_factory=self._guard.open_socket),
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent",),
            )
        return self._session
