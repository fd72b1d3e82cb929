"""Functions on texts: joining, cutting, replacing, matching."""

from collections.abc import Callable, Mapping
from typing import Any

from proxeny.transform.errors import ParameterError
from proxeny.transform.functions.registry import Argument, Core, Function, Given, Parameter
from proxeny.transform.regexes import Pattern
from proxeny.transform.values import MISSING, Run, to_text


def _concat(given: Given) -> Core:
    prefix, suffix = to_text(given["prefix"]), to_text(given["suffix"])
    return lambda value, run: prefix + (value if type(value) is str else to_text(value)) + suffix


def _concat_live(arguments: Mapping[str, Argument]) -> Core:
    prefix, suffix = arguments["prefix"], arguments["suffix"]
    return lambda value, run: to_text(prefix.at(run)) + to_text(value) + to_text(suffix.at(run))


def _strip(given: Given) -> Callable[[str], str | None]:
    prefix, suffix = to_text(given["prefix"]), to_text(given["suffix"])

    def strip(text: str) -> str | None:
        fits = len(text) >= len(prefix) + len(suffix) and text.startswith(prefix) and text.endswith(suffix)
        return text[len(prefix) : len(text) - len(suffix)] if fits else None

    return strip


def _composite(given: Given) -> Core:
    separator, sub = given["separator"], given["subId"]
    if sub is MISSING:
        return lambda value, run: MISSING
    return lambda value, run: f"{to_text(value)}{separator}{sub}"


def _substring(given: Given) -> Core:
    begin, end = given["beginIndex"], given["endIndex"]
    if begin is MISSING or end is MISSING:
        raise ParameterError("'beginIndex' or 'endIndex' has no value", "beginIndex")
    start = max(begin, 0)
    if end is None:
        return lambda value, run: to_text(value)[start:]
    stop = max(end, start)
    return lambda value, run: to_text(value)[start:stop]


def _replace(given: Given) -> Core:
    target, replacement = given["target"], to_text(given["replacement"])
    return lambda value, run: to_text(value).replace(target, replacement)


def _regex_replace(method: str) -> Callable[[Given], Core]:
    """Which of the matches are replaced is the name of the pattern's method."""

    def prepare(given: Given) -> Core:
        pattern: Pattern = given["regex"]
        replacement = pattern.replacement(given["replacement"])
        replace: Callable[..., str] = getattr(pattern, method)
        return lambda value, run: replace(to_text(value), replacement, run.budget)

    return prepare


def _matched_group(given: Given) -> Core:
    pattern: Pattern = given["regex"]
    index = given["groupIndex"]
    if index is MISSING or not 0 <= index <= pattern.groups:
        raise ParameterError(f"'groupIndex' must be a group of the regex: 0 to {pattern.groups}", "groupIndex")

    def group(value: Any, run: Run) -> Any:
        groups = pattern.fullmatch(to_text(value), run.budget)
        found = groups[index] if groups else None
        return MISSING if found is None else found

    return group


def _match(given: Given) -> Core:
    pattern: Pattern = given["regex"]
    return lambda value, run: pattern.matches(to_text(value), run.budget)


def _split(given: Given) -> Core:
    """As ``String.split`` in Java: empty parts at the end are left out, unless nothing but the text itself is left."""
    separator = given["separator"]
    if not separator:
        raise ParameterError("'separator' must not be empty", "separator")

    def split(value: Any, run: Run) -> list[str]:
        parts = to_text(value).split(separator)
        if len(parts) == 1:
            return parts
        while parts and not parts[-1]:
            parts.pop()
        return parts

    return split


def _text(given: Given) -> Core:
    return lambda value, run: to_text(value)


def _itself(given: Given) -> Callable[[str], str | None]:
    return lambda text: text


_REGEX = Parameter("regex", "regex", required=True, accepts_path=False)
_REPLACEMENT = Parameter("replacement", "replacement", required=True, accepts_path=False)

FUNCTIONS = (
    Function(
        "concatString",
        (Parameter("prefix", default=""), Parameter("suffix", default="")),
        _concat,
        live=_concat_live,
        reverse=_strip,
    ),
    Function(
        "compositeId",
        (Parameter("subId", required=True), Parameter("separator", default=":", accepts_path=False)),
        _composite,
    ),
    Function(
        "substring", (Parameter("beginIndex", "integer", required=True), Parameter("endIndex", "integer")), _substring
    ),
    Function(
        "replaceString",
        (
            Parameter("target", required=True, accepts_path=False),
            Parameter("replacement", required=True, accepts_path=False),
        ),
        _replace,
    ),
    Function("replaceFirstString", (_REGEX, _REPLACEMENT), _regex_replace("replace_first")),
    Function("replaceLastString", (_REGEX, _REPLACEMENT), _regex_replace("replace_last")),
    Function("replaceAllString", (_REGEX, _REPLACEMENT), _regex_replace("replace_all")),
    Function("getMatchedRegexGroup", (_REGEX, Parameter("groupIndex", "integer", required=True)), _matched_group),
    Function("matchRegex", (_REGEX,), _match),
    Function("splitStringToArray", (Parameter("separator", required=True, accepts_path=False),), _split),
    Function("toString", (), _text, reverse=_itself),
)
