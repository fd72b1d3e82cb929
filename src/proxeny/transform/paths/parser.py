"""Text → path, in the dialect of Jayway JsonPath.

Inside a condition a path ends at a blank, an operator, a bracket or a comma; alone it is the whole text, and ``$.`` in
front may be missing. ``$.a.@odata.type`` splits at every dot: names with dots need brackets (decision 44).
"""

import re
from typing import Any

import orjson

import proxeny.transform.conditions.parser as conditions  # the two grammars contain each other
from proxeny.transform.errors import PathSyntaxError
from proxeny.transform.paths.ast import (
    Call,
    Descend,
    Filter,
    Index,
    Indexes,
    Key,
    Keys,
    Path,
    Segment,
    Slice,
    Wildcard,
)
from proxeny.transform.paths.lexer import LONGEST, Scanner

FUNCTIONS = frozenset(
    {"length", "size", "min", "max", "sum", "avg", "stddev", "keys", "first", "last", "index", "concat", "append"}
)
"""What may stand at the end of a path with ``()`` behind it."""

_ALONE = re.compile(r"[^.\[\s(]+")
_ENCLOSED = re.compile(r"[^.\[\]\s(),<>=!~&|]+")
_JSON_ARGUMENT = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null')


def parse_path(text: str) -> Path:
    """The path that the text is; raises PathSyntaxError with the place of the mistake. A missing ``$.`` is added."""
    scanner = Scanner(text, PathSyntaxError)
    scanner.skip_blanks()
    if scanner.ended:
        scanner.fail("the path is empty")
    relative = scanner.peek() == "@"
    segments: list[Segment] = []
    if relative or scanner.peek() == "$":
        scanner.position += 1
        if scanner.peek() not in ("", ".", "[", " "):
            scanner.fail("expected '.' or '[' here; a name that starts with $ or @ needs brackets: $['@type']")
    elif scanner.peek() not in (".", "["):
        _read_name(scanner, segments, _ALONE)
    _read_segments(scanner, segments, _ALONE)
    _expect_length(scanner, segments)
    _expect_end(scanner)
    return Path(tuple(segments), relative, text)


def _expect_length(scanner: Scanner, segments: list[Segment]) -> None:
    if len(segments) > LONGEST:
        scanner.fail(f"the path has {len(segments)} segments; {LONGEST} are possible")


def _expect_end(scanner: Scanner) -> None:
    scanner.skip_blanks()
    if not scanner.ended:
        scanner.fail(f"unexpected {scanner.peek()!r} in the path; a name with blanks needs brackets: ['my name']")


def read_path(scanner: Scanner) -> Path:
    """The path that starts at ``$`` or ``@`` here, inside a condition."""
    start = scanner.position
    relative = scanner.take("@")
    if not relative and not scanner.take("$"):
        scanner.fail("expected a path: it starts with $ or @")
    segments: list[Segment] = []
    _read_segments(scanner, segments, _ENCLOSED)
    _expect_length(scanner, segments)
    return Path(tuple(segments), relative, scanner.text[start : scanner.position])


def _read_segments(scanner: Scanner, segments: list[Segment], name: re.Pattern[str]) -> None:
    while not scanner.ended:
        if scanner.take(".."):
            if scanner.peek() == ".":
                scanner.fail("three dots in a row")
            segments.append(Descend())
            _read_after_dot(scanner, segments, name)
        elif scanner.take("."):
            _read_after_dot(scanner, segments, name)
        elif scanner.peek() == "[":
            segments.append(_read_brackets(scanner))
        elif segments and _name_may_follow(scanner, segments, name):
            _read_name(scanner, segments, name)
        else:
            return


def _name_may_follow(scanner: Scanner, segments: list[Segment], name: re.Pattern[str]) -> bool:
    """``[*]name`` without a dot, as Jayway reads it; never after a name."""
    return not isinstance(segments[-1], Key | Call) and name.match(scanner.text, scanner.position) is not None


