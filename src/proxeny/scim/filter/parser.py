"""Text of a filter or of a PATCH path → syntax tree (RFC 7644 §3.4.2.2, §3.5.2).

Lenient reading, on by default, also takes what clients send for a filter: values without quotes or in single quotes,
``true`` in any case, ``emails[0].value`` (SAP's spelling, which means any element). Nesting, length and number of
terms are bounded, so no text takes long or exhausts the stack. A mistake is shown with its column and a caret.
"""

import math
import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, cast

import orjson

from proxeny.scim.errors import BadRequestError, InvalidFilterError, InvalidPathError
from proxeny.scim.filter.ast import And, AttributePath, Comparison, Filter, Not, Operator, Or, Present, Value, ValuePath


@dataclass(frozen=True, slots=True)
class FilterLimits:
    """How deep brackets may nest, how many characters a text may have, and how many comparisons."""

    depth: int = 32
    length: int = 16384
    terms: int = 200


class PathExpression(NamedTuple):
    """A PATCH path: ``attribute[filter].sub``; ``path.sub`` is the sub-attribute, also behind a filter."""

    path: AttributePath
    filter: Filter | None


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


DEFAULT_LIMITS = FilterLimits()
_OPERATORS = frozenset(("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"))
_CONNECTIVES = frozenset(("and", "or", "not"))
_LITERALS: dict[str, Value] = {"true": True, "false": False, "null": None}
_TOKEN = re.compile(
    r"""\s*(?: (?P<string>"(?:[^"\\]|\\.)*") | (?P<quoted>'(?:[^'\\]|\\.)*') | (?P<punctuation>[()\[\]])
    | (?P<word>[^\s()\[\]"']+(?:'[^\s()\[\]"']*)*) | (?P<end>\Z) )""",
    re.VERBOSE | re.DOTALL,
)
_SIMPLE = re.compile(
    r"(?!not[ ])([A-Za-z$@_][\w$@-]*)(?:\.([A-Za-z$@_][\w$@-]*))?[ ](eq|co|sw)[ ]"
    r"\"([^\"\\\x00-\x1f\x7f-\U0010ffff]*)\"",
    re.ASCII | re.IGNORECASE,
)
"""What nearly every client sends: one comparison with a text that needs no unescaping."""

