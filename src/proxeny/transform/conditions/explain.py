"""The operands of a condition with their values, so that a trace can say why it was true or false."""

from collections.abc import Callable, Iterator
from typing import Any

from proxeny.transform.conditions import checks
from proxeny.transform.conditions.ast import (
    And,
    Check,
    Comparison,
    Condition,
    Exists,
    Literal,
    Not,
    Operand,
    Or,
    Pattern,
)
from proxeny.transform.conditions.environment import Environment
from proxeny.transform.conditions.evaluate import compile_operand
from proxeny.transform.paths.ast import Key, Path
from proxeny.transform.values import Evaluate, Run

Explanation = Callable[[Any, Run], list[tuple[str, Any]]]
"""(``@``, run) → each operand as written with its value, or MISSING; constants are left out."""


def explain_condition(condition: Condition, environment: Environment | None = None) -> Explanation:
    """What the condition depends on, in the order of the text, each once."""
    environment = environment or Environment()
    operands: dict[str, Evaluate] = {}
    for text, operand in _operands(condition):
        if text not in operands:
            operands[text] = compile_operand(operand, environment)
    return lambda current, run: [(text, evaluate(current, run)) for text, evaluate in operands.items()]


def _operands(condition: Condition) -> Iterator[tuple[str, Operand]]:
    match condition:
        case And(terms) | Or(terms):
            for term in terms:
                yield from _operands(term)
        case Not(term):
            yield from _operands(term)
        case Comparison(_, left, right):
            for operand in (left, right):
                if not isinstance(operand, Literal | Pattern):
                    yield operand.text, operand
        case Exists(path):
            yield path.text, path
        case Check():
            yield from _check_operands(condition)


def _check_operands(check: Check) -> Iterator[tuple[str, Operand]]:
    if check.path is not None:
        yield check.path.text, check.path
        return
    names = (
        ["applicationId"]
        if check.function == "isApplicationSpecificGroup"
        else ["supportedOperations", "applicationId"]
    )
    for name in names:
        text = f"$['{checks.GROUP_SCHEMA}']['{name}']"
        yield text, Path((Key(checks.GROUP_SCHEMA), Key(name)), text=text)
