"""Active Directory's primary groups: a membership that stands in neither ``member`` nor ``memberOf``.

A user names the primary group by the last part of its security identifier (``primaryGroupID``). On the way out that
membership is shown like any other, looked up for a whole page at once; on the way in it is left alone, because only the
user's own entry can change it.
"""

from collections.abc import Iterable, Mapping, Sequence

from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.filter import Reference, joined
from proxeny.connectors.ldap.layout import DN, Layout
from proxeny.connectors.ldap.link import SUBTREE, Link, Raw
from proxeny.connectors.ldap.portions import portions
from proxeny.documents import Document

SID, PRIMARY = "objectSid", "primaryGroupID"


class PrimaryGroups:
    """Runs in threads, on the link of the call. Each method does as many searches for many entries as for one."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def of_users(self, link: Link, documents: Sequence[Document], known: dict[str, Raw | None]) -> None:
        """Adds the DN of the primary group to each user's groups, if it is a group of this system. ``known``: what was
        found in this read so far, by security identifier."""
        groups = {id(document): group for document in documents if (group := group_of(document))}
        unknown = [sid for sid in dict.fromkeys(groups.values()) if sid not in known]
        known.update(dict.fromkeys(unknown))
        known.update({names.sid_text(raw[1][SID][0]): raw for raw in self._groups(link, unknown)})
        for document in documents:
            raw = known.get(groups.get(id(document), ""))
            if raw is not None:
                document[self._layout.member_of] = [*document.get(self._layout.member_of, ()), raw[0]]

    def of_groups(self, link: Link, documents: Sequence[Document]) -> list[Raw]:
        """Adds the DNs of the users whose primary group it is to the members of each group; those users."""
        by_number = {document[SID][0].rpartition("-")[2]: document for document in documents if SID in document}
        found = list(self._users(link, list(by_number)))
        for dn, attributes in found:
            document = by_number[attributes[PRIMARY][0].decode()]
            document[self._layout.member] = [*document.get(self._layout.member, ()), dn]
        return found

    def terms(self, link: Link, dns: Mapping[Reference, Sequence[str]]) -> dict[Reference, list[str]]:
        """What a filter for a member or a group must admit besides, by the ids that it names."""
        wanted = [dn for found in dns.values() for dn in found]
        entries = {names.normal(raw[0]): raw[1] for raw in self._entries(link, wanted)}
        made: dict[Reference, list[str]] = {}
        for reference, found in dns.items():
            for attributes in (entries.get(names.normal(dn), {}) for dn in found):
                term = _term(reference, attributes)
                if term:
                    made.setdefault(reference, []).append(term)
        return made

    def without(self, link: Link, group: Document, members: Iterable[bytes]) -> list[bytes]:
        """The members that stand in the group's own entry, or shall: not those whose primary group it is."""
        given = list(members)
        if SID not in group:
            return given
        primary = {names.normal(raw[0]) for raw in self._users(link, [group[SID][0].rpartition("-")[2]])}
        return [member for member in given if names.normal(member.decode()) not in primary]

    # -- searches ---------------------------------------------------------------------------------------------------

    def _groups(self, link: Link, sids: Sequence[str]) -> Iterable[Raw]:
        groups = self._layout.groups
        wanted = ("objectClass", SID, *(() if groups.id == DN else (groups.id,)))
        for part in portions(sids):
            text = "".join(f"({SID}={names.escaped(sid)})" for sid in part)
            yield from link.find((groups.base, SUBTREE, joined(groups.class_filter, f"(|{text})"), wanted))

    def _users(self, link: Link, numbers: Sequence[str]) -> Iterable[Raw]:
        """Users of these primary groups, which may be everybody: page by page."""
        users = self._layout.users
        wanted = ("objectClass", PRIMARY, *(() if users.id == DN else (users.id,)))
        for part in portions(numbers):
            text = "".join(f"({PRIMARY}={names.escaped(number)})" for number in part)
            filter_ = joined(users.class_filter, f"(|{text})")
            cookie, first = b"", True
            while first or cookie:
                found, cookie = link.page(users.base, filter_, wanted, self._layout.flatten_page, cookie)
                first = False
                yield from found

    def _entries(self, link: Link, dns: Sequence[str]) -> Iterable[Raw]:
        for kind in self._layout.kinds.values():
            for part in portions([dn for dn in dns if kind.has(names.normal(dn))]):
                text = "".join(f"(distinguishedName={names.escaped(dn)})" for dn in part)
                yield from link.find((kind.base, SUBTREE, f"(|{text})", ("objectClass", SID, PRIMARY)))


def group_of(user: Document) -> str | None:
    """The security identifier of a user's primary group: the user's own, with another last part."""
    if SID not in user or PRIMARY not in user:
        return None
    return f"{user[SID][0].rpartition('-')[0]}-{user[PRIMARY][0]}"


def _term(reference: Reference, attributes: Mapping[str, Sequence[bytes]]) -> str | None:
    if SID not in attributes:
        return None
    sid = names.sid_text(attributes[SID][0])
    if reference[0] == "group":
        return f"({PRIMARY}={names.escaped(sid.rpartition('-')[2])})"
    if PRIMARY not in attributes:
        return None
    return f"({SID}={names.escaped(sid.rpartition('-')[0])}-{attributes[PRIMARY][0].decode()})"
