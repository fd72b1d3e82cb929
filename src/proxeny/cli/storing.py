"""Commands that need the database and the stores, but no gateway."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import TypeVar

from proxeny.app.remembering import Store, open_store
from proxeny.settings import Settings

T = TypeVar("T")


def with_store(settings: Settings, use: Callable[[Store], Awaitable[T]]) -> T:
    """What ``use`` gives, with the stores opened for it and closed after it."""

    async def opened() -> T:
        async with open_store(settings) as store:
            return await use(store)

    return asyncio.run(opened())


def whoever() -> str:
    """Who types, for the audit trail: ``cli:<account>``."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"
