r"""Replacement text as Java reads it: ``$1``, ``${name}``, and ``\`` before a character that means itself
(Matcher.appendReplacement).
"""

from collections.abc import Mapping

from proxeny.transform.errors import PatternSyntaxError

Replacement = tuple[str | int, ...]
"""Texts and numbers of groups, in order."""

Groups = tuple[str | None, ...]
"""The text of every group of a match; group 0 is the whole match, None took no part."""


def parse_replacement(text: str, groups: int, names: Mapping[str, int]) -> Replacement:
    """The parts of a replacement for a pattern with so many groups.

    Raises PatternSyntaxError for a group that is not there or a dangling ``$`` or ``\\``.
    """
    parts: list[str | int] = []
    literal = ""
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            if position + 1 == len(text):
                raise PatternSyntaxError(
                    "a '\\' at the end of a replacement; write '\\\\' for the character itself", text, position
                )
            literal += text[position + 1]
            position += 2
        elif character == "$":
            number, position = _reference(text, position, groups, names)
            parts += [literal, number]
            literal = ""
        else:
            literal += character
            position += 1
    return tuple(part for part in (*parts, literal) if part != "")


def _reference(text: str, start: int, groups: int, names: Mapping[str, int]) -> tuple[int, int]:
    """(number of the group, place behind the reference). As in Java, digits count as long as there is such a group."""
    position = start + 1
    if text.startswith("{", position):
        name, closed, _ = text[position + 1 :].partition("}")
        if not closed or name not in names:
            raise PatternSyntaxError("there is no group of that name", text, start)
        return names[name], position + len(name) + 2
    if not _is_digit(text[position : position + 1]):
        raise PatternSyntaxError("a '$' without a group number; write '\\$' for the character itself", text, start)
    number = int(text[position])
    position += 1
    while _is_digit(text[position : position + 1]) and number * 10 + int(text[position]) <= groups:
        number = number * 10 + int(text[position])
        position += 1
    if number > groups:
        raise PatternSyntaxError(f"there is no group {number}", text, start)
    return number, position


def _is_digit(character: str) -> bool:
    return character.isascii() and character.isdigit()


def expand(replacement: Replacement, groups: Groups) -> str:
    """The replacement for one match; groups that took no part are empty."""
    return "".join(part if isinstance(part, str) else groups[part] or "" for part in replacement)


def quote_replacement(text: str) -> str:
    """The text as a replacement that means just this text."""
    return text.replace("\\", "\\\\").replace("$", "\\$")


def quote_pattern(text: str) -> str:
    r"""The text as a pattern that matches just this text; every character that could mean something gets a ``\``."""
    return "".join(f"\\{one}" if one.isascii() and not one.isalnum() else one for one in text)
