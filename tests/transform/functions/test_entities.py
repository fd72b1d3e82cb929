"""resolveEntityIds: the questions it asks, and what it makes of the answers."""

from collections.abc import Callable
from typing import Any

import pytest

from proxeny.transform.errors import EntityFailedError
from proxeny.transform.functions.registry import Lookup, Step
from proxeny.transform.values import MISSING, Run

USERS = {Lookup("user", "s1"): "t1", Lookup("user", "s2"): None, Lookup("user", "7"): "t7"}

CASES: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("ids of a list; the unresolved is dropped", {}, ["s1", "s2", 7], ["t1", "t7"]),
    ("nothing resolved leaves an empty list", {}, ["s2", "s3"], []),
    ("a scalar", {}, "s1", "t1"),
    ("an unresolved scalar is no value", {}, "s2", MISSING),
    ("the value of objects", {}, [{"value": "s1", "type": "User"}, {"value": "s2"}], [{"value": "t1", "type": "User"}]),
    ("the value of one object", {}, {"value": "s2"}, MISSING),
    ("an object without a value is dropped", {}, [{"display": "x"}], []),
    ("another attribute", {"applyOnAttribute": "ref"}, [{"ref": "s1"}, {"ref": "s2"}], [{"ref": "t1"}]),
    ("assigned beside the value", {"assignToAttribute": "to"}, [{"value": "s1"}], [{"value": "s1", "to": "t1"}]),
    ("a scalar assigned", {"assignToAttribute": "to"}, "s1", {"to": "t1"}),
    ("only where the condition holds", {"condition": "@.type != 'Group'"}, [{"value": "g", "type": "Group"}, {"value":
    "s1"}],
     [{"value": "g", "type": "Group"}, {"value": "t1"}]),
    ("null stays", {}, [None, "s1"], [None, "t1"]),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "value", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_answers_become_the_result(
    extra: dict[str, Any], value: Any, expected: Any, compiled: Callable[..., Step]
) -> None:
    lookup = compiled({"function": "resolveEntityIds", **extra}).lookup
    assert lookup is not None
    asked = lookup.collect(value, Run({}))
    answers = {question: USERS.get(question) for question in asked}
    assert lookup.finish(value, Run({}), answers) == expected


def test_every_question_is_asked_once_with_its_systems(compiled: Callable[..., Step]) -> None:
    written = {"type": "resolveEntityIds", "entityType": "group", "sourceSystemName": "A", "targetSystemName": "${t}"}
    lookup = compiled(written).lookup
    assert lookup is not None
    assert lookup.collect(["x", "y", "x", ""], Run({}, {"t": "B"})) == (
        Lookup("group", "x", "A", "B"),
        Lookup("group", "y", "A", "B"),
    )


@pytest.mark.parametrize("value", ["s1", ["s1", "s2"], [{"value": "s2"}]])
def test_in_a_proxy_ids_stay_and_nothing_is_asked(value: Any, compiled: Callable[..., Step]) -> None:
    step = compiled({"function": "resolveEntityIds", "sourceSystemName": "${v}"}, role="proxy")
    assert step.lookup is None
    assert step.apply(value, Run({})) == value


def test_outside_a_proxy_it_never_runs_without_answers(compiled: Callable[..., Step]) -> None:
    with pytest.raises(EntityFailedError):
        compiled({"function": "resolveEntityIds"}).apply("s1", Run({}))
