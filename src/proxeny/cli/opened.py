"""Provisioning, opened for one command."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from proxeny.app.jobs import Provisioning, open_provisioning
from proxeny.settings import load_settings

T = TypeVar("T")


def with_provisioning(config: Path, work: Callable[[Provisioning], Awaitable[T]]) -> T:
    """What ``work`` gives, over the configuration of a file; nobody works on jobs meanwhile but ``work`` itself."""
    settings = load_settings(config, os.environ)

    async def opened() -> T:
        async with open_provisioning(settings) as provisioning:
            return await work(provisioning)

    return asyncio.run(opened())
