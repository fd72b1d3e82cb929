"""Where the credentials of a system go: whether a changed one would send them elsewhere, or to anyone at all.

Who may change a system must not learn its secrets by pointing it to a server of his own: when any property that says
where a system is has changed, what is stored for the old place is not taken over.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.registry import system_type
from proxeny.provisioning.systems.definition import SystemDefinition

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PLACES = frozenset(
    (
        *("url", "uri", "host", "hostname", "hosts", "port", "proxy", "server", "endpoint", "address", "domain"),
        *("ashost", "mshost", "gwhost", "sysnr", "msserv", "gwserv", "saprouter"),
    )
)
_YES = frozenset({"true", "enabled", "yes", "1"})
_DEFAULT_PORTS = {"http": 80, "https": 443, "ldap": 389, "ldaps": 636}


def moved(before: SystemDefinition, after: SystemDefinition) -> tuple[str, ...]:
    """The properties by which ``after`` leads elsewhere than ``before``, by name; the type counts as one. Another path
    on the same server is the same place."""
    old, new = _places(before.properties), _places(after.properties)
    names = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    return (*(["connectorTypeString"] if before.type != after.type else []), *sorted(names))


def trusts_everyone(definition: SystemDefinition) -> bool:
    """Whether the system's server need not prove who it is, so that anyone on the way can take its credentials."""
    return definition.properties.get("TrustAll", "").strip().lower() in _YES


def _places(properties: Mapping[str, str]) -> dict[str, str]:
    return {name: _place(value) for name, value in properties.items() if value.strip() and _says_where(name)}


def _says_where(name: str) -> bool:
    return any(word.lower() in _PLACES for word in _WORDS.findall(name))


def _place(value: str) -> str:
    """Scheme, host and port of a URL; any other text as it is."""
    try:
        parts = urlsplit(value.strip())
        if parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.username is None:
            return f"{parts.scheme}://{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"
    except ValueError:
        pass
    return value.strip()


def misplaced(type_name: str, properties: Mapping[str, str]) -> frozenset[str]:
    """Names of the secrets among properties, which are stored, shown and exported as they are."""
    try:
        known = system_type(type_name)
    except PropertyError:
        return frozenset()
    return frozenset(problem.name for problem in known.misplaced(properties))
