"""Groups and their members on the way out: DNs in the directory, ids in documents, resolved many at once.

An id that is the value of the RDN is read off the DN. Every other one is looked up with all of its page in one round
trip, and within one read each DN once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.filter import joined
from proxeny.connectors.ldap.layout import DN, Kind, Layout
from proxeny.connectors.ldap.link import BASE, SUBTREE, Link, Lookup, Raw
from proxeny.connectors.ldap.portions import portions
from proxeny.connectors.ldap.primary import PrimaryGroups
from proxeny.connectors.ldap.schema import Server
from proxeny.documents import Document

_KEPT = 100_000
_TYPES = {"user": "User", "group": "Group"}
_NO_DNS = frozenset({"memberuid"})
IN_CHAIN = "1.2.840.113556.1.4.1941"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a document shows for a DN."""

    kind: Kind
    id: str


@dataclass(slots=True)
class Sight:
    """What one read has resolved so far; None for a DN, or a primary group, that is none of this system."""

    known: dict[str, Shown | None] = field(default_factory=dict)
    primary: dict[str, Raw | None] = field(default_factory=dict)


class References:
    """Runs in threads, on the link of the call."""

    def __init__(self, layout: Layout, server: Server) -> None:
        self._layout = layout
        self._server = server
        self._bases_tell = layout.users.suffix != layout.groups.suffix
        self.by_dn = layout.member.lower() not in _NO_DNS
        self.primary = PrimaryGroups(layout)

    # -- DNs → ids --------------------------------------------------------------------------------------------------

    def show(self, link: Link, kind: Kind, documents: Sequence[Document], sight: Sight) -> None:
        """Writes ids in place of DNs into the members of groups, and the groups of users."""
        layout = self._layout
        if kind.name == "user":
            self._add_groups(link, documents)
            if layout.active_directory:
                self.primary.of_users(link, documents, sight.primary)
                sight.known.update({raw[0]: self._shown(raw) for raw in sight.primary.values() if raw is not None})
            self._show(link, documents, layout.member_of, sight)
        elif self.by_dn:
            if layout.active_directory:
                for document in documents:
                    self.complete(link, document)
            if layout.flatten:
                self._flatten(link, documents, sight)
            if layout.active_directory:
                users = self.primary.of_groups(link, documents)
                sight.known.update({raw[0]: self._shown(raw) for raw in users})
            self._show(link, documents, layout.member, sight)

    def _show(self, link: Link, documents: Sequence[Document], name: str, sight: Sight) -> None:
        holders = [document for document in documents if name in document]
        self._learn(link, (dn for document in holders for dn in document[name]), sight)
        for document in holders:
            found = [shown for dn in document[name] if (shown := sight.known.get(dn)) is not None]
            if name == self._layout.member_of:
                document[name] = [shown.id for shown in found if shown.kind.name == "group"]
            elif self._layout.typed_members:
                document[name] = [{"value": shown.id, "type": _TYPES[shown.kind.name]} for shown in found]
            else:
                document[name] = [shown.id for shown in found]
            if not document[name]:
                del document[name]

    def _learn(self, link: Link, dns: Iterable[str], sight: Sight) -> None:
        """Every DN into ``sight``, those that do not speak for themselves by one look-up together."""
        if len(sight.known) > _KEPT:
            sight.known.clear()
        unclear: list[str] = []
        for dn in dict.fromkeys(dns):
            if dn in sight.known:
                continue
            shown, clear = self._read_off(dn)
            if clear:
                sight.known[dn] = shown
            else:
                unclear.append(dn)
        if unclear:
            found = {names.normal(raw[0]): raw for raw in self.entries(link, unclear)}
            for dn in unclear:
                raw = found.get(names.normal(dn))
                sight.known[dn] = self._shown(raw) if raw is not None else None

    def _read_off(self, dn: str) -> tuple[Shown | None, bool]:
        """What the DN alone tells, and whether that is all there is to know."""
        normal = names.normal(dn)
        under = [kind for kind in self._layout.kinds.values() if kind.has(normal)]
        if not under or normal == names.normal(self._layout.placeholder):
            return None, True
        if not self._bases_tell:
            return None, False
        kind = max(under, key=lambda each: len(each.suffix))
        if kind.id == DN:
            return Shown(kind, dn), True
        first = names.first(dn)
        if first is not None and first[0] == kind.id.lower() and len(under) == 1:
            return Shown(kind, first[1]), True
        return None, False

    def _shown(self, raw: Raw) -> Shown | None:
        """An entry as a reference shows it; None for one of another class or without the id."""
        attributes = {name.lower(): values for name, values in raw[1].items()}
        classes = {value.decode().lower() for value in attributes.get("objectclass", ())}
        for kind in (self._layout.groups, self._layout.users):
            if {each.lower() for each in kind.classes} <= classes and kind.has(names.normal(raw[0])):
                if kind.id == DN:
                    return Shown(kind, raw[0])
                values = attributes.get(kind.id.lower())
                return Shown(kind, self.text(kind.id, values[0])) if values else None
        return None

    def text(self, name: str, value: bytes) -> str:
        if self._layout.active_directory and name.lower() == "objectguid":
            return str(names.guid_text(value))
        return value.decode("utf-8", "replace")

    def entries(self, link: Link, dns: Sequence[str]) -> Iterator[Raw]:
        wanted = tuple(dict.fromkeys(("objectClass", *(k.id for k in self._layout.kinds.values() if k.id != DN))))
        if self._layout.active_directory:
            base = self._server.naming_context
            for part in portions(dns):
                text = "".join(f"(distinguishedName={names.escaped(dn)})" for dn in part)
                yield from link.find((base, SUBTREE, f"(|{text})", wanted))
        else:
            for found in link.find_many([(dn, BASE, "(objectClass=*)", wanted) for dn in dns]):
                yield from found

    def _add_groups(self, link: Link, documents: Sequence[Document]) -> None:
        """Where entries do not carry their groups, those are looked up for the whole page in one round trip."""
        layout = self._layout
        if self._server.keeps_member_of or not self.by_dn or not documents:
            return
        lookups: list[Lookup] = []
        for document in documents:
            text = f"({layout.member}={names.escaped(document[DN][0])})"
            lookups.append((layout.groups.base, SUBTREE, joined(layout.groups.class_filter, text), ("1.1",)))
        for document, found in zip(documents, link.find_many(lookups), strict=True):
            if found:
                document[layout.member_of] = [dn for dn, _ in found]

    # -- Active Directory -------------------------------------------------------------------------------------------

    def complete(self, link: Link, document: Document) -> None:
        """The rest of a member list of which the server gave a range (``member;range=0-1499``)."""
        prefix = f"{self._layout.member};range=".lower()
        ranged = next((name for name in document if name.lower().startswith(prefix)), None)
        if ranged is None:
            return
        members: list[Any] = [*document.get(self._layout.member, ()), *document.pop(ranged)]
        last = ranged.rpartition("-")[2]
        while last != "*":
            asked = f"{self._layout.member};range={int(last) + 1}-*"
            found = link.find((document[DN][0], BASE, "(objectClass=*)", (asked,)))
            given = [(n, v) for _, attributes in found for n, v in attributes.items() if n.lower().startswith(prefix)]
            if not given:
                break
            members += [value.decode() for value in given[0][1]]
            last = given[0][0].rpartition("-")[2]
        document[self._layout.member] = members

    def _flatten(self, link: Link, documents: Sequence[Document], sight: Sight) -> None:
        """Every user of a group or of the groups in it, at any depth, in place of the direct members."""
        layout = self._layout
        for document in documents:
            members = document.get(layout.member, ())
            self._learn(link, members, sight)
            if all(shown is None or shown.kind.name == "user" for shown in map(sight.known.get, members)):
                continue
            chain = f"(memberOf:{IN_CHAIN}:={names.escaped(document[DN][0])})"
            wanted = () if layout.users.id == DN else (layout.users.id,)
            filter_ = joined(layout.users.class_filter, chain)
            document[layout.member] = []
            cookie, first = b"", True
            while first or cookie:
                found, cookie = link.page(
                    layout.users.base, filter_, ("objectClass", *wanted), layout.flatten_page, cookie
                )
                first = False
                for raw in found:
                    sight.known[raw[0]] = self._shown(raw)
                    document[layout.member].append(raw[0])
