"""One request to an issuer of tokens: through the same guard as everything else, short, small, without redirects."""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from proxeny.connectors.errors import TimedOutError, UnreachableError
from proxeny.connectors.outbound.client import Outbound

_SECONDS = 10.0
_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FetchedAnswer:
    """``headers`` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetcher:
    """GET, or POST of a form. UnreachableError or TimedOutError when there is no whole answer."""

    def __init__(self, outbound: Outbound) -> None:
        self._guard = outbound.guard
        self._session: aiohttp.ClientSession | None = None

    async def __call__(
        self, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> FetchedAnswer:
        session = self._open()
        method = "GET" if form is None else "POST"
        try:
            async with session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer:
                body = await answer.content.read(_BYTES + 1)
                while len(body) <= _BYTES and not answer.content.at_eof():
                    body += await answer.content.read(_BYTES + 1 - len(body))
                if len(body) > _BYTES:
                    raise UnreachableError("The issuer's answer is larger than any it should give.")
                return FetchedAnswer(
                    answer.status, {name.lower(): value for name, value in answer.headers.items()}, body
                )
        except TimeoutError as error:
            raise TimedOutError("The issuer of tokens did not answer in time.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UnreachableError(f"The issuer of tokens cannot be reached: {error}") from error

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=8, socket_factory=self._guard.open_socket)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent",),
            )
        return self._session
