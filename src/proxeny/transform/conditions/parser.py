"""Text → condition: ``&&`` binds stronger than ``||``, ``!`` stands before brackets, a function or a path.

Spec §5. ``%property%`` is replaced before; ``${variable}`` becomes an operand of its own and is never parsed.
"""

import re
from typing import cast, get_args

import proxeny.transform.conditions.operands as operands  # operands hold paths, paths hold conditions
import proxeny.transform.paths.parser as paths  # the two grammars contain each other
from proxeny.transform.conditions.ast import (
    And,
    Check,
    Comparison,
    Condition,
    Constant,
    Exists,
    Function,
    Literal,
    Not,
    Operand,
    Operator,
    Or,
    Pattern,
)
from proxeny.transform.errors import ConditionSyntaxError
from proxeny.transform.paths.ast import Path
from proxeny.transform.paths.lexer import Scanner

_SIGN = re.compile(r"===|==|!==|!=|=~|<=|>=|<|>")
_WORD_OPERATOR = re.compile(r"(contains|in|nin|subsetof|anyof|noneof|all|size|empty)(?![A-Za-z0-9_.-])", re.IGNORECASE)
_PROPERTY_KEY = re.compile(r"[^\s,()'\"]+")
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
    word = scanner.match(operands.WORD)
    if not word or word.group() in operands.CONSTANTS:
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
    left = operands.read_operand(scanner)
    scanner.skip_blanks()
    position = scanner.position
    operator = _read_operator(scanner)
    if operator is None:
        if scanner.peek() == "=":
            scanner.fail("a comparison is written ==, not =")
        return _alone(scanner, left, start)
    right = _read_boolean(scanner) if operator == "empty" else operands.read_operand(scanner)
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
        return operands.read_operand(scanner)
    text = scanner.quoted() if scanner.peek() in ("'", '"') and scanner.peek() else _taken_word(scanner)
    if text.lower() not in ("true", "false"):
        scanner.fail("empty is followed by true or false", start)
    return Literal(text.lower() == "true", text)


def _taken_word(scanner: Scanner) -> str:
    found = scanner.match(operands.WORD)
    return found.group() if found else ""
