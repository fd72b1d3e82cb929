"""The gateway, opened: database, store, systems and the web application over them."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from proxeny.app.administration import SystemAdministration
from proxeny.app.clients import ClientAdministration
from proxeny.app.conversions import issuers, outbound_settings, server_settings, technical_user, web_settings
from proxeny.app.definitions import file_definitions
from proxeny.app.expiry import Expiry, of_clients, of_settings, of_systems
from proxeny.app.jobs import Provisioning
from proxeny.app.remembering import Store, open_store, stored_definition
from proxeny.app.wishes import notice_changes, switching_off
from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.outbound.fetch import Fetcher
from proxeny.errors import Error
from proxeny.keeping import kept
from proxeny.provisioning.catalog import Catalog, LeftOut, check_definitions
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.errors import DefinitionError
from proxeny.provisioning.systems.definition import SystemDefinition
from proxeny.provisioning.systems.whereabouts import trusts_everyone
from proxeny.settings import Settings
from proxeny.store.errors import VaultError
from proxeny.store.kept import KeptSecrets
from proxeny.store.limits import Limits
from proxeny.store.tokens import SigningKeys, Tokens
from proxeny.store.transformations import Transformations
from proxeny.web.admin.audit import audit_routes
from proxeny.web.admin.clients import client_routes
from proxeny.web.admin.jobs import job_routes
from proxeny.web.admin.ports import Administration
from proxeny.web.admin.provisioning import provisioning_routes
from proxeny.web.admin.systems import system_routes
from proxeny.web.auth.audit import AuditTrail
from proxeny.web.auth.clients import ConfiguredClients, SeveralSources, StoredClients
from proxeny.web.metrics import Metrics
from proxeny.web.ports import Health, Provider
from proxeny.web.realtime import realtime_routes
from proxeny.web.request import Route
from proxeny.web.routes import Application, create_app
from proxeny.web.security import Security, SecurityPorts
from proxeny.web.tls import Tls

log = logging.getLogger("proxeny.app")

_WATCH_SECONDS = 5.0
_LOOK_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Served:
    app: Application
    tls: Tls | None
    trail: AuditTrail


@dataclass
class Gateway:
    """What the web stands on (web/ports.py: Gateway), with the application itself."""

    settings: Settings
    store: Store
    catalog: Catalog
    fetcher: Fetcher
    outbound: Outbound
    provisioning: Provisioning
    metrics: Metrics = field(default_factory=Metrics)
    expiry: Expiry = field(default_factory=Expiry)
    trusting: Mapping[str, str] = field(default_factory=dict)
    _reloading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Gateway"]:
        """Opens everything but the port; whatever is wrong is raised before anything answers, and closed again."""
        definitions = file_definitions(settings.systems.directory)
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store(settings))
            outbound = Outbound(outbound_settings(settings), KeptSecrets(store.database, store.vault))
            fetcher = Fetcher(outbound)
            stack.push_async_callback(fetcher.close)
            catalog = Catalog(
                store.database,
                outbound,
                Cursors(store.cursor_key),
                settings.directory.properties,
                grace=settings.server.stop_seconds,
            )
            stack.push_async_callback(catalog.close)
            provisioning = Provisioning.over(settings, store.database, catalog)
            provisioning.jobs.when_ended(switching_off(store))
            gateway = cls(settings, store, catalog, fetcher, outbound, provisioning)
            await catalog.open(*await gateway.definitions(definitions))
            version = await store.systems.version()
            watcher = asyncio.create_task(kept("the look at stored systems", lambda: gateway.watch(version)))
            stack.callback(watcher.cancel)
            await stack.enter_async_context(provisioning.working(outbound))
            yield gateway

    async def definitions(
        self, from_files: tuple[SystemDefinition, ...]
    ) -> tuple[tuple[SystemDefinition, ...], tuple[LeftOut, ...]]:
        """The systems of files and those of the database, and what is left out of these. A file wins over a stored
        system of the same id or name; a stored system that is wrong, or whose secrets cannot be opened, is left out
        with a log line, and keeps nobody from working."""
        taken = {label for definition in from_files for label in (definition.id, definition.name)}
        found, left_out = list(from_files), []
        for stored in await self.store.systems.all():
            if taken & {stored.id, stored.name}:
                log.warning("a system file has the id or name of a stored system", extra={"system": stored.id})
                continue
            try:
                if stored.problem:
                    raise VaultError(stored.problem)
                definition = stored_definition(stored)
                await asyncio.to_thread(check_definitions, (definition,))
            except (DefinitionError, VaultError) as error:
                log.error("a stored system cannot be used: %s", error, extra={"system": stored.id})
                left_out.append(LeftOut(stored.id, stored.name, str(error)))
                continue
            found.append(definition)
        await self._tell_who_trusts(found)
        return tuple(found), tuple(left_out)

    async def _tell_who_trusts(self, definitions: list[SystemDefinition]) -> None:
        """Systems that trust every server are for tests: the log, the audit trail and health say so."""
        before, self.trusting = self.trusting, {one.id: one.name for one in definitions if trusts_everyone(one)}
        for system_id in self.trusting.keys() - before.keys():
            log.warning("TrustAll: the server of a system need not prove who it is", extra={"system": system_id})
            await self.store.audit.record("system.trusts-everyone", {"system": system_id, "by": "configuration"})

    async def reload(self) -> None:
        """Takes over changed system files and stored systems, one reload after the other; if something is wrong, all
        stays as it was. Files are read and compiled beside the loop, which answers meanwhile."""
        async with self._reloading:
            await self._reload()

    async def _reload(self) -> None:
        try:
            found = await asyncio.to_thread(file_definitions, self.settings.systems.directory)
            await self.catalog.replace(*await self.definitions(found))
            await notice_changes(self.provisioning.jobs.memory.contents, self.catalog)
        except Error as error:
            log.error("systems were not reloaded, and stay as they were: %s", error)
        else:
            log.info("systems reloaded", extra={"systems": len(self.catalog.systems())})

    async def watch(self, version: str) -> None:
        """Reloads whenever a stored system has changed, whoever changed it."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                await self.catalog.refresh_schemas()
                newest = await self.store.systems.version()
            except Error:
                continue
            if newest != version:
                version = newest
                await self.reload()

    async def look_for_endings(self, seen: Mapping[str, float]) -> None:
        """Tells of certificates that end soon; ``seen``: by technical user, the end of what it signed in with."""
        systems = [opened.blueprint.definition for opened in self.catalog.systems().values()]
        stored = await self.store.clients.all()
        endings = [*of_settings(self.settings), *of_clients(stored, seen), *of_systems(systems)]
        self.expiry.look(endings)
        await self.provisioning.expiring.tell(endings, {one.id: one.subscribers for one in systems})

    async def watch_endings(self, seen: Mapping[str, float]) -> None:
        while True:
            with suppress(Error):
                await self.look_for_endings(seen)
            await asyncio.sleep(_LOOK_SECONDS)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Served]:
        """The ASGI application and its TLS, with all that authentication needs while they run."""
        settings = web_settings(self.settings)
        tls: Tls | None = None
        configured = ConfiguredClients(map(technical_user, self.settings.client))
        ports = SecurityPorts(
            source=SeveralSources(configured, StoredClients(self.store.clients)),
            keys=SigningKeys(self.store.database, self.store.vault),
            tokens=Tokens(self.store.database),
            fetch=self.fetcher,
            issuers=issuers(self.settings),
            token_lifetime=self.settings.oauth.token_lifetime,
            authorities=lambda: tls.authorities if tls else [],
            limits=Limits(self.store.database, replica=secrets.token_hex(8)),
        )
        async with Security(settings, ports) as security, AuditTrail(self.store.audit) as trail:
            tls_settings = server_settings(self.settings).tls
            tls = Tls(tls_settings, security.certificates.self_signed) if tls_settings else None
            app = create_app(
                self,
                settings,
                security.authenticate,
                admit=security.admit if security.admit.active else None,
                metrics=self.metrics,
                trail=trail,
                routes=(*security.routes(), *self._admin_routes()),
            )
            seen = security.certificates.seen
            endings = asyncio.create_task(kept("the look at what ends", lambda: self.watch_endings(seen)))
            try:
                yield Served(app, tls, trail)
            finally:
                endings.cancel()

    def _admin_routes(self) -> Iterator[Route]:
        provisioning, transformations = self.provisioning, Transformations(self.store.database)
        systems = SystemAdministration(self.settings, self.store, self.catalog, transformations, self.reload)
        administration = Administration(
            systems=systems,
            clients=ClientAdministration(self.settings, self.store),
            audit=self.store.audit,
            jobs=provisioning.jobs,
            realtime=provisioning.realtime,
            schedules=provisioning.schedules,
            notices=provisioning.notices,
            why=provisioning.why,
            flag=provisioning.flag,
            source_id=provisioning.source_id,
            name_of=provisioning.name_of,
        )
        yield from realtime_routes(provisioning.realtime)
        yield from job_routes(administration)
        yield from provisioning_routes(administration)
        yield from system_routes(administration)
        yield from client_routes(administration)
        yield from audit_routes(administration)

    @property
    def directory(self) -> Provider:
        return self.catalog.directory

    async def provider(self, system: str) -> Provider:
        return await self.catalog.learned(system)

    def names(self, system: str) -> frozenset[str]:
        return self.catalog.names(system)

    async def health(self) -> Health:
        """Not ready without the database; systems that cannot be used, and certificates that end soon, are warnings."""
        try:
            await self.store.database.ping()
        except Error as error:
            log.error("the database does not answer: %s", error)
            return Health(problems={"database": str(error)})
        trusting = {f"{system_id}: TrustAll": "its server is not verified" for system_id in self.trusting}
        return Health(warnings={**self.catalog.unusable(), **self.expiry.warnings, **trusting})
