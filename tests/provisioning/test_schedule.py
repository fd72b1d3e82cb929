"""Points in time, and the clock that queues runs at them."""

import asyncio
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.database import Database
from proxeny.provisioning.errors import ScheduleError
from proxeny.provisioning.schedule import Scheduler, new_schedule, next_point, warning_of
from proxeny.store.migrations import migrate
from proxeny.store.runs import Runs
from proxeny.store.schedules import Schedule, Schedules


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def shown(point: float) -> str:
    return datetime.fromtimestamp(point, UTC).strftime("%a %d %H:%M")


@pytest.mark.parametrize(
    ("zone", "wall", "after", "points"),
    [
        ("UTC", "08:00", "2026-03-02T07:59", ["Mon 02 08:00", "Wed 04 08:00", "Mon 09 08:00"]),
        ("UTC", "08:00", "2026-03-02T08:00", ["Wed 04 08:00"]),
        ("Europe/Berlin", "08:00", "2026-03-25T12:00", ["Mon 30 06:00"]),
        ("America/New_York", "22:30", "2026-01-04T12:00", ["Tue 06 03:30", "Thu 08 03:30"]),
        ("Pacific/Auckland", "06:00", "2026-01-03T12:00", ["Sun 04 17:00"]),
    ],
)
def test_points_are_wall_times_of_the_zone(zone: str, wall: str, after: str, points: list[str]) -> None:
    schedule = new_schedule("hr", "READ", weekdays=("monday", "Wednesday"), at=wall, zone=zone)
    last, found = at(after), []
    for _ in points:
        last = next_point(schedule, last)
        found.append(shown(last))
    assert found == points


def test_a_time_that_the_clocks_leave_out_comes_later_and_one_that_comes_twice_is_its_first() -> None:
    every_day = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    schedule = new_schedule("hr", "READ", weekdays=every_day, at="02:30", zone="Europe/Berlin")
    assert shown(next_point(schedule, at("2026-03-28T12:00"))) == "Sun 29 01:30"
    first = next_point(schedule, at("2026-10-24T12:00"))
    assert shown(first) == "Sun 25 00:30"
    assert shown(next_point(schedule, first)) == "Mon 26 01:30"


@given(minutes=st.integers(1, 2000), anchor=st.integers(0, 2**31), passed=st.floats(-1e6, 1e8))
def test_every_so_many_minutes_is_a_grid_from_the_anchor(minutes: int, anchor: int, passed: float) -> None:
    schedule = Schedule("hr", "READ", True, minutes=minutes, anchor=float(anchor))
    after = anchor + passed
    point = next_point(schedule, after)
    assert point > after
    assert (point - anchor) % (minutes * 60) == 0
    assert point - after <= minutes * 60 or passed < 0


def test_a_wrong_schedule_is_refused_with_everything_that_is_wrong() -> None:
    with pytest.raises(ScheduleError) as caught:
        new_schedule("hr", "READ", weekdays=("caturday",), at="8 o'clock", zone="Berlin")
    assert all(word in str(caught.value) for word in ("caturday", "HH:MM", "Berlin"))
    for wrong in ({}, {"minutes": 0}, {"minutes": 60, "weekdays": ("monday",), "at": "08:00"}):
        with pytest.raises(ScheduleError):
            new_schedule("hr", "READ", **wrong)
    assert "30 minutes" in str(warning_of(new_schedule("hr", "READ", minutes=5)))
    assert warning_of(new_schedule("hr", "READ", minutes=31)) is None


class Clock:
    """A time that the test moves."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def finish_all(runs: Runs) -> int:
    done = 0
    while (run := await runs.claim("w")) is not None:
        await runs.finish(run, "success", [], [])
        done += 1
    return done


async def test_missed_points_make_one_run_and_the_next_is_on_time(database: Database) -> None:
    """T06: a job of every minute, and nobody there for half an hour."""
    await migrate(database)
    schedules, runs = Schedules(database), Runs(database)
    clock = Clock(1_800_000_000.0)
    scheduler = Scheduler(schedules, now=clock)
    await schedules.put(new_schedule("hr", "READ", minutes=1, now=clock.now))
    assert await scheduler.tick() == []
    clock.now += 60
    assert len(await scheduler.tick()) == 1
    assert await finish_all(runs) == 1
    clock.now += 30 * 60 + 20
    assert len(await scheduler.tick()) == 1
    assert await scheduler.tick() == []
    assert await finish_all(runs) == 1
    clock.now += 39
    assert await scheduler.tick() == []
    clock.now += 1
    assert len(await scheduler.tick()) == 1


async def test_points_that_pass_while_a_run_is_active_are_passed_over(database: Database) -> None:
    await migrate(database)
    schedules, runs = Schedules(database), Runs(database)
    clock = Clock(1_800_000_000.0)
    scheduler = Scheduler(schedules, now=clock)
    await schedules.put(new_schedule("hr", "READ", minutes=60, now=clock.now))
    clock.now += 3600
    (first,) = await scheduler.tick()
    running = await runs.claim("w")
    assert running is not None
    clock.now += 3600
    assert await scheduler.tick() == []
    by_hand = await runs.add("hr", "READ", "IMMEDIATE", "anna")
    assert (await runs.get(by_hand)).status == "queued", "run now waits behind the run that is active"
    assert await runs.claim("other") is None
    await runs.finish(running, "success", [], [])
    following = await runs.claim("w")
    assert following is not None
    assert (running.id, following.id) == (first, by_hand)
    assert running.trigger == "REPEAT"


async def test_of_many_replicas_one_takes_a_point(database: Database) -> None:
    await migrate(database)
    schedules = Schedules(database)
    clock = Clock(1_800_000_000.0)
    await schedules.put(new_schedule("hr", "READ", minutes=1, now=clock.now))
    await schedules.put(new_schedule("hr", "RESYNC", enabled=False, minutes=1, now=clock.now))
    clock.now += 61
    taken = await asyncio.gather(*(Scheduler(schedules, now=clock).tick() for _ in range(8)))
    assert sum(map(len, taken)) == 1
    assert [(run.source, run.kind) for run in await Runs(database).latest()] == [("hr", "READ")]
    assert await schedules.remove("hr", "READ")
    assert not await schedules.remove("hr", "READ")
    assert [one.kind for one in await schedules.all()] == ["RESYNC"]
