"""Connections to backends of the tests."""

import socket
from pathlib import Path
from typing import Any

from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.registry import system_type
from proxeny.connectors.spec import Connection

DATA = Path(__file__).parent / "data"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def connection(
    url: str,
    plain: dict[str, str] | None = None,
    secret: dict[str, str] | None = None,
    *,
    type_name: str = "SCIM_SYSTEM",
    settings: OutboundSettings | None = None,
) -> Connection:
    """A connection of a system type to ``url``. The pause between tries is short, so that tests are."""
    known = system_type(type_name)
    given = {"URL": url, "ips.failed.request.retry.attempts.interval": "0", **(plain or {})}
    no_database: Any = None
    return Connection("test", "Test", known, known.values(given, secret), no_database, Outbound(settings))
