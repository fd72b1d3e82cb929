"""Text of a Java regular expression → tree (java.util.regex.Pattern, Java 21).

Flags given or met inside (``(?i)``, ``(?s:…)``) are resolved here. What Java refuses is refused with the place.
"""

from dataclasses import dataclass, field
from typing import Literal

from proxeny.transform.errors import PatternSyntaxError
from proxeny.transform.regexes import charset, properties
from proxeny.transform.regexes.brackets import parse_class
from proxeny.transform.regexes.scanner import Flags, Scanner, read_character, read_set
from proxeny.transform.regexes.syntax import (
    Anchor,
    Atomic,
    BackReference,
    Characters,
    Choice,
    Expression,
    Grapheme,
    Group,
    Look,
    Node,
    Place,
    Repeat,
    Sequence,
    WordBoundary,
)

LIMIT = 4096
"""Longest pattern in characters."""
DEPTH = 100
"""Deepest nesting of groups."""

_LOOKS = {"=": (True, False), "!": (True, True), "<=": (False, False), "<!": (False, True)}
_PLACES: dict[str, Place] = {"A": "input-start", "z": "input-end", "Z": "final-end", "G": "match-start"}
_EMPTY = Sequence(())


def parse(text: str, flags: str = "") -> Expression:
    """The tree of a pattern; ``flags`` are letters of ``idmsuxU``.

    Raises PatternSyntaxError with the place of the mistake.
    """
    if len(text) > LIMIT:
        raise PatternSyntaxError(
            f"a regular expression may have {LIMIT} characters, this one has {len(text)}", text, LIMIT
        )
    unknown = set(flags) - set(Flags.LETTERS)
    if unknown:
        raise PatternSyntaxError(f"there is no flag '{min(unknown)}' for regular expressions", text, 0)
    parser = _Parser(Scanner(text, Flags.of(flags)))
    return parser.expression()


