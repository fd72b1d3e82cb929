"""The decision about one entity: by example and by rules that hold for all facts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.provisioning.deliveries.reasons import SENTENCES
from proxeny.provisioning.plan import Decision, Facts, decide

SAID = st.sampled_from(["ok", "condition", "skip-operation", "failed"])
FACTS = st.builds(Facts, SAID, SAID, st.booleans(), st.booleans(), st.booleans(), st.booleans())


@pytest.mark.parametrize(
    ("facts", "decision"),
    [
        (Facts("ok", "ok", linked=False, changed=False, full=True), Decision("create")),
        (Facts("ok", "ok", linked=True, changed=True, full=True), Decision("update")),
        (Facts("ok", "ok", linked=True, changed=False, full=True), Decision("unchanged")),
        (Facts("ok", "ok", linked=True, changed=False, full=True, resync=True), Decision("update")),
        (Facts("ok", "condition", linked=True, changed=False, full=True), Decision("delete", "condition")),
        (Facts("ok", "condition", linked=False, changed=False, full=True), Decision("skip", "condition")),
        (Facts("ok", "condition", linked=True, changed=False, full=False), Decision("skip", "delta-never-deletes")),
        (Facts("condition", "ok", linked=True, changed=False, full=True), Decision("delete", "source-condition")),
        (Facts("failed", "ok", linked=True, changed=True, full=True), Decision("skip", "source-failed")),
        (Facts("ok", "failed", linked=False, changed=False, full=True), Decision("fail")),
        (Facts("ok", "skip-operation", linked=False, changed=False, full=True), Decision("correlate")),
        (Facts("ok", "skip-operation", linked=True, changed=True, full=True), Decision("skip", "skip-operation")),
    ],
)
def test_what_is_done_with_an_entity(facts: Facts, decision: Decision) -> None:
    assert decide(facts) == decision


@given(FACTS)
def test_an_entity_is_deleted_only_if_it_is_linked_unwanted_and_everything_was_read(facts: Facts) -> None:
    if decide(facts).action == "delete":
        assert facts.linked
        assert facts.full
        assert facts.source == "condition" or facts.source == "skip-operation" or facts.target == "condition"


@given(FACTS)
def test_nothing_that_could_not_be_read_is_touched(facts: Facts) -> None:
    if facts.source == "failed":
        assert decide(facts).action == "skip"


@given(FACTS)
def test_a_linked_entity_is_never_created_and_an_unlinked_one_never_updated(facts: Facts) -> None:
    action = decide(facts).action
    assert action not in (("create", "correlate") if facts.linked else ("update", "unchanged", "delete"))


@given(FACTS)
def test_every_skip_and_deletion_has_a_reason_with_a_sentence(facts: Facts) -> None:
    decision = decide(facts)
    if decision.action in ("skip", "delete"):
        assert decision.reason in SENTENCES
