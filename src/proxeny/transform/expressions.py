"""The strings of a mapping → paths, conditions and patterns: properties put in, parsed, compiled, problems noted with
their place.

Equal strings of one entity type share one compiled piece.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from proxeny.transform.conditions.ast import Constant
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.conditions.evaluate import compile_condition, fold
from proxeny.transform.conditions.explain import explain_condition
from proxeny.transform.conditions.parser import parse_condition
from proxeny.transform.errors import ExpressionSyntaxError, Problem, shorten
from proxeny.transform.functions.registry import Role
from proxeny.transform.instructions import Guard
from proxeny.transform.mapping import Origin
from proxeny.transform.paths.ast import Path
from proxeny.transform.paths.evaluate import compile_path, for_elements
from proxeny.transform.paths.parser import parse_path
from proxeny.transform.properties import substitute, substitute_value
from proxeny.transform.regexes import Pattern
from proxeny.transform.values import Evaluate, Test

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a transformation is compiled for, and the problems found so far. All pieces of one compilation share it."""

    environment: Environment
    role: Role
    problems: list[Problem]
    unknown_keys: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Expressions:
    """Compiles the strings of one declaration: entity type, mapping or function. ``prefix`` is its key
    (``functions[0]``)."""

    setting: Setting
    origin: Origin
    entity_type: str
    mapping: int | None = None
    prefix: str = ""
    _paths: dict[str, tuple[Path, Evaluate]] = field(default_factory=dict)
    _guards: dict[str, Guard] = field(default_factory=dict)

    def inside(self, origin: Origin, *, mapping: int | None = None, prefix: str = "") -> "Expressions":
        """For a declaration further in; what is compiled already is shared."""
        return replace(self, origin=origin, mapping=self.mapping if mapping is None else mapping, prefix=prefix)

    def path(self, key: str | tuple[str | int, ...], text: str) -> tuple[Path, Evaluate] | None:
        """The path in the string at ``key``; None if it cannot be read (noted)."""
        return self._read(key, text, self._path_of)

    def guard(self, key: str, text: str) -> Guard | None:
        """The condition in the string at ``key``; None if it cannot be read (noted)."""
        return self._read(key, text, self._guard_of)

    def value(self, key: str, value: Any) -> Any:
        """A JSON value with properties put in."""
        result, missing = substitute_value(value, self.setting.environment.properties)
        self._note_missing(key, missing)
        return result

    def text(self, key: str | tuple[str | int, ...], text: str) -> str:
        result, missing = substitute(text, self.setting.environment.properties)
        self._note_missing(key, missing)
        return result

    def problem(
        self,
        message: str,
        key: str | tuple[str | int, ...],
        *,
        severity: Literal["error", "warning"] = "error",
        excerpt: str | None = None,
        caret: int | None = None,
        written: str | None = None,
    ) -> None:
        """Note a problem at ``key``. The caret's place in the text is told if the string is there as it was parsed."""
        keys = (key,) if isinstance(key, str) else key
        same = caret is not None and (written is None or written == excerpt)
        location = self.origin.of(*keys, offset=caret if same and caret is not None else 0) or self.origin.of()
        if excerpt is not None and caret is not None:
            excerpt, caret = shorten(excerpt, caret)
        named = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in keys).lstrip(".")
        self.setting.problems.append(
            Problem(
                message,
                severity,
                self.entity_type,
                self.mapping,
                f"{self.prefix}.{named}" if self.prefix else named,
                location.line if location else None,
                location.column if location else None,
                excerpt,
                caret,
            )
        )

    def _read(self, key: str | tuple[str | int, ...], text: str, read: Callable[[str], T]) -> T | None:
        substituted = self.text(key, text)
        try:
            return read(substituted)
        except ExpressionSyntaxError as error:
            self.problem(error.message, key, excerpt=error.text, caret=error.position, written=text)
            return None

    def _path_of(self, text: str) -> tuple[Path, Evaluate]:
        if text not in self._paths:
            path = parse_path(text)
            self._paths[text] = path, compile_path(path, self.setting.environment)
        return self._paths[text]

    def _guard_of(self, text: str) -> Guard:
        if text not in self._guards:
            environment = self.setting.environment
            written = parse_condition(text)
            condition = fold(written, environment)
            test, operands = compile_condition(condition, environment), explain_condition(written, environment)
            self._guards[text] = Guard(text.strip(), condition, test, operands, condition == Constant(False))
        return self._guards[text]

    def _note_missing(self, key: str | tuple[str | int, ...], missing: tuple[str, ...]) -> None:
        for name in missing:
            if name not in self.setting.unknown_keys:
                self.setting.unknown_keys.add(name)
                self.problem(f"there is no property {name!r}; it is read as null", key, severity="warning")


@dataclass(frozen=True, slots=True)
class FunctionEnvironment:
    """What a function's parameters may use (``functions.registry.Environment``)."""

    expressions: Expressions

    @property
    def properties(self) -> Mapping[str, Any]:
        return self.expressions.setting.environment.properties

    @property
    def role(self) -> Role:
        return self.expressions.setting.role

    def path(self, text: str) -> Evaluate:
        return for_elements(*self.expressions._path_of(text))

    def condition(self, text: str) -> Test:
        return self.expressions._guard_of(text).test

    def pattern(self, text: str, label: str | None = None) -> Pattern:
        return self.expressions.setting.environment.patterns.compile(text, label=label)

    def problem(
        self,
        message: str,
        key: str,
        *,
        severity: Literal["error", "warning"] = "error",
        excerpt: str | None = None,
        caret: int | None = None,
    ) -> None:
        self.expressions.problem(message, key, severity=severity, excerpt=excerpt, caret=caret)
