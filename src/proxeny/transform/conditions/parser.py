"""Text → condition: ``&&`` binds stronger than ``||``, ``!`` stands before brackets, a function or a path.

Spec §5. ``%property%`` is replaced before; ``${variable}`` becomes an operand of its own and is never parsed.
"""

import re
from typing import Any, cast, get_args

import proxeny.transform.paths.parser as paths  # the two grammars contain each other
from proxeny.transform.conditions.ast import (
    And,
    Check,
    Comparison,
    Condition,
    Constant,
    Exists,
    Function,
    Items,
    Literal,
    Not,
    Operand,
    Operator,
    Or,
    Pattern,
    Template,
    Variable,
)
from proxeny.transform.errors import ConditionSyntaxError
from proxeny.transform.paths.ast import Path
from proxeny.transform.paths.lexer import Scanner

_SIGN = re.compile(r"===|==|!==|!=|=~|<=|>=|<|>")
_WORD_OPERATOR = re.compile(r"(contains|in|nin|subsetof|anyof|noneof|all|size|empty)(?![A-Za-z0-9_.-])", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_])")
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/([a-zA-Z]*)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_BARE_ITEM = re.compile(r"[^,\[\]{}'\"]+")
_PROPERTY_KEY = re.compile(r"[^\s,()'\"]+")
_FLAGS = frozenset("ismxudU")
_CONSTANTS = {"true": True, "false": False, "null": None}
_PREFIX_CHECKS = ("isAttributeWithOptionalPrefix", "isAttributeWithMandatoryPrefix")


def parse_condition(text: str) -> Condition:
    """The condition that the text is; raises ConditionSyntaxError with the place of the mistake."""
    scanner = Scanner(text, ConditionSyntaxError)
    condition = read_condition(scanner)
    scanner.skip_blanks()
    if not scanner.ended:
        scanner.fail(f"expected &&, || or the end of the condition, found {scanner.peek()!r}")
    return condition


def read_condition(scanner: Scanner) -> Condition:
    """The condition that starts here, up to what cannot belong to it."""
    terms = [_read_and(scanner)]
    while _take_sign(scanner, "||"):
        terms.append(_read_and(scanner))
    return terms[0] if len(terms) == 1 else Or(tuple(terms))


def _take_sign(scanner: Scanner, sign: str) -> bool:
    scanner.skip_blanks()
    return scanner.take(sign)


def _read_and(scanner: Scanner) -> Condition:
    terms = [_read_term(scanner)]
    while _take_sign(scanner, "&&"):
        terms.append(_read_term(scanner))
    return terms[0] if len(terms) == 1 else And(tuple(terms))


def _read_term(scanner: Scanner) -> Condition:
    scanner.skip_blanks()
    if scanner.peek() == "!" and scanner.peek(2) != "!=":
        scanner.position += 1
        scanner.enter()
        term = _read_term(scanner)
        scanner.leave()
        return Not(term)
    if scanner.take("("):
        scanner.enter()
        condition = read_condition(scanner)
        scanner.leave()
        scanner.expect(")", "to close the bracket")
        return condition
    return _read_check(scanner) or _read_comparison(scanner)


def _read_check(scanner: Scanner) -> Condition | None:
    """``isValidEmail(path)`` and its like; None if no such word stands here."""
    start = scanner.position
    word = scanner.match(_WORD)
    if not word or word.group() in _CONSTANTS:
        scanner.position = start
        return None
    name = word.group()
    scanner.skip_blanks()
    if name not in get_args(Function):
        known = ", ".join(get_args(Function))
        scanner.fail(f"{name!r} is no operand: text stands in quotes; the functions are {known}", start)
    scanner.expect("(", f"after {name}")
    scanner.skip_blanks()
    path = key = None
    if not name.endswith("Group"):
        path = paths.read_path(scanner)
    if name in _PREFIX_CHECKS:
        scanner.expect(",", f"between the path and the property of {name}")
        key = _read_property_key(scanner)
    scanner.expect(")", f"after the arguments of {name}")
    return Check(cast(Function, name), path, key)