_NAME = re.compile(r"[A-Za-z$@_][\w$@-]*", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_INDEX = re.compile(r"\s*(?:\d{1,9}|\*)\s*\]", re.ASCII)
_SHOWN = 60


def parse_filter(text: str, *, limits: FilterLimits = DEFAULT_LIMITS, lenient: bool = True) -> Filter:
    """The syntax tree of a filter; InvalidFilterError says where the text is wrong."""
    simple = _SIMPLE.fullmatch(text) if len(text) <= limits.length and limits.terms else None
    if simple is not None:
        name, sub, comparison, value = simple.groups()
        return Comparison(AttributePath(name, sub), cast(Operator, comparison.lower()), value)
    parser = _Parser(text, limits, lenient, InvalidFilterError)
    tree = parser.disjunction()
    parser.expect_end("and, or, or the end of the filter")
    return tree


def parse_path(text: str, *, limits: FilterLimits = DEFAULT_LIMITS, lenient: bool = True) -> PathExpression:
    """The parts of a PATCH path; InvalidPathError says where the text is wrong. An index in brackets is refused."""
    parser = _Parser(text, limits, lenient, InvalidPathError)
    path = parser.attribute_path()
    inner: Filter | None = None
    if parser.at("["):
        inner = parser.bracketed()
        path = parser.trailing_sub(path)
    parser.expect_end("the end of the path")
    return PathExpression(path, inner)


def parse_attribute_path(text: str, *, error: type[BadRequestError] = InvalidPathError) -> AttributePath:
    """``urn:name.sub``, as in ``sortBy`` and ``attributes``; raises ``error`` for anything else."""
    parser = _Parser(text, DEFAULT_LIMITS, True, error)
    path = parser.attribute_path()
    parser.expect_end("the end of the attribute name")
    return path


class _Parser:
    """Recursive descent over the tokens of one text; ``depth`` is checked before each descent."""

    def __init__(self, text: str, limits: FilterLimits, lenient: bool, error: type[BadRequestError]) -> None:
        self.text, self.limits, self.lenient, self.error = text, limits, lenient, error
        self.depth = self.terms = self.position = 0
        if len(text) > limits.length:
            raise error(
                f"The text has {len(text)} characters, more than the limit of {limits.length}; ask for less at once."
            )
        self.token = self._next()

    def fail(self, message: str, start: int | None = None) -> NoReturn:
        """Raise the error with the text around ``start`` and a caret below it."""
        at = self.token.start if start is None else start
        begin = max(0, at - _SHOWN)
        shown = "".join(c if c.isprintable() else " " for c in self.text[begin : at + _SHOWN])
        raise self.error(f"{message}, at column {at + 1}:\n{shown}\n{' ' * (at - begin)}^")

    def _next(self) -> _Token:
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            start = len(self.text) - len(self.text[self.position :].lstrip())
            self.fail("A quotation mark is missing its partner", start)
        self.position = match.end()
        kind = cast(str, match.lastgroup)
        return _Token(kind, match[kind], match.start(kind))

    def advance(self) -> _Token:
        token, self.token = self.token, self._next() if self.token.kind != "end" else self.token
        return token

    def at(self, punctuation: str) -> bool:
        return self.token.kind == "punctuation" and self.token.text == punctuation

    def at_word(self, word: str) -> bool:
        return self.token.kind == "word" and self.token.text.lower() == word

    def expect(self, punctuation: str) -> None:
        if not self.at(punctuation):
            self.fail(f"'{punctuation}' is expected")
        self.advance()

    def expect_end(self, expected: str) -> None:
        if self.token.kind != "end":
            self.fail(f"{expected} is expected")

    def _descend(self) -> None:
        self.depth += 1
        if self.depth > self.limits.depth:
            self.fail(f"Brackets are nested deeper than the limit of {self.limits.depth}")

    def disjunction(self, *, inside: bool = False) -> Filter:
        terms = [self.conjunction(inside=inside)]
        while self.at_word("or"):
            self.advance()
            terms.append(self.conjunction(inside=inside))
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def conjunction(self, *, inside: bool) -> Filter:
        terms = [self.term(inside=inside)]
        while self.at_word("and"):
            self.advance()
            terms.append(self.term(inside=inside))
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def term(self, *, inside: bool) -> Filter:
        if self.at_word("not"):
            return self.negation(inside=inside)
        if self.at("("):
            self._descend()
            self.advance()
            grouped = self.disjunction(inside=inside)
            self.expect(")")
            self.depth -= 1
            return grouped
        return self.comparison(inside=inside)

    def negation(self, *, inside: bool) -> Filter:
        self.advance()
        if self.at("("):
            return Not(self.term(inside=inside))
        if not self.lenient:
            self.fail("'(' is expected after not")
        self._descend()
        negated = Not(self.term(inside=inside))
        self.depth -= 1
        return negated

    def comparison(self, *, inside: bool) -> Filter:
        self.terms += 1
        if self.terms > self.limits.terms:
            self.fail(f"The filter has more than {self.limits.terms} comparisons, the limit")
        path = self.attribute_path()
        if not self.at("["):
            return self.operation(path)
        if inside:
            self.fail("A value filter in brackets cannot hold another one")
        if self.lenient and self._skip_index():
            return self.operation(self.trailing_sub(path))
        inner = self.bracketed()
        sub = self.trailing_sub(path).sub
        if sub == path.sub:
            return ValuePath(path, inner)
        last = self.operation(AttributePath(cast(str, sub)))
        return ValuePath(path, And((*inner.terms, last) if isinstance(inner, And) else (inner, last)))

    def _skip_index(self) -> bool:
        match = _INDEX.match(self.text, self.position)
        if match is None:
            return False
        self.position = match.end()
        self.token = self._next()
        return True

    def bracketed(self) -> Filter:
        self._descend()
        self.advance()
        inner = self.disjunction(inside=True)
        self.expect("]")
        self.depth -= 1
        return inner

    def trailing_sub(self, path: AttributePath) -> AttributePath:
        """``.sub`` right behind a closing bracket, as part of the path."""
        if self.token.kind != "word" or not self.token.text.startswith("."):
            return path
        token = self.advance()
        if path.sub is not None or not _NAME.fullmatch(token.text, 1):
            self.fail(f"'{token.text[:_SHOWN]}' is not a sub-attribute", token.start)
        return AttributePath(path.name, token.text[1:], path.urn)

    def attribute_path(self) -> AttributePath:
        token = self.token
        if token.kind != "word":
            self.fail("An attribute name is expected")
        urn, _, rest = token.text.rpartition(":")
        name, dot, sub = rest.partition(".")
        if not _NAME.fullmatch(name) or (dot and not _NAME.fullmatch(sub)) or (urn and not urn.isprintable()):
            self.fail(f"'{token.text[:_SHOWN]}' is not an attribute name")
        self.advance()
        return AttributePath(name, sub if dot else None, urn or None)

    def operation(self, path: AttributePath) -> Filter:
        token = self.token
        operator = token.text.lower()
        if token.kind == "word" and operator == "pr":
            self.advance()
            return Present(path)
        if token.kind != "word" or operator not in _OPERATORS:
            self.fail("An operator is expected (eq, ne, co, sw, ew, gt, ge, lt, le or pr)")
        self.advance()
        return Comparison(path, cast(Operator, operator), self.value())

    def value(self) -> Value:
        token = self.token
        if token.kind == "string":
            value: Value = self._string(token.text)
        elif token.kind == "quoted" and self.lenient:
            value = re.sub(r"\\(.)", r"\1", token.text[1:-1])
        elif token.kind == "word":
            value = self._word(token.text)
        else:
            self.fail("A value is expected")
        self.advance()
        return value

    def _string(self, text: str) -> str:
        try:
            return str(orjson.loads(text))
        except (ValueError, UnicodeEncodeError):
            self.fail("The text in quotation marks is not a JSON string")

    def _word(self, text: str) -> Value:
        literal = text.lower() if self.lenient else text
        if literal in _LITERALS:
            return _LITERALS[literal]
        if _NUMBER.fullmatch(text):
            number = int(text) if text.lstrip("-").isdigit() else float(text)
            return number if math.isfinite(number) else self.fail("The number is too large")
        if not self.lenient or literal in _CONNECTIVES:
            self.fail("A value is expected: text in quotation marks, a number, true, false or null")
        return text
