"""What Active Directory does in its own way: passwords, enabled accounts, and changes by update sequence number."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from ldap.controls import RequestControl

from proxeny.connectors.errors import RefusedError
from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.entries import DISABLED, Entries
from proxeny.connectors.ldap.filter import joined
from proxeny.connectors.ldap.layout import DN, ENABLED, Kind, Layout
from proxeny.connectors.ldap.link import BASE, Link, Raw
from proxeny.connectors.ldap.pool import Pool
from proxeny.connectors.ldap.searching import Far, Searching
from proxeny.connectors.spi import Change

NORMAL_ACCOUNT = 512
PASSWORD = "unicodePwd"  # noqa: S105  # the name of an attribute
_SHOW_DELETED = "1.2.840.113556.1.4.417"
_WITHOUT_PASSWORD = NORMAL_ACCOUNT | DISABLED


def write_account(values: dict[str, list[Any]], held: Mapping[str, list[bytes]] | None, secure: bool) -> None:
    """Turns ``accountEnabled`` and ``unicodePwd`` of a document into what the server takes; in place.

    ``held`` are the entry's attributes in lower case, None for a new one. A new account without a password stays
    disabled: the server enables none that has none.
    """
    password = values.pop(PASSWORD, None)
    if password:
        if not secure:
            raise RefusedError("Active Directory takes passwords over TLS only: use ldaps:// or ldap.start.tls.")
        values[PASSWORD] = [f'"{password[0]}"'.encode("utf-16-le")]
    wanted = values.pop(ENABLED, None)
    if not wanted:
        return
    enabled = wanted[0] in (True, "true", "True", "TRUE")
    flags = int(held["useraccountcontrol"][0]) if held and "useraccountcontrol" in held else NORMAL_ACCOUNT
    if held is None and not password:
        enabled, flags = False, _WITHOUT_PASSWORD
    values["userAccountControl"] = [str(flags & ~DISABLED if enabled else flags | DISABLED)]


class Deltas:
    """Changes since an update sequence number, which counts on one domain controller only.

    A cursor names the controller's database (its invocation id) with the number; another controller, or one that was
    restored, starts over. Deleted objects are found where the server keeps them; a group's members count as a change of
    the group.
    """

    def __init__(self, layout: Layout, pool: Pool, entries: Entries, searching: Searching) -> None:
        self._layout = layout
        self._pool = pool
        self._entries = entries
        self._searching = searching

    async def mark(self, kind: Kind, far: Far) -> str:
        """The newest number of the controller's database."""
        database, highest = await self._pool.reading(lambda link: link.run(_state, far))
        return f"{database}:{highest}"

    async def read(self, kind: Kind, cursor: str | None, far: Far) -> AsyncIterator[Change]:
        async with self._pool.link() as link:
            database, highest = await link.run(_state, far)
            known, _, number = (cursor or "").rpartition(":")
            since = int(number) if known == database and number.isdecimal() else None
            resume = cursor or "" if since is not None else ""
            pending: Change | None = None
            text = joined(
                kind.class_filter, kind.own_filter, f"(uSNChanged>={since + 1})" if since is not None else None
            )
            async for page in self._searching.pages(link, kind, text, far):
                for entity in page:
                    if pending is not None:
                        yield pending
                    pending = Change(entity.id, entity, resume)
            gone = await link.run(self._deleted, kind, since, far) if since is not None else []
            for entity_id in gone:
                if pending is not None:
                    yield pending
                pending = Change(entity_id, None, resume)
            if pending is not None:
                pending.cursor = f"{database}:{highest}"
                yield pending

    def _deleted(self, link: Link, kind: Kind, since: int, far: Far) -> list[str]:
        """The ids of what was deleted since, oldest first; what was elsewhere before does not count."""
        show: Any = RequestControl(_SHOW_DELETED, True)
        show.encodedControlValue = None
        classes = "".join(f"(objectClass={names.escaped(each)})" for each in kind.classes)
        text = joined(classes, "(isDeleted=TRUE)", f"(uSNChanged>={since + 1})")
        place = f"CN=Deleted Objects,{far.server.naming_context}"
        found: list[Raw] = []
        cookie, first = b"", True
        while first or cookie:
            raws, cookie = link.page(place, text, ("*",), self._layout.page, cookie, [show])
            found += raws
            first = False
        documents = [self._entries.document(raw) for raw in found]
        documents.sort(key=lambda document: int(document.get("uSNChanged", ["0"])[0]))
        made = (self._former_id(kind, document) for document in documents)
        return [entity_id for entity_id in made if entity_id is not None]

    def _former_id(self, kind: Kind, document: Mapping[str, Any]) -> str | None:
        """The id that a deleted object had: kept by the server, or read off its former name."""
        parent = document.get("lastKnownParent", [""])[0]
        if not kind.has(names.normal(parent)):
            return None
        head = names.first(document[DN][0])
        name = head[1].partition("\n")[0].partition("\\0A")[0] if head else ""
        if kind.id == DN:
            return f"{names.rdn('CN', name)},{parent}"
        if kind.id.lower() in ("cn", "name"):
            return name or None
        kept = document.get(kind.id)
        return str(kept[0]) if kept else None


def _state(link: Link, far: Far) -> tuple[str, int]:
    """The identity of the server's database, and the newest number in it; runs in a thread."""
    root = link.find(("", BASE, "(objectClass=*)", ("highestCommittedUSN",)))
    highest = int(root[0][1]["highestCommittedUSN"][0]) if root else 0
    found = link.find((far.server.service, BASE, "(objectClass=*)", ("invocationId",))) if far.server.service else []
    identity = found[0][1].get("invocationId", [b""])[0] if found else b""
    return identity.hex() or "unknown", highest
