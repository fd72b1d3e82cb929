"""Condition → function. What the properties and constants decide is decided here, once.

A comparison with a constant, which nearly all are, becomes a closure for just that constant.
"""

from collections.abc import Callable
from typing import Any

import proxeny.transform.paths.evaluate as paths  # paths hold filters, conditions hold paths
from proxeny.transform.conditions import checks
from proxeny.transform.conditions.ast import (
    And,
    Check,
    Comparison,
    Condition,
    Constant,
    Exists,
    Items,
    Literal,
    Not,
    Operand,
    Or,
    Pattern,
    Template,
    Variable,
)
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.conditions.equality import members_of
from proxeny.transform.conditions.operators import RELATIONS
from proxeny.transform.conditions.patterns import compile_match
from proxeny.transform.paths.ast import Path
from proxeny.transform.paths.functions import LENGTHS
from proxeny.transform.values import MISSING, Evaluate, Run, Test, as_number, once, to_text

_NEGATED = {"!=": "==", "!==": "===", "nin": "in", "noneof": "anyof"}


def compile_condition(condition: Condition, environment: Environment | None = None) -> Test:
    """A function (``@``, run) → bool. Raises PatternSyntaxError for a pattern that is wrong."""
    environment = environment or Environment()
    return _compile(fold(condition, environment), environment)


def fold(condition: Condition, environment: Environment | None = None) -> Condition:
    """The condition with everything decided that constants and properties decide."""
    environment = environment or Environment()
    match condition:
        case And(terms):
            return _folded_terms(terms, environment, And, decisive=False)
        case Or(terms):
            return _folded_terms(terms, environment, Or, decisive=True)
        case Not(term):
            inner = fold(term, environment)
            return Constant(not inner.value) if isinstance(inner, Constant) else Not(inner)
        case Comparison(left=Literal() | Pattern(), right=Literal() | Pattern()) if _constant(condition):
            return Constant(_comparison(condition, environment)(None, Run(None)))
        case Check(function, _, key):
            settled = checks.settled_check(function, key, environment)
            return condition if settled is None else Constant(settled)
    return condition


def compile_operand(operand: Operand, environment: Environment) -> Evaluate:
    """The operand's value; the length of a missing path is 0 (a named difference from Jayway)."""
    match operand:
        case Literal(value):
            return lambda current, run: value
        case Variable(name):
            return lambda current, run: run.variables.get(name, MISSING)
        case Template(parts):
            return lambda current, run: "".join(_part_text(part, run) for part in parts)
        case Items(items):
            return _list_of([compile_operand(item, environment) for item in items])
        case Path():
            get = paths.for_elements(operand, paths.compile_path(operand, environment))
            return _zero_if_missing(get) if operand.function in LENGTHS else get
    return lambda current, run: MISSING


def _constant(comparison: Comparison) -> bool:
    """Whether no side is a pattern with variables in it."""
    sides = (comparison.left, comparison.right)
    return all(not isinstance(side, Pattern) or all(isinstance(part, str) for part in side.parts) for side in sides)


