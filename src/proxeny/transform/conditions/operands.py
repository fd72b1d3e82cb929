"""Text → what stands on the two sides of an operator: a path, a constant, a variable, a list, a pattern."""

import re
from typing import Any

import proxeny.transform.paths.parser as paths  # the two grammars contain each other
from proxeny.transform.conditions.ast import Items, Literal, Operand, Pattern, Template, Variable
from proxeny.transform.paths.lexer import Scanner
from proxeny.transform.values import json_number

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_])")
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/([a-zA-Z]*)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_BARE_ITEM = re.compile(r"[^,\[\]{}'\"]+")
_FLAGS = frozenset("ismxudU")
CONSTANTS = {"true": True, "false": False, "null": None}


def read_operand(scanner: Scanner) -> Operand:
    scanner.skip_blanks()
    start = scanner.position
    following = scanner.peek()
    if variable := scanner.match(_VARIABLE):
        return Variable(variable.group(1), variable.group())
    if following in ("$", "@") and following:
        return paths.read_path(scanner)
    if following in ("'", '"') and following:
        return _text_operand(scanner.quoted(), scanner.text[start : scanner.position])
    if following == "/":
        return _read_pattern(scanner)
    if following == "[":
        return _read_list(scanner)
    if following == "{":
        return Literal(_read_object(scanner), scanner.text[start : scanner.position])
    return _read_plain(scanner)


def _read_plain(scanner: Scanner) -> Literal:
    start = scanner.position
    if number := scanner.match(_NUMBER):
        return Literal(_number(scanner, number.group(), start), number.group())
    word = scanner.match(WORD)
    if word and word.group() in CONSTANTS:
        return Literal(CONSTANTS[word.group()], word.group())
    scanner.position = start
    if scanner.ended:
        scanner.fail("an operand is missing at the end")
    shown = word.group() if word else scanner.peek()
    scanner.fail(f"expected a path, 'text', a number, true, false, null, a list or a /pattern/, not {shown!r}")


def _number(scanner: Scanner, text: str, start: int) -> int | float:
    try:
        return json_number(text)
    except OverflowError:
        scanner.fail("the number is too large", start)


def _parts(text: str) -> tuple[str | Variable, ...]:
    """The text cut at its ``${name}``; empty parts left out."""
    parts: list[str | Variable] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts += [text[end : found.start()], Variable(found.group(1), found.group())]
        end = found.end()
    parts.append(text[end:])
    return tuple(part for part in parts if part != "")


def _text_operand(value: str, text: str) -> Operand:
    return Template(_parts(value), text) if "${" in value and _VARIABLE.search(value) else Literal(value, text)


def _read_pattern(scanner: Scanner) -> Pattern:
    start = scanner.position
    found = scanner.match(_REGEX)
    if not found:
        scanner.fail("the pattern is not closed by a slash", start)
    source, flags = found.groups()
    if unknown := set(flags) - _FLAGS:
        scanner.fail(f"unknown pattern flag {min(unknown)!r}; there are i, s, m, x, u", found.start(2))
    return Pattern(_parts(source), flags, found.group())


def _read_list(scanner: Scanner) -> Operand:
    start = scanner.position
    items = _read_items(scanner)
    text = scanner.text[start : scanner.position]
    if all(isinstance(item, Literal) for item in items):
        return Literal([item.value for item in items if isinstance(item, Literal)], text)
    return Items(tuple(items), text)


def _read_items(scanner: Scanner) -> list[Operand]:
    scanner.take("[")
    scanner.enter()
    items: list[Operand] = []
    scanner.skip_blanks()
    while not scanner.take("]"):
        if items:
            scanner.expect(",", "or ']' in the list")
        items.append(_read_item(scanner))
        scanner.skip_blanks()
    scanner.leave()
    return items


def _read_item(scanner: Scanner) -> Operand:
    """An element of a list; what is neither quoted nor a number nor a constant is text, as in Jayway."""
    scanner.skip_blanks()
    start = scanner.position
    if scanner.peek() in ("'", '"', "[", "{") and scanner.peek():
        return read_operand(scanner)
    if (variable := scanner.match(_VARIABLE)) and scanner.peek() in (",", "]", " "):
        return Variable(variable.group(1), variable.group())
    scanner.position = start
    found = scanner.match(_BARE_ITEM)
    text = found.group().strip() if found else ""
    if not text:
        scanner.fail("an element of the list is missing")
    if text in CONSTANTS:
        return Literal(CONSTANTS[text], text)
    return Literal(_number(scanner, text, start), text) if _NUMBER.fullmatch(text) else _text_operand(text, text)


def _read_object(scanner: Scanner) -> dict[str, Any]:
    scanner.take("{")
    scanner.enter()
    value: dict[str, Any] = {}
    scanner.skip_blanks()
    while not scanner.take("}"):
        if value:
            scanner.expect(",", "or '}' in the object")
            scanner.skip_blanks()
        if scanner.peek() not in ("'", '"') or scanner.ended:
            scanner.fail("expected a key in quotes")
        key = scanner.quoted()
        scanner.expect(":", "after the key")
        item = read_operand(scanner)
        if not isinstance(item, Literal):
            scanner.fail("an object holds constants only")
        value[key] = item.value
        scanner.skip_blanks()
    scanner.leave()
    return value
