"""Java's date patterns: reading, writing, and back again."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.transform.errors import ParameterError
from proxeny.transform.functions.date_patterns import date_pattern
from proxeny.transform.functions.moments import Moment, zone_named

WHEN = Moment(datetime(2026, 3, 7, 15, 4, 9), 120_000_000, timezone(timedelta(hours=2)))

WRITTEN = {
    "yyyy-MM-dd'T'HH:mm:ss'Z'": "2026-03-07T15:04:09Z",
    "d MMM uuuu": "7 Mar 2026",
    "HH:mm dd/MM/yyyy": "15:04 07/03/2026",
    "yyyy-MM-dd HH:mm:ss.SSS": "2026-03-07 15:04:09.120",
    "yyyyMMddHHmmss": "20260307150409",
    "EEEE, d MMMM yy G": "Saturday, 7 March 26 AD",
    "E M/d h:m:s a": "Sat 3/7 3:4:9 PM",
    "D k K SSSSSS n": "66 15 3 120000 120000000",
    "X XX XXX x Z ZZZZ ZZZZZ": "+02 +0200 +02:00 +02 +0200 GMT+02:00 +02:00",
    "z O": "UTC+2 GMT+2",
    "yyyy[-MM[-dd]] 'o''clock' ''": "2026-03-07 o'clock '",
    "MMMMM LLL A": "M Mar 54249120",
    "Date(milliseconds)": "Date(1772888649120)",
}

READ = {
    ("yyyy-MM-dd", "2023-02-31"): datetime(2023, 2, 28),
    ("yyyy-MM-dd HH:mm", "2023-12-31 24:00"): datetime(2024, 1, 1),
    ("yyMMdd", "991231"): datetime(2099, 12, 31),
    ("d MMM uuuu", "3 sep 2021"): datetime(2021, 9, 3),
    ("MMMM d, yyyy h:mm a", "January 2, 2021 12:05 AM"): datetime(2021, 1, 2, 0, 5),
    ("yyyy-MM-dd[ HH:mm]", "2021-01-02"): datetime(2021, 1, 2),
    ("yyyy-MM-dd[ HH:mm]", "2021-01-02 03:04"): datetime(2021, 1, 2, 3, 4),
    ("yyyy-DDD", "2024-366"): datetime(2024, 12, 31),
    ("yyyy-MM-dd'T'HH:mm:ssXXX", "2021-01-02T03:04:05Z"): datetime(2021, 1, 2, 3, 4, 5),
    ("yyyy-MM-dd HH:mm VV", "2021-01-02 03:04 Europe/Paris"): datetime(2021, 1, 2, 3, 4),
    ("yyyy-MM-dd HH:mm z", "2021-01-02 03:04 PST"): datetime(2021, 1, 2, 3, 4),
    ("HH:mm", "12:30"): datetime(1970, 1, 1, 12, 30),
}

UNREADABLE = [
    ("yyyy-MM-dd", "2023-13-01"), ("yyyy-MM-dd", "2023-1-1"), ("yyyy-MM-dd", "2023-00-10"), ("HH:mm", "24:01"),
    ("HH:mm", "10:60"), ("d MMM uuuu", "3 Foo 2021"), ("yyyy", ""), ("yyyy", "0000"), ("yyyy", "20210"[:3]),
    ("h a", "13 PM"), ("yyyy G", "2000 BC"), ("Date(milliseconds)", "soon"), ("Date(milliseconds)", "9" * 18),
    ("yyyy-MM-dd VV", "2021-01-02 Mars/Base"), ("XXX", "+25:00"), ("yyyy-D", "2021-367"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "text"), WRITTEN.items())
def test_a_moment_is_written_as_in_java(pattern: str, text: str) -> None:
    assert date_pattern(pattern, "f").write(WHEN) == text


@pytest.mark.parametrize(("pattern", "text"), READ)
def test_a_date_is_read_as_in_java(pattern: str, text: str) -> None:
    moment = date_pattern(pattern, "f").read(text)
    assert moment is not None
    assert moment.local == READ[pattern, text]


@pytest.mark.parametrize(("pattern", "text"), UNREADABLE)
def test_what_is_no_date_is_no_moment(pattern: str, text: str) -> None:
    assert date_pattern(pattern, "f").read(text) is None


@pytest.mark.parametrize("pattern", ["YYYY", "b", "yyyy'", "yyyy]", "{yyyy}", "yyyy#", "dddddddddd"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ParameterError):
        date_pattern(pattern, "targetDateFormat")


def test_zones_and_offsets_survive_a_change_of_format() -> None:
    source, target = date_pattern("yyyy-MM-dd HH:mm VV", "f"), date_pattern("yyyy-MM-dd'T'HH:mmXXX VV", "f")
    summer = source.read("2021-07-02 03:04 Europe/Paris")
    assert summer is not None
    assert target.write(summer) == "2021-07-02T03:04+02:00 Europe/Paris"
    assert zone_named("Europe/Paris") is not None


@pytest.mark.parametrize(
    "pattern",
    [
        "yyyy-MM-dd HH:mm:ss.SSSSSSSSS",
        "uuuuMMddHHmmss n",
        "d MMMM uuuu h:mm:ss a SSSSSSSSS",
        "yyyy-DDD k:m:s n",
    ],
)
@given(st.datetimes(min_value=datetime(1000, 1, 1)), st.integers(0, 999_999_999))
def test_what_is_written_is_read_again(pattern: str, local: datetime, nanos: int) -> None:
    moment = Moment(local.replace(microsecond=0), nanos)
    read = date_pattern(pattern, "f")
    assert read.read(read.write(moment)) == moment


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9990, 1, 1)),
    st.integers(-50, 50),
    st.integers(-30, 30),
)
def test_moving_by_months_keeps_the_day_or_takes_the_last(local: datetime, months: int, days: int) -> None:
    moment = Moment(local.replace(microsecond=0))
    if local.year * 12 + local.month + months < 24:
        return
    moved = moment.moved(years=0, months=months, days=0, seconds=0)
    total = local.year * 12 + local.month - 1 + months
    assert (moved.local.year, moved.local.month) == (total // 12, total % 12 + 1)
    assert moved.local.day == local.day or (moved.local + timedelta(days=1)).day == 1
    assert moment.moved(years=0, months=0, days=days, seconds=5).local == moment.local + timedelta(days=days, seconds=5)
