"""Parameters as written → arguments: constants checked at load, paths and ``${variables}`` evaluated when a function
runs.

Decisions 35 and 37: a parameter that is a ``${v}`` is taken whole; inside a longer pattern, and in replacements, the
value is quoted.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxeny.transform.errors import EntityFailedError, ExpressionSyntaxError, ParameterError, PatternSyntaxError
from proxeny.transform.functions.registry import Argument, Environment, Function, Given, Parameter
from proxeny.transform.regexes import quote_pattern, quote_replacement
from proxeny.transform.values import MISSING, Run, to_text

_VARIABLE = re.compile(r"\$\{([^${}]+)\}")
_WHOLE_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,15})\s*")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one use of a function, by name."""

    by_name: Mapping[str, Argument]
    environment: Environment

    @property
    def constant(self) -> Given | None:
        """All of them, if none depends on the run."""
        if any(argument.evaluate for argument in self.by_name.values()):
            return None
        return Given({name: argument.constant for name, argument in self.by_name.items()}, self.environment)

    def at(self, run: Run) -> Given:
        """All of them for this run; raises EntityFailedError where a value does not fit."""
        return Given({name: argument.at(run) for name, argument in self.by_name.items()}, self.environment)


def read_arguments(function: Function, written: Mapping[str, Any], environment: Environment) -> Arguments | None:
    """The arguments, or None if there were mistakes: every one is told to the environment."""
    known = {parameter.name for parameter in function.parameters}
    for name in written:
        if name not in known:
            environment.problem(f"{function.name} has no parameter '{name}'; it is ignored", name, severity="warning")
    arguments = {}
    for parameter in function.parameters:
        try:
            arguments[parameter.name] = _read(parameter, written.get(parameter.name, MISSING), environment)
        except ParameterError as error:
            environment.problem(f"{function.name}: {error}", parameter.name)
        except ExpressionSyntaxError as error:
            message = f"{function.name}: {error.message}"
            environment.problem(message, parameter.name, excerpt=error.text, caret=error.position)
    if len(arguments) < len(function.parameters):
        return None
    return Arguments(arguments, environment)


def _read(parameter: Parameter, written: Any, environment: Environment) -> Argument:
    absent = written is MISSING or (written is None and parameter.kind != "any")
    if absent or (written == "" and parameter.kind in ("integer", "boolean", "choice")):
        if parameter.required:
            raise ParameterError(f"the parameter '{parameter.name}' is missing", parameter.name)
        return Argument(parameter.default)
    if isinstance(written, str) and parameter.accepts_path and written.startswith(("$.", "$[")):
        return Argument(evaluate=_from_path(parameter, written, environment))
    if isinstance(written, str) and parameter.accepts_variables and _VARIABLE.search(written):
        return Argument(evaluate=_from_variables(parameter, written, environment))
    return Argument(convert(parameter, written, environment))


def _from_path(parameter: Parameter, path: str, environment: Environment) -> Callable[[Run], Any]:
    evaluate = environment.path(path)

    def read(run: Run) -> Any:
        value = evaluate(run.root, run)
        if isinstance(value, list) and parameter.kind not in ("any", "names"):
            value = value[0] if value else MISSING
        return MISSING if value is MISSING or value is None else _fitting(parameter, value, environment)

    return read


def _from_variables(parameter: Parameter, template: str, environment: Environment) -> Callable[[Run], Any]:
    whole = _VARIABLE.fullmatch(template)
    if whole and parameter.kind != "replacement":
        name = whole[1]

        def bare(run: Run) -> Any:
            value = run.variables.get(name, MISSING)
            if value is MISSING or value is None:
                value = "" if parameter.kind == "regex" else MISSING
            return value if value is MISSING else _fitting(parameter, value, environment, template)

        return bare

    quote = _QUOTES.get(parameter.kind, str)

    def filled(run: Run) -> Any:
        text = _VARIABLE.sub(lambda found: quote(to_text(run.variables.get(found[1]))), template)
        return _fitting(parameter, text, environment, template)

    return filled


_QUOTES: dict[str, Callable[[str], str]] = {"regex": quote_pattern, "replacement": quote_replacement}


def _fitting(parameter: Parameter, value: Any, environment: Environment, label: str | None = None) -> Any:
    """``convert`` of a value that comes from an entity, which fails if it does not fit."""
    try:
        return convert(parameter, value, environment, label)
    except ParameterError as error:
        raise EntityFailedError(f"parameter {error.key}: {error}", reason="bad-parameter") from None
    except PatternSyntaxError as error:
        raise EntityFailedError(
            f"a regular expression made of variables cannot be read: {error.message}", reason="bad-pattern"
        ) from None


def convert(parameter: Parameter, value: Any, environment: Environment, label: str | None = None) -> Any:
    """The value as the parameter's kind wants it; raises ParameterError, and PatternSyntaxError for a pattern."""
    match parameter.kind:
        case "any":
            return value
        case "integer":
            return _integer(parameter, value)
        case "boolean":
            return _boolean(parameter, value)
        case "choice":
            return _choice(parameter, value)
        case "names":
            return _names(parameter, value)
        case "regex":
            return environment.pattern(_text(parameter, value), label)
        case _:
            return _text(parameter, value)


def _text(parameter: Parameter, value: Any) -> str:
    if isinstance(value, list | dict):
        raise ParameterError(f"'{parameter.name}' must be a text, not a {_KINDS[type(value)]}", parameter.name)
    return to_text(value)


_KINDS: dict[type, str] = {list: "list", dict: "object"}


def _integer(parameter: Parameter, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and (found := _WHOLE_NUMBER.fullmatch(value.replace("\u2013", "-"))):
        return int(found[1])
    raise ParameterError(f"'{parameter.name}' must be a whole number", parameter.name)


def _boolean(parameter: Parameter, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ParameterError(f"'{parameter.name}' must be true or false", parameter.name)


def _choice(parameter: Parameter, value: Any) -> str:
    text = _text(parameter, value).casefold()
    for choice in parameter.choices:
        if choice.casefold() == text:
            return choice
    raise ParameterError(f"'{parameter.name}' must be one of {', '.join(parameter.choices)}", parameter.name)


def _names(parameter: Parameter, value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ParameterError(f"'{parameter.name}' must be a name or a list of names", parameter.name)
    return tuple(names)
