"""Provisioning, put together: jobs, real time, schedules, notifications and retention over one catalog."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from proxeny.app.conversions import mail_settings, outbound_settings
from proxeny.app.remembering import open_store
from proxeny.app.systems import known_systems
from proxeny.app.wishes import switching_off
from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.outbound.webhook import Webhooks
from proxeny.database import Database
from proxeny.errors import Error
from proxeny.keeping import kept
from proxeny.provisioning.catalog import Catalog, LeftOut
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.errors import UnknownSystemError
from proxeny.provisioning.events.sending import Sending
from proxeny.provisioning.job import Jobs
from proxeny.provisioning.jobs.expiring import ExpiryNotices
from proxeny.provisioning.jobs.ledger import Memory
from proxeny.provisioning.jobs.mail import Mail
from proxeny.provisioning.jobs.notify import Notifier, Send, Source, Wishes
from proxeny.provisioning.jobs.running import targets_of
from proxeny.provisioning.jobs.why import Why
from proxeny.provisioning.realtime import Realtime
from proxeny.provisioning.schedule import Scheduler
from proxeny.settings import Settings
from proxeny.store.endings import Endings
from proxeny.store.events import Events
from proxeny.store.notices import Channel, Notices
from proxeny.store.schedules import Schedules

log = logging.getLogger("proxeny.jobs")

_DAY = 86400.0
_PURGE_SECONDS = 3600.0


@asynccontextmanager
async def open_provisioning(settings: Settings) -> AsyncIterator["Provisioning"]:
    """For commands: everything but the web, and nobody works yet."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings))
        outbound = Outbound(outbound_settings(settings))
        catalog = Catalog(store.database, outbound, Cursors(store.cursor_key), settings.directory.properties)
        stack.push_async_callback(catalog.close)
        known = await known_systems(settings, store)
        left_out = [LeftOut(one.definition.id, one.definition.name, one.problem) for one in known if one.problem]
        await catalog.open((one.definition for one in known if not one.problem), left_out)
        opened = Provisioning.over(settings, store.database, catalog)
        opened.jobs.when_ended(switching_off(store))
        yield opened


@dataclass
class Provisioning:
    """All of it, over one database and one catalog."""

    settings: Settings
    catalog: Catalog
    jobs: Jobs
    realtime: Realtime
    schedules: Schedules
    notices: Notices
    why: Why
    expiring: ExpiryNotices

    @classmethod
    def over(cls, settings: Settings, database: Database, catalog: Catalog) -> "Provisioning":
        memory = Memory.over(database)
        jobs = Jobs(memory, catalog, at_once=settings.jobs.runs)
        realtime = Realtime(Events(database), memory, catalog, jobs.owner, at_once=settings.jobs.events)
        notices, why = Notices(database), Why(memory, catalog)
        expiring = ExpiryNotices(notices, Endings(database))
        return cls(settings, catalog, jobs, realtime, Schedules(database), notices, why, expiring)

    @asynccontextmanager
    async def working(self, outbound: Outbound) -> AsyncIterator[None]:
        """Works on what is queued and due while the context is open, unless the settings leave that to others."""
        if not self.settings.jobs.enabled:
            yield
            return
        async with AsyncExitStack() as stack:
            channels = self._channels(stack, outbound)
            memory = self.jobs.memory
            base = self.settings.server.public_url or ""
            notifier = Notifier(
                self.notices, memory.runs, memory.outcomes, self.source, channels, base, naming=self.naming
            )
            sending = Sending(memory.database, lambda: self.catalog.senders, self.realtime.wake)
            scheduler = Scheduler(self.schedules, queued=lambda run: self.jobs.wake())
            loops = {
                "the worker of jobs": self.jobs.work,
                "the worker of real-time events": self.realtime.work,
                "the clock of jobs": scheduler.run,
                "the directory as a sender": sending.run,
                "the sender of notices": notifier.run,
                "the removal of old logs": self._forget,
            }
            tasks = [asyncio.create_task(kept(name, loop)) for name, loop in loops.items()]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def source(self, system_id: str) -> Source | None:
        """What the notifier knows of a source."""
        opened = self.catalog.systems().get(system_id)
        if opened is None or opened.blueprint.role != "source":
            return None
        definition = opened.blueprint.definition
        targets = {each.blueprint.definition.id: each.blueprint.definition.name for each in self._targets(system_id)}
        return Source(definition.name, Wishes.of(opened.blueprint.values), definition.subscribers, targets)

    def naming(self) -> list[str]:
        """Ids of the sources whose definition names who is told about their jobs (``emailSubscribers``)."""
        known = [opened.blueprint for opened in self.catalog.systems().values()]
        return [one.definition.id for one in known if one.role == "source" and one.definition.subscribers]

    def _targets(self, system_id: str) -> list[Any]:
        opened = self.catalog.systems().get(system_id)
        return [] if opened is None else list(targets_of(self.catalog, opened))

    def source_id(self, system: str) -> str:
        """The id of a source by id or name; UnknownSystemError."""
        blueprint = self.catalog.system(system).blueprint
        if blueprint.role != "source":
            raise UnknownSystemError(f"System {system!r} is no source.")
        return blueprint.definition.id

    def flag(self, system_id: str, name: str) -> bool:
        """Whether a property of an open system is true."""
        opened = self.catalog.systems().get(system_id)
        return opened is not None and opened.blueprint.values.flag(name)

    def name_of(self, system_id: str) -> str:
        opened = self.catalog.systems().get(system_id)
        return opened.blueprint.definition.name if opened is not None else system_id

    async def forget(self, now: float) -> None:
        """Logs that are older than they are to be kept."""
        before = now - self.settings.jobs.retention_days * _DAY
        memory = self.jobs.memory
        await memory.runs.purge(before)
        await self.realtime.events.purge(before)
        await self.notices.purge(before)

    async def _forget(self) -> None:
        while True:
            try:
                await self.forget(time.time())
            except Error as error:
                log.warning("old logs cannot be removed at the moment: %s", error)
            await asyncio.sleep(_PURGE_SECONDS)

    def _channels(self, stack: AsyncExitStack, outbound: Outbound) -> Mapping[Channel, Send]:
        hooks = Webhooks(outbound)
        stack.push_async_callback(hooks.close)

        async def post(address: str, subject: str, body: str) -> None:
            await hooks.post(address, orjson.loads(body))

        channels: dict[Channel, Send] = {"webhook": post}
        known = mail_settings(self.settings)
        if known is not None:
            mail = Mail(known)
            stack.callback(mail.close)
            channels["mail"] = mail.send
        return channels
