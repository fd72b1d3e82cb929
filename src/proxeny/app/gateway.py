"""The gateway, opened: database, store, systems and the web application over them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from proxeny.app.conversions import outbound_settings, technical_user, web_settings
from proxeny.app.definitions import file_definitions
from proxeny.app.remembering import Store, StoredClientSource, open_store, stored_definition
from proxeny.connectors.outbound.client import Outbound
from proxeny.errors import Error
from proxeny.provisioning.catalog import Catalog, check_definitions
from proxeny.provisioning.cursors import Cursors
from proxeny.provisioning.definition import SystemDefinition
from proxeny.provisioning.errors import DefinitionError
from proxeny.settings import Settings
from proxeny.web.auth.audit import AuditTrail
from proxeny.web.auth.basic import Basic, SecretChecker
from proxeny.web.auth.caller import Caller, ClientSource
from proxeny.web.auth.clients import ConfiguredClients, SeveralSources
from proxeny.web.auth.hashing import HashingWorker
from proxeny.web.auth.lockout import LockOuts
from proxeny.web.auth.middleware import Authentication
from proxeny.web.auth.remembered import Remembered
from proxeny.web.metrics import Metrics
from proxeny.web.ports import Health, Provider
from proxeny.web.request import Request
from proxeny.web.routes import create_app

log = logging.getLogger("proxeny.app")

_WATCH_SECONDS = 5.0


@dataclass
class Gateway:
    """What the web stands on (web/ports.py: Gateway), with the application itself."""

    settings: Settings
    store: Store
    catalog: Catalog
    metrics: Metrics = field(default_factory=Metrics)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Gateway"]:
        """Opens everything but the port; whatever is wrong is raised before anything answers, and closed again."""
        definitions = file_definitions(settings.systems.directory)
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store(settings))
            catalog = Catalog(store.database, Outbound(outbound_settings(settings)), Cursors(store.cursor_key))
            stack.push_async_callback(catalog.close)
            gateway = cls(settings, store, catalog)
            await catalog.open(await gateway.definitions(definitions))
            watcher = asyncio.create_task(gateway.watch(await store.systems.version()))
            stack.callback(watcher.cancel)
            yield gateway

    async def definitions(self, from_files: tuple[SystemDefinition, ...]) -> tuple[SystemDefinition, ...]:
        """The systems of files and those of the database. A file wins over a stored system of the same id or name; a
        stored system that is wrong is left out with a log line, and keeps nobody from working."""
        taken = {label for definition in from_files for label in (definition.id, definition.name)}
        found = list(from_files)
        for stored in await self.store.systems.all():
            if taken & {stored.id, stored.name}:
                log.warning("a system file has the id or name of a stored system", extra={"system": stored.id})
                continue
            try:
                definition = stored_definition(stored)
                check_definitions((definition,))
            except DefinitionError as error:
                log.error("a stored system cannot be used: %s", error, extra={"system": stored.id})
                continue
            found.append(definition)
        return tuple(found)

    async def reload(self) -> None:
        """Takes over changed system files and stored systems; if something is wrong, all stays as it was."""
        try:
            found = file_definitions(self.settings.systems.directory)
            await self.catalog.replace(await self.definitions(found))
        except Error as error:
            log.error("systems were not reloaded, and stay as they were: %s", error)
        else:
            log.info("systems reloaded", extra={"systems": len(self.catalog.systems())})

    async def watch(self, version: str) -> None:
        """Reloads whenever a stored system has changed, whoever changed it."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                newest = await self.store.systems.version()
            except Error:
                continue
            if newest != version:
                version = newest
                await self.reload()

    @asynccontextmanager
    async def application(self) -> AsyncIterator[ASGIApp]:
        """The ASGI application, with what authentication needs while it runs."""
        settings = web_settings(self.settings)
        source: ClientSource = SeveralSources(
            ConfiguredClients(map(technical_user, self.settings.client)), StoredClientSource(self.store.clients)
        )
        worker = HashingWorker()
        checker = SecretChecker(source, worker, LockOuts(settings.lock_out))
        basic = Basic(checker, Remembered(source.version, settings.remember_seconds))

        async def by_secret(credentials: bytes, request: Request) -> Caller:
            return await basic.caller(credentials, request.origin.address)

        try:
            async with AuditTrail(self.store.audit) as trail:
                authenticate = Authentication(source, {b"basic": by_secret})
                yield create_app(self, settings, authenticate, metrics=self.metrics, trail=trail)
        finally:
            worker.close()

    @property
    def directory(self) -> Provider:
        return self.catalog.directory

    def provider(self, system: str) -> Provider:
        return self.catalog.provider(system)

    def names(self, system: str) -> frozenset[str]:
        return self.catalog.names(system)

    async def health(self) -> Health:
        """Not ready without the database; a system that cannot be used is a warning."""
        try:
            await self.store.database.ping()
        except Error as error:
            log.error("the database does not answer: %s", error)
            return Health(problems={"database": str(error)})
        return Health(warnings=self.catalog.unusable())
