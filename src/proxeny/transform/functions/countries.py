"""Countries (ISO 3166-1) and their regions (ISO 3166-2): found by any of their codes or names.

Codes are from the package iso3166, names in English from CLDR (babel); ISO's own names are understood too.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import iso3166
from babel import Locale

from proxeny.transform.functions.tables import table


@dataclass(frozen=True, slots=True)
class Country:
    """A country by its codes (``numeric`` has three digits) and its CLDR name."""

    alpha2: str
    alpha3: str
    numeric: str
    name: str

    def form(self, name: str) -> str:
        """``fullName``, ``alpha2``, ``alpha3`` or ``numeric``."""
        return self.name if name == "fullName" else str(getattr(self, name))


@dataclass(frozen=True, slots=True)
class Region:
    """A region: ``US-AL``, Alabama."""

    code: str
    name: str

    def form(self, name: str) -> str:
        """``fullName``, or the code for ``alpha2``."""
        return self.name if name == "fullName" else self.code


def find_country(text: str) -> Country | None:
    """The country of a code or English name, in any case; None if there is none."""
    key = text.strip()
    if key.isascii() and key.isdigit():
        key = key.zfill(3)
    return _countries().get(_key(key))


def find_region(text: str, country: str | None) -> Region | None:
    """The region of ``US-AL``, or of ``AL`` or ``Alabama`` in a country given by code or name."""
    subdivisions: Mapping[str, Mapping[str, str]] = table("subdivisions")["subdivisions"]
    prefix, dash, code = text.strip().upper().partition("-")
    if dash and code in subdivisions.get(prefix, {}):
        return Region(f"{prefix}-{code}", subdivisions[prefix][code])
    found = find_country(country) if country else None
    known = subdivisions.get(found.alpha2, {}) if found else {}
    if found and text.strip().upper() in known:
        return Region(f"{found.alpha2}-{text.strip().upper()}", known[text.strip().upper()])
    code = _codes_by_name(found.alpha2).get(_key(text), "") if found else ""
    return Region(f"{found.alpha2}-{code}", known[code]) if found and code else None


@cache
def _countries() -> Mapping[str, Country]:
    names = Locale("en").territories
    keys: dict[str, Country] = {}
    for entry in iso3166.countries:
        country = Country(entry.alpha2, entry.alpha3, entry.numeric, names.get(entry.alpha2, entry.name))
        for text in (entry.alpha2, entry.alpha3, entry.numeric, country.name, entry.name, entry.apolitical_name):
            keys.setdefault(_key(text), country)
    return keys


@cache
def _codes_by_name(alpha2: str) -> Mapping[str, str]:
    return {_key(name): code for code, name in table("subdivisions")["subdivisions"].get(alpha2, {}).items()}


def _key(text: str) -> str:
    """Names that differ in case, accents, blanks, apostrophes, or "&" for "and" are the same."""
    plain = unicodedata.normalize("NFKD", text.replace("&", " and ").replace("\u2019", "'"))
    return "".join(" ".join(plain.split()).casefold().split("'")).translate(_ACCENTS)


_ACCENTS = dict.fromkeys(range(768, 880))
