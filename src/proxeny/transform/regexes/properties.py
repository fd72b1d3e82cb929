r"""The sets behind ``\d``, ``\p{Punct}``, ``\p{IsGreek}`` and the like, by Java's names (java.util.regex.Pattern)."""

from proxeny.transform.regexes import charset
from proxeny.transform.regexes.charset import Ranges

DIGIT: Ranges = ((0x30, 0x39),)
LOWER: Ranges = ((0x61, 0x7A),)
UPPER: Ranges = ((0x41, 0x5A),)
ALPHA = charset.union(LOWER, UPPER)
ALNUM = charset.union(ALPHA, DIGIT)
WORD = charset.union(ALNUM, charset.of("_"))
PUNCT = charset.of("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
SPACE = charset.of(" \t\n\x0b\f\r")
HORIZONTAL = charset.union(charset.of(" \t\xa0\u1680\u180e\u202f\u205f\u3000"), ((0x2000, 0x200A),))
VERTICAL = charset.of("\n\x0b\f\r\x85\u2028\u2029")
LINE_ENDS = charset.of("\n\r\x85\u2028\u2029")
UNIX_LINE_END = charset.of("\n")

_POSIX: dict[str, Ranges] = {
    "Lower": LOWER,
    "Upper": UPPER,
    "ASCII": ((0, 0x7F),),
    "Alpha": ALPHA,
    "Digit": DIGIT,
    "Alnum": ALNUM,
    "Punct": PUNCT,
    "Graph": charset.union(ALNUM, PUNCT),
    "Print": charset.union(ALNUM, PUNCT, charset.of(" ")),
    "Blank": charset.of(" \t"),
    "Cntrl": ((0, 0x1F), (0x7F, 0x7F)),
    "XDigit": charset.union(DIGIT, ((0x41, 0x46), (0x61, 0x66))),
    "Space": SPACE,
    "L1": ((0, 0xFF),),
    "all": charset.ALL,
}

_UNICODE: dict[str, str] = {
    "Lower": "Lowercase",
    "Upper": "Uppercase",
    "Alpha": "Alphabetic",
    "Digit": "Nd",
    "Punct": "P",
    "Space": "White_Space",
    "javaLowerCase": "Lowercase",
    "javaUpperCase": "Uppercase",
    "javaTitleCase": "Lt",
    "javaAlphabetic": "Alphabetic",
    "javaIdeographic": "Ideographic",
    "javaLetter": "L",
    "javaDigit": "Nd",
    "javaSpaceChar": "Z",
    "javaDefined": "Any",
}

_BY_LETTER: dict[str, tuple[Ranges, tuple[str, ...]]] = {
    "d": (DIGIT, ("Nd",)),
    "s": (SPACE, ("White_Space",)),
    "w": (WORD, ("Alphabetic", "M", "Nd", "Pc", "Join_Control")),
    "h": (HORIZONTAL, ()),
    "v": (VERTICAL, ()),
}


def shorthand(letter: str, *, unicode_classes: bool) -> Ranges | None:
    r"""The set of ``\d \D \s \S \w \W \h \H \v \V``; None for another letter."""
    known = _BY_LETTER.get(letter.lower())
    if known is None:
        return None
    ascii_set, names = known
    chosen = (
        charset.union(*(charset.unicode_property(name) or () for name in names))
        if unicode_classes and names
        else ascii_set
    )
    return charset.complement(chosen) if letter.isupper() else chosen


def named(name: str, *, unicode_classes: bool) -> Ranges | None:
    r"""The set of ``\p{name}``: POSIX, java…, Is… and In… names, ``script=…``; None if Java knows no such name."""
    if unicode_classes and name in _POSIX and name in _UNICODE:
        return charset.unicode_property(_UNICODE[name])
    if name in _POSIX:
        return _POSIX[name]
    if name == "javaWhitespace":
        return charset.union(SPACE, ((0x1C, 0x1F),), _without_no_break(charset.unicode_property("Z") or ()))
    if name == "javaLetterOrDigit":
        return charset.union(charset.unicode_property("L") or (), charset.unicode_property("Nd") or ())
    if name in _UNICODE:
        return charset.unicode_property(_UNICODE[name])
    return charset.unicode_property(expression) if (expression := _expression(name)) else None


def _without_no_break(ranges: Ranges) -> Ranges:
    return charset.intersection(ranges, charset.complement(charset.of("\xa0\u2007\u202f")))


def _expression(name: str) -> str | None:
    """The name as a Unicode property expression, or None if it cannot be one."""
    key, equals, value = name.partition("=")
    if not all(character.isalnum() or character in "_- " for character in key + value):
        return None
    if equals:
        known = {"script": "Script", "sc": "Script", "block": "Block", "blk": "Block"}
        category = {"general_category": "General_Category", "gc": "General_Category"}
        chosen = (known | category).get(key.lower())
        return f"{chosen}={value}" if chosen and value else None
    if name.startswith("In"):
        return f"Block={name[2:]}"
    if name.startswith("Is"):
        return name[2:]
    return name if len(name) <= 2 else None
