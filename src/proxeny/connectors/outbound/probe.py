"""The steps of ``test()`` before a system is asked anything: name, TCP, TLS; each timed, with its exact error."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from proxeny.connectors.errors import ConnectorError
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
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        for address in addresses:
            guard.check(address, port)
        return f"{host} is {', '.join(addresses)}"

    async def tcp() -> str:
        await _connect(host, port, None)
        return f"port {port} answers"

    async def tls() -> str:
        return await _connect(host, port, context)

    return [("name", name), ("tcp", tcp), *([("tls", tls)] if secure else [])]


async def _connect(host: str, port: int, context: ssl.SSLContext | None) -> str:
    async with asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    channel = writer.get_extra_info("ssl_object")
    said = f"{channel.version()}, certificate accepted" if channel is not None else ""
    writer.close()
    return said
