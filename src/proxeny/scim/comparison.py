"""The one rule by which texts that do not differ in more than their writing are the same.

``key`` is Unicode's NFKC case folding (Unicode §3.13 D146, "identifier caseless matching"): upper and lower case,
composed and decomposed letters, full-width forms and ligatures compare equal, and characters that nobody sees (soft
hyphen, zero-width and direction marks) do not count. So ``STRASSE`` is ``straße``, and nobody gets a second account
that looks like the first. Filters, sorting, uniqueness and correlation all use it. It makes keys to compare by; the
values themselves are kept as they came. Attributes that are ``caseExact`` compare code point by code point instead.
"""

import re
import unicodedata
from typing import Literal

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Unicode's Default_Ignorable_Code_Point."""


_SHORT = 256
"""Characters up to which the order of marks costs nothing worth speaking of."""

_PIECE = 32
_LONG_RUN = re.compile(rb"[^\0]{%d,}" % _PIECE)


def key(text: str) -> str:
    """What two texts have in common when they compare equal; also the order of texts, code point by code point."""
    if text.isascii():
        return text.lower()
    folded = _normal("NFKC", _normal("NFD", text).casefold())
    return _normal("NFKC", _UNSEEN.sub("", _normal("NFKC", folded.casefold())))


def _normal(form: Literal["NFD", "NFKC"], text: str) -> str:
    """The normal form, in time that grows with the length alone: the library takes the square of the length of a run of
    marks to bring them into order, so it gets long runs in order."""
    if len(text) > _SHORT:
        text = _in_order("NFD" if form == "NFD" else "NFKD", text)
    return unicodedata.normalize(form, text)


def _in_order(form: Literal["NFD", "NFKD"], text: str) -> str:
    """The text taken apart, each long run of marks in canonical order (Unicode §3.11 D109). Taking apart looks at one
    character at a time, so it may be done in pieces."""
    apart = "".join([unicodedata.normalize(form, text[at : at + _PIECE]) for at in range(0, len(text), _PIECE)])
    pieces: list[str] = []
    end = 0
    for run in _LONG_RUN.finditer(bytes(map(unicodedata.combining, apart))):
        marks = apart[run.start() : run.end()]
        pieces += apart[end : run.start()], *sorted(marks, key=unicodedata.combining)
        end = run.end()
    return "".join((*pieces, apart[end:]))
