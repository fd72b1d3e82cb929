"""Patterns of administrators cannot hang the gateway (decision 31): results or a reason, within the budget of the
request.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from proxeny.transform.errors import PatternTimeoutError
from proxeny.transform.regexes import Pattern, compile_pattern
from proxeny.transform.regexes.pattern import STRIKES
from proxeny.transform.values import Budget

CASES: list[dict[str, str]] = json.loads(Path(__file__).with_name("catastrophic.json").read_text())["cases"]
BUDGET = 0.05
MOST = 1.0
"""Seconds of processor time: generous, for slow machines; without the bound these cases run for years."""

SLOW = "(?=a)(a|aa)+$"
PUMPED = "a" * 3000 + "!"


def outcome(case: dict[str, str], times: int, method: str) -> str:
    pattern = compile_pattern(case["pattern"])
    text = case["pump"] * times + case["end"]
    budget = Budget(BUDGET)
    try:
        arguments: tuple[Any, ...] = ("x", budget) if method == "replace_all" else (budget,)
        getattr(pattern, method)(text, *arguments)
    except PatternTimeoutError as error:
        assert budget.spent
        return error.reason
    return "result"


def test_there_are_forty_known_catastrophic_patterns() -> None:
    assert len({case["pattern"] for case in CASES}) >= 40


@pytest.mark.parametrize("method", ["fullmatch", "search", "replace_all"])
@pytest.mark.parametrize("case", CASES, ids=[case["pattern"] for case in CASES])
def test_a_catastrophic_pattern_ends_with_a_result_or_a_reason(case: dict[str, str], method: str) -> None:
    for times in (30, 150, 5000):
        started = time.thread_time()
        assert outcome(case, times, method) in ("result", "pattern-timeout")
        assert time.thread_time() - started < MOST


def test_some_of_them_do_need_the_bound() -> None:
    assert sum(outcome(case, 3000, "fullmatch") == "pattern-timeout" for case in CASES) >= 5


def test_the_budget_is_shared_by_all_patterns_of_a_request() -> None:
    budget = Budget(BUDGET)
    with pytest.raises(PatternTimeoutError):
        compile_pattern(SLOW).fullmatch(PUMPED, budget)
    innocent = compile_pattern("(?=a)(a|b)+$")
    with pytest.raises(PatternTimeoutError):
        innocent.fullmatch("a" * 300, budget)
    assert innocent.strikes == 0


def strike(pattern: Pattern) -> None:
    with pytest.raises(PatternTimeoutError):
        pattern.fullmatch(PUMPED, Budget(BUDGET))


def test_a_pattern_that_spends_the_budget_three_times_is_switched_off_with_an_alert() -> None:
    alerts: list[str] = []
    pattern = compile_pattern(SLOW, label="the slow one", alert=alerts.append)
    for _ in range(STRIKES):
        assert alerts == []
        strike(pattern)
    assert alerts == ["the slow one"]
    with pytest.raises(PatternTimeoutError, match="switched off"):
        pattern.fullmatch("a", Budget(BUDGET))
    assert alerts == ["the slow one"]


def test_huge_values_are_stopped_too() -> None:
    with pytest.raises(PatternTimeoutError):
        compile_pattern("(x+x+)+y").fullmatch("x" * 1_000_000, Budget(BUDGET))


def test_the_message_tells_nothing_of_the_value() -> None:
    with pytest.raises(PatternTimeoutError) as caught:
        compile_pattern(SLOW).fullmatch(PUMPED, Budget(BUDGET))
    assert "aaa" not in str(caught.value)


def test_a_match_at_each_character_of_a_long_value_spends_the_budget_too() -> None:
    pattern = compile_pattern("x")
    for replace in (pattern.replace_all, pattern.replace_last):
        with pytest.raises(PatternTimeoutError):
            replace("x" * 300_000, "y", Budget(0.005))
