"""Tree → pattern text for an engine: RE2, which takes linear time, or ``regex``, which backtracks and can be stopped.

RE2 has no look-around, back-references, atomic or possessive parts. It also knows no line break but ``\\n`` at ``$``,
so where a pattern has line anchors its text is good only for values of one line (``LinearText.one_line``).
"""

from dataclasses import dataclass, field

from proxeny.transform.regexes import charset, properties
from proxeny.transform.regexes.syntax import (
    Anchor,
    Atomic,
    BackReference,
    Characters,
    Choice,
    Grapheme,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
    WordBoundary,
)

_SUFFIX = {"greedy": "", "lazy": "?", "possessive": "+"}
_RE2_REPEATS = 1000


@dataclass(frozen=True, slots=True)
class LinearText:
    """A pattern for RE2; ``one_line``: only for values that are not empty and have no line break."""

    pattern: str
    one_line: bool


def for_re2(node: Node) -> LinearText | None:
    """The pattern for RE2, or None if it needs what RE2 does not have."""
    writer = _Re2()
    pattern = writer.write(node)
    return LinearText(pattern, writer.one_line) if writer.possible else None


def for_regex(node: Node) -> str:
    """The pattern for the module ``regex``, exact for every value."""
    return _Regex().write(node)


class _Writer:
    """What both engines write alike."""

    hexadecimal = r"\x{{{:x}}}"

    def write(self, node: Node) -> str:
        match node:
            case Characters(ranges):
                return self.characters(ranges)
            case Sequence(parts):
                return "".join(
                    self.write(part) if not isinstance(part, Choice) else self.wrapped(part) for part in parts
                )
            case Choice(alternatives):
                return "|".join(self.write(alternative) for alternative in alternatives)
            case Group(inner):
                return f"({self.write(inner)})"
            case Repeat():
                return self.repeat(node)
            case Anchor():
                return self.anchor(node)
            case WordBoundary():
                return self.boundary(node)
            case _:
                return self.special(node)

    def wrapped(self, node: Node) -> str:
        return f"(?:{self.write(node)})"

    def characters(self, ranges: charset.Ranges) -> str:
        return charset.render(ranges, self.hexadecimal)

    def repeat(self, node: Repeat) -> str:
        inner = self.write(node.node) if isinstance(node.node, Characters | Group) else self.wrapped(node.node)
        if (node.low, node.high) in _SHORT:
            return inner + _SHORT[node.low, node.high] + _SUFFIX[node.mode]
        high = "" if node.high is None else str(node.high)
        bounds = f"{{{node.low}}}" if node.low == node.high else f"{{{node.low},{high}}}"
        return inner + bounds + _SUFFIX[node.mode]

    def anchor(self, node: Anchor) -> str:
        raise AssertionError

    def boundary(self, node: WordBoundary) -> str:
        raise AssertionError

    def special(self, node: Node) -> str:
        raise AssertionError


_SHORT: dict[tuple[int, int | None], str] = {(0, None): "*", (1, None): "+", (0, 1): "?"}


@dataclass(slots=True)
class _Re2(_Writer):
    possible: bool = field(default=True)
    one_line: bool = field(default=False)

    def repeat(self, node: Repeat) -> str:
        if node.mode == "possessive" or max(node.low, node.high or 0) > _RE2_REPEATS:
            self.possible = False
        return _Writer.repeat(self, node)

    def anchor(self, node: Anchor) -> str:
        if node.place == "match-start":
            self.possible = False
        if node.place in ("final-end", "line-start", "line-end"):
            self.one_line = True
        return r"\A" if node.place in ("input-start", "line-start") else r"\z"

    def boundary(self, node: WordBoundary) -> str:
        if node.word != properties.WORD:
            self.possible = False
        return r"\B" if node.negative else r"\b"

    def special(self, node: Node) -> str:
        self.possible = False
        return ""


_BREAKS = r"\r\n|(?<!\r)\n|[\r\x85\u2028\u2029]"
_ANCHORS = {
    ("input-start", False): r"\A",
    ("input-end", False): r"\Z",
    ("match-start", False): r"\G",
    ("final-end", False): rf"(?=(?:{_BREAKS})?\Z)",
    ("final-end", True): r"(?=\n?\Z)",
    ("line-start", False): r"(?:(?:\A|(?<=[\n\x85\u2028\u2029])|(?<=\r)(?!\n))(?!\Z))",
    ("line-start", True): r"(?:(?:\A|(?<=\n))(?!\Z))",
    ("line-end", False): r"(?:(?=[\r\x85\u2028\u2029])|(?<!\r)(?=\n)|\Z)",
    ("line-end", True): r"(?=\n|\Z)",
}


class _Regex(_Writer):
    hexadecimal = r"\U{:08x}"

    def characters(self, ranges: charset.Ranges) -> str:
        return super().characters(ranges) if ranges else "(?!)"

    def anchor(self, node: Anchor) -> str:
        return _ANCHORS[node.place, node.unix]

    def boundary(self, node: WordBoundary) -> str:
        word = self.characters(node.word)
        if node.negative:
            return f"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"
        return f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"

    def special(self, node: Node) -> str:
        match node:
            case Atomic(inner):
                return f"(?>{self.write(inner)})"
            case Look(inner, ahead, negative):
                return f"(?{'' if ahead else '<'}{'!' if negative else '='}{self.write(inner)})"
            case BackReference(number, fold):
                return rf"(?i:\{number})" if fold else rf"(?:\{number})"
            case Grapheme():
                return r"\X"
            case _:
                raise AssertionError(node)


UNBOUNDED = 99
"""The degree of what may backtrack without a bound worth naming."""
_FEW = 50


def degree(node: Node) -> int:
    """How much a backtracking engine may do: the work of one attempt grows at most with this power of the value's
    length.
    """
    match node:
        case Characters() | Anchor() | WordBoundary():
            return 0
        case Sequence(parts):
            return min(UNBOUNDED, sum(degree(part) for part in parts))
        case Choice(alternatives):
            return UNBOUNDED if len(alternatives) > _FEW else 1 + max(degree(part) for part in alternatives)
        case Group(inner):
            return degree(inner)
        case Repeat(Characters(), low, high):
            return int(low != high)
        case _:
            return UNBOUNDED
