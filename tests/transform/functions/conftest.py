"""Functions as a transformation uses them: declared in a mapping's text, compiled with real paths, conditions and
patterns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from proxeny.transform.conditions.environment import Environment as Properties
from proxeny.transform.conditions.evaluate import compile_condition
from proxeny.transform.conditions.parser import parse_condition
from proxeny.transform.functions.apply import compile_function
from proxeny.transform.functions.registry import Role, Step
from proxeny.transform.mapping import load_document
from proxeny.transform.paths.evaluate import compile_path
from proxeny.transform.paths.parser import parse_path
from proxeny.transform.regexes import Pattern, Patterns
from proxeny.transform.values import Evaluate, Test


@dataclass(slots=True)
class Surroundings:
    """An environment that keeps the problems it was told: (key, message, severity, caret)."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    role: Role = "target"
    problems: list[tuple[str, str, str, int | None]] = field(default_factory=list)
    patterns: Patterns = field(default_factory=Patterns)

    def path(self, text: str) -> Evaluate:
        return compile_path(parse_path(text), Properties(self.properties))

    def condition(self, text: str) -> Test:
        return compile_condition(parse_condition(text), Properties(self.properties))

    def pattern(self, text: str, label: str | None = None) -> Pattern:
        return self.patterns.compile(text, label=label)

    def problem(
        self, message: str, key: str, *, severity: str = "error", excerpt: str | None = None, caret: int | None = None
    ) -> None:
        self.problems.append((key, message, severity, caret))


def compile_one(written: dict[str, Any], surroundings: Surroundings) -> Step:
    """The step of a function as it is written in a mapping."""
    mapping = {"sourcePath": "$.a", "targetPath": "$.a", "functions": [written]}
    declarations = load_document({"user": {"mappings": [mapping]}})
    return compile_function(declarations.entities[0].mappings[0].functions[0], surroundings)


@pytest.fixture(scope="session")
def compiled() -> Callable[..., Step]:
    """``compiled({"function": …}, role=…)`` → a step; mistakes fail the test, unless it is ``mistaken`` on purpose."""

    def make(written: dict[str, Any], *, mistaken: bool = False, **surroundings: Any) -> Step:
        environment = Surroundings(**surroundings)
        step = compile_one(written, environment)
        assert bool(environment.problems) == mistaken
        return step

    return make


@pytest.fixture(scope="session")
def problems_of() -> Callable[[dict[str, Any]], list[tuple[str, str, str, int | None]]]:
    """What the loader says about a function."""

    def find(written: dict[str, Any]) -> list[tuple[str, str, str, int | None]]:
        environment = Surroundings()
        compile_one(written, environment)
        return environment.problems

    return find
