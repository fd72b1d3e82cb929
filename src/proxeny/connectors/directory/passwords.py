"""Passwords of people: only a strong hash is kept (argon2id), made off the event loop, and never given out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

_HASHER = PasswordHasher()
_WORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="directory-passwords")


async def hashed(password: str) -> str:
    """The hash with its salt and parameters, as argon2 writes them; about 50 ms of one worker thread."""
    return await asyncio.get_running_loop().run_in_executor(_WORKER, _HASHER.hash, password)
