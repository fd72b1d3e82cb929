"""Where a page of the directory begins: found from how many entities each range of numbers holds."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from proxeny.connectors.directory.searching import locate
from proxeny.connectors.directory.tables import BUCKET

_LAST = 3 * BUCKET


@given(gone=st.sets(st.integers(1, _LAST), max_size=5), start=st.integers(0, _LAST - 6))
def test_a_page_begins_at_its_entity_whoever_was_deleted(gone: set[int], start: int) -> None:
    numbers = [number for number in range(1, _LAST + 1) if number not in gone]
    positions = sorted(Counter(number // BUCKET for number in numbers).items())
    total, after, offset = locate(positions, start)
    assert total == len(numbers)
    assert [number for number in numbers if number > after][offset] == numbers[start]


def test_nothing_is_passed_over_where_nobody_is_missing() -> None:
    positions = [(0, BUCKET - 1), (1, BUCKET), (2, BUCKET - 1)]
    assert [locate(positions, start)[2] for start in (0, 700, BUCKET, 2 * BUCKET - 2)] == [0, 0, 0, 0]
    assert locate(positions, 2 * BUCKET + 100)[2] > 0
