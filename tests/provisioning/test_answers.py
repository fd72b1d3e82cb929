"""Kept answers and renderings: what was read again is as new, whoever has changed what."""

from pathlib import Path

import orjson

from proxeny.connectors.directory import DirectoryConnector
from proxeny.database import Database
from proxeny.provisioning.endpoints.answers import Answers
from proxeny.provisioning.endpoints.exchange import Answer
from proxeny.provisioning.endpoints.rendering import Rendered, Renderings


def answer(size: int) -> Answer:
    return Answer(200, b"x" * size)


def test_an_answer_holds_until_the_state_changes() -> None:
    state = [1]
    answers = Answers(lambda: state[0])
    assert answers.find("a") is None
    kept = answer(10)
    answers.keep("a", answers.state, kept)
    assert answers.find("a") is kept
    state[0] = 2
    assert answers.find("a") is None


def test_an_answer_that_was_begun_before_a_change_is_not_kept() -> None:
    state = [1]
    answers = Answers(lambda: state[0])
    answers.find("a")
    since = answers.state
    state[0] = 2
    answers.find("b")
    answers.keep("a", since, answer(10))
    assert answers.find("a") is None


def test_nothing_is_kept_of_a_backend_that_cannot_tell_its_state() -> None:
    answers = Answers(lambda: None)
    answers.find("a")
    answers.keep("a", answers.state, answer(10))
    assert answers.find("a") is None


def test_answers_and_renderings_stay_within_their_bytes() -> None:
    answers = Answers(lambda: 1, limit=20_000)
    answers.find(0)
    renderings = Renderings(limit=20_000)
    for number in range(100):
        answers.keep(number, 1, answer(1000))
        renderings.keep(number, Rendered("l", "1", "e", b"x" * 1000, b"x" * 1000))
    assert 0 < sum(answers.find(number) is not None for number in range(100)) < 12
    assert 0 < sum(renderings.find(number) is not None for number in range(100)) < 12
    assert answers.find(99) is not None, "the latest is there"
    assert renderings.find(99) is not None, "the latest is there"


async def test_the_state_of_the_directory_changes_with_every_commit_of_anybody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'directory.db'}"
    here, there = await Database.open(url), await Database.open(url)
    connector, other = DirectoryConnector(here), DirectoryConnector(there)
    await connector.open()
    before = connector.state()
    assert before is not None
    assert connector.state() == before
    made = await other.create("user", orjson.loads(b'{"userName": "anna"}'))
    second = connector.state()
    assert second != before
    await connector.delete("user", made.id)
    assert connector.state() != second
    await here.close()
    await there.close()
