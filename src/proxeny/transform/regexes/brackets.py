"""Java's character classes: ``[a-z]``, ``[^…]``, unions ``[a[bc]]`` and intersections ``[a-z&&[^aeiou]]``."""

from proxeny.transform.regexes import charset
from proxeny.transform.regexes.charset import Ranges
from proxeny.transform.regexes.scanner import Scanner, read_character, read_set


def parse_class(scanner: Scanner, depth: int = 0) -> Ranges:
    """The set of the class that starts here; the scanner then stands behind its ``]``."""
    start = scanner.position
    if depth > 50:
        raise scanner.mistake("character classes may be nested 50 deep")
    scanner.next()
    negative = scanner.take("^")
    result = _operand(scanner, depth, start, first=True)
    while scanner.take("&&"):
        result = charset.intersection(result, _operand(scanner, depth, start, first=False))
    scanner.next()
    return charset.complement(result) if negative else result


def _operand(scanner: Scanner, depth: int, start: int, *, first: bool) -> Ranges:
    """The union of the items up to ``]`` or ``&&``; a ``]`` before any item is itself one."""
    items: list[Ranges] = []
    while True:
        scanner.skip_comments()
        if scanner.at_end:
            raise scanner.mistake("this '[' is never closed", at=start)
        if (scanner.peek() == "]" and (items or not first)) or scanner.text.startswith("&&", scanner.position):
            return charset.union(*items)
        items.append(_item(scanner, depth))


def _item(scanner: Scanner, depth: int) -> Ranges:
    if scanner.peek() == "[":
        return parse_class(scanner, depth + 1)
    if scanner.take("\\Q"):
        return scanner.flags.folded(charset.of(scanner.until("\\E")))
    if scanner.peek() == "\\":
        chosen = read_set(scanner)
        if chosen is not None:
            return chosen
    return scanner.flags.folded(_range(scanner))


def _range(scanner: Scanner) -> Ranges:
    start = scanner.position
    low = _single(scanner)
    if scanner.peek() != "-" or not scanner.peek(1) or scanner.peek(1) in "[]":
        return ((low, low),)
    scanner.next()
    if scanner.peek() == "\\" and read_set(scanner) is not None:
        raise scanner.mistake("a range needs a character at its end", at=start)
    high = _single(scanner)
    if high < low:
        raise scanner.mistake("this range runs backwards", at=start)
    return ((low, high),)


def _single(scanner: Scanner) -> int:
    return read_character(scanner, scanner.position) if scanner.peek() == "\\" else ord(scanner.next())
