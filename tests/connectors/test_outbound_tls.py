"""The gateway as a client of TLS: a backend that cannot prove itself gets nothing (reliability T67)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from tests.connectors.farside import document
from tests.connectors.kit import connection
from tests.web.pki import CLIENT, SERVER, Authority, Made

from proxeny.connectors.errors import UnreachableError
from proxeny.connectors.scim2.connector import ScimConnector


def _server(made: Made, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(made.file)
    if newest is not None:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    return context


@asynccontextmanager
async def backend(context: ssl.SSLContext) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Its port, and what was sent to it after the handshake."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(document(200, {"id": "1"}))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()


def _expired(authority: Authority) -> ssl.SSLContext:
    return _server(authority.issue("CN=localhost", SERVER, ends=-1))


def _other_authority(authority: Authority) -> ssl.SSLContext:
    return _server(Authority(authority.folder, "CN=unknown").issue("CN=localhost", SERVER))


def _wrong_purpose(authority: Authority) -> ssl.SSLContext:
    return _server(authority.issue("CN=localhost", CLIENT, hosts=True))


def _wrong_name(authority: Authority) -> ssl.SSLContext:
    return _server(authority.issue("CN=127.0.0.1", CLIENT))


def _self_signed(authority: Authority) -> ssl.SSLContext:
    return _server(Authority(authority.folder, "CN=127.0.0.1").own)


def _old(authority: Authority) -> ssl.SSLContext:
    return _server(authority.issue("CN=localhost", SERVER), ssl.TLSVersion.TLSv1_1)


BAD = {
    "expired": _expired,
    "unknown CA": _other_authority,
    "wrong purpose": _wrong_purpose,
    "wrong name": _wrong_name,
    "self-signed": _self_signed,
    "TLS 1.1": _old,
}


def _connector(port: int, authority: Authority, **more: Any) -> ScimConnector:
    plain = {"Authentication": "BasicAuthentication", "User": "me", "ca.certificate": authority.own.pem, **more}
    return ScimConnector(connection(f"https://127.0.0.1:{port}", plain, {"Password": "secret"}))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize("name", BAD)
async def test_a_backend_that_cannot_prove_itself_gets_nothing(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    async with backend(BAD[name](authority)) as (port, heard):
        connector = _connector(port, authority)
        with pytest.raises(UnreachableError):
            await connector.read("user", "1")
        await connector.close()
    assert heard == []


async def test_a_weak_digest_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    try:
        weak = authority.issue("CN=localhost", SERVER, digest=hashes.SHA1())
    except Exception as error:
        assert "SHA1" in str(error).upper()  # noqa: PT017  # some builds of the library do not even make them
        return
    async with backend(_server(weak)) as (port, heard):
        connector = _connector(port, authority)
        with pytest.raises(UnreachableError):
            await connector.read("user", "1")
        await connector.close()
    assert heard == []


async def test_the_same_backend_with_a_good_certificate_is_believed(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with backend(_server(authority.issue("CN=localhost", SERVER))) as (port, heard):
        connector = _connector(port, authority)
        assert (await connector.read("user", "1")).id == "1"
        await connector.close()
    assert len(heard) == 1
