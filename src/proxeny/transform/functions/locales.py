"""Locale codes: ISO 639 languages (``EN``) and BCP 47 tags (``en-US``), by CLDR's likely regions (decision 39)."""

from functools import lru_cache

from babel import Locale
from babel.core import get_global

ENGLISH = "en"
_ARTIFICIAL = frozenset({"eo", "ia", "ie", "io", "vo"})
"""Languages without a country: they have no mapping."""


@lru_cache(maxsize=1024)
def to_iso639(text: str) -> str:
    """The language in upper case; English for what is none."""
    return _language(text)[0].upper()


@lru_cache(maxsize=1024)
def to_bcp47(text: str) -> str:
    """Language and region: the one that the text names, else the likely one; ``en-US`` for what is no language."""
    language, region = _language(text)
    return f"{language}-{region or _likely_region(language)}"


def _language(text: str) -> tuple[str, str]:
    """(language in lower case, region in upper case or empty)."""
    language, *rest = text.strip().replace("_", "-").split("-")
    language = language.lower()
    aliases = get_global("language_aliases")
    language = aliases.get(language, language).partition("_")[0] if len(language) in (2, 3) else language
    if language in _ARTIFICIAL or language not in _known():
        return ENGLISH, ""
    territories = Locale(ENGLISH).territories
    region = next((part.upper() for part in rest if len(part) in (2, 3) and part.upper() in territories), "")
    return language, region


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Languages whose likely region is a country."""
    return frozenset(str(name) for name in Locale(ENGLISH).languages if len(_likely_region(str(name))) == 2)


def _likely_region(language: str) -> str:
    return str(get_global("likely_subtags").get(language, "")).rpartition("_")[2]
