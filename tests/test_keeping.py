"""Loops that are kept going: an error is said and the loop begun anew; a cancellation ends it."""

import asyncio

import pytest

from proxeny.keeping import kept


async def test_work_that_fails_is_said_and_begun_anew(caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    async def work() -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise RuntimeError("nobody foresaw this")

    await kept("the clock", work, pause=0.0)
    assert tries == [0, 1, 2]
    assert [record.message for record in caplog.records] == ["the clock failed, and is begun anew"] * 2
    assert "nobody foresaw this" in caplog.text


async def test_work_that_is_cancelled_ends() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(3600)

    task = asyncio.create_task(kept("the clock", work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
