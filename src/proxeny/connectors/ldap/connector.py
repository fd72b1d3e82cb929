"""An LDAP directory as a system: the whole port but PATCH, which the gateway emulates."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from proxeny.connectors.errors import UnsupportedError
from proxeny.connectors.filtering import NativeFilter
from proxeny.connectors.ldap import active_directory, changes, layout, schema
from proxeny.connectors.ldap.entries import Entries, entity_type
from proxeny.connectors.ldap.filter import joined
from proxeny.connectors.ldap.layout import Kind
from proxeny.connectors.ldap.link import BASE, Link
from proxeny.connectors.ldap.members import Members
from proxeny.connectors.ldap.pool import Pool
from proxeny.connectors.ldap.references import References
from proxeny.connectors.ldap.searching import Far, Searching
from proxeny.connectors.ldap.writing import Writing
from proxeny.connectors.outbound import tls
from proxeny.connectors.outbound.probe import network_steps, walk
from proxeny.connectors.outbound.throttle import Throttle
from proxeny.connectors.spec import Connection
from proxeny.connectors.spi import Accept, Change, Entity, EntityType, Page, Search, TestStep
from proxeny.documents import Document


class LdapConnector:
    """Reader, Searcher, Creator, Replacer, Deleter, ChangeReader and Marker of one directory."""

    def __init__(self, connection: Connection) -> None:
        values, outbound = connection.properties, connection.outbound
        self._layout = layout.of(connection)
        self._context = tls.context(values, outbound.settings)
        self._guard = outbound.guard
        throttle = Throttle(
            connection.type.name,
            values.integer("ips.failed.request.retry.attempts", 2),
            values.integer("ips.failed.request.retry.attempts.interval", 30),
            outbound.settings.retry_budget,
        )
        self._pool = Pool(self._layout, outbound, self._context, throttle)
        self._far: Far | None = None
        self._asking = asyncio.Lock()
        self._entries = entries = Entries(self._layout)
        self._searching = Searching(self._layout, self._pool, entries, self._known)
        self._writing = Writing(self._layout, self._pool, entries, self._searching, self._known)
        deltas = active_directory.Deltas if self._layout.active_directory else changes.Deltas
        self._deltas = deltas(self._layout, self._pool, entries, self._searching)
        self._types: dict[str, EntityType] = {
            kind.name: entity_type(kind, self._layout) for kind in self._layout.kinds.values()
        }

    @property
    def entity_types(self) -> Mapping[str, EntityType]:
        return self._types

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._searching.close()
        await self._pool.close()

    async def _known(self) -> Far:
        """What the server is, asked once; a server that was not there is asked again."""
        if self._far is None:
            async with self._asking:
                if self._far is None:
                    server = await self._pool.reading(lambda link: link.run(schema.read))
                    shown = References(self._layout, server)
                    self._far = Far(server, shown, Members(self._layout, shown))
        return self._far

    def _kind(self, entity_type: str) -> Kind:
        kind = self._layout.kinds.get(entity_type)
        if kind is None:
            raise UnsupportedError(f"This directory has users and groups, and no {entity_type[:40]!r}.")
        return kind

    async def test(self) -> Sequence[TestStep]:
        """Name, TCP, TLS, sign-in, both bases."""
        steps = network_steps(self._layout.url, self._guard, self._context)
        return await walk(
            [
                *steps,
                ("sign-in", self._try_sign_in),
                ("users", lambda: self._try_base(self._layout.users)),
                ("groups", lambda: self._try_base(self._layout.groups)),
            ]
        )

    async def _try_sign_in(self) -> str:
        self._far = None
        far = await self._known()
        what = "Active Directory" if far.server.active_directory else "LDAP server"
        over = {"none": "without TLS", "start": "StartTLS", "ldaps": "TLS"}[self._layout.tls]
        return f"{what}, {self._layout.method}, {over}"

    async def _try_base(self, kind: Kind) -> str:
        """Whether the base is there, and one entry under it that the gateway would read."""
        filter_ = joined(kind.class_filter, kind.own_filter)

        async def look(link: Link) -> str:
            if not await link.run(Link.find, (kind.base, BASE, "(objectClass=*)", ("1.1",))):
                raise UnsupportedError(f"{kind.base} is not there, or hidden from ldap.user (ldap.{kind.name}.path).")
            found, cookie = await link.run(Link.page, kind.base, filter_, (kind.id,), 1, b"")
            some = "no entry" if not found else "1 entry, and more" if cookie else "1 entry"
            return f"{some} with {filter_}"

        return await self._pool.reading(look)

    def focus(self, entity_type: str, fields: frozenset[str]) -> None:
        self._entries.focus[entity_type] = fields

    async def read(self, entity_type: str, entity_id: str, *, omit: frozenset[str] = frozenset()) -> Entity:
        return await self._searching.read(self._kind(entity_type), entity_id, omit)

    def read_all(
        self, entity_type: str, where: NativeFilter | None = None, *, native_filter: str | None = None
    ) -> AsyncIterator[Entity]:
        return self._searching.read_all(self._kind(entity_type), where, native_filter)

    async def search(self, entity_type: str, search: Search) -> Page:
        return await self._searching.search(self._kind(entity_type), search)

    async def create(self, entity_type: str, document: Document, *, accept: Accept | None = None) -> Entity:
        return await self._writing.create(self._kind(entity_type), document)

    async def replace(
        self,
        entity_type: str,
        entity_id: str,
        document: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity | None:
        return await self._writing.replace(self._kind(entity_type), entity_id, document, version)

    async def delete(self, entity_type: str, entity_id: str, *, version: str | None = None) -> None:
        await self._writing.delete(self._kind(entity_type), entity_id, version)

    async def read_changes(self, entity_type: str, cursor: str | None) -> AsyncIterator[Change]:
        kind = self._kind(entity_type)
        async for change in self._deltas.read(kind, cursor or None, await self._known()):
            yield change

    async def mark(self, entity_type: str) -> str:
        return await self._deltas.mark(self._kind(entity_type), await self._known())
