"""Functions on codes: countries and their regions, locales, time zones."""

from typing import Any

from proxeny.transform.functions import countries, locales, time_zones
from proxeny.transform.functions.registry import Core, Function, Given, Parameter
from proxeny.transform.values import MISSING, Run, to_text


def _first(value: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((value[name] for name in names if value.get(name) not in (None, "")), None)


def _country(given: Given) -> Core:
    """What is no country stays as it is."""
    inputs, output, form = given["inputAttributes"], given["outputAttribute"], given["outputFormat"]

    def convert(value: Any, run: Run) -> Any:
        written = _first(value, inputs)
        if written is None or isinstance(written, list | dict):
            return value
        country = countries.find_country(to_text(written))
        return {**value, output: written if country is None else country.form(form)}

    return convert


def _region(given: Given) -> Core:
    """The input attribute with "country" in its name is the country, the first other one the region."""
    inputs, output, form = given["inputAttributes"], given["outputAttribute"], given["outputFormat"]
    countries_of = tuple(name for name in inputs if "country" in name.lower())
    regions_of = tuple(name for name in inputs if name not in countries_of) or inputs

    def convert(value: Any, run: Run) -> Any:
        written, country = _first(value, regions_of), _first(value, countries_of)
        if written is None or isinstance(written, list | dict):
            return value
        region = countries.find_region(to_text(written), None if country is None else to_text(country))
        return {**value, output: written if region is None else region.form(form)}

    return convert


def _locale(given: Given) -> Core:
    convert = locales.to_bcp47 if given["outputFormat"] == "bcp47" else locales.to_iso639
    return lambda value, run: convert(to_text(value))


def _time_zone(given: Given) -> Core:
    convert = time_zones.to_iana if given["outputFormat"] == "iana" else time_zones.to_sap
    return lambda value, run: convert("" if value is MISSING else to_text(value))


def _format(*choices: str) -> Parameter:
    return Parameter("outputFormat", "choice", required=True, choices=choices, accepts_path=False)


_ATTRIBUTES = (
    Parameter("inputAttributes", "names", required=True, accepts_path=False, accepts_variables=False),
    Parameter("outputAttribute", required=True, accepts_path=False, accepts_variables=False),
)

FUNCTIONS = (
    Function(
        "convertCountryCode",
        (_format("fullName", "alpha2", "alpha3", "numeric"), *_ATTRIBUTES),
        _country,
        on="object",
    ),
    Function("convertCountryRegion", (_format("fullName", "alpha2"), *_ATTRIBUTES), _region, on="object"),
    Function("convertLocaleCode", (_format("bcp47", "iso639"),), _locale),
    Function("convertTimezoneCode", (_format("iana", "sap"),), _time_zone, makes_value=True),
)
