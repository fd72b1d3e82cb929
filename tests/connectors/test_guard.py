"""Where the gateway may not connect to, however it is written (reliability T57)."""

from pathlib import Path

import pytest
from tests.connectors.farside import always, document, far_side
from tests.connectors.kit import connection

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.outbound.guard import Guard
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.scim2 import SPEC
from proxeny.connectors.scim2.connector import ScimConnector

LOOPBACK = OutboundSettings(deny=("127.0.0.0/8", "::1/128"), connect_timeout=1, total_timeout=2)

SPELLINGS = (Path(__file__).parent / "data" / "spellings.txt").read_text().split()


@pytest.mark.parametrize("url", SPELLINGS)
async def test_forbidden_addresses_are_refused_however_they_are_written(url: str) -> None:
    connector = ScimConnector(connection(url, settings=LOOPBACK))
    with pytest.raises(PropertyError, match=r"outbound rules|cannot be called"):
        await connector.read("user", "1")
    await connector.close()


async def test_a_user_in_the_url_is_refused_by_the_check() -> None:
    problems = SPEC.check({"URL": "http://good.example@169.254.169.254/"})
    assert [problem.name for problem in problems] == ["URL"]


async def test_allow_wins_over_deny() -> None:
    async with far_side(always(document(200, {"id": "1"}))) as side:
        allowed = OutboundSettings(deny=("127.0.0.0/8",), allow=("127.0.0.1",))
        connector = ScimConnector(connection(side.url, settings=allowed))
        assert (await connector.read("user", "1")).id == "1"
        await connector.close()


async def test_the_gateway_does_not_call_itself() -> None:
    async with far_side(always(document(200, {"id": "1"}))) as side:
        for own in ("127.0.0.1", "0.0.0.0", "localhost"):
            settings = OutboundSettings(own_listeners=((own, side.port),), allow=("127.0.0.0/8",))
            connector = ScimConnector(connection(side.url, settings=settings))
            with pytest.raises(PropertyError, match="this gateway itself"):
                await connector.read("user", "1")
            await connector.close()
        assert side.requests == []


async def test_with_a_proxy_the_target_is_looked_at() -> None:
    async with far_side(always(document(200, {"id": "1"}))) as proxy:
        settings = OutboundSettings(proxy=proxy.url)
        forbidden = ScimConnector(connection("http://169.254.169.254", settings=settings))
        with pytest.raises(PropertyError, match="outbound rules"):
            await forbidden.read("user", "1")
        await forbidden.close()
        through = ScimConnector(connection("http://127.0.0.9:9", settings=settings))
        assert (await through.read("user", "1")).id == "1"
        await through.close()


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "192.168.1.1", "127.0.0.1", "93.184.216.34", "2606:2800:220:1::1", "::1"]
)
def test_ordinary_addresses_are_allowed_by_default(address: str) -> None:
    assert Guard(OutboundSettings()).reason(address, 443) is None


def test_a_broken_network_is_named() -> None:
    with pytest.raises(PropertyError, match=r"\[outbound\] deny"):
        Guard(OutboundSettings(deny=("10.0.0.0/99",)))
