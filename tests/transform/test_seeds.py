"""The Local Identity Directory's transformations run unmodified; every expected document was written by hand.

The transformations stand in the corpus. Own ones of the same shapes run in test_programs.py, with or without a corpus.
"""

from tests.conftest import corpus_files
from tests.transform.outcomes import answered, assert_outcome, data, program_in

from proxeny.transform import OPERATIONS

SEEDS = {path.name: path.read_text() for path in corpus_files("seeds/*.json")}
EXPECTED = data("seeds.json")


def test_the_seeds_give_exactly_the_expected_outcomes() -> None:
    documents = EXPECTED["documents"]
    for case in EXPECTED["cases"]:
        if case["seed"] in SEEDS:
            program = program_in(SEEDS[case["seed"]], case)
            steps = program.steps(
                case["operation"],
                documents[case["document"]],
                case["variables"],
                after_patch=documents.get(case.get("after_patch")),
            )
            assert_outcome(answered(steps, case.get("answers", [])), case["expected"])


def test_every_seed_is_expected_for_every_operation() -> None:
    for seed in SEEDS:
        covered = {case["operation"] for case in EXPECTED["cases"] if case["seed"] == seed}
        assert covered == set(OPERATIONS), seed