def _read_property_key(scanner: Scanner) -> str:
    scanner.skip_blanks()
    if scanner.peek() in ("'", '"') and scanner.peek():
        return scanner.quoted()
    found = scanner.match(_PROPERTY_KEY)
    if not found:
        scanner.fail("expected the name of a property")
    return found.group()


def _read_comparison(scanner: Scanner) -> Condition:
    start = scanner.position
    left = _read_operand(scanner)
    scanner.skip_blanks()
    position = scanner.position
    operator = _read_operator(scanner)
    if operator is None:
        if scanner.peek() == "=":
            scanner.fail("a comparison is written ==, not =")
        return _alone(scanner, left, start)
    right = _read_boolean(scanner) if operator == "empty" else _read_operand(scanner)
    if operator == "=~" and isinstance(left, Pattern) == isinstance(right, Pattern):
        scanner.fail("=~ compares a value with a pattern between slashes: $.name =~ /AB_.*/", position)
    if operator != "=~" and (isinstance(left, Pattern) or isinstance(right, Pattern)):
        scanner.fail("a pattern between slashes is compared with =~ only", position)
    return Comparison(operator, left, right, position)


def _alone(scanner: Scanner, operand: Operand, start: int) -> Condition:
    if isinstance(operand, Path):
        return Exists(operand)
    if isinstance(operand, Literal) and isinstance(operand.value, bool):
        return Constant(operand.value)
    if scanner.peek() in (")", "&", "|"):
        scanner.fail("this operand stands alone; compare it with something", start)
    scanner.fail("expected an operator: ==, !=, ===, !==, <, <=, >, >=, =~, contains, in, nin, empty …")


def _read_operator(scanner: Scanner) -> Operator | None:
    found = scanner.match(_SIGN) or scanner.match(_WORD_OPERATOR)
    return cast(Operator, found.group().lower()) if found else None


def _read_boolean(scanner: Scanner) -> Operand:
    """The right side of ``empty``: true or false in any case, with or without quotes, or a path to one."""
    scanner.skip_blanks()
    start = scanner.position
    if scanner.peek() in ("$", "@") and scanner.peek():
        return _read_operand(scanner)
    text = scanner.quoted() if scanner.peek() in ("'", '"') and scanner.peek() else _taken_word(scanner)
    if text.lower() not in ("true", "false"):
        scanner.fail("empty is followed by true or false", start)
    return Literal(text.lower() == "true", text)


def _taken_word(scanner: Scanner) -> str:
    found = scanner.match(_WORD)
    return found.group() if found else ""


def _read_operand(scanner: Scanner) -> Operand:
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
        return Literal(_number(number.group()), number.group())
    word = scanner.match(_WORD)
    if word and word.group() in _CONSTANTS:
        return Literal(_CONSTANTS[word.group()], word.group())
    scanner.position = start
    if scanner.ended:
        scanner.fail("an operand is missing at the end")
    shown = word.group() if word else scanner.peek()
    scanner.fail(f"expected a path, 'text', a number, true, false, null, a list or a /pattern/, not {shown!r}")


def _number(text: str) -> int | float:
    try:
        return int(text[:400])
    except ValueError:
        return float(text)


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
        return _read_operand(scanner)
    if (variable := scanner.match(_VARIABLE)) and scanner.peek() in (",", "]", " "):
        return Variable(variable.group(1), variable.group())
    scanner.position = start
    found = scanner.match(_BARE_ITEM)
    text = found.group().strip() if found else ""
    if not text:
        scanner.fail("an element of the list is missing")
    if text in _CONSTANTS:
        return Literal(_CONSTANTS[text], text)
    return Literal(_number(text), text) if _NUMBER.fullmatch(text) else _text_operand(text, text)


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
        item = _read_operand(scanner)
        if not isinstance(item, Literal):
            scanner.fail("an object holds constants only")
        value[key] = item.value
        scanner.skip_blanks()
    scanner.leave()
    return value
