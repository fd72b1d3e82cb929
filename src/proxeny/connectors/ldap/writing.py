"""Writing: create, modify by difference, rename and delete; one entry is found, compared and changed over one link."""

from collections.abc import Mapping, Sequence
from typing import Any

import ldap
from ldap.controls.libldap import AssertionControl

from proxeny.connectors.errors import ConflictError, ConnectorError, NotFoundError, RefusedError, VersionConflictError
from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.entries import Entries
from proxeny.connectors.ldap.layout import Kind, Layout
from proxeny.connectors.ldap.link import BASE, SUBTREE, Link
from proxeny.connectors.ldap.modifications import Modification, differences, needs_member
from proxeny.connectors.ldap.pool import Pool
from proxeny.connectors.ldap.references import Sight
from proxeny.connectors.ldap.schema import ASSERTION
from proxeny.connectors.ldap.searching import Far, Known, Searching
from proxeny.connectors.ldap.wanted import Wanted, wanted_of
from proxeny.connectors.spi import Entity
from proxeny.documents import Document

ANYTHING = "(objectClass=*)"
_UNIQUE = ("sAMAccountName", "userPrincipalName")


class Writing:
    """The writing side of one system. Everything but the public methods runs in threads."""

    def __init__(self, layout: Layout, pool: Pool, entries: Entries, searching: Searching, known: Known) -> None:
        self._layout = layout
        self._pool = pool
        self._entries = entries
        self._searching = searching
        self._known = known

    async def create(self, kind: Kind, document: Document) -> Entity:
        far = await self._known()
        async with self._pool.link() as link:
            return await link.run(self._create, kind, document, far)

    async def replace(self, kind: Kind, entity_id: str, document: Document, version: str | None) -> Entity:
        far = await self._known()
        async with self._pool.link() as link:
            return await link.run(self._replace, kind, entity_id, document, version, far)

    async def delete(self, kind: Kind, entity_id: str, version: str | None) -> None:
        far = await self._known()
        async with self._pool.link() as link:
            await link.run(self._delete, kind, entity_id, version, far)

    # -- create -------------------------------------------------------------------------------------------------------

    def _create(self, link: Link, kind: Kind, document: Document, far: Far) -> Entity:
        wanted = wanted_of(link, self._layout, kind, document, None, far)
        if wanted.dn is None and wanted.name is None:
            raise RefusedError(f"A new {kind.name} needs a value for {kind.naming}, which names its entry.")
        dn = wanted.dn or f"{names.rdn(kind.naming, wanted.name or '')},{kind.base}"
        if names.normal(dn) == kind.suffix or not kind.has(names.normal(dn)):
            raise RefusedError(f"{dn} does not lie under {kind.base} (ldap.{kind.name}.path).")
        values = {name: given for name, given in wanted.values.items() if given}
        if kind.name == "group" and needs_member(values, kind) and self._layout.member not in values:
            values[self._layout.member] = [self._layout.placeholder.encode()]
        values.setdefault("objectClass", [each.encode() for each in kind.classes])
        try:
            link.add(dn, list(values.items()))
        except (ldap.ALREADY_EXISTS, ldap.CONSTRAINT_VIOLATION) as error:
            raise self._conflict(link, kind, dn, values, error, far) from error
        try:
            self._set_password(link, dn, wanted)
        except ldap.LDAPError:
            link.remove(dn, [])
            raise
        made = None if self._layout.reads_created else self._entries.entity(kind, (dn, values))
        if made is None:
            return self._held(link, kind, dn, far)
        far.references.show(link, kind, [made.document], Sight())
        return made

    @staticmethod
    def _set_password(link: Link, dn: str, wanted: Wanted) -> None:
        if wanted.password is not None:
            link.set_password(dn, wanted.password)

    def _conflict(
        self, link: Link, kind: Kind, dn: str, values: Mapping[str, list[bytes]], error: Exception, far: Far
    ) -> Exception:
        """Who has the name; the error as it was if nobody is found."""
        wanted = self._entries.attributes(kind)
        there = link.find((dn, BASE, ANYTHING, wanted))
        first = names.first(dn) or (kind.naming, dn)
        attribute, value = (kind.naming if first[0] == kind.naming.lower() else first[0]), first[1]
        if not there and self._layout.active_directory:
            for name in _UNIQUE:
                for each in values.get(name, ())[:1]:
                    text = f"({name}={names.escaped(each.decode('utf-8', 'replace'))})"
                    there = there or link.find((far.server.naming_context, SUBTREE, text, wanted))
                    attribute, value = name, each.decode("utf-8", "replace")
        if not there:
            return error
        other = self._entries.entity(kind, there[0]) if kind.has(names.normal(there[0][0])) else None
        return ConflictError(
            f"The directory has an entry with {attribute} {value!r}.",
            attribute=attribute,
            value=value,
            other_id=other.id if other else None,
        )

    # -- update -------------------------------------------------------------------------------------------------------

    def _replace(
        self, link: Link, kind: Kind, entity_id: str, document: Document, version: str | None, far: Far
    ) -> Entity:
        dn, held = self._searching.find(link, kind, entity_id, far)
        current = {name.lower(): values for name, values in held.items()}
        controls = self._unchanged(version, current, far)
        if self._layout.active_directory and kind.name == "group":
            current[self._layout.member.lower()] = self._all_members(link, dn, held, far)
        wanted = wanted_of(link, self._layout, kind, document, current, far)
        if self._layout.active_directory and wanted.values.get(self._layout.member):
            group, members = self._entries.document((dn, held)), wanted.values[self._layout.member]
            wanted.values[self._layout.member] = far.references.primary.without(link, group, members)
        wide = [] if far.server.keeps_member_of else controls
        moved = self._renamed(link, kind, dn, wanted, wide)
        steps = differences(kind, self._layout, current, wanted.values)
        try:
            for number, step in enumerate(steps):
                asserted = controls if step[0][1] != self._layout.member else wide
                _modify(link, moved, step, asserted if number == 0 and moved == dn else [], current)
        except ldap.LDAPError as error:
            if moved != dn:
                link.rename(moved, dn.partition(",")[0], names.parent(dn))
            raise self._taken(link, kind, moved, wanted, error, far) from error
        self._set_password(link, moved, wanted)
        return self._held(link, kind, moved, far)

    def _taken(self, link: Link, kind: Kind, dn: str, wanted: Wanted, error: Exception, far: Far) -> Exception:
        if isinstance(error, ldap.ALREADY_EXISTS) and self._layout.active_directory:
            return self._conflict(link, kind, f"cn=,{dn}", wanted.values, error, far)
        return error

    def _all_members(self, link: Link, dn: str, held: Mapping[str, list[bytes]], far: Far) -> list[bytes]:
        """The whole member list, where the server gave a part of it."""
        document = self._entries.document((dn, dict(held)))
        far.references.complete(link, document)
        return [member.encode() for member in document.get(self._layout.member, ())]

    def _unchanged(self, version: str | None, current: Mapping[str, list[bytes]], far: Far) -> list[Any]:
        """Controls that let a write through only on the version that was read, if the server has them.

        Not for changes of members, names and whole entries where an overlay keeps memberOf: it repeats the control when
        it changes the other entries, and they fail on it unseen.
        """
        if version is None:
            return []
        name = next((each for each in ("entrycsn", "usnchanged", "modifytimestamp") if each in current), None)
        if name is None:
            return []
        if current[name][0].decode() != version:
            raise VersionConflictError("The entry has changed since it was read.")
        if ASSERTION in far.server.controls and name == "entrycsn":
            return [AssertionControl(True, f"(entryCSN={names.escaped(version)})")]
        return []

    def _renamed(self, link: Link, kind: Kind, dn: str, wanted: Wanted, controls: Sequence[Any]) -> str:
        """The DN of the entry after a change of its name or place, if the document has one."""
        first = names.first(dn)
        rdn, parent = dn[: len(dn) - len(names.parent(dn)) - 1], names.parent(dn)
        if wanted.dn is not None and names.normal(wanted.dn) != names.normal(dn):
            if not kind.has(names.normal(wanted.dn)):
                raise RefusedError(f"{wanted.dn} does not lie under {kind.base} (ldap.{kind.name}.path).")
            new_parent = names.parent(wanted.dn)
            new_rdn = wanted.dn[: len(wanted.dn) - len(new_parent) - 1]
        elif wanted.name and first and first[0] == kind.naming.lower() and wanted.name.lower() != first[1].lower():
            new_parent, new_rdn = parent, names.rdn(kind.naming, wanted.name)
        else:
            return dn
        try:
            moving = None if names.normal(new_parent) == names.normal(parent) else new_parent
            link.rename(dn, new_rdn or rdn, moving, controls)
        except ldap.ALREADY_EXISTS as error:
            value = wanted.name or new_rdn
            raise ConflictError(
                f"The directory has an entry named {value!r}.", attribute=kind.naming, value=value
            ) from error
        return f"{new_rdn},{new_parent}"

    # -- delete -------------------------------------------------------------------------------------------------------

    def _delete(self, link: Link, kind: Kind, entity_id: str, version: str | None, far: Far) -> None:
        dn, held = self._searching.find(link, kind, entity_id, far)
        current = {name.lower(): values for name, values in held.items()}
        try:
            controls = self._unchanged(version, current, far)
            link.remove(dn, [] if far.server.keeps_member_of else controls)
        except ldap.NO_SUCH_OBJECT as error:
            raise NotFoundError(f"The directory has no {kind.name} {entity_id!r} any more.") from error

    # -- shared -------------------------------------------------------------------------------------------------------

    def _held(self, link: Link, kind: Kind, dn: str, far: Far) -> Entity:
        """The entry as the server holds it now."""
        found = link.find((dn, BASE, ANYTHING, self._entries.attributes(kind)))
        entity = self._entries.entity(kind, found[0]) if found else None
        if entity is None:
            raise ConnectorError(f"{dn} was written, and cannot be read back with an attribute {kind.id}.")
        far.references.show(link, kind, [entity.document], Sight())
        return entity


def _modify(
    link: Link, dn: str, step: Sequence[Modification], controls: Sequence[Any], current: Mapping[str, list[bytes]]
) -> None:
    """Changes the entry if it is still the ``current`` one. An overlay that looks for other entries itself (unique)
    repeats the assertion there, and fails on it although nothing has changed: then the entry is looked at instead."""
    try:
        link.modify(dn, step, controls)
    except ldap.ASSERTION_FAILED:
        found = link.find((dn, BASE, ANYTHING, ("entryCSN",)))
        now = {name.lower(): values for name, values in found[0][1].items()} if found else {}
        if now.get("entrycsn") != current.get("entrycsn"):
            raise
        link.modify(dn, step, [])
