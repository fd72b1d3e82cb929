"""The systems that are open: id or name → provider. Replaced one by one when definitions change."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxeny.connectors.errors import ConnectorError
from proxeny.connectors.spi import Announcer, Connector, SchemaKeeper, SchemaTeller
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.endpoints.rendering import Renderings
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem, SystemNotReadyError, UnknownSystemError
from proxeny.provisioning.proxies.assembling import (
    OpenDirectory,
    directory_problems,
    directory_provider,
    open_directory,
    proxy_provider,
)
from proxeny.provisioning.proxy import Provider
from proxeny.provisioning.system import Blueprint, blueprint
from proxeny.provisioning.systems.central import Senders, senders_among
from proxeny.provisioning.systems.definition import SystemDefinition
from proxeny.provisioning.systems.use import Use

if TYPE_CHECKING:
    from proxeny.connectors.outbound.client import Outbound
    from proxeny.database import Database

logger = logging.getLogger("proxeny.catalog")

_DISABLED = "it is disabled"


@dataclass(slots=True)
class OpenSystem:
    """One system in use. ``provider`` is None unless it is a proxy. ``teller``: the connector, if its backend says
    itself what its schemas are."""

    blueprint: Blueprint
    connector: Connector
    provider: Provider | None
    teller: SchemaTeller | None = None
    use: Use = field(default_factory=Use)


@contextmanager
def at_work(*systems: OpenSystem) -> Iterator[None]:
    """Somebody is at work on them meanwhile: whatever replaces them, their connectors stay open."""
    with ExitStack() as stack:
        for system in systems:
            stack.enter_context(system.use)
        yield


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A system that there is, and that cannot even be checked; whoever asks for it is told ``why``."""

    id: str
    name: str
    why: str


