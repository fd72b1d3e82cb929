"""Fixtures of the web's tests."""

from collections.abc import AsyncIterator

import pytest
from tests.web.running import Running, running


@pytest.fixture
async def gateway() -> AsyncIterator[Running]:
    """A gateway with the defaults, without TLS."""
    async with running() as started:
        yield started
