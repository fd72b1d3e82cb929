"""How many deletions are let go at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.provisioning.deliveries.reasons import SENTENCES
from proxeny.provisioning.jobs.guard import Toll, Verdict, judge

NUMBERS = st.integers(0, 20_000)
TOLLS = st.builds(Toll, NUMBERS, NUMBERS, NUMBERS, st.none() | st.integers(1, 1000))


@pytest.mark.parametrize(
    ("toll", "verdict"),
    [
        (Toll(0, 0, 0), Verdict("go")),
        (Toll(100, 10_000, 9_900), Verdict("go")),
        (Toll(900, 10_000, 9_100), Verdict("go")),
        (Toll(1_000, 10_000, 9_000), Verdict("go")),
        (Toll(1_001, 10_000, 8_999), Verdict("hold", "too-many")),
        (Toll(1_100, 10_000, 8_900), Verdict("hold", "too-many")),
        (Toll(5_000, 10_000, 5_000), Verdict("hold", "too-many")),
        (Toll(3, 10, 7), Verdict("go")),
        (Toll(20, 30, 10), Verdict("go")),
        (Toll(21, 30, 9), Verdict("hold", "too-many")),
        (Toll(1, 1, 0), Verdict("hold", "source-empty")),
        (Toll(5, 10_000, 9_995, threshold=5), Verdict("go")),
        (Toll(6, 10_000, 9_994, threshold=5), Verdict("refuse", "threshold")),
    ],
)
def test_the_guard_by_example(toll: Toll, verdict: Verdict) -> None:
    assert judge(toll) == verdict


@given(TOLLS)
def test_never_more_than_a_tenth_and_twenty_go_without_approval(toll: Toll) -> None:
    if judge(toll).says == "go":
        assert toll.planned <= 20 or toll.planned <= toll.linked * 0.1
        assert toll.planned == 0 or toll.read > 0
        assert toll.threshold is None or toll.planned <= toll.threshold


@given(TOLLS)
def test_whatever_does_not_go_has_a_reason_with_a_sentence(toll: Toll) -> None:
    verdict = judge(toll)
    assert (verdict.reason is None) == (verdict.says == "go")
    assert verdict.reason is None or verdict.reason in SENTENCES
