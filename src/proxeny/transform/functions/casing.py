"""Upper and lower case by the rules of a language: Turkish, Azerbaijani and Lithuanian differ from the rest (Unicode
SpecialCasing).
"""

import unicodedata
from collections.abc import Callable

from proxeny.transform.functions.registry import Core, Function, Given, Parameter
from proxeny.transform.values import to_text

_DOT_ABOVE = "\u0307"
_ABOVE = 230
"""The canonical combining class of marks above a letter."""


def upper(text: str, language: str) -> str:
    """The text in upper case; ``language`` is ISO 639 in lower case, an unknown one has the common rules."""
    if language in ("tr", "az"):
        return text.replace("i", "\u0130").upper()
    if language == "lt":
        return _without_soft_dots(text).upper()
    return text.upper()


def lower(text: str, language: str) -> str:
    """The text in lower case."""
    if language in ("tr", "az"):
        return text.replace("I" + _DOT_ABOVE, "i").replace("\u0130", "i").replace("I", "\u0131").lower()
    if language == "lt":
        return _with_soft_dots(text).lower()
    return text.lower()


def _without_soft_dots(text: str) -> str:
    """Lithuanian keeps the dot of i, j and į under an accent as a mark; capitals have none."""
    kept = []
    soft = False
    for character in text:
        combining = unicodedata.combining(character)
        if character == _DOT_ABOVE and soft:
            soft = False
            continue
        if combining in (0, _ABOVE):
            soft = character in "ij\u012f"
        kept.append(character)
    return "".join(kept)


def _with_soft_dots(text: str) -> str:
    for capital, accent in (("\u00cc", "\u0300"), ("\u00cd", "\u0301"), ("\u0128", "\u0303")):
        text = text.replace(capital, "i" + _DOT_ABOVE + accent)
    kept = []
    for index, character in enumerate(text):
        kept.append(character)
        if character in "IJ\u012e" and _more_above(text, index):
            kept.append(_DOT_ABOVE)
    return "".join(kept)


def _more_above(text: str, index: int) -> bool:
    for character in text[index + 1 :]:
        combining = unicodedata.combining(character)
        if combining in (0, _ABOVE):
            return combining == _ABOVE
    return False


def _cased(change: Callable[[str, str], str]) -> Callable[[Given], Core]:
    def prepare(given: Given) -> Core:
        language = to_text(given["locale"]).replace("-", "_").partition("_")[0].lower()
        return lambda value, run: change(to_text(value), language)

    return prepare


_LOCALE = Parameter("locale", default="en_EN")

FUNCTIONS = (
    Function("toUpperCaseString", (_LOCALE,), _cased(upper)),
    Function("toLowerCaseString", (_LOCALE,), _cased(lower)),
)