@dataclass(slots=True)
class _Parser:
    scanner: Scanner
    groups: int = 0
    depth: int = 0
    names: dict[str, int] = field(default_factory=dict)

    def expression(self) -> Expression:
        node = self.choice()
        if not self.scanner.at_end:
            raise self.scanner.mistake("there is a ')' without its '('")
        return Expression(node, self.groups, self.names)

    def choice(self) -> Node:
        alternatives = [self.sequence()]
        while self.scanner.take("|"):
            alternatives.append(self.sequence())
        return alternatives[0] if len(alternatives) == 1 else Choice(tuple(alternatives))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while True:
            self.scanner.skip_comments()
            if self.scanner.at_end or self.scanner.peek() in "|)":
                return parts[0] if len(parts) == 1 else Sequence(tuple(parts))
            atom = self.atom()
            if atom is not None:
                parts.append(self.quantified(atom))

    def atom(self) -> Node | None:
        """One part; None for flags that stand alone."""
        scanner = self.scanner
        character = scanner.peek()
        if character == "(":
            return self.group()
        if character == "[":
            return Characters(parse_class(scanner))
        if character == "\\":
            return self.escape()
        if character in "*+?{":
            raise scanner.mistake(
                f"'{character}' has nothing to repeat; write '\\{character}' for the character itself"
            )
        scanner.next()
        if character == ".":
            return Characters(self.dot())
        if character in "^$":
            return self.line_anchor(character)
        return Characters(scanner.flags.folded(charset.of(character)))

    def dot(self) -> charset.Ranges:
        flags = self.scanner.flags
        if flags.dot_all:
            return charset.ALL
        return charset.complement(properties.UNIX_LINE_END if flags.unix_lines else properties.LINE_ENDS)

    def line_anchor(self, character: str) -> Anchor:
        flags = self.scanner.flags
        if flags.multiline:
            return Anchor("line-start" if character == "^" else "line-end", flags.unix_lines)
        return Anchor("input-start") if character == "^" else Anchor("final-end", flags.unix_lines)

    def group(self) -> Node | None:
        scanner = self.scanner
        start = scanner.position
        scanner.next()
        self.depth += 1
        if self.depth > DEPTH:
            raise scanner.mistake(f"groups may be nested {DEPTH} deep")
        saved = scanner.flags
        node = self.special_group() if scanner.take("?") else self.capturing(None)
        if node is not None:
            if not scanner.take(")"):
                raise scanner.mistake("this '(' is never closed", at=start)
            scanner.flags = saved
        self.depth -= 1
        return node

    def capturing(self, name: str | None) -> Group:
        self.groups += 1
        number = self.groups
        if name is not None:
            if name in self.names:
                raise self.scanner.mistake(f"there are two groups named '{name}'")
            self.names[name] = number
        return Group(self.choice(), number)

    def special_group(self) -> Node | None:
        scanner = self.scanner
        if scanner.take(":"):
            return self.choice()
        if scanner.take(">"):
            return Atomic(self.choice())
        for opening in ("<=", "<!", "=", "!"):
            if scanner.take(opening):
                return Look(self.choice(), *_LOOKS[opening])
        if scanner.take("<"):
            return self.capturing(scanner.name(">"))
        return self.inline_flags()

    def inline_flags(self) -> Node | None:
        """``(?i)`` changes the flags up to the end of the enclosing group; ``(?i:…)`` only within."""
        scanner = self.scanner
        on, off = scanner.letters(), ""
        if scanner.take("-"):
            off = scanner.letters()
        if set(on + off) - set(Flags.LETTERS):
            raise scanner.mistake("this kind of group is unknown")
        scanner.flags = scanner.flags.changed(on, off)
        if scanner.take(":"):
            return self.choice()
        if not scanner.take(")"):
            raise scanner.mistake("this kind of group is unknown")
        return None

    def escape(self) -> Node:
        scanner = self.scanner
        start = scanner.position
        letter = scanner.peek(1)
        if letter in _PLACES:
            scanner.next(2)
            return Anchor(_PLACES[letter], scanner.flags.unix_lines and letter == "Z")
        if letter and letter in "123456789k":
            return self.back_reference()
        if letter == "Q":
            return self.quoted()
        simple = self.simple_escape(letter)
        if simple is not None:
            scanner.next(2)
            return simple
        chosen = read_set(scanner)
        if chosen is not None:
            return Characters(chosen)
        code = read_character(scanner, start)
        return Characters(scanner.flags.folded(((code, code),)))

    def simple_escape(self, letter: str) -> Node | None:
        if letter == "X":
            return Grapheme()
        if letter == "R":
            return Choice((Sequence((_one("\r"), _one("\n"))), Characters(properties.VERTICAL)))
        if letter and letter in "bB":
            if self.scanner.peek(2) == "{":
                raise self.scanner.mistake("only \\b and \\B are supported as boundaries")
            word = properties.shorthand("w", unicode_classes=self.scanner.flags.unicode_classes) or ()
            return WordBoundary(word, negative=letter == "B")
        return None

    def quoted(self) -> Node:
        scanner = self.scanner
        scanner.next(2)
        literal = scanner.until("\\E")
        if not literal:
            return _EMPTY
        parts = [Characters(scanner.flags.folded(charset.of(character))) for character in literal[:-1]]
        last = self.quantified(Characters(scanner.flags.folded(charset.of(literal[-1]))))
        return Sequence((*parts, last))

    def back_reference(self) -> BackReference:
        scanner = self.scanner
        start = scanner.position
        scanner.next()
        fold = scanner.flags.ignore_case
        if scanner.take("k"):
            name = scanner.name(">") if scanner.take("<") else ""
            number = self.names.get(name, 0)
            if not number:
                raise scanner.mistake("there is no group of that name before this place", at=start)
            return BackReference(number, fold)
        number = int(scanner.next())
        while (
            scanner.peek().isascii() and scanner.peek().isdigit() and number * 10 + int(scanner.peek()) <= self.groups
        ):
            number = number * 10 + int(scanner.next())
        if number > self.groups:
            raise scanner.mistake(f"there is no group {number} before this place", at=start)
        return BackReference(number, fold)

    def quantified(self, node: Node) -> Node:
        scanner = self.scanner
        while True:
            scanner.skip_comments()
            bounds = _bounds(scanner)
            if bounds is None:
                return node
            mode: Literal["greedy", "lazy", "possessive"] = "greedy"
            if scanner.take("?"):
                mode = "lazy"
            elif scanner.take("+"):
                mode = "possessive"
            node = Repeat(node, *bounds, mode)
            scanner.skip_comments()
            if scanner.peek() and scanner.peek() in "*+?":
                raise scanner.mistake(f"'{scanner.peek()}' has nothing to repeat")


def _bounds(scanner: Scanner) -> tuple[int, int | None] | None:
    """How often, as ``*``, ``+``, ``?`` or ``{n,m}`` says; None if nothing does."""
    known: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
    if scanner.peek() in known:
        return known[scanner.next()]
    if scanner.peek() != "{":
        return None
    start = scanner.position
    scanner.next()
    low, comma = scanner.digits(), scanner.take(",")
    high = scanner.digits() if comma else low
    if not low or not scanner.take("}") or (high and int(high) < int(low)) or len(low + high) > 10:
        raise scanner.mistake("this repetition is not one of {n}, {n,}, {n,m}", at=start)
    return int(low), int(high) if high else None


def _one(character: str) -> Characters:
    return Characters(charset.of(character))
