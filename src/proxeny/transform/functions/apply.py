"""A declared function → a step that runs, or that asks the store, and maybe its inverse; layers.py applies it to
lists and objects.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from proxeny.errors import Error
from proxeny.transform.errors import EntityFailedError, ExpressionSyntaxError, ParameterError, PatternSyntaxError
from proxeny.transform.functions.layers import Shape, lift
from proxeny.transform.functions.parameters import Arguments, read_arguments
from proxeny.transform.functions.registry import (
    Core,
    Environment,
    Given,
    Lookup,
    LookupStep,
    Reversal,
    Step,
    extensions,
    find,
)
from proxeny.transform.functions.table import FUNCTIONS
from proxeny.transform.mapping import FunctionDeclaration
from proxeny.transform.values import MISSING, Run, Test

_DEPENDS = re.compile(r"[$@]|\bis[A-Z]\w*\s*\(")
"""What makes a condition depend on more than literals."""


def compile_function(declaration: FunctionDeclaration, environment: Environment) -> Step:
    """The step of a declared function.

    Every mistake is told to ``environment.problem``; the step of a wrong declaration fails every entity.
    """
    try:
        function = find(declaration.name)
    except ParameterError as error:
        environment.problem(str(error), error.key)
        return _broken(declaration)
    if function is None:
        environment.problem(_unknown(declaration.name), "function")
        return _broken(declaration)
    try:
        arguments = read_arguments(function, declaration.parameters, environment)
        test = _test(declaration, environment)
        if arguments is None:
            return _broken(declaration)
        if test is False:
            return Step(function.name, _same, reversible=Reversal(str), unchanging=True)
        shape = Shape(
            function,
            declaration.apply_on_elements,
            declaration.apply_on_attribute,
            declaration.assign_to_attribute,
            None if test is True else test,
        )
        return _step(shape, arguments)
    except ParameterError as error:
        environment.problem(f"{function.name}: {error}", error.key)
    except PatternSyntaxError as error:
        environment.problem(
            f"{function.name}: {error.message}", "replacement", excerpt=error.text, caret=error.position
        )
    return _broken(declaration)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, [*FUNCTIONS, *extensions()], 1, 0.6)
    return f"there is no function '{name}'" + (f"; did you mean '{near[0]}'?" if near else "")


def _same(value: Any, run: Run) -> Any:
    return value


def _broken(declaration: FunctionDeclaration) -> Step:
    def fail(value: Any, run: Run) -> Any:
        raise EntityFailedError(f"the function {declaration.name} could not be loaded", reason="function-failed")

    return Step(declaration.name, fail)


def _test(declaration: FunctionDeclaration, environment: Environment) -> Test | bool:
    """The condition, or the answer itself if it depends on nothing."""
    text = declaration.condition
    if text is None or not text.strip():
        return True
    try:
        test = environment.condition(text)
    except ExpressionSyntaxError as error:
        environment.problem(error.message, "condition", excerpt=error.text, caret=error.position)
        return True
    if _DEPENDS.search(text):
        return test
    try:
        return test(MISSING, Run(None))
    except Error:
        return test


def _step(shape: Shape, arguments: Arguments) -> Step:
    function, given = shape.function, arguments.constant
    if given is not None:
        apply = lift(shape, function.prepare(given))
    elif function.live is not None:
        apply = lift(shape, function.live(arguments.by_name))
    else:
        apply = _at_run_time(shape, arguments)
    return Step(
        function.name,
        apply,
        makes_value=function.makes_value,
        lookup=_lookup_step(shape, arguments, given),
        reversible=_reversal(shape, given),
    )


def _at_run_time(shape: Shape, arguments: Arguments) -> Core:
    """For parameters that depend on the run: prepared anew for every value, then applied as ever."""

    def apply(value: Any, run: Run) -> Any:
        given = arguments.at(run)
        try:
            core = shape.function.prepare(given)
        except ParameterError as error:
            raise EntityFailedError(f"{shape.function.name}: {error}", reason="bad-parameter") from None
        except PatternSyntaxError as error:
            raise EntityFailedError(f"{shape.function.name}: {error.message}", reason="bad-pattern") from None
        return lift(shape, core)(value, run)

    return apply


def _reversal(shape: Shape, given: Given | None) -> Reversal | None:
    if shape.function.reverse is None or given is None or shape.test or shape.attribute or shape.assign:
        return None
    forward = shape.function.reverse(given)
    return Reversal(forward) if forward else None


def _level(found: list[Any]) -> list[Any]:
    """One list, where some ids became several."""
    if not any(isinstance(one, list) for one in found):
        return found
    return [part for one in found for part in (one if isinstance(one, list) else [one])]


def _lookup_step(shape: Shape, arguments: Arguments, given: Given | None) -> LookupStep | None:
    question = shape.function.question
    if question is None or arguments.environment.role == "proxy":
        return None

    def collect(value: Any, run: Run) -> tuple[Lookup, ...]:
        asked: dict[Lookup, None] = {}
        ask = question(given or arguments.at(run))

        def note(part: Any, run: Run) -> Any:
            lookup = ask(part)
            if lookup is not None:
                asked[lookup] = None
            return part

        lift(shape, note)(value, run)
        return tuple(asked)

    def finish(value: Any, run: Run, answers: Mapping[Lookup, str | list[str] | None]) -> Any:
        ask = question(given or arguments.at(run))

        def answer(part: Any, run: Run) -> Any:
            lookup = ask(part)
            found = None if lookup is None else answers.get(lookup)
            return MISSING if found is None else found

        found = lift(shape, answer)(value, run)
        return _level(found) if isinstance(found, list) else found

    return LookupStep(collect, finish)
