"""The properties of an LDAP system, and what is wrong with their values; needs no LDAP library."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from proxeny.connectors.properties import Property, PropertyProblem

_LIKE_A_DN = re.compile(r"\s*[A-Za-z0-9.-]+\s*=.")

READ_CREATED = "ldap.respond.with.resource.after.create"
SERVER_MADE = frozenset({"entryuuid", "objectguid", "objectsid", "nsuniqueid"})

PROPERTIES: tuple[Property, ...] = (
    Property(
        "ldap.start.tls", "boolean", default="false", help="Turn an ldap:// connection into TLS before signing in."
    ),
    Property(
        "ldap.authentication",
        "choice",
        choices=("BasicAuthentication", "ExternalAuthentication", "NoAuthentication"),
        help="Simple bind, SASL EXTERNAL with the client certificate, or anonymous.",
    ),
    Property("ldap.user.naming.attribute", help="Attribute that names a new user's entry (RDN)."),
    Property("ldap.group.naming.attribute", help="Attribute that names a new group's entry (RDN)."),
    Property(
        "ldap.group.member.placeholder",
        default="cn=nobody",
        help="DN that stands in a group without members where its class demands one; nobody sees it.",
    ),
    Property(
        "ldap.changes",
        "choice",
        default="auto",
        choices=("auto", "syncrepl", "timestamp"),
        help="How changes are read: content synchronisation (RFC 4533), by time of change, or as the server can.",
    ),
    Property("ldap.page.size", "integer", default="100", minimum=1, maximum=1000, help="Entries in one read request."),
    Property("TrustAll", "boolean", default="false", help="Do not verify the server's certificate. For tests only."),
    Property("ca.certificate", help="Certificate authorities of the server, PEM; beside those of the machine."),
    Property("client.certificate", help="Certificate chain that the gateway shows to the server, PEM."),
    Property("client.key", secret=True, help="Private key of client.certificate, PEM, not encrypted."),
    Property(
        "connections.max", "integer", default="8", minimum=1, maximum=64, help="Connections to this system at one time."
    ),
    Property("timeout.connect", "integer", minimum=1, maximum=60, help="Seconds until a connection stands."),
    Property("timeout.total", "integer", minimum=1, maximum=600, help="Seconds for one request to the server."),
    Property("com.sun.jndi.ldap.connect.timeout", "integer", minimum=0, help="Milliseconds until a connection stands."),
    Property("com.sun.jndi.ldap.read.timeout", "integer", minimum=0, help="Milliseconds for one request."),
)


def problems(values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    """What is missing or does not fit together."""
    yield from _address_problems(values.get("ldap.url", ""))
    for name in ("ldap.user.path", "ldap.group.path"):
        base = values.get(name, "")
        if not base:
            yield PropertyProblem(name, "is missing: the DN under which the entries are, such as ou=people,dc=example")
        elif not _LIKE_A_DN.match(base):
            yield PropertyProblem(name, "is no DN; write it as ou=people,dc=example,dc=org")
    yield from _sign_in_problems(values)
    yield from _creation_problems(values)


def _creation_problems(values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    """Without reading a new entry, nobody knows an id that the server makes."""
    if values.get(READ_CREATED, "").strip().lower() not in ("false", "disabled", "no", "0"):
        return
    for kind in ("user", "group"):
        attribute = values.get(f"ldap.attribute.{kind}.id", "")
        if attribute.lower() in SERVER_MADE:
            yield PropertyProblem(
                READ_CREATED, f"must be true, because the server makes {attribute} (ldap.attribute.{kind}.id)"
            )


def _address_problems(url: str) -> Iterable[PropertyProblem]:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("ldap", "ldaps") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        yield PropertyProblem("ldap.url", "must be an address such as ldaps://directory.example:636")


def _sign_in_problems(values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    chosen = method(values)
    if chosen == "BasicAuthentication" and not values.get("ldap.user"):
        yield PropertyProblem("ldap.user", "is missing: the DN (Active Directory: also UPN) that signs in")
    if chosen == "BasicAuthentication" and not values.get("ldap.password"):
        yield PropertyProblem("ldap.password", "is missing; give it among the encrypted properties")
    if chosen == "ExternalAuthentication" and not values.get("client.certificate"):
        yield PropertyProblem("client.certificate", "is missing: ExternalAuthentication signs in with it")
    if bool(values.get("client.certificate")) != bool(values.get("client.key")):
        yield PropertyProblem("client.key", "client.certificate and client.key belong together; one is missing")


def method(values: Mapping[str, str]) -> str:
    """How the gateway signs in: as named, else by what is there."""
    named = values.get("ldap.authentication", "")
    return named or ("BasicAuthentication" if values.get("ldap.user") else "NoAuthentication")
