"""Properties of a system: declared once as data, which serves validation, forms, help and documentation.

Values are text, as people and exports of SAP Identity Provisioning write them; a declaration says how the text reads.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from proxeny.connectors.errors import PropertyError

Kind = Literal["text", "integer", "boolean", "choice", "url", "list"]
Severity = Literal["error", "warning"]
MASK = "*" * 40

_BOOLEANS = {
    "true": True,
    "enabled": True,
    "yes": True,
    "1": True,
    "false": False,
    "disabled": False,
    "no": False,
    "0": False,
}
_SCHEMES = {"http", "https", "ldap", "ldaps"}


@dataclass(frozen=True, slots=True)
class PropertyProblem:
    """What is wrong with one property, and what to do. The message never holds the value of a secret."""

    name: str
    message: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Property:
    """One declared property. ``list`` is text separated by commas; ``boolean`` also takes enabled and disabled."""

    name: str
    type: Kind = "text"
    required: bool = False
    secret: bool = False
    default: str | None = None
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    help: str = ""

    def problem(self, text: str) -> PropertyProblem | None:
        """What is wrong with the value ``text``, or None."""
        complaint = _COMPLAINTS[self.type](self, text)
        return PropertyProblem(self.name, complaint) if complaint else None


def _text(declared: Property, text: str) -> str | None:
    return None if text or not declared.required else "is empty; give it a value"


def _integer(declared: Property, text: str) -> str | None:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
        return f"must be a whole number{_shown(declared, text)}"
    number = int(text)
    if declared.minimum is not None and number < declared.minimum:
        return f"must be at least {declared.minimum}, and is {number}"
    if declared.maximum is not None and number > declared.maximum:
        return f"must be at most {declared.maximum}, and is {number}"
    return None


def _boolean(declared: Property, text: str) -> str | None:
    return None if text.strip().lower() in _BOOLEANS else f"must be true or false{_shown(declared, text)}"


def _choice(declared: Property, text: str) -> str | None:
    if text in declared.choices:
        return None
    return f"must be one of {', '.join(declared.choices)} (upper and lower case matter){_shown(declared, text)}"


def _url(declared: Property, text: str) -> str | None:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in _SCHEMES and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return "is not a URL; check the host, the brackets of an IPv6 address and the port"
    if not usable:
        return "must be a URL such as https://host.example:8443"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or password; use the properties User and Password"
    return None


def _shown(declared: Property, text: str) -> str:
    return "" if declared.secret else f", and is {text[:60]!r}"


_COMPLAINTS = {"text": _text, "integer": _integer, "boolean": _boolean, "choice": _choice, "url": _url, "list": _text}


@dataclass(frozen=True, slots=True)
class PropertyValues(Mapping[str, str]):
    """The resolved values of one system, secrets included; ``repr`` masks those.

    ``prefixes`` are the type's own, most specific first. ``given`` wins over ``defaults``; in a family the type's
    prefix wins over ``scim.``, and a given value of either wins over both defaults.
    """

    given: Mapping[str, str]
    secrets: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        value = self.given.get(name)
        return self.defaults[name] if value is None else value

    def __iter__(self) -> Iterator[str]:
        yield from self.given
        yield from (name for name in self.defaults if name not in self.given)

    def __len__(self) -> int:
        return len(self.given.keys() | self.defaults.keys())

    def __repr__(self) -> str:
        return f"PropertyValues({self.masked()!r})"

    def masked(self) -> dict[str, str]:
        """All values, secrets as forty asterisks whatever their length."""
        return {name: MASK if name in self.secrets else value for name, value in self.items()}

    def public(self) -> dict[str, str]:
        """What a transformation may name as ``%key%``: everything but the credentials of the connection."""
        return {name: value for name, value in self.items() if name not in CREDENTIALS}

    def text(self, name: str, default: str = "") -> str:
        value = self.get(name)
        return default if value is None or value == "" else value

    def integer(self, name: str, default: int = 0) -> int:
        """The value as a whole number; PropertyError if it is none."""
        return self._integer(name, self.get(name), default)

    def flag(self, name: str, default: bool = False) -> bool:
        """true/false, enabled/disabled, yes/no in any case; PropertyError otherwise."""
        return self._flag(name, self.get(name), default)

    def family(self, suffix: str) -> str | None:
        """The value of a property of a family (``user.filter``): the system's own prefix first, then ``scim.``."""
        names = self.family_names(suffix)
        for values in (self.given, self.defaults):
            for name in names:
                value = values.get(name)
                if value is not None and value != "":
                    return value
        return None

    def family_names(self, suffix: str) -> tuple[str, ...]:
        own = tuple(prefix + suffix for prefix in self.prefixes if prefix != "scim.")
        return (*own, "scim." + suffix)

    def family_flag(self, suffix: str, default: bool = False) -> bool:
        return self._flag(self.family_names(suffix)[0], self.family(suffix), default)

    def family_integer(self, suffix: str, default: int = 0) -> int:
        return self._integer(self.family_names(suffix)[0], self.family(suffix), default)

    @staticmethod
    def _integer(name: str, value: str | None, default: int) -> int:
        if value is None or value == "":
            return default
        try:
            return int(value)
        except ValueError:
            raise PropertyError(f"Property {name} must be a whole number.") from None

    @staticmethod
    def _flag(name: str, value: str | None, default: bool) -> bool:
        if value is None or value == "":
            return default
        try:
            return _BOOLEANS[value.strip().lower()]
        except KeyError:
            raise PropertyError(f"Property {name} must be true or false.") from None


CREDENTIALS = frozenset(
    {
        "Password",
        "client.key",
        "ldap.password",
        "jco.client.passwd",
        "ssh.password",
        "ssh.private.key",
        "ssh.totp.secret.key",
        "concur.authorization.code",
        "concur.refresh.token",
        "hana.jdbc.db.password",
    }
)
"""Names that are always secret: they are kept encrypted, never exported, and no transformation sees them."""


def by_name(properties: Iterable[Property]) -> dict[str, Property]:
    """The declarations by name; a later one wins (a type's default over the generic one)."""
    return {declared.name: declared for declared in properties}
