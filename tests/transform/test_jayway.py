"""Reading and writing agree with Jayway JsonPath on thousands of cases; every deliberate difference has a name."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import corpus_files
from tests.transform.jayway.cases import Cases
from tests.transform.jayway.oracle import ask

from proxeny.transform.conditions.equality import same
from proxeny.transform.copying import copied
from proxeny.transform.errors import PathSyntaxError
from proxeny.transform.paths.assign import compile_assign, compile_remove
from proxeny.transform.paths.evaluate import compile_path
from proxeny.transform.paths.parser import parse_path
from proxeny.transform.values import MISSING, Run

DIFFERENCES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "jayway_differences.json").read_text())

# A disagreement on a generated case is allowed if the path has one of these, each told in jayway_differences.json.
DELIBERATE = re.compile(
    r"""\ empty\ (?:true|false)        # empty is decided for values of every type
      | [!=]=\ (?:null|\[\])           # missing equals null and []
      | (?:null|\[\])\ [!=]=
      | \ (?:nin|noneof)\              # exact negations
      | \ (?:subsetof|anyof)\ |\ in\ [@$]  # false where a side is no list, so that a negation holds
      | \[1,2\]\ [!=]=|[!=]=\ \[1,2\]   # lists as written, by value
      | \.\..*(?:keys|first|last)\(     # a function of the results of a descent
      | =~                             # missing, null and objects match no pattern
      | length\(\)                     # 0 of a missing path
      | [(!]\$                         # existence of a path from the document
      | '1(?:\.5)?'|"1"                # texts that read as numbers
      | \.\.(?:\*|\[).                 # what follows a descent by wildcard or index
    """,
    re.VERBOSE | re.IGNORECASE,
)


def ours(question: dict[str, Any]) -> Any:
    """The value that the question has here, or "missing"."""
    path, document = parse_path(question["path"]), copied(question["document"])
    match question["do"]:
        case "set":
            compile_assign(path)(document, question["value"], Run({}))
            return document
        case "delete":
            compile_remove(path)(document, Run({}))
            return document
    value = compile_path(path)(None, Run(document))
    return "missing" if value is MISSING else value


def unordered(value: Any) -> Any:
    """Jayway does not promise the order of an indefinite path's results."""
    return sorted(json.dumps(item, sort_keys=True) for item in value) if isinstance(value, list) else value


def agree(value: Any, answer: dict[str, Any]) -> bool:
    if answer["answer"] == "value":
        return same(value, answer["value"]) or same(unordered(value), unordered(answer["value"]))
    return value in ("missing", None, [])


def disagreements(questions: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    found = [(question, ours(question), answer) for question, answer in zip(questions, ask(questions), strict=True)]
    return [(question, value, answer) for question, value, answer in found if not agree(value, answer)]


def read_questions(seed: int, count: int) -> list[dict[str, Any]]:
    cases = Cases(seed)
    return [{"do": "read", "document": cases.document(), "path": cases.path()} for _ in range(count)]


def filter_questions(seed: int, count: int) -> list[dict[str, Any]]:
    cases = Cases(seed)
    return [
        {"do": "read", "document": {**cases.document(), "items": [cases.document()]},
         "path": f"$.items[?({cases.condition()})]"}
        for _ in range(count)
    ]  # fmt: skip


def unexplained(questions: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    found = disagreements(questions)
    assert len(found) < len(questions) / 5
    return [
        case
        for case in found
        if not DELIBERATE.search(case[0]["path"])
        and case[2]["answer"] != "failed"
        and not (case[1] == "missing" and case[2]["value"] == [])
    ]


def test_paths_read_what_jayway_reads() -> None:
    assert unexplained(read_questions(seed=1, count=6000)) == []


def test_filters_pick_what_jayway_picks() -> None:
    assert unexplained(filter_questions(seed=2, count=6000)) == []


@pytest.mark.parametrize("do", ["set", "delete"])
def test_existing_places_are_changed_as_jayway_changes_them(do: str) -> None:
    questions = [{**question, "do": do, "value": "new"} for question in read_questions(seed=3, count=3000)]
    odd = r"\?|\(|\.\.|\['.','.'\]" + (r"|(\*|:)\]?." if do == "set" else "")
    questions = [question for question in questions if not re.search(odd, question["path"])]
    answers = ask(questions)
    changed = [
        (question, answer)
        for question, answer in zip(questions, answers, strict=True)
        if answer["answer"] == "value" and not same(answer["value"], question["document"])
    ]
    assert len(changed) > 200
    assert [pair for pair in changed if not same(ours(pair[0]), pair[1]["value"])] == []


def test_deliberate_differences_are_as_told() -> None:
    answers = ask([{"do": "read", **case} for case in DIFFERENCES])
    for case, answer in zip(DIFFERENCES, answers, strict=True):
        theirs = answer.get("value") if answer["answer"] == "value" else answer["answer"]
        assert same(theirs, case["jayway"]), case["name"]
        assert same(ours({"do": "read", **case}), case["ours"]), case["name"]


OWN = {"selector": "$.a[*].b", "invalid": False, "definite": False, "results": {"own": [1]}, "not_found_in": ["none"]}
VECTORS = [
    pytest.param(OWN, {"own": {"a": [{"b": 1}]}, "none": {}}, id="own"),
    *(
        pytest.param(test, data["documents"], id=test["selector"])
        for file in corpus_files("vectors/jsonpath/jayway_unit_expressions.json")
        for data in [json.loads(file.read_text())]
        for test in data["tests"]
    ),
]


@pytest.mark.parametrize(("vector", "documents"), VECTORS)
def test_jayways_own_expressions_give_jayways_answers(vector: dict[str, Any], documents: dict[str, Any]) -> None:
    if vector["invalid"] or re.search(r"\.foo\(", vector["selector"]):  # an unknown function is refused at load here
        with pytest.raises(PathSyntaxError):
            parse_path(vector["selector"])
        return
    assert parse_path(vector["selector"]).definite is vector["definite"]
    for name, wanted in vector["results"].items():
        value = ours({"do": "read", "path": vector["selector"], "document": documents[name]})
        assert same(value, wanted) or same(unordered(value), unordered(wanted)), name
    for name in vector["not_found_in"]:
        value = ours({"do": "read", "path": vector["selector"], "document": documents[name]})
        assert value in ("missing", None), name
