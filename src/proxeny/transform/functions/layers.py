"""How a function is applied to what it is given, once for all functions: lists, ``condition``, attributes of objects.

Decisions 36, 37 and 43. The layers, from the outside: each element of a list · the condition on it (``@``) · the
attribute of it (``applyOnAttribute``, ``assignToAttribute``) · the function itself. Layers that a use does not need
are not there.
"""

from dataclasses import dataclass
from typing import Any

from proxeny.transform.errors import EntityFailedError
from proxeny.transform.functions.registry import Core, Function
from proxeny.transform.values import MISSING, Run, Test


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