def _read_after_dot(scanner: Scanner, segments: list[Segment], name: re.Pattern[str]) -> None:
    if scanner.peek() == "[":
        segments.append(_read_brackets(scanner))
    elif scanner.peek() == "*" and scanner.peek(2) in ("*", "*.", "*[", "* ", "*)"):
        scanner.position += 1
        segments.append(Wildcard())
    else:
        _read_name(scanner, segments, name)


def _read_name(scanner: Scanner, segments: list[Segment], name: re.Pattern[str]) -> None:
    start = scanner.position
    found = scanner.match(name)
    if not found:
        scanner.fail("a name is missing" if scanner.ended else f"expected a name, found {scanner.peek()!r}")
    if scanner.take("("):
        segments.append(_read_call(scanner, found.group(), start))
    else:
        segments.append(Key(found.group()))


def _read_call(scanner: Scanner, function: str, start: int) -> Call:
    if function not in FUNCTIONS:
        scanner.fail(f"there is no path function {function!r}; there are {', '.join(sorted(FUNCTIONS))}", start)
    arguments: list[Any] = []
    scanner.skip_blanks()
    while not scanner.take(")"):
        if arguments:
            scanner.expect(",", "between the arguments")
            scanner.skip_blanks()
        arguments.append(_read_argument(scanner))
        scanner.skip_blanks()
    return Call(function, tuple(arguments))


def _read_argument(scanner: Scanner) -> Any:
    if scanner.peek() in ("$", "@") and scanner.peek():
        scanner.enter()
        path = read_path(scanner)
        scanner.leave()
        return path
    if scanner.peek() == "'":
        return scanner.quoted()
    start = scanner.position
    found = scanner.match(_JSON_ARGUMENT)
    if not found:
        scanner.fail("expected a path, a string or a number as argument, or ')'")
    try:
        return orjson.loads(found.group())
    except orjson.JSONDecodeError:
        scanner.fail("this is no number", start)


def _read_brackets(scanner: Scanner) -> Segment:
    scanner.take("[")
    scanner.skip_blanks()
    following = scanner.peek()
    if following in ("'", '"') and following:
        return _read_keys(scanner)
    if following == "?":
        return _read_filter(scanner)
    if scanner.take("*"):
        scanner.expect("]", "after the asterisk")
        return Wildcard()
    return _read_numbers(scanner)


def _read_keys(scanner: Scanner) -> Segment:
    names: list[str] = []
    while True:
        scanner.skip_blanks()
        if scanner.peek() not in ("'", '"') or scanner.ended:
            scanner.fail("expected a name in quotes")
        names.append(scanner.quoted())
        scanner.skip_blanks()
        if not scanner.take(","):
            break
    scanner.expect("]", "after the name")
    return Key(names[0]) if len(names) == 1 else Keys(tuple(names))


def _read_filter(scanner: Scanner) -> Filter:
    scanner.take("?")
    scanner.expect("(", "after the question mark")
    scanner.enter()
    condition = conditions.read_condition(scanner)
    scanner.leave()
    scanner.expect(")", "after the filter")
    scanner.expect("]", "after the filter")
    return Filter(condition)


def _read_numbers(scanner: Scanner) -> Segment:
    start = scanner.integer()
    scanner.skip_blanks()
    if scanner.take(":"):
        scanner.skip_blanks()
        stop = scanner.integer()
        scanner.expect("]", "after the slice")
        return Slice(start, stop)
    if start is None:
        scanner.fail("expected a name in quotes, an index, a slice, * or ?(filter) in the brackets")
    indexes = [start]
    while scanner.take(","):
        scanner.skip_blanks()
        if (index := scanner.integer()) is None:
            scanner.fail("expected an index")
        indexes.append(index)
        scanner.skip_blanks()
    scanner.expect("]", "after the index")
    return Index(start) if len(indexes) == 1 else Indexes(tuple(indexes))
