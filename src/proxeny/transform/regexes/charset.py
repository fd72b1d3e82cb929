"""Sets of characters as sorted, disjoint ranges of code points, with the algebra that Java's character classes need.

Both engines get a class as plain ranges, so that unions, intersections, negations and case folding mean what they
mean in Java, whatever an engine's own syntax makes of them.
"""

import unicodedata
from array import array
from functools import cache
from itertools import chain

import regex

Ranges = tuple[tuple[int, int], ...]
"""(first, last) pairs, both included, ascending, neither overlapping nor touching."""

TOP = 0x10FFFF
ALL: Ranges = ((0, TOP),)


def union(*sets: Ranges) -> Ranges:
    """Every character of any of the sets; the arguments may be unsorted."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(chain.from_iterable(sets)):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """Every other code point."""
    result = []
    start = 0
    for first, last in ranges:
        if first > start:
            result.append((start, first - 1))
        start = last + 1
    if start <= TOP:
        result.append((start, TOP))
    return tuple(result)


def intersection(one: Ranges, other: Ranges) -> Ranges:
    """The characters that are in both."""
    return complement(union(complement(one), complement(other)))


def of(characters: str) -> Ranges:
    """The set of these characters."""
    return union(tuple((ord(character), ord(character)) for character in characters))


def fold(ranges: Ranges, *, unicode_case: bool) -> Ranges:
    """The set with the other case of its letters: ASCII letters only, unless ``(?u)`` was given (Java's rule)."""
    pairs = _unicode_pairs() if unicode_case else _ASCII_PAIRS
    extra = [(other, other) for code, other in pairs if _has(ranges, code)]
    return union(ranges, tuple(extra)) if extra else ranges


def _has(ranges: Ranges, code: int) -> bool:
    return any(first <= code <= last for first, last in ranges)


_ASCII_PAIRS = tuple(
    pair for upper in range(ord("A"), ord("Z") + 1) for pair in ((upper, upper + 32), (upper + 32, upper))
)


@cache
def _unicode_pairs() -> tuple[tuple[int, int], ...]:
    """(code, code of another case) for every letter whose case is one character."""
    pairs: set[tuple[int, int]] = set()
    for code in chain(range(0x20000)):
        character = chr(code)
        upper, lower = character.upper(), character.lower()
        for other in (upper, lower, upper.lower()):
            if len(other) == 1 and other != character:
                pairs |= {(code, ord(other)), (ord(other), code)}
    return tuple(pairs)


def named_character(name: str) -> int | None:
    """The code point of a Unicode character name, None if there is no such name."""
    try:
        return ord(unicodedata.lookup(name))
    except (KeyError, TypeError):
        return None


@cache
def unicode_property(expression: str) -> Ranges | None:
    """The characters of a Unicode property (``L``, ``Script=Greek``, ``Alphabetic``); None if there is no such
    property.
    """
    try:
        matches = regex.compile(rf"\p{{{expression}}}+", regex.V0)
    except regex.error:
        return None
    codes = array("I", chain(range(0xD800), range(0xE000, TOP + 1)))
    text = codes.tobytes().decode("utf-32-le" if array("I", [1]).tobytes()[0] else "utf-32-be")
    return union(tuple((ord(found[0][0]), ord(found[0][-1])) for found in matches.finditer(text)))


def render(ranges: Ranges, hexadecimal: str = r"\x{{{:x}}}") -> str:
    """The set as an engine's character class; ``hexadecimal`` is how that engine writes a code point.

    An empty set is rendered as the complement of everything.
    """
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _character(ranges[0][0], hexadecimal)
    inverse = complement(ranges)
    negate = not ranges or 0 < len(inverse) < len(ranges)
    parts = []
    for first, last in inverse if negate else ranges:
        parts.append(_character(first, hexadecimal))
        if last > first:
            parts += ["-", _character(last, hexadecimal)]
    return f"[{'^' if negate else ''}{''.join(parts)}]"


def _character(code: int, hexadecimal: str) -> str:
    character = chr(code)
    return character if character.isascii() and character.isalnum() else hexadecimal.format(code)
