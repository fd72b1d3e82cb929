"""What a connection that broke means, in the words of connectors/errors.py."""

import aiohttp
from yarl import URL

from proxeny.connectors.errors import ConnectorError, PropertyError, TimedOutError, UnreachableError
from proxeny.connectors.outbound.guard import MARK

_CLOSED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


def timed_out(url: URL, seconds: float) -> ConnectorError:
    return TimedOutError(f"{url.host}:{url.port} did not answer completely within {seconds:g} s.")


def unconnected(url: URL, timeout: aiohttp.ClientTimeout) -> ConnectorError:
    return UnreachableError(f"No connection to {url.host}:{url.port} within {timeout.sock_connect:g} s.")


def broken(error: aiohttp.ClientError, url: URL) -> ConnectorError:
    where = f"{url.host}:{url.port}"
    cause = str(getattr(error, "os_error", ""))
    if MARK in cause:
        return PropertyError(f"{where} may not be called, {cause}. See [outbound] allow.")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return UnreachableError(f"The certificate of {where} is not trusted: {error.certificate_error}.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return UnreachableError(f"The name {url.host} cannot be resolved.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return UnreachableError(f"No connection to {where}: {error.os_error.strerror or error.os_error}.")
    if isinstance(error, aiohttp.InvalidURL):
        return PropertyError(f"URL {str(url)[:120]!r} cannot be called.")
    what = "the server closed it without an answer" if isinstance(error, _CLOSED) else type(error).__name__
    hint = f" It was called with http://; if {where} speaks TLS, write https:// in URL."
    return UnreachableError(f"The connection to {where} broke: {what}.{hint if url.scheme == 'http' else ''}")