def _folded_terms(
    terms: tuple[Condition, ...],
    environment: Environment,
    join: Callable[[tuple[Condition, ...]], Condition],
    *,
    decisive: bool,
) -> Condition:
    kept: list[Condition] = []
    for term in terms:
        folded = fold(term, environment)
        if not isinstance(folded, Constant):
            kept.append(folded)
        elif folded.value is decisive:
            return folded
    return join(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Constant(not decisive)


def _compile(condition: Condition, environment: Environment) -> Test:
    match condition:
        case Comparison():
            return _comparison(condition, environment)
        case Exists(path):
            return paths.compile_exists(path, environment)
        case Check():
            return _check(condition, environment)
        case And(terms):
            return _all([_compile(term, environment) for term in terms])
        case Or(terms):
            return _any([_compile(term, environment) for term in terms])
        case Not(term):
            return _negated(_compile(term, environment))
        case Constant(value):
            return lambda current, run: value


def _check(check: Check, environment: Environment) -> Test:
    if check.function == "isRegularGroup":
        return checks.regular_group
    if check.function == "isApplicationSpecificGroup":
        return checks.application_group(environment.text(checks.APPLICATION_PROPERTY))
    get = compile_operand(check.path or Path(()), environment)
    if check.function == "isValidEmail":
        return checks.valid_email(get)
    return checks.PREFIX_CHECKS[check.function](get, environment.text(check.key or ""))


def _comparison(comparison: Comparison, environment: Environment) -> Test:
    operator, left, right = comparison.operator, comparison.left, comparison.right
    if isinstance(right, Pattern):
        return compile_match(compile_operand(left, environment), right, environment)
    if isinstance(left, Pattern):
        return compile_match(compile_operand(right, environment), left, environment)
    if operator in _NEGATED:
        positive = _relation(_NEGATED[operator], left, right, environment)
        return _negated(positive)
    return _relation(operator, left, right, environment)


def _relation(operator: str, left: Operand, right: Operand, environment: Environment) -> Test:
    if operator in ("==", "===") and isinstance(left, Literal):
        left, right = right, left
    get = compile_operand(left, environment)
    if isinstance(right, Literal):
        if operator == "==":
            return _equals_constant(get, right.value)
        relation, value = RELATIONS[operator], right.value
        return lambda current, run: relation(get(current, run), value)
    relation, other = RELATIONS[operator], compile_operand(right, environment)
    if operator == "in" and _of_the_input(right):
        return _among(get, once(lambda current, run: members_of(other(current, run))))
    if operator == "contains" and _of_the_input(left):
        return _contains_among(get, other)
    return lambda current, run: relation(get(current, run), other(current, run))


def _of_the_input(operand: Operand) -> bool:
    """Whether the value is the same for all elements of a run."""
    return isinstance(operand, Path) and not operand.relative and "${" not in operand.text


def _contains_among(get: Evaluate, other: Evaluate) -> Test:
    """``contains`` where one text or list is asked about many values."""
    relation, members = RELATIONS["contains"], once(lambda current, run: members_of(get(current, run)))

    def test(current: Any, run: Run) -> bool:
        whole = get(current, run)
        if whole.__class__ is list:
            found: bool = members(current, run).holds(other(current, run))
            return found
        return relation(whole, other(current, run))

    return test


def _among(get: Evaluate, members: Evaluate) -> Test:
    return lambda current, run: members(current, run).holds(get(current, run))


def _equals_constant(get: Evaluate, constant: Any) -> Test:
    """``== constant``; on a missing path ``== null`` and ``== []`` hold (decision 16)."""
    if constant is None or constant == []:
        nothing = (constant, MISSING)
        return lambda current, run: get(current, run) in nothing
    if isinstance(constant, bool):
        return lambda current, run: get(current, run) is constant
    if isinstance(constant, str):
        return _equals_text(get, constant)
    equal = RELATIONS["=="]
    return lambda current, run: equal(get(current, run), constant)


def _equals_text(get: Evaluate, constant: str) -> Test:
    number = as_number(constant)
    if number is None:
        return lambda current, run: bool(get(current, run) == constant)

    def test(current: Any, run: Run) -> bool:
        value = get(current, run)
        return bool(value == (constant if value.__class__ is str else number)) and value.__class__ is not bool

    return test


def _negated(test: Test) -> Test:
    return lambda current, run: not test(current, run)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, other = tests
        return lambda current, run: one(current, run) and other(current, run)
    return lambda current, run: all(test(current, run) for test in tests)


def _any(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, other = tests
        return lambda current, run: one(current, run) or other(current, run)
    return lambda current, run: any(test(current, run) for test in tests)


def _part_text(part: str | Variable, run: Run) -> str:
    return part if isinstance(part, str) else to_text(run.variables.get(part.name))


def _list_of(items: list[Evaluate]) -> Evaluate:
    def evaluate(current: Any, run: Run) -> list[Any]:
        values = [item(current, run) for item in items]
        return [value for value in values if value is not MISSING]

    return evaluate


def _zero_if_missing(get: Evaluate) -> Evaluate:
    def evaluate(current: Any, run: Run) -> Any:
        value = get(current, run)
        return 0 if value is MISSING else value

    return evaluate
