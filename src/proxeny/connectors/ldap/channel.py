"""The byte stream to a server: name, guard, TCP and TLS are ours; libldap only speaks LDAP over what comes out.

libldap resolves names by itself, past the outbound rules, and has no time limit for a TLS handshake. So the connection
is made here: a plain one is handed over as it is, an encrypted one as one end of a socket pair, behind which two tasks
carry bytes to and from the TLS stream.
"""

import asyncio
import contextlib
import socket
import ssl

from proxeny.connectors.errors import PropertyError, TimedOutError, UnreachableError
from proxeny.connectors.ldap.layout import Layout
from proxeny.connectors.outbound.guard import Guard

_START_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
_CHUNK = 256 * 1024


class Channel:
    """``descriptor`` belongs to libldap, which closes it; ``watch`` is a second handle on the same stream.

    ``pump`` carries the bytes of an encrypted one; it ends after ``cut``, and whoever closes the loop waits for it.
    """

    def __init__(self, stream: socket.socket, secure: bool, pump: "asyncio.Task[None] | None" = None) -> None:
        stream.setblocking(True)
        self.watch = stream.dup()
        self.descriptor = stream.detach()
        self.secure = secure
        self.pump = pump

    def alive(self) -> bool:
        """Whether nothing has come since the last answer: neither an end nor a notice of disconnection."""
        try:
            self.watch.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def cut(self) -> None:
        """End the stream at once; a thread that waits on it wakes up."""
        with contextlib.suppress(OSError):
            self.watch.shutdown(socket.SHUT_RDWR)
        if self.pump is not None:
            self.pump.cancel()

    def close(self) -> None:
        self.cut()
        self.watch.close()


async def connect(layout: Layout, guard: Guard, context: ssl.SSLContext) -> Channel:
    """A stream to the server of ``layout``: UnreachableError, TimedOutError, or PropertyError for a refused address."""
    where = f"{layout.host} port {layout.port}"
    try:
        async with asyncio.timeout(layout.connect_timeout):
            raw = await _connected(layout, guard)
            try:
                return await _channel(raw, layout, context)
            except BaseException:
                raw.close()
                raise
    except TimeoutError as error:
        raise TimedOutError(f"{where} did not answer within {layout.connect_timeout:g} s.") from error
    except PermissionError as error:
        raise PropertyError(f"{where}: {error}.") from error
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or str(error)
        raise UnreachableError(f"TLS with {where} failed: {reason}.") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise UnreachableError(f"No connection to {where}: {error}.") from error


async def _connected(layout: Layout, guard: Guard) -> socket.socket:
    """The first address that answers; the guard sees each one before a packet leaves."""
    loop = asyncio.get_running_loop()
    failed: Exception = OSError("the name has no address")
    for info in await loop.getaddrinfo(layout.host, layout.port, type=socket.SOCK_STREAM):
        opened: socket.socket | None = None
        try:
            opened = guard.open_socket(info)
            opened.setblocking(False)
            await loop.sock_connect(opened, info[4])
            return opened
        except OSError as error:
            failed = error
            if opened is not None:
                opened.close()
        except BaseException:
            if opened is not None:
                opened.close()
            raise
    raise failed


async def _channel(raw: socket.socket, layout: Layout, context: ssl.SSLContext) -> Channel:
    if layout.tls == "none":
        return Channel(raw, secure=False)
    if layout.tls == "start":
        await _ask_for_tls(raw)
    reader, writer = await asyncio.open_connection(sock=raw, ssl=context, server_hostname=layout.host)
    near, far = socket.socketpair()
    near.setblocking(False)
    pump = asyncio.create_task(_carry(near, reader, writer))
    return Channel(far, secure=True, pump=pump)


async def _carry(near: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes in both directions until one side ends; then both do."""
    loop = asyncio.get_running_loop()

    async def outwards() -> None:
        while data := await loop.sock_recv(near, _CHUNK):
            writer.write(data)
            await writer.drain()

    async def inwards() -> None:
        while data := await reader.read(_CHUNK):
            await loop.sock_sendall(near, data)

    tasks = [asyncio.create_task(outwards()), asyncio.create_task(inwards())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        near.close()
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _ask_for_tls(raw: socket.socket) -> None:
    """The StartTLS operation (RFC 4511 §4.14): one request, one answer, and not a byte more is read."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(raw, _START_TLS)
    head = await _exactly(raw, 2)
    size = head[1]
    if size & 0x80:
        size = int.from_bytes(await _exactly(raw, size & 0x7F), "big")
    if head[0] != 0x30 or size > 4096:
        raise UnreachableError("The server answered StartTLS with something that is no LDAP.")
    body = await _exactly(raw, size)
    code = body.find(b"\x0a\x01", 3)
    if code < 0 or body[code + 2 : code + 3] != b"\x00":
        raise PropertyError("The server does not offer StartTLS: use ldaps:// in ldap.url, or no ldap.start.tls.")


async def _exactly(raw: socket.socket, size: int) -> bytes:
    loop, found = asyncio.get_running_loop(), b""
    while len(found) < size:
        data = await loop.sock_recv(raw, size - len(found))
        if not data:
            raise asyncio.IncompleteReadError(found, size)
        found += data
    return found