class Catalog:
    """Opens, replaces and closes systems. A system that cannot be opened does not keep others from working."""

    def __init__(
        self,
        database: "Database",
        outbound: "Outbound",
        cursors: Cursors,
        directory_properties: Mapping[str, str] | None = None,
        *,
        grace: float = 10,
    ) -> None:
        """``directory_properties`` are the switches of the directory at /scim; ``grace``: seconds that requests and
        runs under way have to end on a system that was replaced."""
        self._database = database
        self._outbound = outbound
        self._cursors = cursors
        self._renderings = Renderings()
        self._open: dict[str, OpenSystem] = {}
        self._labels: dict[str, str] = {}
        self._unusable: dict[str, str] = {}
        self._grace = grace
        self._leaving: set[asyncio.Task[None]] = set()
        self._directory: Provider | None = None
        self._directory_base: OpenDirectory | None = None
        self._directory_properties = directory_properties or {}
        self._senders = senders_among(())

    async def open(self, definitions: Iterable[SystemDefinition], left_out: Iterable[LeftOut] = ()) -> None:
        """Opens the directory and every enabled system; DefinitionError with all that is wrong, and nothing opens."""
        plans = await asyncio.to_thread(check_definitions, tuple(definitions))
        if wrong := directory_problems(self._directory_properties):
            raise DefinitionError(wrong)
        await self._open_directory()
        for plan in plans:
            await self._add(plan)
        self._leave_out(left_out)
        self._find_senders()

    async def replace(self, definitions: Iterable[SystemDefinition], left_out: Iterable[LeftOut] = ()) -> None:
        """Takes over new definitions: systems that have not changed stay open; requests and runs under way finish on
        the old one, which is closed after the last of them, or after ``grace``.
        """
        checked = await asyncio.to_thread(check_definitions, tuple(definitions))
        plans = {plan.definition.id: plan for plan in checked}
        for system_id in {**self._open, **self._unusable}:
            found = self._open.get(system_id)
            plan = plans.get(system_id)
            if found is None or plan is None or plan.definition != found.blueprint.definition:
                await self._remove(system_id)
        for plan in plans.values():
            if plan.definition.id not in self._open:
                await self._add(plan)
        self._leave_out(left_out)
        self._find_senders()

    def _leave_out(self, left_out: Iterable[LeftOut]) -> None:
        for one in left_out:
            self._labels[one.id] = self._labels[one.name] = one.id
            self._unusable[one.id] = one.why

    async def close(self) -> None:
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        for system_id, found in [*self._open.items()]:
            self._forget(system_id)
            await found.connector.close()
        if self._directory is not None:
            await self._directory.close()
            self._directory = None

    @property
    def directory(self) -> Provider:
        """The Identity Directory as it is, without transformations (``/scim``)."""
        if self._directory is None:
            raise SystemNotReadyError("The Identity Directory is not open yet.")
        return self._directory

    def provider(self, system: str) -> Provider:
        """The proxy system of that id or name; UnknownSystemError, SystemNotReadyError."""
        found = self.system(system)
        if found.provider is None:
            raise UnknownSystemError(f"System {system!r} is not a proxy system.")
        return found.provider

    async def learned(self, system: str) -> Provider:
        """The same, after its backend was asked for its schemas if that is due (a proxy over a SCIM server)."""
        found = self.system(system)
        if found.teller is not None and found.provider is not None:
            with found.use:
                learned = await found.teller.learn_schemas()
            if learned:
                found.provider = self._proxy(found.blueprint, found.connector, found.use)
        return self.provider(system)

    def _proxy(self, plan: Blueprint, connector: Connector, use: Use) -> Provider:
        return proxy_provider(plan, connector, self._cursors, self._renderings, use)

    def system(self, system: str) -> OpenSystem:
        """Any open system by id or name."""
        system_id = self._labels.get(system)
        if system_id is None:
            raise UnknownSystemError(f"There is no system {system!r}.")
        if system_id in self._unusable:
            raise SystemNotReadyError(f"System {system!r} cannot be used: {self._unusable[system_id]}")
        return self._open[system_id]

    def systems(self) -> Mapping[str, OpenSystem]:
        """All open systems by id."""
        return self._open

    @property
    def senders(self) -> Senders:
        """The sources that tell of their own changes in real time."""
        return self._senders

    def unusable(self) -> Mapping[str, str]:
        """Why, by id: systems that are meant to be open and could not be opened."""
        return {system_id: why for system_id, why in self._unusable.items() if why != _DISABLED}

    def names(self, system: str) -> frozenset[str]:
        """Id and name of the system that is meant; empty if there is none."""
        system_id = self._labels.get(system)
        return frozenset(label for label, known in self._labels.items() if known == system_id and system_id)

    async def _open_directory(self) -> None:
        self._directory_base = await open_directory(
            self._database, self._outbound, self._directory_properties, self._announced
        )
        self._directory = self._over_directory(self._directory_base)

    def _over_directory(self, base: OpenDirectory) -> Provider:
        return directory_provider(base, self._cursors, self._renderings, self.refresh_schemas)

    @property
    def leaving(self) -> int:
        """How many replaced systems somebody is still at work on."""
        return len(self._leaving)

    async def refresh_schemas(self) -> None:
        """Takes over custom schemas that were added or taken away, here or by another replica."""
        base = self._directory_base
        if base is not None and await _has_other_schemas(base.connector):
            self._directory = self._over_directory(base)
        for system in [*self._open.values()]:
            if await _has_other_schemas(system.connector) and system.provider is not None:
                system.provider = self._proxy(system.blueprint, system.connector, system.use)

    async def _add(self, plan: Blueprint) -> None:
        definition = plan.definition
        self._labels[definition.id] = self._labels[definition.name] = definition.id
        if not definition.enabled:
            self._unusable[definition.id] = _DISABLED
            return
        connector, use = plan.connector(self._database, self._outbound), Use()
        if plan.role == "proxy":  # what jobs write is not told of, or it would come back
            self._announced(connector)
        try:
            await connector.open()
            provider = self._proxy(plan, connector, use) if plan.role == "proxy" else None
        except ConnectorError as error:
            logger.error("a system cannot be opened: %s", error, extra={"system": definition.id})
            self._unusable[definition.id] = str(error)
            await connector.close()
            return
        teller = connector if isinstance(connector, SchemaTeller) else None
        self._open[definition.id] = OpenSystem(plan, connector, provider, teller, use)

    def _announced(self, connector: Connector) -> None:
        if isinstance(connector, Announcer):
            connector.announce(lambda: bool(self._senders))

    def _find_senders(self) -> None:
        self._senders = senders_among(found.blueprint for found in self._open.values())

    def _forget(self, system_id: str) -> OpenSystem | None:
        self._unusable.pop(system_id, None)
        self._labels = {label: known for label, known in self._labels.items() if known != system_id}
        return self._open.pop(system_id, None)

    async def _remove(self, system_id: str) -> None:
        """Nobody new comes to it; it is closed at once if nobody is at work on it."""
        found = self._forget(system_id)
        if found is None:
            return
        if not found.use.at_work:
            await found.connector.close()
            return
        task = asyncio.create_task(_leave(found, self._grace))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


async def _leave(found: OpenSystem, grace: float) -> None:
    """Closes a replaced system after the last who is at work on it, or after so many seconds."""
    try:
        if not await found.use.ended(grace):
            told = {"system": found.blueprint.definition.id, "at_work": found.use.at_work}
            logger.warning("a replaced system is closed under requests or runs that did not end", extra=told)
    finally:
        await found.connector.close()


async def _has_other_schemas(connector: Connector) -> bool:
    return isinstance(connector, SchemaKeeper) and await connector.load_schemas()


def check_definitions(definitions: Iterable[SystemDefinition]) -> tuple[Blueprint, ...]:
    """Every definition checked and compiled, without connecting; DefinitionError with the mistakes of all of them."""
    plans: list[Blueprint] = []
    problems: list[DefinitionProblem] = []
    for definition in definitions:
        try:
            plans.append(blueprint(definition))
        except DefinitionError as error:
            problems.extend(error.problems)
    if problems:
        raise DefinitionError(tuple(problems))
    return tuple(plans)
