"""``randomPassword``: a first password from the system's source of randomness, with so many characters of each kind."""

import secrets
import string

from proxeny.transform.errors import ParameterError
from proxeny.transform.functions.registry import Core, Function, Given, Parameter
from proxeny.transform.values import MISSING

SYMBOLS = "~!@#$%^&*()_+"
LONGEST = 4096

_MINIMA = (
    ("minimumNumberOfLowercaseLetters", string.ascii_lowercase),
    ("minimumNumberOfUppercaseLetters", string.ascii_uppercase),
    ("minimumNumberOfDigits", string.digits),
    ("minimumNumberOfSpecialSymbols", ""),
)


def random_password(length: int, sets: tuple[tuple[str, int], ...]) -> str:
    """A password of ``length`` characters with at least so many out of each set, in random order; the rest out of all
    sets.
    """
    chooser = secrets.SystemRandom()
    everything = "".join(characters for characters, _ in sets)
    chosen = [chooser.choice(characters) for characters, least in sets for _ in range(least)]
    chosen += [chooser.choice(everything) for _ in range(length - len(chosen))]
    chooser.shuffle(chosen)
    return "".join(chosen)


def _prepare(given: Given) -> Core:
    length = given["passwordLength"]
    minima = [given[name] for name, _ in _MINIMA]
    if length is MISSING or MISSING in minima or not 1 <= length <= LONGEST or min(minima) < 0:
        raise ParameterError(f"lengths and minima must be numbers from 0 to {LONGEST}", "passwordLength")
    if sum(minima) > length:
        raise ParameterError("the minimum numbers of characters add up to more than 'passwordLength'", "passwordLength")
    custom = given["specialSymbols"]
    if custom and minima[-1] == 0:
        name = "minimumNumberOfSpecialSymbols"
        raise ParameterError(f"with 'specialSymbols', '{name}' must be at least 1", name)
    symbols = custom or SYMBOLS
    sets = tuple((known or symbols, least) for (_, known), least in zip(_MINIMA, minima, strict=True))
    return lambda value, run: random_password(length, sets)


FUNCTIONS = (
    Function(
        "randomPassword",
        (
            Parameter("passwordLength", "integer", required=True),
            *(Parameter(name, "integer", required=True) for name, _ in _MINIMA),
            Parameter("specialSymbols", accepts_path=False, accepts_variables=False),
        ),
        _prepare,
        on="nothing",
        makes_value=True,
    ),
)
