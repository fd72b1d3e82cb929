"""When jobs run by themselves: fixed points in time, and the clock that queues a run at each of them.

Points are fixed when a schedule is saved, not by when runs end. Points that passed while a run was active, or while no
gateway ran, make at most one run. A wall time that a change of clocks leaves out comes later by as much as the clock
was moved; one that comes twice is its first.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo, available_timezones

from proxeny.errors import Error
from proxeny.provisioning.errors import ScheduleError
from proxeny.store.schedules import Kind, Schedule, Schedules

log = logging.getLogger("proxeny.jobs")

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SAP_MINUTES = 30
TICK_SECONDS = 0.5

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


def next_point(schedule: Schedule, after: float) -> float:
    """The first point later than ``after`` (Unix times)."""
    if schedule.minutes is not None:
        period = schedule.minutes * 60.0
        return schedule.anchor + (max(0, (after - schedule.anchor) // period) + 1) * period
    zone = ZoneInfo(schedule.zone)
    at = wall_time.fromisoformat(schedule.at)
    day = datetime.fromtimestamp(after, zone).date() - timedelta(days=1)
    while True:
        if day.weekday() in schedule.weekdays:
            point = datetime.combine(day, at, zone).astimezone(UTC).timestamp()
            if point > after:
                return point
        day += timedelta(days=1)


def new_schedule(
    source: str,
    kind: Kind,
    *,
    enabled: bool = True,
    minutes: int | None = None,
    weekdays: tuple[str, ...] = (),
    at: str = "",
    zone: str = "UTC",
    now: float | None = None,
) -> Schedule:
    """A schedule as people say it, checked; ScheduleError with everything that is wrong."""
    problems = []
    if (minutes is None) == (not weekdays):
        problems.append("give either minutes, or weekdays and a time")
    if minutes is not None and not 1 <= minutes <= 60 * 24 * 366:
        problems.append("minutes must be at least 1, and no more than a year")
    unknown = [day for day in weekdays if day.lower() not in WEEKDAYS]
    if unknown:
        problems.append(f"{', '.join(unknown)}: weekdays are {', '.join(WEEKDAYS)}")
    if weekdays and not _is_time(at):
        problems.append("the time must be written as HH:MM, from 00:00 to 23:59")
    if zone not in available_timezones():
        problems.append(f"{zone!r} is no time zone; write one like Europe/Berlin, or UTC")
    if problems:
        raise ScheduleError(f"The schedule cannot be used: {'; '.join(problems)}. Nothing was changed.")
    began = time.time() if now is None else now
    days = tuple(sorted({WEEKDAYS.index(day.lower()) for day in weekdays}))
    schedule = Schedule(source, kind, enabled, minutes, days, at if weekdays else "", zone, began)
    return replace(schedule, next=next_point(schedule, began) if enabled else None)


def warning_of(schedule: Schedule) -> str | None:
    """What SAP Identity Provisioning would not take."""
    if schedule.minutes is not None and schedule.minutes <= SAP_MINUTES:
        return f"SAP Identity Provisioning takes only more than {SAP_MINUTES} minutes; here it works."
    return None


def _is_time(text: str) -> bool:
    try:
        parsed = wall_time.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 5 and parsed.tzinfo is None


@dataclass
class Scheduler:
    """The clock. Any number of replicas may have one: a point is taken by whoever is first."""

    schedules: Schedules
    queued: Callable[[int], None] = lambda run: None
    now: Clock = time.time
    sleep: Sleep = asyncio.sleep

    async def tick(self) -> list[int]:
        """Queue what is due; the ids of the runs."""
        now = self.now()
        found = []
        for schedule in await self.schedules.due(now):
            run = await self.schedules.fire(schedule, next_point(schedule, now))
            if run is not None:
                found.append(run)
                self.queued(run)
        return found

    async def run(self) -> None:
        """For ever; a database that does not answer is asked again."""
        while True:
            try:
                await self.tick()
            except Error as error:
                log.warning("schedules cannot be read at the moment: %s", error)
            await self.sleep(TICK_SECONDS)
