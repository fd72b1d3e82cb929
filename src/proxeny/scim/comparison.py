"""The one rule by which texts that do not differ in more than their writing are the same.

``key`` is Unicode's NFKC case folding (Unicode §3.13 D146, "identifier caseless matching"): upper and lower case,
composed and decomposed letters, full-width forms and ligatures compare equal, and characters that nobody sees (soft
hyphen, zero-width and direction marks) do not count. So ``STRASSE`` is ``straße``, and nobody gets a second account
that looks like the first. Filters, sorting, uniqueness and correlation all use it. It makes keys to compare by; the
values themselves are kept as they came. Attributes that are ``caseExact`` compare code point by code point instead.
"""

import re
import unicodedata

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Unicode's Default_Ignorable_Code_Point."""


def key(text: str) -> str:
    """What two texts have in common when they compare equal; also the order of texts, code point by code point."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", unicodedata.normalize("NFKC", folded.casefold())))
