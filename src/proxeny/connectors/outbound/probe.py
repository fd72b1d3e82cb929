"""The steps of ``test()`` before a system is asked anything: name, TCP, TLS; each timed, with its exact error."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from proxeny.connectors.errors import ConnectorError, PropertyError, UnreachableError
from proxeny.connectors.outbound.guard import Guard
from proxeny.connectors.spi import TestStep

SECONDS = 5.0
Step = tuple[str, Callable[[], Awaitable[str]]]


async def walk(steps: Sequence[Step]) -> list[TestStep]:
    """Run the steps in order until one fails; what is behind it was not tried and is not listed."""
    done: list[TestStep] = []
    for name, step in steps:
        started = time.perf_counter()
        try:
            ok, message = True, await step()
        except ConnectorError as error:
            ok, message = False, str(error) + (f" It said: {error.backend_message}" if error.backend_message else "")
        except TimeoutError:
            ok, message = False, f"no answer within {SECONDS:g} s"
        except (OSError, ssl.SSLError) as error:
            ok, message = False, str(error) or type(error).__name__
        done.append(TestStep(name, ok, round((time.perf_counter() - started) * 1000, 1), message))
        if not ok:
            break
    return done


def network_steps(url: str, guard: Guard, context: ssl.SSLContext) -> list[Step]:
    """Name, TCP and (for https) TLS of the host in ``url``, each by itself: the first that fails is the cause."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme in ("https", "ldaps")
    port = parts.port or {"https": 443, "ldap": 389, "ldaps": 636}.get(parts.scheme, 80)

    async def name() -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise UnreachableError(
                f"The name {host} cannot be resolved ({error.strerror or error}): check the host in the address."
            ) from error
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        try:
            for address in addresses:
                guard.check(address, port)
        except PermissionError as error:
            raise PropertyError(f"{host} may not be called, {error}. See [outbound] allow.") from error
        return f"{host} is {', '.join(addresses)}"

    async def tcp() -> str:
        try:
            await _connect(host, port, None)
        except TimeoutError as error:
            raise UnreachableError(
                f"{host}:{port} did not answer within {SECONDS:g} s: a wrong port, or a firewall in between?"
            ) from error
        except ConnectionRefusedError as error:
            raise UnreachableError(
                f"Nothing listens on {host}:{port} (connection refused): check the port, and whether the system runs."
            ) from error
        except OSError as error:
            raise UnreachableError(f"{host}:{port} cannot be reached: {error.strerror or error}.") from error
        return f"port {port} answers"

    async def tls() -> str:
        try:
            return await _connect(host, port, context)
        except (OSError, TimeoutError) as error:
            raise UnreachableError(handshake_failure(error, f"{host}:{port}")) from error

    return [("name", name), ("tcp", tcp), *([("tls", tls)] if secure else [])]


_CERTIFICATES = (
    ("mismatch", "Use the name that the certificate is for."),
    ("doesn't match", "Use the name that the certificate is for."),
    ("not valid for", "Use the name that the certificate is for."),
    ("expired", "It has to be renewed there."),
    ("not yet valid", "Check the clocks of both machines."),
    ("", "Give the certificate authority of the backend in ca.certificate."),
)
"""Words in the library's complaint → what to do."""


def handshake_failure(error: BaseException, where: str) -> str:
    """What a failed TLS handshake means, with the library's own words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = error.verify_message
        advice = next(advice for words, advice in _CERTIFICATES if words in said.lower())
        return f"The certificate of {where} is not trusted: {said.rstrip('.')}. {advice}"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return f"{where} speaks no TLS ({error.reason}): is it http:// or another port?"
    if isinstance(error, TimeoutError):
        return f"{where} did not finish the TLS handshake within {SECONDS:g} s: does it speak TLS on this port?"
    if isinstance(error, ssl.SSLError):
        return f"The TLS handshake with {where} failed: {error.reason or error}."
    return f"{where} broke off the TLS handshake ({type(error).__name__}): does it speak TLS on this port?"


async def _connect(host: str, port: int, context: ssl.SSLContext | None) -> str:
    async with asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    channel = writer.get_extra_info("ssl_object")
    said = f"{channel.version()}, certificate accepted" if channel is not None else ""
    writer.close()
    return said
