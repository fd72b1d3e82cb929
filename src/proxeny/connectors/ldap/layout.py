"""What a system's properties say of the far directory: bases, classes, names, references, and how it is talked to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.settings import method, problems
from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.spec import Connection

KindName = Literal["user", "group"]
DN = "distinguishedName"
ENABLED = "accountEnabled"
_NOT_NAMING = frozenset({"distinguishedname", "entrydn", "entryuuid", "objectguid", "nsuniqueid", "objectsid"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entry. ``id`` is the attribute whose first value is the entity's id; ``naming`` makes new RDNs."""

    name: KindName
    base: str
    classes: tuple[str, ...]
    id: str
    naming: str
    own_filter: str
    listed: tuple[str, ...]
    class_filter: str
    suffix: str = field(default="")

    def has(self, dn: str) -> bool:
        """Whether an entry of that normal DN lies under the base of this kind."""
        return dn == self.suffix or dn.endswith("," + self.suffix)


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that does not depend on a call. Times in seconds."""

    host: str
    port: int
    tls: Literal["none", "start", "ldaps"]
    method: str
    user: str
    password: str = field(repr=False)
    kinds: Mapping[str, Kind]
    member: str
    member_of: str
    typed_members: bool
    placeholder: str
    page: int
    flatten: bool
    flatten_page: int
    active_directory: bool
    changes: str
    skip_unknown: bool
    spellings: Mapping[str, str]
    connections: int
    connect_timeout: float
    timeout: float
    reads_created: bool

    @property
    def users(self) -> Kind:
        return self.kinds["user"]

    @property
    def groups(self) -> Kind:
        return self.kinds["group"]

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.tls == 'ldaps' else 'ldap'}://{host}:{self.port}"


def of(connection: Connection) -> Layout:
    """The layout that the properties of a system describe; PropertyError if they cannot be used."""
    values = connection.properties
    problem = next(iter(problems(values)), None)
    if problem is not None:
        raise PropertyError(f"Property {problem.name} {problem.message}.")
    directory = bool(connection.type.quirks.get("active_directory"))
    parts = urlsplit(values.text("ldap.url"))
    secure = parts.scheme == "ldaps"
    settings = connection.outbound.settings
    return Layout(
        host=parts.hostname or "",
        port=parts.port or (636 if secure else 389),
        tls="ldaps" if secure else "start" if values.flag("ldap.start.tls") else "none",
        method=method(values),
        user=values.text("ldap.user"),
        password=values.text("ldap.password"),
        kinds={name: _kind(name, values, directory) for name in ("user", "group")},
        member=values.text("ldap.attribute.group.member") or "member",
        member_of=values.text("ldap.attribute.user.groups") or "memberOf",
        typed_members=values.text("ldap.api.version") == "2",
        placeholder=values.text("ldap.group.member.placeholder"),
        page=min(values.integer("ldap.page.size") or 100, 1000),
        flatten=values.flag("ad.group.flatten"),
        flatten_page=_flatten_page(values),
        active_directory=directory,
        changes=values.text("ldap.changes") or "auto",
        skip_unknown=values.text("unknown.members") == "skip",
        spellings=_spellings(values),
        connections=values.integer("connections.max") or 8,
        connect_timeout=_seconds(values, "connect", settings.connect_timeout),
        timeout=_seconds(values, "total", settings.total_timeout),
        reads_created=values.flag("ldap.respond.with.resource.after.create", True),
    )


def _seconds(values: PropertyValues, which: str, otherwise: float) -> float:
    """The gateway's own property, else the one in milliseconds that SAP Identity Provisioning passes on."""
    foreign = values.integer(f"com.sun.jndi.ldap.{'read' if which == 'total' else which}.timeout")
    return float(values.integer(f"timeout.{which}") or foreign / 1000 or otherwise)


def _flatten_page(values: PropertyValues) -> int:
    text = values.text("ad.group.flatten.page.size")
    return int(text) if text.isdecimal() and 100 <= int(text) <= 1000 else 1000


def _kind(name: KindName, values: PropertyValues, directory: bool) -> Kind:
    classes = _list(values.text(f"ldap.{name}.object.class"))
    entry_id = values.text(f"ldap.attribute.{name}.id") or ("cn" if directory or name == "group" else "uid")
    base = values.text(f"ldap.{name}.path")
    listed = _list(values.text(f"ldap.{name}.attributes")) if values.text("ldap.api.version") == "2" else ()
    return Kind(
        name,
        base,
        classes,
        entry_id,
        values.text(f"ldap.{name}.naming.attribute") or _naming(entry_id, name, directory),
        values.family(f"{name}.filter") or "",
        listed,
        _class_filter(classes, entry_id, directory and name == "user"),
        names.normal(base),
    )


def _naming(entry_id: str, name: str, directory: bool) -> str:
    if directory:
        return "cn"
    if entry_id.lower() in _NOT_NAMING:
        return "uid" if name == "user" else "cn"
    return entry_id


def _class_filter(classes: tuple[str, ...], entry_id: str, people: bool) -> str:
    """Entries of all the classes, with an id; computers are users too in Active Directory, and nobody means them."""
    text = "".join(f"(objectClass={names.escaped(each)})" for each in classes) or "(objectClass=*)"
    text += "(!(objectClass=computer))" if people else ""
    return text if entry_id.lower() in _NOT_NAMING else f"{text}({entry_id}=*)"


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _spellings(values: PropertyValues) -> dict[str, str]:
    """How the properties write attributes, whose case means nothing to the server and much to a mapping."""
    listed = (part for kind in ("user", "group") for part in _list(values.text(f"ldap.{kind}.attributes")))
    parameters = (value for name, value in values.items() if name.startswith("ldap.attribute.") and value)
    return {name.lower(): name for name in (*listed, *parameters, DN)}
