"""One timer for many deadlines: who is late is cancelled, and nobody else."""

import asyncio

import pytest

from proxeny.deadlines import Deadlines


async def within(deadlines: Deadlines, seconds: float) -> str:
    task = deadlines.begin()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if not deadlines.passed(task):
            raise
        return "late"
    finally:
        deadlines.end(task)
    return "in time"


async def test_each_task_has_its_own_time_from_its_own_beginning() -> None:
    deadlines = Deadlines(0.05)
    first = asyncio.create_task(within(deadlines, 60))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(within(deadlines, 60))
    quick = asyncio.create_task(within(deadlines, 0))
    assert await quick == "in time"
    assert await first == "late"
    assert not second.done()
    assert await second == "late"


async def test_who_was_late_can_wait_again() -> None:
    deadlines = Deadlines(0.01)

    async def twice() -> list[str]:
        return [await within(deadlines, 60), await within(deadlines, 60), await within(deadlines, 0)]

    assert await asyncio.create_task(twice()) == ["late", "late", "in time"]


async def test_a_cancellation_by_somebody_else_is_no_deadline() -> None:
    deadlines = Deadlines(60)
    task = asyncio.create_task(within(deadlines, 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_inner_of_two_deadlines_leaves_the_task_to_the_outer() -> None:
    outer, inner = Deadlines(60), Deadlines(0.01)

    async def both() -> str:
        task = outer.begin()
        try:
            return await within(inner, 60)
        finally:
            outer.end(task)
            assert task is not None
            assert task.cancelling() == 0

    assert await asyncio.create_task(both()) == "late"
