"""A declared function → a step: iteration, ``condition``, ``applyOnAttribute`` and ``assignToAttribute``, once for
all functions.

Decisions 36, 37 and 43. The layers, from the outside: each element of a list · the condition on it (``@``) · the
attribute of it · the
function itself. Layers that a use does not need are not there.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxeny.errors import Error
from proxeny.transform.errors import EntityFailedError, ExpressionSyntaxError, ParameterError, PatternSyntaxError
from proxeny.transform.functions.parameters import Arguments, read_arguments
from proxeny.transform.functions.registry import (
    Core,
    Environment,
    Function,
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


@dataclass(frozen=True, slots=True)
class Shape:
    """How a function is applied in one mapping."""

    function: Function
    elements: bool
    attribute: str | None
    assign: str | None
    test: Test | None

    @property
    def drops(self) -> bool:
        """Whether what has no result leaves the list altogether."""
        return self.function.question is not None


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

    def finish(value: Any, run: Run, answers: Mapping[Lookup, str | None]) -> Any:
        ask = question(given or arguments.at(run))

        def answer(part: Any, run: Run) -> Any:
            lookup = ask(part)
            found = None if lookup is None else answers.get(lookup)
            return MISSING if found is None else found

        return lift(shape, answer)(value, run)

    return LookupStep(collect, finish)


def lift(shape: Shape, core: Core) -> Core:
    """The function with the layers that its use needs."""
    inner = _LIFTS[shape.function.on](shape.function, core)
    attribute = shape.attribute or shape.function.default_attribute
    if attribute:
        inner = _on_attribute(shape, attribute, inner)
    elif shape.assign:
        inner = _assigned(shape.assign, inner)
    if shape.test:
        inner = _conditional(shape.test, inner)
    outer = shape.elements or shape.attribute or attribute or shape.assign or shape.test
    if outer and (shape.elements or shape.attribute or shape.function.on in ("scalar", "object")):
        return _each(inner)
    return inner


def _scalar(function: Function, core: Core) -> Core:
    def apply(value: Any, run: Run) -> Any:
        kind = type(value)
        if kind is str:
            return core(value, run)
        if kind is list:
            return [result for element in value if (result := apply(element, run)) is not MISSING]
        if kind is dict:
            raise EntityFailedError(
                f"{function.name} works on single values but got an object; name its attribute in applyOnAttribute",
                reason="function-failed",
            )
        return core(value, run) if value is not None or function.makes_value else None

    return apply


def _object(function: Function, core: Core) -> Core:
    def apply(value: Any, run: Run) -> Any:
        if type(value) is dict:
            return core(value, run)
        return [apply(element, run) for element in value] if type(value) is list else value

    return apply


def _whole(function: Function, core: Core) -> Core:
    return core


_LIFTS = {"scalar": _scalar, "object": _object, "list": _whole, "nothing": _whole}


def _on_attribute(shape: Shape, attribute: str, inner: Core) -> Core:
    """Works on one attribute of an object. The rest of the object stays; other values pass, or are worked on if that
    is implicit.
    """
    target = shape.assign or attribute
    makes, drops, implicit = shape.function.makes_value, shape.drops, shape.attribute is None
    plain = _assigned(shape.assign, inner) if implicit and shape.assign else inner

    def apply(value: Any, run: Run) -> Any:
        if type(value) is not dict:
            return plain(value, run) if implicit else value
        part = value.get(attribute)
        result = MISSING if part is None and not makes else inner(MISSING if part is None else part, run)
        if result is not MISSING:
            return {**value, target: result}
        if drops:
            return MISSING
        if part is None or target != attribute:
            return value
        return {key: kept for key, kept in value.items() if key != attribute}

    return apply


def _assigned(assign: str, inner: Core) -> Core:
    def apply(value: Any, run: Run) -> Any:
        result = inner(value, run)
        if result is MISSING or type(value) is dict:
            return result if result is MISSING else {**value, assign: result}
        return {assign: result}

    return apply


def _conditional(test: Test, inner: Core) -> Core:
    return lambda value, run: inner(value, run) if test(value, run) else value


def _each(inner: Core) -> Core:
    def apply(value: Any, run: Run) -> Any:
        if type(value) is not list:
            return inner(value, run)
        results = (None if element is None else inner(element, run) for element in value)
        return [result for result in results if result is not MISSING]

    return apply
