"""Time zone codes of SAP ↔ IANA zones, by the published table; the first zone of a code is the one it becomes."""

from collections.abc import Mapping
from functools import cache

from babel.core import get_global

from proxeny.transform.functions.tables import table

DEFAULT_IANA = "Europe/Berlin"
DEFAULT_SAP = "CET"


def to_iana(text: str) -> str:
    """The zone of a code; a zone of the table stays itself; Europe/Berlin for anything else."""
    name = text.strip()
    zones = _codes_to_zones().get(name.upper())
    if zones:
        return zones[0]
    return name if _code_of(name) else DEFAULT_IANA


def to_sap(text: str) -> str:
    """The first code of a zone, also under another name of it; a code of the table stays itself; CET for anything
    else.
    """
    name = text.strip()
    if name.upper() in _codes_to_zones():
        return name.upper()
    return _code_of(name) or DEFAULT_SAP


def _code_of(zone: str) -> str | None:
    return _zones_to_codes().get(zone) or _canonical_to_codes().get(_canonical(zone))


def _canonical(zone: str) -> str:
    return str(get_global("zone_aliases").get(zone, zone))


@cache
def _codes_to_zones() -> Mapping[str, list[str]]:
    zones: Mapping[str, list[str]] = table("sap-time-zones")["zones"]
    return zones


@cache
def _zones_to_codes() -> Mapping[str, str]:
    codes: dict[str, str] = {}
    for code, zones in _codes_to_zones().items():
        for zone in zones:
            codes.setdefault(zone, code)
    return codes


@cache
def _canonical_to_codes() -> Mapping[str, str]:
    codes: dict[str, str] = {}
    for zone, code in _zones_to_codes().items():
        codes.setdefault(_canonical(zone), code)
    return codes
